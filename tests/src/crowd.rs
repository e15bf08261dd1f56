//! A crowd: clients that open tunnels and read pages, one after the other, until the gateway is gone; and what each of them got
//! an answer to, so that a test can look for it in the journal.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::{io::AsyncWriteExt, sync::Notify, task::JoinSet, time::timeout};

use crate::{
    client::{ANSWER_LIMIT, Client, Outer, read_answer},
    internet::{OPEN, READ},
    journal::Record,
};

/// Clients of each person.
const CLIENTS: usize = 4;

pub struct Crowd {
    clients: JoinSet<Answered>,
    answers: Arc<(AtomicUsize, Notify)>,
}

/// What one client, or all of them, got an answer to.
#[derive(Default)]
pub struct Answered {
    urls: Vec<String>,
    tunnels: usize,
}

impl Crowd {
    /// Four clients for each session; `name` goes into the paths they ask for, which are all different.
    pub fn start(sessions: [&Client; 2], name: &str) -> Crowd {
        let answers = Arc::new((AtomicUsize::new(0), Notify::new()));
        let mut clients = JoinSet::new();
        for (person, session) in sessions.into_iter().enumerate() {
            for number in 0..CLIENTS {
                let name = format!("{name}-{person}-{number}");
                clients.spawn(browse(session.clone(), name, answers.clone()));
            }
        }
        Crowd { clients, answers }
    }

    /// Until so many pages were answered.
    pub async fn wait_for(&self, answers: u64) {
        let (count, more) = &*self.answers;
        let enough = async {
            while (count.load(SeqCst) as u64) < answers {
                more.notified().await;
            }
        };
        timeout(ANSWER_LIMIT, enough).await.expect("the crowd is answered");
    }

    /// Once the gateway is gone.
    pub async fn finish(self) -> Answered {
        let mut all = Answered::default();
        for answered in self.clients.join_all().await {
            all.urls.extend(answered.urls);
            all.tunnels += answered.tunnels;
        }
        all
    }
}

impl Answered {
    /// Every answer has its opening record.
    pub fn assert_recorded(&self, records: &[Record], when: &str) {
        let opened = |record: &&Record| record.kind == "opened";
        let urls: BTreeSet<_> =
            records.iter().filter(opened).filter_map(|record| record.url.as_deref()).collect();
        let missing: Vec<_> = self.urls.iter().filter(|url| !urls.contains(url.as_str())).collect();
        assert!(missing.is_empty(), "{when}: answered, not on record: {missing:?}");
        let is_tunnel = |record: &&Record| record.method.as_deref() == Some("CONNECT");
        let tunnels = records.iter().filter(opened).filter(is_tunnel).count();
        assert!(tunnels >= self.tunnels, "{when}: a CONNECT without a record");
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
async fn read_page(client: &Client, tunnel: Outer, host: &str, target: &str) -> bool {
    let Ok(mut stream) = client.inner(tunnel, host, &["http/1.1"]).await else { return false };
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(head.as_bytes()).await.is_ok();
    sent && read_answer(&mut stream, false).await.is_ok_and(|answer| answer.status == 200)
}
