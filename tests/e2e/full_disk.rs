//! A full disk: nothing passes, what is live still gets its closing record, and room makes it well again.

#![allow(clippy::unwrap_used)]

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use nix::unistd::Uid;
use passerelle_tests::{
    authority::Authority,
    client::within,
    internet::{Internet, OPEN, PLAIN, READ},
    journal::orphans,
    process::{eventually, run},
    sample::CAMILLE,
    skip::skipped,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Room for a fresh gateway and little more.
const SIZE: &str = "size=24m";
const RECORD_LIMIT: Duration = Duration::from_secs(10);

/// A small file system of its own, unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> SmallDisk {
        let folder = TempDir::with_prefix("passerelle-disk-").unwrap();
        let mut command = Command::new("mount");
        run(command.args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(folder.path()), "")
            .unwrap()
            .success()
            .unwrap();
        SmallDisk(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes every byte that is left.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_passes_and_what_is_live_is_closed() {
    if !Uid::effective().is_root() {
        return skipped(
            "nothing_passes_and_what_is_live_is_closed",
            "only root can mount a small file system",
        );
    }
    let disk = SmallDisk::mount();
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let internet = Internet::start(&authority).await.unwrap();
    let mut stand = internet.setup(authority).data(disk.path().join("data")).start().unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();

    let mut live = client.inspected(OPEN).await.unwrap();
    let head = format!("GET /download HTTP/1.1\r\nHost: {OPEN}\r\n\r\n");
    live.write_all(head.as_bytes()).await.unwrap();
    within(live.read_exact(&mut [0; 4096])).await.unwrap().unwrap();
    let mut waiting = client.inspected(READ).await.unwrap();

    let filler = disk.fill();
    // The journal may have had room for some records left; from the first refusal on, nothing passes.
    let mut passed_before = 0;
    let answer = loop {
        let answer = client.get(READ, "/").await.unwrap();
        if answer.status == 503 {
            break answer;
        }
        passed_before += 1;
        assert!(passed_before < 10_000, "a full disk refuses");
    };
    assert_eq!(answer.reason().as_deref(), Some("journal-unavailable"), "{answer:?}");
    let reached = internet.received_bytes();
    let authorization = client.proxy_authorization();
    let plain = format!("GET http://{PLAIN}/ HTTP/1.1\r\nHost: {PLAIN}\r\n{authorization}\r\n");
    for answer in [client.exact(plain.as_bytes()).await.unwrap(), client.get(OPEN, "/").await.unwrap()] {
        assert_eq!((answer.status, answer.reason().as_deref()), (503, Some("journal-unavailable")));
    }
    waiting.write_all(format!("GET / HTTP/1.1\r\nHost: {READ}\r\n\r\n").as_bytes()).await.unwrap();
    let answer = passerelle_tests::client::read_answer(&mut waiting, false).await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(internet.received_bytes(), reached, "nothing is forwarded without a record");

    // The live exchange ends with the disk still full; its closing had its bytes reserved.
    drop(live);
    let download_closed = || {
        let records = stand.journal(&[])?;
        let opened = records.iter().find(|record| {
            record.kind == "opened" && record.url.as_deref().is_some_and(|url| url.ends_with("/download"))
        });
        let index = opened.map(|record| record.index);
        Ok(records.iter().any(|record| {
            record.opened.is_some()
                && record.opened == index
                && record.reason.as_deref() == Some("client-gone")
        }))
    };
    eventually(RECORD_LIMIT, "the closing record of the download", download_closed).unwrap();

    std::fs::remove_file(filler).unwrap();
    eventually(RECORD_LIMIT, "requests that pass again", || {
        tokio::task::block_in_place(|| {
            let answer = tokio::runtime::Handle::current().block_on(client.get(READ, "/"))?;
            Ok(answer.status == 200)
        })
    })
    .unwrap();
    drop(waiting);
    stand.restart().unwrap();
    stand.verify().unwrap();
    assert_eq!(orphans(&stand.journal(&[]).unwrap()), [] as [u64; 0]);
}
