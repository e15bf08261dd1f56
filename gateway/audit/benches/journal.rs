//! The journal alone, on the disk of the target folder: how many records a second are durable, and how long one waits at a rate.
//!
//! `cargo bench -p passerelle-audit --bench journal [-- --quick] [--folder FOLDER]`. Each opening waits until it is on disk, as a
//! request does; its closing follows at once. Prints `NAME <tab> FIGURE` for `cargo xtask bench`.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use passerelle_audit::{
    Draft, Journal, JournalConfig, Kind, Limits, Sealed, SealingKey, SigningKey, create_anchor,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Exchanges at once when the journal is kept busy.
const TASKS: usize = 512;
/// Records a second of the steady load, openings and closings together.
const RATE: u64 = 10_000;
/// The steady load comes in small bursts, since no clock ticks for each record.
const BURST: Duration = Duration::from_millis(1);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let length = Duration::from_secs(if arguments.iter().any(|flag| flag == "--quick") { 1 } else { 5 });
    let named =
        arguments.iter().position(|flag| flag == "--folder").map(|at| PathBuf::from(&arguments[at + 1]));
    let parent = named.unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = tempfile::tempdir_in(parent).unwrap();
    let key = Arc::new(SealingKey::generate());

    let journal = start(&folder.path().join("busy"));
    let begun = Instant::now();
    let waits = busy(&journal, &key, begun + length).await;
    journal.stop().await;
    let rate = 2.0 * waits.len() as f64 / begun.elapsed().as_secs_f64();
    println!(
        "journal, durable records a second\t{rate:.0}, of {TASKS} at a time; an opening waits {}",
        spread(waits)
    );

    let journal = start(&folder.path().join("steady"));
    let waits = steady(&journal, &key, length).await;
    journal.stop().await;
    println!("journal, wait at {RATE} records a second\t{}", spread(waits));
}

fn start(folder: &Path) -> Journal {
    let (origin, signing_key) = ("passerelle.example/bench", SigningKey::from_seed([1; 32]));
    let anchor = folder.with_extension("checkpoint");
    create_anchor(&anchor, origin, &signing_key).unwrap();
    let config = JournalConfig {
        folder: folder.to_owned(),
        anchor,
        gateway: "bench".into(),
        origin: origin.into(),
        signing_key,
        limits: Limits::default(),
    };
    Journal::start(config, Arc::new(jiff::Timestamp::now), |_| None).unwrap().0
}

/// As many as the journal takes.
async fn busy(journal: &Journal, key: &Arc<SealingKey>, end: Instant) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (journal, key) = (journal.clone(), key.clone());
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while Instant::now() < end {
                waits.push(exchange(&journal, &key, Instant::now()).await);
            }
            waits
        });
    }
    tasks.join_all().await.concat()
}

/// At [`RATE`]; a wait counts from when the record was due, so that a stall shows in all that it holds up.
async fn steady(journal: &Journal, key: &Arc<SealingKey>, length: Duration) -> Vec<Duration> {
    let bursts = length.as_millis() / BURST.as_millis();
    let exchanges_per_burst = RATE / 2 * BURST.as_millis() as u64 / 1000;
    let mut clock = interval(BURST);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = JoinSet::new();
    for _ in 0..bursts {
        let due = clock.tick().await;
        for _ in 0..exchanges_per_burst {
            let (journal, key) = (journal.clone(), key.clone());
            tasks.spawn(async move { exchange(&journal, &key, due).await });
        }
    }
    tasks.join_all().await
}

/// One opening and its closing; how long after `asked` the opening was durable.
async fn exchange(journal: &Journal, key: &Arc<SealingKey>, asked: Instant) -> Duration {
    let sealed = Sealed {
        person: Some("sample".into()),
        terminal: Some("sample".into()),
        url: Some("https://candidat.francetravail.fr/espacepersonnel/recherche?page&q".into()),
        ..Sealed::default()
    };
    let opened = journal.open(Draft { sealed, ..Draft::new(Kind::Opened) }, key.clone()).await.unwrap();
    let wait = asked.elapsed();
    opened.close(Draft::new(Kind::Closed));
    wait
}

fn spread(mut waits: Vec<Duration>) -> String {
    waits.sort_unstable();
    let at = |share: usize| waits[(waits.len() - 1) * share / 100].as_secs_f64() * 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms", at(50), at(99))
}
