//! How many durable openings a second this disk takes: `cargo run --release --example load -- FOLDER [TASKS] [SECONDS]`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use passerelle_audit::{
    Draft, Journal, JournalConfig, Kind, Limits, Sealed, SealingKey, SigningKey, create_anchor,
};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder: std::path::PathBuf = arguments.next().expect("usage: load FOLDER [TASKS] [SECONDS]").into();
    let tasks: usize = arguments.next().map_or(256, |tasks| tasks.parse().unwrap());
    let seconds = arguments.next().map_or(5, |seconds| seconds.parse().unwrap());
    let (origin, signing_key) = ("passerelle.example/load", SigningKey::from_seed([1; 32]));
    let anchor = folder.with_extension("checkpoint");
    if !anchor.exists() {
        create_anchor(&anchor, origin, &signing_key).unwrap();
    }
    let config = JournalConfig {
        folder,
        anchor,
        gateway: "load".into(),
        origin: origin.into(),
        signing_key,
        limits: Limits::default(),
    };
    let (journal, _) = Journal::start(config, Arc::new(jiff::Timestamp::now), |_| None).unwrap();
    let (key, end) = (Arc::new(SealingKey::generate()), Instant::now() + Duration::from_secs(seconds));
    let tasks: Vec<_> = (0..tasks).map(|_| tokio::spawn(load(journal.clone(), key.clone(), end))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    journal.stop().await;
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    let rate = waits.len() as u64 / seconds;
    println!("{rate} openings and closings a second, p50 {:?}, p99 {:?}", at(0.5), at(0.99));
}

async fn load(journal: Journal, key: Arc<SealingKey>, end: Instant) -> Vec<Duration> {
    let url = Some("https://candidat.francetravail.fr/espacepersonnel/recherche?page&q".to_owned());
    let sealed =
        Sealed { person: Some("sample".into()), terminal: Some("sample".into()), url, ..Sealed::default() };
    let mut waits = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        let draft = Draft { sealed: sealed.clone(), ..Draft::new(Kind::Opened) };
        let opened = journal.open(draft, key.clone()).await.unwrap();
        waits.push(asked.elapsed());
        opened.close(Draft::new(Kind::Closed));
    }
    waits
}
