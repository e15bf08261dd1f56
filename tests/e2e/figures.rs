//! Health, readiness and figures on the loopback, and the journal's public files: what a monitor or a witness reads.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::Path, process::Command, sync::Arc};

use passerelle_tests::{
    Stand,
    authority::Authority,
    client::{read_answer, within},
    internet::{Internet, LIAR, OPEN, TUNNEL},
    process::run,
    sample::CAMILLE,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Debian's, which has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// Status and body, as a monitor's own client reads them.
fn read(stand: &mut Stand, path: &str) -> (u16, String) {
    let address = stand.gateway().unwrap().metrics;
    let mut command = Command::new("curl");
    command.args(["--silent", "--write-out", "\n%{http_code}"]).arg(format!("http://{address}{path}"));
    let output = run(&mut command, "").unwrap().stdout;
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.into())
}

/// Name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Every series, as Prometheus' own client library reads the page: `name{label="value",…}`.
fn series(stand: &mut Stand) -> BTreeMap<String, f64> {
    let (status, page) = read(stand, "/metrics");
    assert_eq!(status, 200);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/metrics.py");
    let read = run(Command::new(PYTHON).arg(script), &page).unwrap().success().unwrap();
    let families: BTreeMap<String, Vec<Sample>> = serde_json::from_str(&read.stdout).unwrap();
    let key = |name: String, labels: BTreeMap<String, String>| {
        let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        if labels.is_empty() { name } else { format!("{name}{{{}}}", labels.join(",")) }
    };
    let samples = families.into_values().flatten();
    samples.map(|(name, labels, value)| (key(name, labels), value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_sees_what_goes_on() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    assert_eq!(read(&mut stand, "/health"), (200, "alive\n".into()));
    assert_eq!(read(&mut stand, "/ready"), (200, "ready\n".into()));
    assert_eq!(read(&mut stand, "/v1/services").0, 404, "the metrics port is no other door");
    let before = series(&mut stand);
    assert_eq!(before["passerelle_sessions_live"], 0.0);

    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut download = client.inspected(OPEN).await.unwrap();
    download.write_all(format!("GET /download HTTP/1.1\r\nHost: {OPEN}\r\n\r\n").as_bytes()).await.unwrap();
    download.read_u8().await.unwrap();
    let _tunnel = client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
    assert_eq!(client.get("refuse.example", "/").await.unwrap().reason().as_deref(), Some("refused-host"));
    assert_eq!(client.get(LIAR, "/").await.unwrap().reason().as_deref(), Some("upstream-protocol"));
    // Handshakes that fail: no TLS, and a client that trusts nobody here.
    let mut stranger = TcpStream::connect(stand.address()).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let _ = within(stranger.read_to_end(&mut Vec::new())).await.unwrap();
    let untrusting =
        ["--silent", "--output", "/dev/null", &format!("https://localhost:{}/", stand.address().port())];
    assert_ne!(run(Command::new("curl").args(untrusting), "").unwrap().code, 0);
    stand.closings(&[], 2).unwrap();

    let now = series(&mut stand);
    let grown = |name: &str| now[name] - before[name];
    for (name, expected) in [
        ("passerelle_decisions_total{decision=\"allow\",reason=\"\"}", 5.0),
        ("passerelle_decisions_total{decision=\"refuse\",reason=\"refused-host\"}", 1.0),
        ("passerelle_upstream_errors_total{reason=\"upstream-protocol\"}", 1.0),
        ("passerelle_exchanges_ended_total{reason=\"upstream-protocol\"}", 1.0),
        ("passerelle_handshakes_total{port=\"inspected\",result=\"ok\"}", 2.0),
        ("passerelle_handshakes_total{port=\"terminal\",result=\"protocol\"}", 1.0),
        ("passerelle_handshakes_total{port=\"terminal\",result=\"alert\"}", 1.0),
    ] {
        assert_eq!(grown(name), expected, "{name}");
    }
    for (name, expected) in [
        ("passerelle_sessions_live", 1.0),
        // Two CONNECTs and the request inside one.
        ("passerelle_exchanges_open", 3.0),
        ("passerelle_tunnels_open{mode=\"tunnel\"}", 1.0),
        ("passerelle_tunnels_open{mode=\"inspect\"}", 1.0),
        ("passerelle_journal_openings_live", 3.0),
        ("passerelle_journal_writable", 1.0),
    ] {
        assert_eq!(now[name], expected, "{name}");
    }
    for name in [
        "passerelle_journal_records_total",
        "passerelle_journal_sync_seconds_count",
        "passerelle_handshakes_total{port=\"terminal\",result=\"ok\"}",
    ] {
        assert!(grown(name) >= 3.0, "{name}");
    }
    for name in ["passerelle_policy_version", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(now[name] > 0.0, "{name}");
    }
    assert!(now.keys().any(|name| name.starts_with("passerelle_build_info{version=")));
}

/// Technicians can follow one request to its records, and read neither who it was nor what they looked at.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_can_be_followed_without_naming_anybody() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let internet = Internet::start(&authority).await.unwrap();
    // Everything is asked for; what other libraries say below a warning is not to be had.
    let setup = internet.setup(authority).wrapper(&["env", "RUST_LOG=trace", "NO_COLOR=1"]);
    let mut stand = setup.start().unwrap();
    let client = stand.client("bloc-a-1").unwrap().sign_in(&CAMILLE).await.unwrap();
    assert_eq!(client.get(OPEN, "/public/secret").await.unwrap().status, 200);
    client.get("refuse.example", "/").await.unwrap();
    stand.closings(&[], 2).unwrap();
    let records = stand.journal(&["--kind", "opened"]).unwrap();
    stand.stop();
    let log = fs::read_to_string(stand.folder().join("gateway.log")).unwrap();
    for record in &records {
        let (session, opening) = (record.session.as_deref().unwrap(), record.index);
        let span = format!("exchange{{session=\"{session}\" opening={opening}}}");
        let line = log.lines().find(|line| line.contains(&span) && line.contains("closed"));
        let line = line.unwrap_or_else(|| panic!("no {span} in:\n{log}"));
        assert!(line.contains("connection{terminal=bloc-a-1}"), "{line}");
    }
    assert!(log.contains("refused reason=\"refused-host\""), "{log}");
    for told in [CAMILLE.id, CAMILLE.name, OPEN, "refuse.example", "/public/secret"] {
        assert!(!log.contains(told), "{told} in:\n{log}");
    }
}

/// c2sp.org/tlog-tiles: both ports serve checkpoint and hash tiles, entries the staff port alone.
#[tokio::test(flavor = "multi_thread")]
async fn witnesses_read_the_log() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap();
    let get = async |path: &str| client.api("GET", path, None).await.unwrap();
    let checkpoint = get("/checkpoint").await;
    assert_eq!(checkpoint.status, 200, "{checkpoint:?}");
    let lines: Vec<_> = checkpoint.text().lines().map(String::from).collect();
    assert_eq!(lines[0], "passerelle", "the log's origin");
    let size: u64 = lines[1].parse().unwrap();
    assert!(size > 0);
    let tile = get(&format!("/tile/0/000.p/{size}")).await;
    assert_eq!((tile.status, tile.body.len() as u64), (200, 32 * size), "one SHA-256 an entry");
    let entries = format!("/tile/entries/000.p/{size}");
    assert_eq!(get(&entries).await.status, 404, "entries are the staff's to read");
    let staff = stand.gateway().unwrap().staff;
    let trust = stand.folder().join("a/trust.pem").display().to_string();
    let mut command = Command::new("curl");
    command.args(["--silent", "--fail", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    let output =
        run(command.args(["--cacert", &trust]).arg(format!("https://{staff}{entries}")), "").unwrap();
    assert_eq!(output.stdout, "200", "{output:?}");
    // A stranger to the terminals' network reads nothing.
    let stranger =
        passerelle_tests::client::Client::stranger(stand.address(), &stand.folder().join("a")).unwrap();
    let mut stream = stranger.open(&["http/1.1"]).await.unwrap();
    stream.write_all(b"GET /checkpoint HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let answer = read_answer(&mut stream, false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (403, Some("no-terminal")));
}
