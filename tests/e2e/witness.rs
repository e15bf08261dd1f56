//! The journal read by a verifier that shares no code with the gateway (`witness.py`), whole and tampered with.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use passerelle_tests::{
    client::read_answer,
    internet::{Internet, OPEN},
    process::{Output, run},
    sample::CAMILLE,
};
use tokio::io::AsyncWriteExt;

/// Two records each: past the first full tile of 256.
const REQUESTS: usize = 150;

fn witness(audit: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/witness.py");
    run(Command::new("python3").arg(script).arg(audit), "").unwrap()
}

/// Every file below a folder.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_verifier_agrees_and_sees_every_change() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut stream = client.inspected(OPEN).await.unwrap();
    for number in 0..REQUESTS {
        let head = format!("GET /public/{number} HTTP/1.1\r\nHost: {OPEN}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 200);
    }
    drop(stream);
    // A gateway that stops publishes all it has.
    stand.stop();
    let verified = stand.verify().unwrap();
    let count = verified.split(' ').nth(1).unwrap().to_string();
    let audit = stand.data.join("audit");
    let witnessed = witness(&audit).success().unwrap().stdout;
    assert!(witnessed.starts_with(&format!("witnessed {count} entries, ")), "{verified}{witnessed}");

    // One bit of any published file, and neither verifier is content.
    let published = [vec![audit.join("checkpoint")], files(audit.join("tile"))].concat();
    assert!(published.iter().any(|path| path.to_string_lossy().contains("entries")));
    for path in published {
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&path, changed).unwrap();
        let (ours, theirs) = (stand.try_verb(&["audit", "verify"], "").unwrap(), witness(&audit));
        fs::write(&path, whole).unwrap();
        // A partial tile beside a full one is history; whoever reads the newest tree does not need it.
        let needed = !path.to_string_lossy().contains(".p/") || theirs.code != 0;
        assert!(!needed || theirs.code == 1, "{}: {theirs:?}", path.display());
        assert!(!needed || ours.code == 1, "{}: {ours:?}", path.display());
    }
    witness(&audit).success().unwrap();
}
