//! Scripted sessions on the faulty twin: the nth operation fails, for every n, and nothing that was acknowledged is lost.
//!
//! Writer and publisher are driven by hand, without threads, so a run is the same every time. They are the crate's own, so this
//! stands here and not in `tests/`. The session is below, what is done to it in the files beside.
#![allow(clippy::unwrap_used)]

mod faults;
mod restart;
mod tampering;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use proptest::prelude::*;

use crate::anchor::first_note;
use crate::faulty::{ANCHOR, Fault, FaultyDisk};
use crate::inbox::{Closing, Inbox, Prepared};
use crate::publisher::Publisher;
use crate::search::search_on;
use crate::store::{MINIMUM, segments};
use crate::tail::Segment;
use crate::verify::verify_on;
use crate::writer::Writer;
use crate::{
    Draft, FirstBad, Journal, JournalConfig, JournalError, Kind, Limits, Opening, Orphan, Query, Record,
    Sealed, SealingKey, SigningKey, StartError, Trusted, Verified, recover,
};

const ORIGIN: &str = "passerelle.test/simulation";

/// A journal without threads, and what it acknowledged.
struct Session {
    key: Arc<SealingKey>,
    journal: Journal,
    writer: Writer,
    publisher: Publisher,
    orphans: Vec<Orphan>,
    /// Index and detail of what was acknowledged.
    acknowledged: BTreeMap<u64, String>,
    live: Vec<Opening>,
}

fn sealing_key() -> Arc<SealingKey> {
    Arc::new(SealingKey::new(crate::KeyId([5; 16]), [6; 32]))
}

fn start(disk: &FaultyDisk) -> Result<Session, StartError> {
    start_with(
        disk,
        Limits { segment_bytes: 20_000, batch_records: 16, round_records: 30, ..Limits::default() },
    )
}

fn start_with(disk: &FaultyDisk, limits: Limits) -> Result<Session, StartError> {
    let inbox = Arc::new(Inbox::new(&limits));
    let config = JournalConfig {
        folder: "unused".into(),
        anchor: ANCHOR.into(),
        gateway: "gw".into(),
        origin: ORIGIN.into(),
        signing_key: SigningKey::from_seed([9; 32]),
        limits,
    };
    if disk.files().is_empty() {
        disk.put(ANCHOR, first_note(ORIGIN, &config.signing_key).as_bytes());
    }
    let journal = Journal::on(inbox.clone());
    let key = sealing_key();
    let keyring = |_: &_| Some((*key).clone());
    let clock = Arc::new(|| Timestamp::from_second(1_767_225_600).unwrap());
    let (writer, publisher, orphans) =
        recover::recover(Arc::new(disk.clone()), Box::new(disk.clone()), config, clock, &keyring, inbox)?;
    let (acknowledged, live) = (BTreeMap::new(), Vec::new());
    Ok(Session { key, journal, writer, publisher, orphans, acknowledged, live })
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn draft(kind: Kind, detail: &str) -> Draft {
    Draft { sealed: Sealed { detail: Some(detail.into()), ..Sealed::default() }, ..Draft::new(kind) }
}

impl Session {
    /// Each detail becomes a record, all in one batch.
    fn append(&mut self, details: impl IntoIterator<Item = String>) -> Vec<Result<u64, JournalError>> {
        let (journal, key) = (self.journal.clone(), self.key.clone());
        let details: Vec<String> = details.into_iter().collect();
        let mut asked: Vec<_> = details
            .iter()
            .map(|detail| Box::pin(journal.append(draft(Kind::SignedIn, detail), key.clone())))
            .collect();
        asked.iter_mut().for_each(|asked| assert!(poll(asked.as_mut()).is_pending()));
        self.writer.round();
        let answers = asked.iter_mut().map(|asked| match poll(asked.as_mut()) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("a batch answers everybody"),
        });
        let answers: Vec<_> = answers.collect();
        for (answer, detail) in answers.iter().zip(details) {
            if let Ok(index) = answer {
                self.acknowledged.insert(*index, detail);
            }
        }
        answers
    }

    fn open(&mut self, detail: &str) -> Result<(), JournalError> {
        let (journal, key) = (self.journal.clone(), self.key.clone());
        let mut asked = pin!(journal.open(draft(Kind::Opened, detail), key));
        assert!(poll(asked.as_mut()).is_pending());
        self.writer.round();
        let Poll::Ready(answer) = poll(asked.as_mut()) else { panic!("a batch answers everybody") };
        let opening = answer?;
        self.acknowledged.insert(opening.index(), detail.into());
        self.live.push(opening);
        Ok(())
    }

    /// Closes the oldest live exchange.
    fn close(&mut self) {
        if !self.live.is_empty() {
            self.live.remove(0).close(draft(Kind::Closed, "closed"));
            self.writer.round();
        }
    }

    /// A day in small: bundles fill, segments turn, exchanges live across both.
    fn play(&mut self) {
        let _ = self.open("a");
        let _ = self.open("b");
        self.append(["x".into()]);
        let _ = self.publisher.drain();
        self.close();
        for n in 0..30 {
            self.append((0..10).map(|m| format!("{n}.{m}")));
            if n % 10 == 9 {
                let _ = self.open("c");
                let _ = self.publisher.drain();
            }
        }
        self.close();
        self.append(["y".into()]);
    }

    fn stop(&mut self) {
        self.live.clear();
        // What failed is tried again, as the thread would.
        for _ in 0..3 {
            self.writer.round();
        }
        self.writer.finish();
        let _ = self.publisher.drain();
    }
}

fn verify(disk: &FaultyDisk) -> Result<Verified, FirstBad> {
    verify_with(disk, &[])
}

/// As on a gateway: against the anchor where there is one, and `trusted`.
fn verify_with(disk: &FaultyDisk, trusted: &[&str]) -> Result<Verified, FirstBad> {
    let anchor = disk.files().get(ANCHOR).map(|note| String::from_utf8_lossy(note).into_owned());
    let mut all: Vec<_> = anchor.iter().map(|note| Trusted { what: "the anchor", note }).collect();
    all.extend(trusted.iter().map(|note| Trusted { what: "the trusted checkpoint", note }));
    verify_on(disk, &SigningKey::from_seed([9; 32]).verifier_key(ORIGIN), &all)
}

fn records(disk: &FaultyDisk) -> Vec<Record> {
    let key = sealing_key();
    let hints = SigningKey::from_seed([9; 32]).hint_key();
    let found =
        search_on(Arc::new(disk.clone()), hints, move |_| Some((*key).clone()), Query::default()).unwrap();
    found.collect::<Result<_, _>>().unwrap()
}

/// Every acknowledged record stands where it was said to stand.
fn check_acknowledged(disk: &FaultyDisk, acknowledged: &BTreeMap<u64, String>, context: &str) {
    let records = records(disk);
    for (index, detail) in acknowledged {
        let record =
            records.get(*index as usize).unwrap_or_else(|| panic!("{context}: record {index} is lost"));
        assert_eq!(record.sealed.detail.as_ref(), Some(detail), "{context}: record {index}");
    }
}

/// Every opening has exactly one closing.
fn check_closed(disk: &FaultyDisk, context: &str) {
    let records = records(disk);
    let of = |kind| records.iter().filter(move |record| record.header.kind == kind);
    let opened: BTreeSet<u64> = of(Kind::Opened).map(|record| record.header.index).collect();
    let closed: Vec<u64> = of(Kind::Closed).filter_map(|record| record.header.opened).collect();
    assert_eq!(closed.len(), opened.len(), "{context}");
    assert_eq!(closed.into_iter().collect::<BTreeSet<_>>(), opened, "{context}");
}

type Files = BTreeMap<String, Vec<u8>>;

/// A stopped journal of `count` records and as many closings.
fn stopped(count: usize) -> FaultyDisk {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    for n in 0..count {
        session.open(&format!("live {n}")).unwrap();
        session.close();
        if n % 7 == 0 {
            session.publisher.drain().unwrap();
        }
    }
    session.stop();
    disk
}
