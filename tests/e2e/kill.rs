//! `kill -9` under load, ten times: every answer that a client received has its opening record, orphans are closed at the
//! next start, the log verifies, and people sign in again.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use passerelle_tests::{
    Stand,
    client::{ANSWER_LIMIT, Client, read_answer},
    internet::{Internet, OPEN, READ},
    journal::{Record, orphans},
    sample::{CAMILLE, SACHA},
};
use tokio::{io::AsyncWriteExt, sync::Notify, task::JoinSet, time::timeout};

const KILLS: u64 = 10;
const CLIENTS: usize = 8;
/// The kill comes after as many answers, chosen by the seed: from "nobody has one" to well into the load.
const ANSWERS_BEFORE_KILL: u64 = 80;
/// Replays a run: `PASSERELLE_SEED=N`.
const SEED: &str = "PASSERELLE_SEED";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_on_record_after_a_kill() {
    let (_internet, mut stand) = Internet::stand().await.unwrap();
    let mut seed = seed();
    println!("{SEED}={seed}");
    let mut crashes = 0;
    for round in 0..KILLS {
        seed = next(seed);
        let load = Load::start(&stand, round).await;
        load.wait_for(seed % ANSWERS_BEFORE_KILL).await;
        stand.kill().unwrap();
        let answered = load.finish().await;
        stand.restart().unwrap();

        let records = stand.journal(&[]).unwrap();
        assert_recorded(&answered, &records, round);
        assert_eq!(orphans(&records), [0; 0], "round {round}: openings without an end");
        let crashed = records.iter().filter(|record| record.reason.as_deref() == Some("crash")).count();
        assert!(crashed >= crashes, "round {round}: closings of an earlier crash are gone");
        crashes = crashed;
        let verified = stand.verify().unwrap();
        assert!(verified.starts_with("verified "), "{verified}");
    }
    assert!(crashes > 0, "no kill came in the middle of anything: no proof");
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    assert_eq!(client.get(OPEN, "/").await.unwrap().status, 200);
}

fn assert_recorded(answered: &Answered, records: &[Record], round: u64) {
    let opened = |record: &&Record| record.kind == "opened";
    let urls: BTreeSet<_> =
        records.iter().filter(opened).filter_map(|record| record.url.as_deref()).collect();
    let missing: Vec<_> = answered.urls.iter().filter(|url| !urls.contains(url.as_str())).collect();
    assert!(missing.is_empty(), "round {round}: answered, not on record: {missing:?}");
    let tunnels = records.iter().filter(opened).filter(|record| record.method.as_deref() == Some("CONNECT"));
    assert!(tunnels.count() >= answered.tunnels, "round {round}: a CONNECT without a record");
}

/// Clients that open tunnels and read pages until the gateway is gone.
struct Load {
    clients: JoinSet<Answered>,
    answers: Arc<(AtomicUsize, Notify)>,
}

/// What one client, or all of them, got an answer to.
#[derive(Default)]
struct Answered {
    urls: Vec<String>,
    tunnels: usize,
}

impl Load {
    /// Two persons on two terminals, four clients each.
    async fn start(stand: &Stand, round: u64) -> Load {
        let first = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
        let second = stand.client("b").unwrap().sign_in(&SACHA).await.unwrap();
        let answers = Arc::new((AtomicUsize::new(0), Notify::new()));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = if number % 2 == 0 { &first } else { &second };
            clients.spawn(browse(client.clone(), format!("{round}-{number}"), answers.clone()));
        }
        Load { clients, answers }
    }

    async fn wait_for(&self, answers: u64) {
        let (count, more) = &*self.answers;
        let enough = async {
            while (count.load(SeqCst) as u64) < answers {
                more.notified().await;
            }
        };
        timeout(ANSWER_LIMIT, enough).await.expect("the load is answered");
    }

    async fn finish(self) -> Answered {
        let mut all = Answered::default();
        for answered in self.clients.join_all().await {
            all.urls.extend(answered.urls);
            all.tunnels += answered.tunnels;
        }
        all
    }
}

/// One page after the other, each in a tunnel of its own, until one fails.
async fn browse(client: Client, name: String, answers: Arc<(AtomicUsize, Notify)>) -> Answered {
    let mut answered = Answered::default();
    for number in 0.. {
        let host = if number % 2 == 0 { OPEN } else { READ };
        let target = format!("/public/{name}-{number}");
        let Ok(Ok(tunnel)) = client.connect(&format!("{host}:443")).await else { break };
        answered.tunnels += 1;
        if !read_page(&client, tunnel, host, &target).await {
            break;
        }
        answered.urls.push(format!("https://{host}{target}"));
        answers.0.fetch_add(1, SeqCst);
        answers.1.notify_one();
    }
    answered
}

/// True once the head of the answer is here, whole.
async fn read_page(
    client: &Client,
    tunnel: passerelle_tests::client::Outer,
    host: &str,
    target: &str,
) -> bool {
    let Ok(mut stream) = client.inner(tunnel, host, &["http/1.1"]).await else { return false };
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(head.as_bytes()).await.is_ok();
    sent && read_answer(&mut stream, false).await.is_ok_and(|answer| answer.status == 200)
}

fn seed() -> u64 {
    let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64)
}

/// splitmix64: well spread from any seed.
fn next(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
