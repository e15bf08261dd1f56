//! Health, readiness and figures on the loopback, and the journal's public files: what a monitor or a witness reads.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use passerelle_tests::{
    Stand,
    client::read_answer,
    internet::{Internet, OPEN},
    process::run,
    sample::CAMILLE,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Status and body, as a monitor's own client reads them.
fn read(stand: &mut Stand, path: &str) -> (u16, String) {
    let address = stand.gateway().unwrap().metrics;
    let mut command = Command::new("curl");
    command.args(["--silent", "--write-out", "\n%{http_code}"]).arg(format!("http://{address}{path}"));
    let output = run(&mut command, "").unwrap().stdout;
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.into())
}

fn figure(stand: &mut Stand, name: &str) -> u64 {
    let (_, text) = read(stand, "/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in:\n{text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_sees_what_goes_on() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    assert_eq!(read(&mut stand, "/health"), (200, "alive\n".into()));
    assert_eq!(read(&mut stand, "/ready"), (200, "ready\n".into()));
    assert_eq!(read(&mut stand, "/v1/services").0, 404, "the metrics port is no other door");
    let before = figure(&mut stand, "passerelle_journal_records_total");
    assert_eq!(figure(&mut stand, "passerelle_sessions_live"), 0);

    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut download = client.inspected(OPEN).await.unwrap();
    download.write_all(format!("GET /download HTTP/1.1\r\nHost: {OPEN}\r\n\r\n").as_bytes()).await.unwrap();
    download.read_u8().await.unwrap();
    assert_eq!(figure(&mut stand, "passerelle_sessions_live"), 1);
    // The CONNECT and the request inside it.
    assert_eq!(figure(&mut stand, "passerelle_exchanges_open"), 2);
    assert_eq!(figure(&mut stand, "passerelle_journal_writable"), 1);
    assert!(figure(&mut stand, "passerelle_journal_records_total") >= before + 3);
    assert!(figure(&mut stand, "passerelle_policy_version") > 0);
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
