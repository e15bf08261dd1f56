//! `kill -9` under load, ten times: what a client was answered is on record, and the next start closes what was open.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use passerelle_tests::{
    client::{Client, read_answer},
    internet::{Internet, OPEN},
    journal::orphans,
    process::eventually,
    sample::CAMILLE,
};
use tokio::{io::AsyncWriteExt, task::JoinSet};

const ROUNDS: usize = 10;
const CLIENTS: usize = 8;
const LOAD_LIMIT: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Load {
    answered: Mutex<BTreeSet<String>>,
    stop: AtomicBool,
}

/// Asks for one path after another, each its own, and keeps those that were answered.
async fn ask(client: Client, load: Arc<Load>, name: String) -> anyhow::Result<()> {
    let mut stream = client.inspected(OPEN).await?;
    let mut number = 0;
    while !load.stop.load(SeqCst) {
        let path = format!("/public/{name}-{number}");
        let head = format!("GET {path} HTTP/1.1\r\nHost: {OPEN}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let answer = read_answer(&mut stream, false).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        load.answered.lock().unwrap().insert(path);
        number += 1;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_power_cuts_lose_no_record() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    let load = Arc::new(Load::default());
    for round in 0..ROUNDS {
        let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
        load.stop.store(false, SeqCst);
        let before = load.answered.lock().unwrap().len();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(ask(client.clone(), load.clone(), format!("{round}-{number}")));
        }
        // Each round is cut at another point of the load.
        let enough = 20 + 13 * round;
        eventually(LOAD_LIMIT, &format!("{enough} answers"), || {
            Ok(load.answered.lock().unwrap().len() >= before + enough)
        })
        .unwrap();
        stand.kill().unwrap();
        load.stop.store(true, SeqCst);
        while let Some(ended) = clients.join_next().await {
            // A connection that the cut ended is an error; a wrong answer is a panic, which is passed on.
            let _ = ended.unwrap();
        }
        stand.restart().unwrap();
        stand.verify().unwrap();
    }

    let records = stand.journal(&[]).unwrap();
    let opened: BTreeSet<String> = records
        .iter()
        .filter(|record| record.kind == "opened")
        .filter_map(|record| {
            record.url.as_deref()?.strip_prefix(&format!("https://{OPEN}")).map(String::from)
        })
        .collect();
    let answered = load.answered.lock().unwrap().clone();
    let lost: Vec<_> = answered.difference(&opened).collect();
    assert!(lost.is_empty(), "answered, but not on record: {lost:?}");
    assert_eq!(orphans(&records), [] as [u64; 0]);
    let crashed = records.iter().filter(|record| record.reason.as_deref() == Some("crash")).count();
    assert!(crashed >= ROUNDS, "every cut left something open, {crashed} closings say so");
}
