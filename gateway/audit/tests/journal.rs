//! The journal on a real folder, through its public interface.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use passerelle_audit::{Draft, Effect, JournalError, Kind, Query, Sealed, SealingKey, StartError, search};
use support::{Log, opening};

#[tokio::test]
async fn a_record_is_found_again_as_it_was_said() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    let opening = journal.open(opening("https://www.caf.fr/?page&q"), key.clone()).await.unwrap();
    assert_eq!(opening.index(), 0);
    let sealed = Sealed { status: Some(200), address: Some("192.0.2.7:443".into()), ..Sealed::default() };
    opening.close(Draft { decision: Some(Effect::Allow), sealed, ..Draft::new(Kind::Closed) });
    let refused =
        Draft { decision: Some(Effect::Refuse), reason: Some("no-rule".into()), ..Draft::new(Kind::Refused) };
    assert_eq!(journal.append(refused, key.clone()).await.unwrap(), 2);
    journal.stop().await;

    let verified = log.verify().unwrap();
    assert_eq!((verified.records, verified.checkpoint.size), (3, 3));
    let lines: Vec<String> =
        log.search(&[&key], Query::default()).iter().map(|record| record.canonical_line()).collect();
    // The clock ticks as often as the batches fall.
    let lines: Vec<String> = lines.iter().map(|line| mask_time(line)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"index":0,"gateway":"gw-1","time":"[time]","kind":"opened","decision":"allow","terminal":"cell-1","person":"p-1","session":"s-1","url":"https://www.caf.fr/?page&q"}
    {"index":1,"gateway":"gw-1","time":"[time]","kind":"closed","decision":"allow","opened":0,"terminal":"cell-1","person":"p-1","session":"s-1","url":"https://www.caf.fr/?page&q","address":"192.0.2.7:443","status":200}
    {"index":2,"gateway":"gw-1","time":"[time]","kind":"refused","decision":"refuse","reason":"no-rule"}
    "#);
}

fn mask_time(line: &str) -> String {
    let (before, rest) = line.split_once("2026-01-01T00:00:00.").unwrap();
    format!("{before}[time]{}", &rest[4..])
}

#[tokio::test]
async fn a_destroyed_key_erases_and_the_log_verifies() {
    let log = Log::new();
    let (kept, destroyed) = (Arc::new(SealingKey::generate()), Arc::new(SealingKey::generate()));
    let journal = log.start();
    for key in [&kept, &destroyed] {
        journal.append(signed_in(), key.clone()).await.unwrap();
    }
    journal.stop().await;
    let found = log.search(&[&kept], Query::default());
    let persons: Vec<_> = found.iter().map(|record| record.sealed.person.as_deref()).collect();
    assert_eq!(persons, [Some("p-1"), None]);
    assert_eq!(log.search(&[&kept], Query { person: Some("p-1".into()), ..Query::default() }).len(), 1);
    log.verify().unwrap();
}

#[tokio::test]
async fn the_files_alone_do_not_tell_what_one_person_did() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    for _ in 0..20 {
        journal.append(signed_in(), key.clone()).await.unwrap();
    }
    journal.stop().await;
    let mut seen = std::collections::HashSet::new();
    for entry in passerelle_audit::entries(log.folder(), 20).unwrap() {
        let (_, entry) = entry.unwrap();
        assert_eq!(log.hints().key_id(&entry).unwrap(), Some(key.id()));
        let clear = entry.iter().position(|&byte| byte == b'\n').unwrap();
        let header: std::collections::BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&entry[..clear]).unwrap();
        assert_eq!(header.keys().collect::<Vec<_>>(), ["decision", "gateway", "index", "kind", "time"]);
        assert!(entry[clear..].windows(16).all(|part| seen.insert(part.to_vec())));
    }
}

#[tokio::test]
async fn a_dropped_opening_closes_as_client_gone() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    drop(journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap());
    let panicked = journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap();
    let _ = std::thread::spawn(move || {
        let _panicked = panicked;
        panic!("on purpose");
    })
    .join();
    journal.stop().await;
    let closed = log.search(&[&key], Query { kind: Some(Kind::Closed), ..Query::default() });
    let closed: Vec<_> = closed
        .iter()
        .map(|r| (r.header.opened, r.header.reason.as_deref(), r.sealed.person.as_deref()))
        .collect();
    assert_eq!(closed, [(Some(0), Some("client-gone"), Some("p-1")), (Some(2), Some("crash"), Some("p-1"))]);
}

#[tokio::test]
async fn a_caller_that_goes_away_while_it_waits_leaves_no_orphan() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    for _ in 0..50 {
        let mut asked = Box::pin(journal.open(opening("https://www.caf.fr/"), key.clone()));
        let _ = futures_poll(asked.as_mut());
    }
    // The queue is in order: once this one is durable, so are those before.
    journal.append(Draft::new(Kind::SignedOut), key.clone()).await.unwrap();
    while journal.health().live > 0 {
        tokio::task::yield_now().await;
    }
    journal.stop().await;
    let count = |kind| log.search(&[&key], Query { kind: Some(kind), ..Query::default() }).len();
    assert_eq!((count(Kind::Opened), count(Kind::Closed)), (50, 50));
    log.verify().unwrap();
}

fn signed_in() -> Draft {
    Draft { kind: Kind::SignedIn, ..opening("https://www.caf.fr/") }
}

fn refused(url: &str) -> Draft {
    Draft { kind: Kind::Refused, ..opening(url) }
}

fn futures_poll<F: std::future::Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_tasks_get_indexes_of_their_own() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (journal, key) = (journal.clone(), key.clone());
            tokio::spawn(async move {
                let mut indexes = Vec::new();
                for _ in 0..10 {
                    let opened = journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap();
                    indexes.push(opened.index());
                    opened.close(Draft::new(Kind::Closed));
                }
                indexes
            })
        })
        .collect();
    let mut indexes = Vec::new();
    for task in tasks {
        indexes.extend(task.await.unwrap());
    }
    journal.stop().await;
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), 1_000);
    assert_eq!(log.verify().unwrap().records, 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_journal_verifies_at_any_time() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start_with(|limits| {
        limits.publish_interval = std::time::Duration::from_millis(1);
        limits.segment_bytes = 50_000;
    });
    let writing = tokio::spawn({
        let (journal, key) = (journal.clone(), key.clone());
        async move {
            for _ in 0..2_000 {
                let opened = journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap();
                opened.close(Draft::new(Kind::Closed));
            }
        }
    });
    let (mut before, mut looks) = (0, 0);
    while !writing.is_finished() {
        let verified = log.verify().unwrap();
        assert!(verified.records >= before && verified.records >= verified.checkpoint.size);
        let found = log.search(&[&key], Query::default()).len() as u64;
        assert!(found >= verified.records);
        (before, looks) = (found, looks + 1);
        tokio::task::yield_now().await;
    }
    writing.await.unwrap();
    journal.stop().await;
    assert!(looks > 1);
    assert_eq!(log.verify().unwrap().records, 4_000);
}

#[tokio::test]
async fn limits_are_kept() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start_with(|limits| limits.live_exchanges = 1);
    let first = journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap();
    let second = journal.open(opening("https://www.caf.fr/"), key.clone()).await;
    assert!(matches!(second, Err(JournalError::Busy(1))));
    let long = journal.append(refused(&"u".repeat(8_193)), key.clone()).await;
    assert!(matches!(long, Err(JournalError::TooLarge { what: "url", bytes: 8_193, limit: 8_192 })));
    let misplaced = journal.append(opening("x"), key.clone()).await;
    assert!(matches!(misplaced, Err(JournalError::Kind(Kind::Opened))));
    // A closing always fits: what is too long is left out.
    let mut closing = opening(&"u".repeat(8_192));
    closing.sealed.status = Some(204);
    first.close(closing);
    journal.clone().stop().await;
    assert!(matches!(journal.append(refused("x"), key.clone()).await, Err(JournalError::Stopped)));
    let closed = log.search(&[&key], Query { kind: Some(Kind::Closed), ..Query::default() });
    let Sealed { url, status, person, .. } = &closed[0].sealed;
    assert_eq!((url.as_deref(), *status, person.as_deref()), (None, Some(204), Some("p-1")));
}

#[tokio::test]
async fn a_stopped_journal_goes_on_where_it_ended() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    for run in 0..5 {
        let journal = log.start();
        for n in 0..130 {
            let index = journal.append(signed_in(), key.clone()).await.unwrap();
            assert_eq!(index, run * 130 + n);
        }
        journal.stop().await;
        assert_eq!(log.verify().unwrap().records, (run + 1) * 130);
    }
}

#[tokio::test]
async fn pruned_entries_leave_their_hashes() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    for _ in 0..600 {
        let opened = journal.open(opening("https://www.caf.fr/"), key.clone()).await.unwrap();
        opened.close(Draft::new(Kind::Closed));
    }
    journal.stop().await;
    assert_eq!(log.prune(700), 700);
    assert!(!log.folder().join("tile/entries/001").exists());
    let verified = log.verify().unwrap();
    assert_eq!((verified.records, verified.minimum), (1_200, 700));
    assert_eq!(log.search(&[&key], Query::default())[0].header.index, 512);
    // Never back, never beyond the checkpoint.
    assert_eq!(log.prune(10), 700);
    assert_eq!(log.prune(u64::MAX), 1_200);
    log.verify().unwrap();
    std::fs::remove_file(log.folder().join("minimum-index")).unwrap();
    assert_eq!(log.verify().unwrap_err().index, 0);
}

#[tokio::test]
async fn nobody_prunes_without_the_key() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    for _ in 0..600 {
        journal.append(signed_in(), key.clone()).await.unwrap();
    }
    journal.stop().await;
    // Entries gone and the index raised by hand, without a signature and beyond one.
    std::fs::remove_file(log.folder().join("tile/entries/000")).unwrap();
    std::fs::write(log.folder().join("minimum-index"), "256\n").unwrap();
    assert_eq!(log.verify().unwrap_err().index, 0);
    std::fs::remove_file(log.folder().join("minimum-index")).unwrap();
    assert_eq!(log.prune(256), 256);
    log.verify().unwrap();
    std::fs::remove_file(log.folder().join("tile/entries/001")).unwrap();
    std::fs::write(log.folder().join("minimum-index"), "512\n").unwrap();
    assert_eq!(log.verify().unwrap_err().index, 0);
    assert!(log.try_start().is_err(), "nor does a journal start on it");
}

#[tokio::test]
async fn a_missing_tail_is_told_at_the_start_too() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    for _ in 0..100 {
        journal.append(signed_in(), key.clone()).await.unwrap();
    }
    journal.stop().await;
    for tail in std::fs::read_dir(log.folder().join("pending")).unwrap() {
        std::fs::remove_file(tail.unwrap().path()).unwrap();
    }
    assert_eq!(log.verify().unwrap_err().why, "the pending tail is missing");
    assert!(matches!(log.try_start(), Err(StartError::NoTail { index: 100 })));
}

#[tokio::test]
async fn queries_match_every_field() {
    let log = Log::new();
    let key = Arc::new(SealingKey::generate());
    let journal = log.start();
    for (person, url, reason) in [
        ("p-1", "https://www.caf.fr/aide", None),
        ("p-2", "https://caf.fr/", Some("no-rule")),
        ("p-1", "www.francetravail.fr:443", Some("window")),
    ] {
        let mut draft = opening(url);
        draft.kind = if reason.is_some() { Kind::Refused } else { Kind::ItemOpened };
        draft.decision = Some(if reason.is_some() { Effect::Refuse } else { Effect::Allow });
        draft.reason = reason.map(Into::into);
        draft.sealed.person = Some(person.into());
        journal.append(draft, key.clone()).await.unwrap();
    }
    journal.stop().await;
    let check = |query: Query, expected: &[u64]| {
        let found: Vec<u64> =
            log.search(&[&key], query.clone()).iter().map(|record| record.header.index).collect();
        assert_eq!(found, expected, "{query:?}");
    };
    let text = |text: &str| Some(text.to_owned());
    check(Query::default(), &[0, 1, 2]);
    check(Query { limit: Some(2), ..Query::default() }, &[0, 1]);
    check(Query { person: text("p-1"), ..Query::default() }, &[0, 2]);
    check(Query { session: text("s-1"), ..Query::default() }, &[0, 1, 2]);
    check(Query { terminal: text("cell-2"), ..Query::default() }, &[]);
    check(Query { host: text("www.francetravail.fr"), ..Query::default() }, &[2]);
    check(Query { host: text("*.caf.fr"), ..Query::default() }, &[0]);
    check(Query { decision: Some(Effect::Refuse), ..Query::default() }, &[1, 2]);
    check(Query { kind: Some(Kind::ItemOpened), ..Query::default() }, &[0]);
    check(Query { text: text("AIDE"), ..Query::default() }, &[0]);
    check(Query { text: text("window"), ..Query::default() }, &[2]);
    let second = log.search(&[&key], Query::default())[1].header.time;
    check(Query { from: Some(second), ..Query::default() }, &[1, 2]);
    check(Query { to: Some(second), ..Query::default() }, &[0]);
    assert!(search(&log.folder().join("absent"), log.hints(), |_| None, Query::default()).is_err());
}
