//! The product from outside: the real kiosk on a virtual display, real Chromium in its cage, the stand-in site, and the
//! journal compared with what was done.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, process::Command, sync::Arc, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};
use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    journal::{Record, orphans},
    kiosk::{Kiosk, command_line, status_field},
    process::{Process, eventually},
    sample::CAMILLE,
    screen::Screen,
    site::{self, Site},
    skip::skipped,
    tour::Tour,
    trace::calls,
};

const LIMIT: Duration = Duration::from_secs(60);
/// Well below the minute after which an idle kiosk asks for its services again.
const NOTICED: Duration = Duration::from_secs(30);
const SERVICE: &str = "demarches-exemple";
const FIRST_PAGE: &str = "https://mes-demarches.example/";

/// Site, gateway, display: what every test here begins with.
async fn stage() -> (Site, Stand, Screen) {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let site = Site::start(&authority).await.unwrap();
    let policy = format!("version = 1\ntime_zone = \"Europe/Paris\"\n{}", site::POLICY);
    let stand = site.resolve(Setup::new(authority, policy)).start().unwrap();
    (site, stand, Screen::start().unwrap())
}

fn root_is_missing(name: &str) -> bool {
    let missing = !Uid::effective().is_root();
    if missing {
        skipped(name, "only root can start the kiosk as its own user");
    }
    missing
}

/// Chromium's own processes, by their command lines.
fn browser(kiosk: &Kiosk<'_>) -> Vec<u32> {
    kiosk.descendants("/usr/lib/chromium/chromium").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_one_step_one_refusal_all_on_record() {
    if root_is_missing("one_person_one_step_one_refusal_all_on_record") {
        return;
    }
    let (site, stand, screen) = stage().await;
    let enrolment = stand.enrol("borne").unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &enrolment).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    tour.open_service("administrative", SERVICE, FIRST_PAGE).unwrap();

    caged(&tour.kiosk);
    let network = trace_network(&tour.kiosk, &stand);
    let entered = tour.fill_in_form().unwrap();
    assert_eq!(tour.be_refused().unwrap(), "no-rule");
    tour.ask_for_access("Pour trouver un logement").unwrap();
    let inside = browser(&tour.kiosk);
    assert!(!inside.is_empty());
    tour.sign_out().unwrap();

    eventually(LIMIT, "the end of every Chromium process", || {
        Ok(inside.iter().all(|id| command_line(*id).is_empty()))
    })
    .unwrap();
    let left: Vec<_> =
        fs::read_dir(tour.kiosk.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let profile = left.iter().any(|name| name.to_string_lossy().to_lowercase().contains("chrom"));
    assert!(!profile, "a profile outlived its session: {left:?}");
    network.only_loopback();

    let submissions = site.submissions();
    assert_eq!(submissions.len(), 1);
    assert_eq!(submissions[0].fields, entered);
    assert_eq!(site.strangers_reached(), 0);
    stand.verify().unwrap();
    compare_with_journal(&stand.journal(&[]).unwrap(), &site);
}

/// Every request that the site saw was opened before, in the person's name and for the step; what was refused never
/// reached anybody, and says why.
fn compare_with_journal(records: &[Record], site: &Site) {
    let opened: BTreeSet<(String, String)> = records
        .iter()
        .filter(|record| record.kind == "opened" && record.method.as_deref() != Some("CONNECT"))
        .map(|record| (record.method.clone().unwrap(), record.url.clone().unwrap()))
        .collect();
    for seen in site.tally().seen() {
        // Records keep the names of query parameters and drop their values.
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let names: Vec<&str> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", names.join("&")) };
        let request = (seen.method.clone(), format!("https://{}{path}{query}", seen.host));
        assert!(opened.contains(&request), "the site saw {request:?}, which is not on record");
    }
    let by_camille = records.iter().filter(|record| record.kind == "opened");
    for record in by_camille {
        assert_eq!(record.person.as_deref(), Some(CAMILLE.id), "{record:?}");
        assert_eq!(record.service.as_deref(), Some(SERVICE), "{record:?}");
        assert_eq!(record.terminal.as_deref(), Some("borne"), "{record:?}");
    }
    let refused = |host: &str| {
        let of_host = |record: &&Record| record.url.as_deref().is_some_and(|url| url.contains(host));
        records
            .iter()
            .filter(|record| record.kind == "refused")
            .find(of_host)
            .and_then(|record| record.reason.clone())
    };
    assert_eq!(refused(site::CHAT).as_deref(), Some("refused-host"));
    assert_eq!(refused(site::ELSEWHERE).as_deref(), Some("no-rule"));
    let kinds: Vec<&str> = records.iter().map(|record| record.kind.as_str()).collect();
    for kind in ["terminal-enrolled", "signed-in", "request-made", "signed-out"] {
        assert!(kinds.contains(&kind), "{kind} is not on record: {kinds:?}");
    }
    assert_eq!(orphans(records), [] as [u64; 0]);
}

/// The sandbox is on, and there is no network but the cage's own loopback.
fn caged(kiosk: &Kiosk<'_>) {
    let own_network = fs::read_link("/proc/self/ns/net").unwrap();
    let processes = browser(kiosk);
    let mut renderers = 0;
    for id in &processes {
        let line = command_line(*id);
        assert!(!line.contains("--no-sandbox"), "{line}");
        assert!(!line.contains("--ignore-certificate-errors"), "{line}");
        if line.contains("--type=renderer") {
            renderers += 1;
            assert_eq!(status_field(*id, "Seccomp").as_deref(), Some("2"), "{line}");
        }
        assert_ne!(fs::read_link(format!("/proc/{id}/ns/net")).unwrap(), own_network, "{line}");
        let interfaces = fs::read_to_string(format!("/proc/{id}/net/dev")).unwrap();
        let names: Vec<&str> =
            interfaces.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
        assert_eq!(names, ["lo"], "{line}");
        let uid = status_field(*id, "Uid").unwrap();
        assert!(!uid.starts_with("0\t"), "{line} runs as root");
    }
    assert!(renderers > 0, "no renderer among {} processes", processes.len());
}

/// `strace` on every Chromium process and those to come.
struct NetworkTrace {
    strace: Process,
    file: std::path::PathBuf,
}

fn trace_network(kiosk: &Kiosk<'_>, stand: &Stand) -> NetworkTrace {
    let file = stand.folder().join("network.trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg,bind", "-o"]).arg(&file);
    for id in browser(kiosk) {
        command.arg("-p").arg(id.to_string());
    }
    let strace = Process::start("strace", &mut command, &stand.folder().join("strace.log")).unwrap();
    let attached = || {
        let traced = |id: &u32| status_field(*id, "TracerPid").is_some_and(|tracer| tracer != "0");
        Ok(browser(kiosk).iter().all(traced))
    };
    eventually(LIMIT, "strace on every process", attached).unwrap();
    NetworkTrace { strace, file }
}

impl NetworkTrace {
    /// Addresses of the loopback were named, and no others.
    fn only_loopback(self) {
        drop(self.strace);
        let calls = calls(&fs::read_to_string(&self.file).unwrap());
        let addressed: Vec<&str> = calls
            .iter()
            .map(|call| call.text.as_str())
            .filter(|text| text.contains("sa_family=AF_INET"))
            .collect();
        let loopback = |text: &str| text.contains("inet_addr(\"127.") || text.contains("\"::1\"");
        assert!(addressed.iter().any(|text| loopback(text)), "the trace shows no connection at all");
        for text in addressed {
            // A bind without an address only makes a socket; nothing leaves by it.
            let unbound = text.starts_with("bind(") && text.contains("0.0.0.0");
            assert!(loopback(text) || unbound, "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_chromium_is_noticed_and_replaced() {
    if root_is_missing("a_killed_chromium_is_noticed_and_replaced") {
        return;
    }
    let (_site, stand, screen) = stage().await;
    let enrolment = stand.enrol("borne").unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &enrolment).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    tour.open_service("administrative", SERVICE, FIRST_PAGE).unwrap();
    let first = browser(&tour.kiosk);
    let main = first.iter().find(|id| !command_line(**id).contains("--type=")).unwrap();
    kill(Pid::from_raw(*main as i32), Signal::SIGKILL).unwrap();
    tour.kiosk
        .wait("a browser that was started again", LIMIT, |event| {
            event.browser.as_deref() == Some("restarted")
                && event.page.as_ref().is_some_and(|page| !page.loading)
        })
        .unwrap();
    tour.see("Commencer la démarche").unwrap();
    assert!(
        first.iter().all(|id| !browser(&tour.kiosk).contains(id)),
        "the killed browser's processes are gone"
    );
    tour.sign_out().unwrap();
}

/// Nobody touches anything, and the next look at the services is a minute away: the line tells.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_kiosk_notices_that_the_gateway_is_gone() {
    if root_is_missing("an_idle_kiosk_notices_that_the_gateway_is_gone") {
        return;
    }
    let (_site, mut stand, screen) = stage().await;
    let enrolment = stand.enrol("borne").unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &enrolment).unwrap());
    tour.sign_in(&CAMILLE).unwrap();
    stand.stop();
    tour.kiosk.wait_for_screen("unreachable", NOTICED).unwrap();
}

/// Language, size and reading aloud are found before a sign-in; the page grows with all else, and is clicked where it is.
#[tokio::test(flavor = "multi_thread")]
async fn large_letters_reach_the_page() {
    if root_is_missing("large_letters_reach_the_page") {
        return;
    }
    let (_site, stand, screen) = stage().await;
    let enrolment = stand.enrol("borne").unwrap();
    let mut tour = Tour::new(Kiosk::start(&screen, &enrolment).unwrap());
    tour.kiosk.click("display", LIMIT).unwrap();
    tour.kiosk.wait_for_screen("display", LIMIT).unwrap();
    tour.kiosk.click("language-ar", LIMIT).unwrap();
    tour.picture("affichage-arabe").unwrap();
    tour.kiosk.click("language-fr", LIMIT).unwrap();
    tour.kiosk.click("size-125", LIMIT).unwrap();
    tour.picture("affichage-125").unwrap();
    tour.kiosk.screen.press("Escape").unwrap();
    // Without a sound device, as here, it says so and works on.
    tour.kiosk.click("aloud", LIMIT).unwrap();
    tour.sign_in(&CAMILLE).unwrap();
    tour.open_service("administrative", SERVICE, FIRST_PAGE).unwrap();
    tour.follow("Commencer la démarche").unwrap();
    tour.wait_for_page(&format!("https://{}/connexion", site::IDENTITY)).unwrap();
    tour.see("Camille Exemple").unwrap();
    tour.picture("page-125").unwrap();
    tour.sign_out().unwrap();
}
