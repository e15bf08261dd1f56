//! Real Chromium in the real cage, through the real relay, to a stand-in gateway. As root, each test runs itself again as the
//! user `passerelle-kiosk`: Chromium is never started as root.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command as Process;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use passerelle_kiosk::browser::input::{self, Pointer};
use passerelle_kiosk::browser::{Browser, Command, Event, NotYet, Setup};
use passerelle_kiosk::gateway::Gateway;
use support::{OTHER_SITE, SITE, StandIn};

/// A busy machine takes seconds to start Chromium; a minute without the event that is waited for is a failure.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two tries to type into a page that may not be back yet.
const TYPED_AGAIN: Duration = Duration::from_secs(2);
const USER: &str = "passerelle-kiosk";
const STAGE: &str = "PASSERELLE_TEST_STAGE";

/// Runs a test as a user that may start Chromium; `None` when it was run in a process of its own.
fn as_user(test: &str) -> Option<PathBuf> {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_passerelle-kiosk"));
    if !rustix::process::geteuid().is_root() {
        return Some(std::env::var_os(STAGE).map_or(built, PathBuf::from));
    }
    use std::os::unix::fs::PermissionsExt as _;
    // The user may not be able to read the folder of the build.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (tests, stage) = (folder.path().join("tests"), folder.path().join("passerelle-kiosk"));
    std::fs::copy(std::env::current_exe().unwrap(), &tests).unwrap();
    std::fs::copy(built, &stage).unwrap();
    let mut run = Process::new("runuser");
    run.args(["-u", USER, "--", "env", &format!("{STAGE}={}", stage.display())])
        .arg(&tests)
        .args([test, "--exact", "--nocapture"])
        .current_dir("/");
    let ran = run.output().unwrap();
    // Marked, so that nobody takes the lines of the run inside for results of its own.
    for line in [&ran.stdout, &ran.stderr].into_iter().flat_map(|text| text.split(|byte| *byte == b'\n')) {
        println!("    | {}", String::from_utf8_lossy(line));
    }
    assert!(ran.status.success(), "{test} as {USER}: {}", ran.status);
    None
}

struct Session {
    stand_in: StandIn,
    browser: Option<Browser>,
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
}

impl Session {
    async fn start(stage: &Path) -> Session {
        let _ = tracing_subscriber::fmt()
            .with_env_filter("warn,passerelle_kiosk=info")
            .with_test_writer()
            .try_init();
        let stand_in = StandIn::start().await;
        let (browser, events) = Browser::start(Setup {
            stage: stage.to_owned(),
            gateway: Gateway::new(&stand_in.enrolment).unwrap(),
            token: "TOKEN".into(),
            issuers: stand_in.enrolment.page_issuers(),
            language: "fr",
            size: (800, 600),
            url: format!("https://{SITE}/"),
        });
        Session { stand_in, browser: Some(browser), events: Box::pin(events) }
    }

    fn send(&self, command: Command) {
        self.browser.as_ref().unwrap().send(command);
    }

    /// The first event that `wanted` makes something of; a refusal or failure before it is none that was asked for.
    async fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let search = async {
            while let Some(event) = self.events.next().await {
                if !matches!(event, Event::Frame(_)) {
                    println!("    {event:?}");
                }
                if let Some(found) = wanted(&event) {
                    return found;
                }
                assert!(!matches!(event, Event::Refused { .. } | Event::Failed { .. }), "{what}: {event:?}");
            }
            panic!("the browser ended before {what}");
        };
        tokio::time::timeout(LIMIT, search).await.unwrap_or_else(|_| panic!("no {what} within {LIMIT:?}"))
    }

    async fn wait_title(&mut self, wanted: &str) {
        self.wait(wanted, |event| {
            matches!(event, Event::Page { title: Some(title), .. } if title == wanted).then_some(())
        })
        .await;
    }

    fn click(&self, x: f32, y: f32) {
        self.send(Command::Input(input::pointer(Pointer::Pressed { x, y, clicks: 1 })));
        self.send(Command::Input(input::pointer(Pointer::Released { x, y, clicks: 1 })));
    }

    /// Opens the page that does `what` when it is clicked, writes in its field, and clicks.
    async fn do_in_page(&mut self, what: &str) {
        // From another page: another fragment alone would be the same document.
        self.send(Command::Open(format!("https://{SITE}/")));
        self.wait_title("Accueil").await;
        self.send(Command::Open(format!("https://{SITE}/doer#{}", what.replace(' ', "%20"))));
        self.wait_title("Prêt").await;
        self.click(60.0, 20.0);
        self.send(Command::Input(input::text("écrit")));
        self.wait_title("écrit").await;
        self.click(60.0, 200.0);
    }

    /// The page is the one that was left, its field as it was, and it listens.
    async fn page_goes_on(&mut self) {
        self.click(150.0, 20.0);
        self.send(Command::Input(input::text("!")));
        self.wait_title("écrit!").await;
    }

    /// The page that was left is there again, its field as it was, and it listens. Some versions of Chromium never leave it and
    /// tell nothing, others leave it and come back, and what is typed meanwhile is lost: so it is typed until it is there.
    async fn page_comes_back(&mut self) {
        let listens = async {
            loop {
                self.click(150.0, 20.0);
                self.send(Command::Input(input::text("!")));
                let typed = |event: &Event| match event {
                    Event::Page { title: Some(title), .. } if title.starts_with("écrit!") => Some(()),
                    _ => None,
                };
                if tokio::time::timeout(TYPED_AGAIN, self.wait("what was typed", typed)).await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(LIMIT, listens).await.expect("the page that was left comes back");
    }

    async fn wait_not_yet(&mut self) -> NotYet {
        let not_yet = |event: &Event| if let Event::NotYet(what) = event { Some(*what) } else { None };
        self.wait("what this kiosk does not do", not_yet).await
    }

    async fn wait_refusal(&mut self) -> String {
        self.wait("a refusal", |event| match event {
            Event::Refused { problem, .. } => Some(problem.code.clone()),
            _ => None,
        })
        .await
    }
}

/// Processes below this one.
fn family() -> Vec<u32> {
    let mut family = vec![std::process::id()];
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let parent = status(id, "PPid")?;
            Some((id, parent))
        })
        .collect();
    let mut known = 0;
    while known < family.len() {
        let parent = family[known];
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        known += 1;
    }
    family.split_off(1)
}

fn status(process: u32, field: &str) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?.trim().parse().ok()
}

fn arguments(process: u32) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default())
        .replace('\0', " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_painted_typed_in_refused_elsewhere_and_wiped() {
    let Some(stage) = as_user("a_page_is_painted_typed_in_refused_elsewhere_and_wiped") else { return };
    let mut session = Session::start(&stage).await;
    let (mut painted, mut titled) = (false, false);
    let both = |event: &Event| {
        painted |= matches!(event, Event::Frame(picture) if picture.width == 800);
        titled |= matches!(event, Event::Page { title: Some(title), .. } if title == "Accueil");
        (painted && titled).then_some(())
    };
    session.wait("a frame and a title", both).await;

    // The auxiliary host of the page was refused without a word.
    session.send(Command::Input(input::pointer(Pointer::Pressed { x: 60.0, y: 20.0, clicks: 1 })));
    session.send(Command::Input(input::pointer(Pointer::Released { x: 60.0, y: 20.0, clicks: 1 })));
    session.send(Command::Input(input::text("é è ç à @ € ï")));
    session.wait_title("é è ç à @ € ï").await;

    let family = family();
    let renderers: Vec<u32> =
        family.iter().copied().filter(|id| arguments(*id).contains("--type=renderer")).collect();
    assert!(!renderers.is_empty());
    for renderer in renderers {
        // One filter is the cage's, which every process in it has; Chromium adds its own.
        let sandbox = (status(renderer, "Seccomp"), status(renderer, "Seccomp_filters"));
        assert!(matches!(sandbox, (Some(2), Some(2..))), "{sandbox:?}");
    }
    assert!(family.iter().all(|id| !arguments(*id).contains("--no-sandbox")));

    session.send(Command::Open("https://elsewhere.example/".into()));
    assert_eq!(session.wait_refusal().await, "no-rule", "a refused CONNECT");
    session.send(Command::Open(format!("https://{SITE}/refused")));
    assert_eq!(session.wait_refusal().await, "path", "a refusal inside");

    for head in session.stand_in.asked.lock().unwrap().iter() {
        assert_eq!(head.matches("Proxy-Authorization: Bearer TOKEN\r\n").count(), 1, "{head}");
    }
    session.browser = None;
    tokio::time::timeout(LIMIT, async { while session.events.next().await.is_some() {} }).await.unwrap();
    // The profile is in the memory of the cage's mount namespace: it is gone when nobody has that any more. (A process that has
    // ended may still be listed.)
    let holds = |id: &u32| std::fs::read_link(format!("/proc/{id}/ns/mnt")).is_ok();
    let survivors: Vec<u32> = family.into_iter().filter(holds).collect();
    assert!(survivors.is_empty(), "{survivors:?} hold the profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_chromium_is_noticed() {
    let Some(stage) = as_user("a_killed_chromium_is_noticed") else { return };
    let mut session = Session::start(&stage).await;
    session.wait_title("Accueil").await;
    let chromium =
        family().into_iter().find(|id| arguments(*id).starts_with("/usr/lib/chromium/chromium ")).unwrap();
    Process::new("kill").args(["-KILL", &chromium.to_string()]).status().unwrap();
    session.wait("the crash", |event| matches!(event, Event::Crashed).then_some(())).await;
    assert!(session.events.next().await.is_none(), "the stream ends with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_shown_and_gives_its_opener_back() {
    let Some(stage) = as_user("a_window_is_shown_and_gives_its_opener_back") else { return };
    let mut session = Session::start(&stage).await;
    session.wait_title("Accueil").await;
    let other = format!("https://{OTHER_SITE}/window");
    let link =
        |rest: &str| format!("const a = document.createElement('a'); a.target = '_blank'; {rest}; a.click()");
    for opening in [
        "window.open('/window')".to_owned(),
        "window.open('/window', 'w', 'width=300,height=200')".to_owned(),
        "window.open('/window', '', 'noopener')".to_owned(),
        format!("window.open('{other}')"),
        format!("window.open('{other}', '', 'noopener')"),
        "const w = window.open(''); setTimeout(() => w.location = '/window')".to_owned(),
        link("a.href = '/window'"),
        link(&format!("a.href = '{other}'; a.rel = 'opener'")),
    ] {
        println!("{opening}");
        session.do_in_page(&opening).await;
        session.wait_title("Fenêtre").await;
        session.send(Command::Back);
        session.wait_title("écrit").await;
        session.page_goes_on().await;
    }
    println!("a window that closes itself");
    session.do_in_page("window.open('/window')").await;
    session.wait_title("Fenêtre").await;
    session.click(60.0, 200.0);
    session.wait_title("écrit").await;
    session.page_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_refused_leaves_its_opener() {
    let Some(stage) = as_user("a_window_that_is_refused_leaves_its_opener") else { return };
    let mut session = Session::start(&stage).await;
    session.wait_title("Accueil").await;
    for (opening, reason) in [
        ("window.open('https://elsewhere.example/')", "no-rule"),
        ("window.open('https://elsewhere.example/', '', 'noopener')", "no-rule"),
        ("window.open('/refused')", "path"),
        ("const w = window.open(''); setTimeout(() => w.location = '/refused')", "path"),
    ] {
        println!("{opening}");
        session.do_in_page(opening).await;
        assert_eq!(session.wait_refusal().await, reason);
        session.page_goes_on().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_drawn_by_chromium_itself() {
    let Some(stage) = as_user("nothing_is_drawn_by_chromium_itself") else { return };
    let mut session = Session::start(&stage).await;
    session.wait_title("Accueil").await;
    let link = "const a = document.createElement('a'); a.href = 'mailto:a@site.example'; document.body.append(a); a.click()";
    session.do_in_page(link).await;
    assert_eq!(session.wait_not_yet().await, NotYet::OtherProgram);
    session.page_goes_on().await;
    session.do_in_page("window.open('mailto:a@site.example')").await;
    assert_eq!(session.wait_not_yet().await, NotYet::OtherProgram);
    session.page_goes_on().await;
    session.do_in_page("location = 'tel:0102030405'").await;
    assert_eq!(session.wait_not_yet().await, NotYet::OtherProgram);
    session.page_comes_back().await;
    session.send(Command::Open(format!("https://{SITE}/nowhere")));
    session.wait("the failure", |event| matches!(event, Event::Failed { .. }).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_keeps_its_title_when_it_comes_back() {
    let Some(stage) = as_user("a_page_keeps_its_title_when_it_comes_back") else { return };
    let mut session = Session::start(&stage).await;
    session.wait_title("Accueil").await;
    let titled = |address: String| {
        move |event: &Event| match event {
            Event::Page { url, title: Some(title) } if *url == address && title == "Accueil" => Some(()),
            _ => None,
        }
    };
    session.send(Command::Open(format!("https://{SITE}/#below")));
    session.wait("the title below", titled(format!("https://{SITE}/#below"))).await;
    session.send(Command::Open(format!("https://{SITE}/window")));
    session.wait_title("Fenêtre").await;
    session.send(Command::Back);
    session.wait("the title of the page before", titled(format!("https://{SITE}/#below"))).await;
    session.send(Command::Back);
    session.wait("the title of the first page", titled(format!("https://{SITE}/"))).await;
    session.send(Command::Back);
    session.wait("no way back", |event| matches!(event, Event::NoWayBack).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn root_starts_no_chromium() {
    if !rustix::process::geteuid().is_root() {
        return; // The other tests run as another user, this one needs root.
    }
    let mut session = Session::start(Path::new(env!("CARGO_BIN_EXE_passerelle-kiosk"))).await;
    let why = session.wait("a reason", |event| match event {
        Event::CannotStart(why) => Some(why.clone()),
        _ => None,
    });
    assert!(why.await.contains("never started as root"));
}
