//! `cargo demo`: the product on one machine, with sample people and a stand-in administrative site.
//!
//! With a display it opens the kiosk in a window and serves until it is closed. `--headless` makes a tour under a virtual
//! display instead, keeps pictures of every screen and the verified journal, and ends with `tour complete: FOLDER`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    build,
    dokuwiki::{self, DokuWiki},
    kiosk::{Kiosk, open_window},
    lessons, packages,
    process::run,
    sample::{CAMILLE, PEOPLE, STAFF},
    screen::Screen,
    site::{self, Site},
    tour::{REQUEST, Tour},
};

/// A service of the starter policy: with an Internet the real site opens, without one the kiosk says that it can't.
const REAL_STEP: &str = "pix";
/// Between two looks at whether the window is still open.
const WINDOW_POLL: Duration = Duration::from_millis(200);

#[derive(Parser)]
#[command(about = "Passerelle on one machine, with sample people and a stand-in site")]
struct Arguments {
    /// Makes the tour under a virtual display and saves its pictures
    #[arg(long)]
    headless: bool,
    /// Where the tour's pictures and journal go; a new folder under /tmp unless said
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    ensure!(
        arguments.headless || display,
        "there is no display here: cargo demo --headless makes the tour without"
    );
    packages::set_up()?;
    build::build(false)?;

    let authority = Arc::new(Authority::new("Passerelle demo")?);
    let site = Site::start(&authority).await?;
    let wiki = DokuWiki::start(&authority)?;
    let setup = site.resolve(Setup::new(authority, policy())).with_internet();
    let mut stand = setup.resolve(&format!("{}:443", dokuwiki::HOST), wiki.address).start()?;
    lessons::add(&stand)?;
    introduce(&mut stand)?;
    let enrolment = stand.enrol("borne-exemple")?;
    if arguments.headless {
        let folder = folder(arguments.out)?;
        tour(&stand, &site, &wiki, &enrolment, &folder)?;
        println!("tour complete: {}", folder.display());
        return Ok(());
    }
    let (mut kiosk, _folder) = open_window(&enrolment)?;
    println!("The kiosk is open. Close its window or press Ctrl+C to end the demo.");
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(WINDOW_POLL) => {}
        }
        if !kiosk.is_running() {
            ensure!(kiosk.wait(WINDOW_POLL)? == Some(0), "the kiosk failed\n{}", kiosk.log_tail());
            return Ok(());
        }
    }
}

/// The starter policy's real steps behind our samples, which stand first in every list; open at any hour, since a demo is.
fn policy() -> String {
    let always = |line: &&str| !line.starts_with("windows ");
    let starter: Vec<&str> = passerelle_policy::STARTER.lines().filter(always).collect();
    let samples = format!("{}{}\n[[service]]", site::POLICY, dokuwiki::POLICY);
    starter.join("\n").replacen("\n[[service]]", &samples, 1)
}

/// Everything one needs to try: addresses and every sample credential.
fn introduce(stand: &mut Stand) -> Result<()> {
    let staff = stand.gateway()?.staff;
    println!("\nPasserelle demo. Everybody in it is invented.\n");
    println!("Staff console:  https://{staff}/");
    println!("Terminal port:  {}", stand.address());
    println!("{}", stand.init.trim());
    println!("\nStaff (login, password, role):");
    for staff in STAFF {
        println!("  {:22} {:26} {}", staff.login, staff.password, staff.role);
    }
    println!("\nPeople (identifier, PIN, name, groups):");
    for person in PEOPLE {
        println!("  {:22} {:26} {}, {}", person.id, person.pin, person.name, person.groups.join(", "));
    }
    println!("\nThe training wiki's user: {} / {}\n", dokuwiki::USER, dokuwiki::PASSWORD);
    Ok(())
}

fn folder(asked: Option<PathBuf>) -> Result<PathBuf> {
    let folder = match asked {
        Some(folder) => folder,
        None => tempfile::Builder::new().prefix("passerelle-tour-").tempdir()?.keep(),
    };
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder.canonicalize()?)
}

fn tour(stand: &Stand, site: &Site, wiki: &DokuWiki, enrolment: &Path, folder: &Path) -> Result<()> {
    let screen = Screen::start()?;
    let mut tour = Tour::new(Kiosk::start(&screen, enrolment)?).with_album(folder);
    tour.sign_in(&CAMILLE)?;
    tour.open_service("administrative", "demarches-exemple", &format!("https://{}/", site::HOST))?;
    let entered = tour.fill_in_form()?;
    let refusal = tour.be_refused()?;
    tour.ask_for_access("Pour trouver un logement")?;
    tour.leave_site()?;
    tour.find_lesson()?;
    tour.leave_site()?;
    tour.open_service("training", "wiki-exemple", &format!("https://{}/", dokuwiki::HOST))?;
    tour.edit_wiki(REQUEST)?;
    tour.leave_site()?;
    let reached = tour.try_service("training", REAL_STEP)?;
    tour.sign_out()?;

    let submissions = site.submissions();
    ensure!(submissions.len() == 1 && submissions[0].fields == entered, "the site received {submissions:?}");
    ensure!(wiki.saved_page("start")?.contains(REQUEST), "the wiki saved {:?}", wiki.saved_page("start")?);
    ensure!(refusal == "no-rule", "the other site was refused for {refusal}");
    ensure!(site.strangers_reached() == 0, "a host that is not allowed was reached");
    println!(
        "the form arrived: receipt {}; the wiki saved its page; the other site was refused",
        submissions[0].receipt
    );
    println!(
        "the real site of the starter policy: {}",
        if reached { "opened" } else { "can't be reached from here" }
    );
    keep_journal(stand, folder)
}

/// The journal as a tlog, its verifier key, its records in clear and what `audit verify` says of it.
fn keep_journal(stand: &Stand, folder: &Path) -> Result<()> {
    let verified = stand.verify()?;
    print!("{verified}");
    fs::write(folder.join("verified.txt"), &verified)?;
    let records = stand.verb(&["audit", "search", "--json", "--limit", "100000"], "")?.stdout;
    fs::write(folder.join("journal.jsonl"), records)?;
    let mut copy = std::process::Command::new("cp");
    run(copy.arg("--recursive").arg(stand.data.join("audit")).arg(folder), "")?.success()?;
    Ok(())
}
