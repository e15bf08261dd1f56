//! Whatever is open ends within one second of losing its ground, and its closing record says why.
//!
//! A matrix: for each ending (`ENDINGS`, `RUN_OUT`) a person has one live exchange of every sort open (`Scene::open_all`): downloads
//! (inspected, inside HTTP/2, over plain http), a silent stream, server-sent events, an upload, tunnels, a WebSocket, and
//! downloads that nobody reads.

#![allow(clippy::unwrap_used)]

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned, tz::TimeZone};
use nix::sys::signal::Signal;
use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    client::{ANSWER_LIMIT, Client, handshake, read_answer},
    clock::Clock,
    journal::orphans,
    process::eventually,
    sample::{CAMILLE, Person, SACHA, signers},
    upstream::{Behaviour, Upstream},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

const OPEN: &str = "ouvert.example";
const PLAIN: &str = "clair.example";
const TUNNEL: &str = "tunnel.example";
const HOSTS: [&str; 2] = [OPEN, TUNNEL];

/// The contract's.
const PROMISE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn every_ending_is_prompt_and_told() {
    let mut scene = Scene::start(&policy("")).await;
    let mut wrong = Vec::new();
    for (ending, reason) in ENDINGS {
        wrong.extend(scene.see(*ending, reason).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scene.stand.verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_gateway_ends_what_is_open() {
    let mut scene = Scene::start(&policy("")).await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let mut live = scene.open_all(&client).await;
    scene.stand.gateway().unwrap().process().signal(Signal::SIGTERM).unwrap();
    let signalled = Timestamp::now();
    let mut wrong = ends(&mut live, Instant::now() + PROMISE).await;
    let code = scene.stand.gateway().unwrap().process().wait(Duration::from_secs(5)).unwrap();
    assert_eq!(code, Some(0), "an orderly stop");
    wrong.extend(scene.closings(0, "stopping", signalled));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    scene.stand.verify().unwrap();
}

/// What a service says, when everything is opened (local time of tomorrow), when the clock is then, and the reason on record.
/// `DAY` stands for tomorrow, `NEXT` for the day after, `day` and `next` for their names.
const RUN_OUT: &[(&str, &str, &str, &str)] = &[
    (
        "windows = [\"jour\"]\n[[window]]\nid = \"jour\"\ndays = [\"day\"]\nfrom = \"08:00\"\nto = \"18:00\"",
        "DAY 17:59:00",
        "DAY 18:00:00",
        "window",
    ),
    (
        "windows = [\"jour\"]\n[[window]]\nid = \"jour\"\ndays = [\"day\", \"next\"]\nfrom = \"00:00\"\nto = \"24:00\"\n\
         closed = [NEXT]",
        "DAY 23:59:00",
        "NEXT 00:00:00",
        "closed-day",
    ),
    (
        "windows = [\"jour\"]\n[[window]]\nid = \"jour\"\ndays = [\"day\"]\nfrom = \"00:00\"\nto = \"24:00\"",
        "DAY 23:59:00",
        "NEXT 00:00:00",
        "window",
    ),
    ("expires = DAY", "DAY 23:59:00", "NEXT 00:00:00", "expired"),
    ("minutes_per_day = 1", "DAY 10:00:05", "DAY 10:01:00", "minutes-used"),
    ("", "DAY 10:00:00", "DAY 11:00:00", "session-expired"),
];

/// The wall clock is the test's own: it jumps to the end, and everything that is open ends.
#[tokio::test(flavor = "multi_thread")]
async fn what_runs_out_ends_what_is_open() {
    let mut wrong = Vec::new();
    for (service, from, to, reason) in RUN_OUT {
        let clock = Clock::at(moment(from)).unwrap();
        let settings = "[session]\nlimit_seconds = 3600";
        let scene = Scene::start_with(&policy(&dated(service)), settings, Some(clock.clone())).await;
        let client = scene.sign_in("a", &CAMILLE).await;
        clock.set(moment(from)).unwrap(); // what came before took its time
        let mut live = scene.open_all(&client).await;
        // A session began before everything it opened.
        let until = moment(to)
            + if *reason == "session-expired" { SignedDuration::from_secs(1) } else { SignedDuration::ZERO };
        clock.set(until).unwrap();
        let mut found = ends(&mut live, Instant::now() + ANSWER_LIMIT).await;
        found.extend(scene.closings(0, reason, until));
        let answer = client.get(OPEN, "/download").await.unwrap();
        let after = if *reason == "session-expired" { "no-session" } else { reason };
        if answer.reason().as_deref() != Some(after) {
            found.push(format!("afterwards: {answer:?}"));
        }
        wrong.extend(found.into_iter().map(|mistake| format!("{reason} ({from}): {mistake}")));
        scene.stand.verify().unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn tomorrow() -> Zoned {
    Zoned::now().with_time_zone(TimeZone::get("Europe/Paris").unwrap()) + 1.day()
}

/// `DAY` and `NEXT` as dates, `day` and `next` as their names.
fn dated(text: &str) -> String {
    let days = [("DAY", "day", tomorrow()), ("NEXT", "next", tomorrow() + 1.day())];
    days.iter().fold(text.to_owned(), |text, (date, name, day)| {
        let weekday = day.strftime("%a").to_string().to_lowercase();
        text.replace(date, &day.date().to_string()).replace(&format!("\"{name}\""), &format!("\"{weekday}\""))
    })
}

/// `DAY 18:00:00`, in Paris.
fn moment(text: &str) -> Timestamp {
    let local: jiff::civil::DateTime = dated(text).replace(' ', "T").parse().unwrap();
    local.to_zoned(TimeZone::get("Europe/Paris").unwrap()).unwrap().timestamp()
}

/// What ends, how the staff or the person do it, and the reason on record.
const ENDINGS: &[(Ending, &str)] = &[
    (Ending::SignOut, "signed-out"),
    (Ending::SignInElsewhere, "signed-out"),
    (Ending::Lock, "person-locked"),
    (Ending::StopGroup, "access-stopped"),
    (Ending::StopAll, "access-stopped"),
    (Ending::Publish, "policy-changed"),
    (Ending::RefuseHosts, "policy-changed"),
    (Ending::Revoke, "terminal-revoked"),
    (Ending::Release, "person-locked"),
];

#[derive(Clone, Copy, Debug)]
enum Ending {
    SignOut,
    SignInElsewhere,
    Lock,
    StopGroup,
    StopAll,
    /// A policy without the service.
    Publish,
    /// The emergency verb.
    RefuseHosts,
    Revoke,
    /// She leaves; the last ending, since nobody signs in after it.
    Release,
}

struct Scene {
    stand: Stand,
    authority: Arc<Authority>,
    policy: String,
    clock: Option<Clock>,
    _upstreams: [Upstream; 2],
}

impl Scene {
    async fn start(policy: &str) -> Scene {
        Scene::start_with(policy, "", None).await
    }

    /// With more lines for `gateway.toml`, and perhaps a clock of the test's own.
    async fn start_with(policy: &str, settings: &str, clock: Option<Clock>) -> Scene {
        let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
        let server = authority.server(&HOSTS, &["h2", "http/1.1"]).unwrap();
        let tls = Upstream::tls(server, Behaviour::Http).await.unwrap();
        let plain = Upstream::plain(Behaviour::Http).await.unwrap();
        let mut setup = Setup::new(authority.clone(), policy)
            .resolve(&format!("{PLAIN}:80"), plain.address())
            .settings(settings);
        for host in HOSTS {
            setup = setup.resolve(&format!("{host}:443"), tls.address());
        }
        if let Some(clock) = &clock {
            setup = setup.clock(clock).unwrap();
        }
        let stand = setup.start().unwrap();
        Scene { stand, authority, policy: policy.into(), clock, _upstreams: [tls, plain] }
    }

    async fn sign_in(&self, terminal: &str, person: &Person) -> Client {
        let client = match &self.clock {
            Some(clock) => self.stand.client_at(terminal, clock),
            None => self.stand.client(terminal),
        };
        client.unwrap().sign_in(person).await.unwrap()
    }

    /// Opens one of each, ends them, and says what was late, open or recorded otherwise.
    async fn see(&mut self, ending: Ending, reason: &str) -> Vec<String> {
        let from = self.stand.journal(&[]).unwrap().len() as u64;
        let client = self.sign_in("a", &CAMILLE).await;
        // Somebody else's exchange goes on through whatever ends hers, unless it concerns everybody.
        let other = self.sign_in("b", &SACHA).await;
        let mut bystander = self.download(&other).await;
        let mut live = self.open_all(&client).await;
        self.make(ending, &client).await;
        let done = Timestamp::now();
        let mut wrong = ends(&mut live, Instant::now() + PROMISE).await;
        let concerns_her_alone = !matches!(ending, Ending::StopAll | Ending::Publish | Ending::RefuseHosts);
        if concerns_her_alone && bystander.moves().await.is_err() {
            wrong.push("somebody else's download ended too".into());
        }
        wrong.extend(self.closings(from, reason, done));
        self.restore(ending);
        wrong.into_iter().map(|mistake| format!("{ending:?}: {mistake}")).collect()
    }

    async fn make(&self, ending: Ending, client: &Client) {
        let stand = &self.stand;
        match ending {
            Ending::SignOut => {
                let answer = client.api("DELETE", "/v1/sessions/current", None).await.unwrap();
                assert_eq!(answer.status, 204, "{answer:?}");
            }
            Ending::SignInElsewhere => drop(self.sign_in("c", &CAMILLE).await),
            Ending::Lock => drop(stand.verb(&["person", "lock", CAMILLE.id], "").unwrap()),
            Ending::StopGroup => self.access(&["stop", "--group", CAMILLE.groups[0]]),
            Ending::StopAll => self.access(&["stop"]),
            Ending::Publish => drop(
                stand
                    .publish(&EMPTY.replace("SERVICE", "autre").replace("START", "ailleurs.example"))
                    .unwrap(),
            ),
            Ending::RefuseHosts => HOSTS.into_iter().chain([PLAIN]).for_each(|host| {
                let by = signers()[0];
                let refuse = ["policy", "refuse", host, "--by", by.login, "--password-stdin"];
                stand.verb(&refuse, by.password).unwrap();
            }),
            Ending::Revoke => drop(stand.verb(&["terminal", "revoke", "a"], "").unwrap()),
            Ending::Release => drop(stand.verb(&["person", "release", CAMILLE.id], "").unwrap()),
        }
    }

    fn restore(&self, ending: Ending) {
        match ending {
            Ending::Lock => drop(self.stand.verb(&["person", "unlock", CAMILLE.id], "").unwrap()),
            Ending::StopGroup => self.access(&["resume", "--group", CAMILLE.groups[0]]),
            Ending::StopAll => self.access(&["resume"]),
            Ending::Publish | Ending::RefuseHosts => drop(self.stand.publish(&self.policy).unwrap()),
            // Enrolled anew when it is next used.
            Ending::Revoke => std::fs::remove_dir_all(self.stand.folder().join("a")).unwrap(),
            _ => {}
        }
    }

    fn access(&self, arguments: &[&str]) {
        let by = signers()[0];
        let verb = [&["access"], arguments, &["--by", by.login, "--password-stdin"]].concat();
        self.stand.verb(&verb, by.password).unwrap();
    }

    /// What is wrong with her closing records since index `from`: each opening has one, with `reason`, in time.
    fn closings(&self, from: u64, reason: &str, done: Timestamp) -> Vec<String> {
        let mut records = Vec::new();
        // A record says itself when it was written; that it can be read may take longer on a loaded machine.
        let _ = eventually(ANSWER_LIMIT, "all closings", || {
            records = self.stand.journal(&["--person", CAMILLE.id])?;
            Ok(orphans(&records).is_empty())
        });
        let mut wrong = Vec::new();
        for opened in records.iter().filter(|record| record.kind == "opened" && record.index >= from) {
            let name = format!("{} {}", opened.method.as_deref().unwrap(), opened.url.as_deref().unwrap());
            let Some(closed) = records.iter().find(|record| record.opened == Some(opened.index)) else {
                wrong.push(format!("{name}: no closing record"));
                continue;
            };
            if closed.reason.as_deref() != Some(reason) || closed.decision.as_deref() != Some("allow") {
                wrong.push(format!("{name}: closed as {:?} {:?}", closed.decision, closed.reason));
            }
            let late = closed.time.parse::<Timestamp>().unwrap().duration_since(done);
            if late > SignedDuration::try_from(PROMISE).unwrap() {
                wrong.push(format!("{name}: closed {late:?} later"));
            }
        }
        wrong
    }

    async fn open_all(&self, client: &Client) -> Vec<Live> {
        vec![
            self.download(client).await,
            inside_http2(client).await,
            plain(client, "plain download", "/download").await,
            inspected(client, "silent stream", "/silence").await,
            inspected(client, "event stream", "/events").await,
            upload(client).await,
            self.tunnel(client).await,
            self.tunnel_over_http2(client).await,
            web_socket(client).await,
            unread(inspected(client, "unread download", "/flood").await),
            unread(plain(client, "unread plain download", "/flood").await),
        ]
    }

    async fn download(&self, client: &Client) -> Live {
        inspected(client, "download", "/download").await
    }

    async fn tunnel_over_http2(&self, client: &Client) -> Live {
        let tunnel = client.connect_h2(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
        let stream = handshake(tunnel, TUNNEL, self.authority.browser().unwrap()).await.unwrap();
        asked("tunnel over HTTP/2", stream, TUNNEL, "/download", "").await
    }

    async fn tunnel(&self, client: &Client) -> Live {
        let tunnel = client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
        let stream = handshake(tunnel, TUNNEL, self.authority.browser().unwrap()).await.unwrap();
        asked("tunnel", stream, TUNNEL, "/download", "").await
    }
}

/// One open exchange, as its client sees it.
struct Live {
    name: &'static str,
    stream: Pin<Box<dyn AsyncRead + Send>>,
    read: bool,
}

impl Live {
    /// Resolves when no byte will come any more.
    async fn end(&mut self) {
        let mut rest = Vec::new();
        // An ending by reset is an error, and an end as well.
        let _ = self.stream.read_to_end(&mut rest).await;
        assert!(!rest.ends_with(b"0\r\n\r\n"), "a cut {} must not look finished", self.name);
    }

    async fn moves(&mut self) -> std::io::Result<u8> {
        timeout(ANSWER_LIMIT, self.stream.read_u8()).await?
    }
}

/// What had not ended by `deadline`. The connections stay, so that nothing ends because its client went away.
async fn ends(live: &mut [Live], deadline: Instant) -> Vec<String> {
    let mut open = Vec::new();
    for live in live {
        if live.read && timeout_at(deadline, live.end()).await.is_err() {
            open.push(format!("{} goes on", live.name));
        }
    }
    open
}

fn unread(live: Live) -> Live {
    Live { read: false, ..live }
}

/// A GET on `stream` whose answer has begun.
async fn asked(
    name: &'static str,
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    host: &str,
    target: &str,
    more: &str,
) -> Live {
    stream
        .write_all(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").as_bytes())
        .await
        .unwrap();
    let mut stream: Pin<Box<dyn AsyncRead + Send>> = Box::pin(stream);
    let mut status = [0; 15];
    timeout(ANSWER_LIMIT, stream.read_exact(&mut status)).await.unwrap().unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK", "{name}");
    Live { name, stream, read: true }
}

async fn inspected(client: &Client, name: &'static str, target: &str) -> Live {
    asked(name, client.inspected(OPEN).await.unwrap(), OPEN, target, "").await
}

async fn plain(client: &Client, name: &'static str, path: &str) -> Live {
    let stream = client.open(&["http/1.1"]).await.unwrap();
    let target = format!("http://{PLAIN}{path}");
    asked(name, stream, PLAIN, &target, &client.proxy_authorization()).await
}

/// HTTP/2 to the gateway and HTTP/2 inside.
async fn inside_http2(client: &Client) -> Live {
    let tunnel = client.connect_h2(&format!("{OPEN}:443")).await.unwrap().unwrap();
    let stream = client.inner(tunnel, OPEN, &["h2"]).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("https://{OPEN}/download")).body(Empty::<Bytes>::new()).unwrap();
    let answer = timeout(ANSWER_LIMIT, sender.send_request(request)).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let (mut writer, reader) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        let _sender = sender;
        let mut body = answer.into_body();
        while let Some(Ok(frame)) = http_body_util::BodyExt::frame(&mut body).await {
            let _ = writer.write_all(frame.data_ref().map_or(&b""[..], |data| data)).await;
        }
    });
    Live { name: "download inside HTTP/2", stream: Box::pin(reader), read: true }
}

/// A body that goes on, and is sent back as it comes.
async fn upload(client: &Client) -> Live {
    let stream = client.inspected(OPEN).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let head = format!("POST /echo HTTP/1.1\r\nHost: {OPEN}\r\nContent-Length: 60000\r\n\r\nun début");
    writer.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 15];
    timeout(ANSWER_LIMIT, reader.read_exact(&mut status)).await.unwrap().unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK", "upload");
    // The writer stays with the reader: closing it would end the exchange by itself.
    let stream = tokio::io::join(reader, writer);
    Live { name: "upload", stream: Box::pin(stream), read: true }
}

async fn web_socket(client: &Client) -> Live {
    let mut stream = client.inspected(OPEN).await.unwrap();
    let head = format!(
        "GET /canal HTTP/1.1\r\nHost: {OPEN}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 101);
    Live { name: "WebSocket", stream: Box::pin(stream), read: true }
}

/// One service with everything; `more` are lines of the service, and what follows it.
fn policy(more: &str) -> String {
    let (service, window) = more.split_once("[[window]]").unwrap_or((more, ""));
    let window = if window.is_empty() { String::new() } else { format!("[[window]]{window}") };
    format!(
        "{}{service}\n
        [[service.rule]]\nhosts = [\"{OPEN}\"]\naccess = \"page\"\nwebsocket = true\nmethods = [\"GET\", \"POST\"]
        [[service.rule]]\nhosts = [\"{PLAIN}\"]\nports = [80]\naccess = \"page\"
        [[service.rule]]\nhosts = [\"{TUNNEL}\"]\nmode = \"tunnel\"\n{window}",
        EMPTY.replace("SERVICE", "essai").replace("START", OPEN).split("[[service.rule]]").next().unwrap()
    )
}

const EMPTY: &str = r#"
version = 1
time_zone = "Europe/Paris"

[[service]]
id = "SERVICE"
category = "administrative"
name = { fr = "Service d'essai" }
start = "https://START/"
[[service.rule]]
hosts = ["ailleurs.example"]
access = "page"
"#;
