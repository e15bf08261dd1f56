//! SIGTERM under load: whoever was answered has a record, every opening its closing, the last checkpoint covers all, and the
//! exit code is 0 within the stated limit.

#![allow(clippy::unwrap_used)]

use std::{fs, time::Duration};

use nix::sys::signal::Signal;
use passerelle_tests::{
    client::within,
    crowd::Crowd,
    internet::{Internet, OPEN, TUNNEL},
    journal::orphans,
    sample::{CAMILLE, SACHA},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// As gateway/README.md states it: thrice `stop_seconds`.
const SETTINGS: &str = "[limits]\nstop_seconds = 5\n";
const STOP_LIMIT: Duration = Duration::from_secs(15);
const ANSWERS_BEFORE_STOP: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_loses_nothing() {
    let (_internet, mut stand) = Internet::stand_with(SETTINGS).await.unwrap();
    let first = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let second = stand.client("b").unwrap().sign_in(&SACHA).await.unwrap();
    // What would last for minutes, read by nobody: a download and a tunnel.
    let mut download = first.inspected(OPEN).await.unwrap();
    download.write_all(format!("GET /download HTTP/1.1\r\nHost: {OPEN}\r\n\r\n").as_bytes()).await.unwrap();
    download.read_u8().await.unwrap();
    let mut tunnel = second.connect(&format!("{TUNNEL}:443")).await.unwrap().unwrap();
    let crowd = Crowd::start([&first, &second], "arret");
    crowd.wait_for(ANSWERS_BEFORE_STOP).await;

    let process = stand.gateway().unwrap().process();
    process.signal(Signal::SIGTERM).unwrap();
    assert_eq!(process.wait(STOP_LIMIT).unwrap(), Some(0), "{}", process.log_tail());
    let answered = crowd.finish().await;
    let _ = within(tunnel.read_to_end(&mut Vec::new())).await.unwrap();
    stand.stop();

    let records = stand.journal(&[]).unwrap();
    answered.assert_recorded(&records, "after the stop");
    assert_eq!(orphans(&records), [0; 0], "openings without an end");
    assert!(records.iter().all(|record| record.reason.as_deref() != Some("crash")), "closed by the stop");
    let ended = |kind: &str, reason: &str| {
        records
            .iter()
            .filter(|record| record.kind == kind && record.reason.as_deref() == Some(reason))
            .count()
    };
    assert!(ended("closed", "stopping") >= 2, "download and tunnel");
    assert_eq!(ended("signed-out", "stopping"), 2, "both sessions");
    assert_eq!(records.last().unwrap().kind, "gateway-stopped");
    // The checkpoint covers the last record: the second line of the signed note is its size.
    let checkpoint = fs::read_to_string(stand.data.join("audit/checkpoint")).unwrap();
    assert_eq!(checkpoint.lines().nth(1), Some(&*records.len().to_string()));
    stand.verify().unwrap();
}
