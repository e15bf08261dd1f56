//! The journal against the outside: another verifier, a killed process, a disk that is really full.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/src/skip.rs"]
mod skip;
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use passerelle_audit::{
    ConsistencyProof, Draft, FolderNodes, InclusionProof, JournalError, Kind, Query, SealingKey, leaf_hash,
};
use skip::skipped;
use support::{Log, opening};

async fn fill(log: &Log, key: &Arc<SealingKey>, exchanges: usize) {
    let journal = log.start();
    for from in (0..exchanges).step_by(1_000) {
        let count = (exchanges - from).min(1_000);
        let opened = (0..count).map(|_| journal.open(opening("https://www.caf.fr/"), key.clone()));
        for opened in futures_all(opened).await {
            opened.unwrap().close(Draft::new(Kind::Closed));
        }
    }
    journal.stop().await;
}

/// All at once, so that they share their syncs.
async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, done) in &mut futures {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(output) => *done = Some(output),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}

fn python(folder: &Path, older: Option<&Path>) -> std::process::Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_log.py");
    Command::new("python3").arg(script).arg(folder).args(older).output().unwrap()
}

#[tokio::test]
async fn an_independent_verifier_agrees() {
    if ["python3", "openssl"].iter().any(|tool| Command::new(tool).arg("--help").output().is_err()) {
        return skipped("an_independent_verifier_agrees", "python3 or openssl is missing");
    }
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let older = log.folder().join("older");
    for exchanges in [0, 1, 127, 200, 33_000] {
        fill(&log, &key, exchanges).await;
        let before = older.exists().then_some(older.as_path());
        let output = python(log.folder(), before);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let verified = log.verify().unwrap();
        let root = data_encoding::BASE64.encode(&verified.root);
        let expected = format!("verified {} records, root {root}\n", verified.records);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        std::fs::copy(log.folder().join("checkpoint"), &older).unwrap();
    }
    // It does notice.
    let bundle = log.folder().join("tile/entries/001");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    assert!(!python(log.folder(), None).status.success());
    assert_eq!(log.verify().unwrap_err().index, 256);
}

#[tokio::test]
async fn proofs_are_made_from_the_tiles() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    fill(&log, &key, 300).await;
    let old = log.verify().unwrap();
    fill(&log, &key, 500).await;
    let new = log.verify().unwrap();
    let nodes = FolderNodes::new(log.folder(), new.records);
    let consistency = ConsistencyProof::make(&nodes, old.records, new.records).unwrap();
    consistency.check(&old.root, &new.root).unwrap();
    assert!(consistency.check(&new.root, &old.root).is_err());

    let bundle = std::fs::read(log.folder().join("tile/entries/003")).unwrap();
    let length = usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
    let leaf = leaf_hash(&bundle[2..2 + length]);
    let inclusion = InclusionProof::make(&nodes, 3 * 256, new.records).unwrap();
    inclusion.check(&leaf, &new.root).unwrap();
}

const CHILD_FOLDER: &str = "PASSERELLE_TEST_CHILD_FOLDER";

/// Not a test of its own: the process that the next one kills. Says each index once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_records_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let log = Log::new();
    let key = Arc::new(SealingKey::new(passerelle_audit::KeyId([1; 16]), [2; 32]));
    let publish_often = |limits: &mut passerelle_audit::Limits| {
        limits.publish_interval = std::time::Duration::from_millis(5);
        limits.segment_bytes = 200_000;
    };
    let (journal, _) = log.start_in(Path::new(&folder), publish_often, &[&key]);
    let tasks = (0..20).map(|_| {
        let (journal, key) = (journal.clone(), key.clone());
        tokio::spawn(async move {
            loop {
                let opened = journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap();
                println!("acknowledged {}", opened.index());
                tokio::task::yield_now().await;
                opened.close(Draft::new(Kind::Closed));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        let _: Result<(), _> = task.await;
    }
}

#[tokio::test]
async fn ten_kills_under_load_lose_nothing_acknowledged() {
    let log = Log::new();
    let key = SealingKey::new(passerelle_audit::KeyId([1; 16]), [2; 32]);
    let mut acknowledged = Vec::new();
    for kill in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_records_until_it_is_killed", "--nocapture"])
            .env(CHILD_FOLDER, log.folder())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let index =
            |line: String| line.rsplit_once("acknowledged ").map(|(_, index)| index.parse::<u64>().unwrap());
        acknowledged.extend(lines.by_ref().filter_map(index).take(200 + 37 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        // A line that the kill tore has no newline; the one before it is whole.
        let mut rest: Vec<String> = lines.collect();
        rest.pop();
        acknowledged.extend(rest.into_iter().filter_map(index));

        log.verify().unwrap();
        let (journal, orphans) = log.start_in(log.folder(), |_| {}, &[&key]);
        assert!(orphans.iter().all(|orphan| orphan.sealed.person.as_deref() == Some("p-1")));
        journal.stop().await;
        log.verify().unwrap();
    }
    let records = log.search(&[&key], Query::default());
    for index in acknowledged {
        assert_eq!(records[index as usize].header.kind, Kind::Opened, "record {index}");
    }
    let count = |kind| records.iter().filter(|record| record.header.kind == kind).count();
    assert_eq!(count(Kind::Opened), count(Kind::Closed));
    assert!(records.iter().any(|record| record.header.reason.as_deref() == Some("crash")));
}

/// A small file system of its own, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|mount| mount.status.success()).then(|| SmallDisk(folder))
    }

    /// Takes every free byte; deleting the file gives them back.
    fn fill(&self) -> std::path::PathBuf {
        use std::io::Write;
        let path = self.0.path().join("filler");
        let mut filler = std::fs::File::create(&path).unwrap();
        for size in [4_096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_live_exchanges_still_close() {
    let Some(disk) = SmallDisk::mount() else {
        return skipped("a_full_disk_refuses_and_live_exchanges_still_close", "mounting a tmpfs needs root");
    };
    let log = Log::at(disk.0.path().join("audit"));
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    let mut live = Vec::new();
    for _ in 0..20 {
        live.push(journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap());
    }
    let filler = disk.fill();
    let refused = journal.open(opening("https://www.caf.fr/"), key.clone()).await;
    assert!(matches!(refused, Err(JournalError::Unavailable(_))));
    let refused = journal.append(Draft::new(Kind::SignedIn), key.clone()).await;
    assert!(matches!(refused, Err(JournalError::Unavailable(_))));
    assert!(journal.health().failure.is_some());

    live.into_iter().for_each(|opened| opened.close(Draft::new(Kind::Closed)));
    while journal.health().live > 0 {
        tokio::task::yield_now().await;
    }
    let closed = log.search(&[&key], Query { kind: Some(Kind::Closed), ..Query::default() });
    assert_eq!(closed.len(), 20);
    log.verify().unwrap();

    // Room again: recording goes on without a restart.
    std::fs::remove_file(filler).unwrap();
    assert_eq!(journal.append(Draft::new(Kind::SignedIn), key.clone()).await.unwrap(), 40);
    journal.stop().await;
    assert_eq!(log.verify().unwrap().checkpoint.size, 41);
}
