//! A full disk: nothing new passes, what is open still gets its closing record, and room makes it work again.
//!
//! The journal stands on a real file system of a few megabytes, which only root can mount.

#![allow(clippy::unwrap_used)]

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use passerelle_tests::{
    Stand,
    authority::Authority,
    client::read_answer,
    internet::{Internet, OPEN, PLAIN, READ, TUNNEL, limited_to},
    process::{eventually, run},
    sample::{CAMILLE, SACHA},
    skip::skipped,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Room for the state and some hundred records, quickly filled.
const DISK: &str = "size=48m";
/// The gateway looks at its disk with each batch of records.
const NOTICE_LIMIT: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_still_closes() {
    let Some(disk) = Disk::mount("a_full_disk_refuses_and_still_closes") else { return };
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let internet = Internet::start(&authority).await.unwrap();
    let mut stand = internet.setup(authority).data(disk.data()).start().unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut download = client.inspected(OPEN).await.unwrap();
    let head = format!("GET /download HTTP/1.1\r\nHost: {OPEN}\r\n\r\n");
    download.write_all(head.as_bytes()).await.unwrap();
    download.read_u8().await.unwrap();
    let mut tunnel = client.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
    let mut waiting = client.inspected(READ).await.unwrap();

    let filler = disk.fill();
    let before = (internet.connections(), internet.plain.tally().received_bytes());
    for target in [OPEN, TUNNEL] {
        let answer = client.connect(&format!("{target}:443")).await.unwrap().err().unwrap();
        assert_eq!((answer.status, answer.reason().as_deref()), (503, Some("journal-unavailable")));
    }
    let plain =
        format!("GET http://{PLAIN}/ HTTP/1.1\r\nHost: {PLAIN}\r\n{}\r\n", client.proxy_authorization());
    let answer = client.exact(plain.as_bytes()).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (503, Some("journal-unavailable")));
    // Nor does a new request on a connection that stands already.
    waiting.write_all(format!("GET / HTTP/1.1\r\nHost: {READ}\r\n\r\n").as_bytes()).await.unwrap();
    let answer = read_answer(&mut waiting, false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (503, Some("journal-unavailable")));
    assert_eq!((internet.connections(), internet.plain.tally().received_bytes()), before);
    assert_eq!(ready(&mut stand), 503);
    // What is open goes on, and so does its end.
    download.read_u8().await.unwrap();
    drop(download);
    drop(waiting);
    tunnel.shutdown().await.unwrap();
    drop(tunnel);
    eventually(NOTICE_LIMIT, "closing records on a full disk", || Ok(open_exchanges(&stand)?.is_empty()))
        .unwrap();

    fs::remove_file(filler).unwrap();
    eventually(NOTICE_LIMIT, "work after room was made", || {
        Ok(stand.curl("a", client.token().unwrap(), &format!("https://{OPEN}/"), &[])?.contains("exemple"))
    })
    .unwrap();
    // Checkpoints wait for their next try, which is when the gateway calls itself ready again.
    eventually(NOTICE_LIMIT, "readiness", || Ok(ready(&mut stand) == 200)).unwrap();
    stand.restart().unwrap();
    stand.verify().unwrap();
    assert_eq!(open_exchanges(&stand).unwrap(), [0; 0]);
    stand.stop();
}

/// Only the journal's disk is full: the store could count the minute, and must not.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_record_costs_no_minute() {
    let Some(disk) = Disk::mount("a_page_without_a_record_costs_no_minute") else { return };
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let internet = Internet::start(&authority).await.unwrap();
    let mut stand = internet.setup(authority).start().unwrap();
    stand.publish(&limited_to(30)).unwrap();
    stand.stop();
    let (audit, moved) = (stand.data.join("audit"), disk.data());
    run(Command::new("mv").args([&audit, &moved]), "").unwrap().success().unwrap();
    std::os::unix::fs::symlink(&moved, &audit).unwrap();
    stand.restart().unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();

    // Inside a tunnel that stands: a CONNECT is no page.
    let mut inside = client.inspected(OPEN).await.unwrap();
    let filler = disk.fill();
    inside.write_all(format!("GET / HTTP/1.1\r\nHost: {OPEN}\r\n\r\n").as_bytes()).await.unwrap();
    let answer = read_answer(&mut inside, false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (503, Some("journal-unavailable")));
    assert_eq!(client.minutes_left("essai").await.unwrap(), 30);
    fs::remove_file(filler).unwrap();
    eventually(NOTICE_LIMIT, "work after room was made", || {
        Ok(stand.curl("a", client.token().unwrap(), &format!("https://{OPEN}/"), &[])?.contains("exemple"))
    })
    .unwrap();
    assert!(client.minutes_left("essai").await.unwrap() < 30);
    stand.stop();
}

/// Only the database's disk is full: what needs it is refused in words, what does not goes on, and readiness says which it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_refuses_what_needs_it() {
    let Some(disk) = Disk::mount("a_full_database_refuses_what_needs_it") else { return };
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let internet = Internet::start(&authority).await.unwrap();
    let url = format!("[store]\nurl = \"sqlite://{}\"\n", disk.folder.path().join("state.db").display());
    let mut stand = internet.setup(authority).settings(&url).start().unwrap();
    stand.publish(&limited_to(600)).unwrap();
    let terminal = stand.client("a").unwrap();
    let client = terminal.sign_in(&CAMILLE).await.unwrap();
    let filler = disk.fill();
    // SQLite's log has room of its own for a while: what it has written once it may write again.
    eventually(NOTICE_LIMIT, "a full database", || Ok(ready(&mut stand) == 503)).unwrap();
    // A new page costs a minute, which the store can't keep; a tunnel without a minute goes on.
    let answer = client.get(OPEN, "/").await.unwrap();
    assert!(matches!((answer.status, answer.reason().as_deref()), (503, Some("busy"))), "{answer:?}");
    assert!(client.connect(&format!("{READ}:443")).await.unwrap().is_ok());
    let refused = terminal.sign_in(&SACHA).await.err().unwrap().to_string();
    assert!(refused.contains("status: 503"), "{refused}");

    fs::remove_file(filler).unwrap();
    eventually(NOTICE_LIMIT, "readiness", || Ok(ready(&mut stand) == 200)).unwrap();
    assert_eq!(terminal.sign_in(&SACHA).await.unwrap().get(OPEN, "/").await.unwrap().status, 200);
    stand.restart().unwrap();
    stand.verify().unwrap();
    assert_eq!(open_exchanges(&stand).unwrap(), [0; 0]);
    stand.stop();
}

/// The openings without an end.
fn open_exchanges(stand: &Stand) -> anyhow::Result<Vec<u64>> {
    Ok(passerelle_tests::journal::orphans(&stand.journal(&[])?))
}

/// The status of `/ready` on the metrics port.
fn ready(stand: &mut Stand) -> u16 {
    let address = stand.gateway().unwrap().metrics;
    let mut command = Command::new("curl");
    command.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    run(command.arg(format!("http://{address}/ready")), "").unwrap().stdout.parse().unwrap()
}

/// A small file system of its own, unmounted when dropped.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// `None`, and listed as skipped, where this user may not mount.
    fn mount(test: &str) -> Option<Disk> {
        let folder = TempDir::with_prefix("passerelle-disk-").unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", DISK, "passerelle-test"]).arg(folder.path());
        match run(&mut mount, "").and_then(|output| output.success()) {
            Ok(_) => Some(Disk { folder }),
            Err(error) => {
                skipped(test, &format!("no tmpfs can be mounted: {error}"));
                None
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Takes every free byte; the file that holds them.
    fn fill(&self) -> PathBuf {
        let path = self.folder.path().join("filler");
        fill(&path);
        path
    }
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        loop {
            match file.write_all(&vec![b'.'; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("filling the disk: {error}"),
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("--lazy").arg(self.folder.path()), "");
    }
}
