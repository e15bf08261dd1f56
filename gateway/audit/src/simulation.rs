//! Scripted sessions on the faulty twin: the nth operation fails, for every n, and nothing that was acknowledged is lost.
//!
//! Writer and publisher are driven by hand, without threads, so a run is the same every time.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use proptest::prelude::*;

use crate::faulty::{Fault, FaultyDisk};
use crate::inbox::{Closing, Inbox, Prepared};
use crate::publisher::Publisher;
use crate::search::search_on;
use crate::store::{MINIMUM, segments};
use crate::tail::Segment;
use crate::verify::verify_on;
use crate::writer::Writer;
use crate::{
    Draft, FirstBad, Journal, JournalConfig, JournalError, Kind, Limits, Opening, Orphan, Query, Record,
    Sealed, SealingKey, SigningKey, StartError, Verified, recover,
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
        gateway: "gw".into(),
        origin: ORIGIN.into(),
        signing_key: SigningKey::from_seed([9; 32]),
        limits,
    };
    let journal = Journal::on(inbox.clone());
    let key = sealing_key();
    let keyring = |_: &_| Some((*key).clone());
    let clock = Arc::new(|| Timestamp::from_second(1_767_225_600).unwrap());
    let (writer, publisher, orphans) =
        recover::recover(Arc::new(disk.clone()), config, clock, &keyring, inbox)?;
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
    verify_on(disk, &SigningKey::from_seed([9; 32]).verifier_key(ORIGIN), None)
}

fn records(disk: &FaultyDisk) -> Vec<Record> {
    let key = sealing_key();
    let found = search_on(Arc::new(disk.clone()), move |_| Some((*key).clone()), Query::default()).unwrap();
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

fn operations_of_a_session() -> usize {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    let before = disk.operations();
    session.play();
    session.stop();
    assert_eq!(verify(&disk).unwrap().records, session.acknowledged.len() as u64 + 5);
    assert!(segments(&disk).unwrap()[0] > 0, "the session turned its segments");
    check_closed(&disk, "no fault");
    disk.operations() - before
}

#[test]
fn the_nth_operation_fails_and_the_session_goes_on() {
    for n in 0..operations_of_a_session() {
        for fault in [Fault::Error, Fault::Short] {
            let context = format!("{fault:?} at {n}");
            let disk = FaultyDisk::default();
            let mut session = start(&disk).unwrap();
            disk.fail(n, fault);
            session.play();
            session.stop();
            let verified = verify(&disk).unwrap_or_else(|bad| panic!("{context}: {bad}"));
            assert_eq!(verified.records, session.writer.next_index, "{context}");
            check_acknowledged(&disk, &session.acknowledged, &context);
            check_closed(&disk, &context);
        }
    }
}

#[test]
fn power_goes_at_the_nth_operation_and_the_next_start_finds_everything() {
    for n in 0..operations_of_a_session() {
        let context = format!("crash at {n}");
        let disk = FaultyDisk::default();
        let mut session = start(&disk).unwrap();
        disk.fail(n, Fault::Crash);
        session.play();
        session.stop();
        disk.reboot(n as u64 + 1);
        verify(&disk).unwrap_or_else(|bad| panic!("{context}, before the start: {bad}"));
        let mut next = start(&disk).unwrap_or_else(|error| panic!("{context}: {error:?}"));
        check_acknowledged(&disk, &session.acknowledged, &context);
        check_closed(&disk, &context);
        next.append(["after".into()]);
        next.stop();
        let verified = verify(&disk).unwrap_or_else(|bad| panic!("{context}: {bad}"));
        assert_eq!(verified.checkpoint.size, verified.records, "{context}");
    }
}

#[test]
fn power_goes_during_the_start_itself() {
    let crashed = FaultyDisk::default();
    let mut session = start(&crashed).unwrap();
    session.play();
    let files = crashed.files();
    for n in 0.. {
        let disk = FaultyDisk::with_files(files.clone());
        disk.fail(n, Fault::Crash);
        if let Ok(started) = start(&disk) {
            assert!(n > 0, "a start writes");
            assert_eq!(started.orphans.len(), session.live.len());
            break;
        }
        disk.reboot(n as u64 + 1);
        start(&disk).unwrap().stop();
        check_acknowledged(&disk, &session.acknowledged, &format!("crash at {n}"));
        check_closed(&disk, &format!("crash at {n}"));
        verify(&disk).unwrap();
    }
}

#[test]
fn a_new_journal_survives_a_crash_at_any_operation() {
    for n in 0..5 {
        let disk = FaultyDisk::default();
        disk.fail(n, Fault::Crash);
        let _ = start(&disk);
        disk.reboot(1);
        let mut session = start(&disk).unwrap_or_else(|error| panic!("{n}: {error:?}"));
        session.append(["x".into()]);
        session.stop();
        assert_eq!(verify(&disk).unwrap().records, 1);
    }
}

#[test]
fn a_full_disk_refuses_records_and_writes_closings() {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    session.append(["before".into()]);
    for n in 0..100 {
        session.open(&format!("live {n}")).unwrap();
    }
    disk.set_full(true);
    let refused = session.append(["refused".into()]);
    assert!(matches!(refused[..], [Err(JournalError::Unavailable(_))]));
    assert!(matches!(session.open("refused"), Err(JournalError::Unavailable(_))));
    assert!(session.publisher.drain().is_err());
    assert!(session.journal.health().failure.is_some());
    for opened in std::mem::take(&mut session.live) {
        opened.close(draft(Kind::Closed, &"long ".repeat(550)));
        session.writer.round();
    }
    assert!(session.writer.live.is_empty());
    assert_eq!(records(&disk).len(), 201);
    check_closed(&disk, "full");
    verify(&disk).unwrap();

    // Even the next start needs no room.
    let next = start(&disk).unwrap();
    assert_eq!(next.orphans, []);
    drop(next);

    disk.set_full(false);
    assert!(session.append(["after".into()])[0].is_ok());
    session.stop();
    assert_eq!(session.journal.health().failure, None);
    let verified = verify(&disk).unwrap();
    assert_eq!((verified.records, verified.checkpoint.size), (202, 202));
}

#[test]
fn a_full_disk_keeps_no_start_from_closing_orphans() {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    for n in 0..50 {
        session.open(&format!("live {n}")).unwrap();
    }
    disk.set_full(true);
    let next = start(&disk).unwrap();
    assert_eq!(next.orphans.len(), 50);
    check_closed(&disk, "full");
    assert_eq!(records(&disk)[50].header.reason.as_deref(), Some("crash"));
}

#[test]
fn without_the_tail_the_published_files_are_enough() {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    session.play();
    session.publisher.drain().unwrap();
    let live = session.live.len();
    let files = disk.files().into_iter().filter(|(path, _)| !path.starts_with("pending/")).collect();
    let restored = FaultyDisk::with_files(files);
    let mut next = start(&restored).unwrap();
    assert_eq!(next.orphans.len(), live);
    next.stop();
    verify(&restored).unwrap();
    check_closed(&restored, "restored");
}

#[test]
fn a_refused_batch_never_comes_back() {
    let three = || (0..3).map(|n| n.to_string());
    // The write, then the sync, by half: some of the refused frames are on disk, whole.
    // With segments of no length each batch begins one, unless what failed must be covered first.
    let (long, none) = (1 << 20, 0);
    for (segment_bytes, nth, fault) in [
        (long, 0, Fault::Short),
        (long, 1, Fault::Short),
        (long, 1, Fault::Error),
        (none, 1, Fault::Short),
        (none, 2, Fault::Short),
    ] {
        let disk = FaultyDisk::default();
        let mut session = start_with(&disk, Limits { segment_bytes, ..Limits::default() }).unwrap();
        session.append(["x".into()]);
        disk.fail(nth, fault);
        assert!(session.append(three()).iter().all(Result::is_err));
        session.append(["y".into()]);
        session.append(["z".into()]);
        disk.reboot(1);
        let details: Vec<_> = records(&disk).into_iter().filter_map(|record| record.sealed.detail).collect();
        assert_eq!(details, ["x", "y", "z"], "{segment_bytes}, {fault:?} at {nth}");
    }
}

#[test]
fn a_start_refuses_what_would_hide_a_loss() {
    type Files = BTreeMap<String, Vec<u8>>;
    let check = |damage: fn(&mut Files), expected: &str| {
        let mut files = stopped(3).files();
        damage(&mut files);
        let error = start(&FaultyDisk::with_files(files)).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(expected));
    };
    let no_checkpoint = |files: &mut Files| _ = files.remove("checkpoint");
    check(no_checkpoint, "the journal's folder holds tiles but no checkpoint");
    check(
        |files| {
            files.retain(|path, _| path.starts_with("pending/"));
        },
        "the journal's folder holds a pending tail but no checkpoint",
    );
    check(|files| files.get_mut("checkpoint").unwrap()[40] ^= 1, "the journal's checkpoint is not ours");
    check(
        |files| files.get_mut("log.vkey").unwrap()[40] ^= 1,
        "log.vkey names another key than this gateway's",
    );
    let leaf = |files: &mut Files| files.get_mut("tile/0/000.p/6").unwrap()[40] ^= 1;
    check(leaf, "the tiles of the journal do not lead to its signed root");
    let entry = |files: &mut Files| *files.get_mut("tile/entries/000.p/6").unwrap().last_mut().unwrap() ^= 1;
    check(entry, "record 5 of the journal is not as it was written");
    check(
        |files| {
            // The tail of a log that went on: what lies between is lost.
            let disk = FaultyDisk::default();
            let mut session = start_with(&disk, Limits { segment_bytes: 0, ..Limits::default() }).unwrap();
            session.append((0..10).map(|n| n.to_string()));
            session.append(["x".into()]);
            files.retain(|path, _| !path.starts_with("pending/"));
            let tail = disk.files().into_iter().rfind(|(path, _)| path.ends_with(".tail")).unwrap();
            files.insert(tail.0, tail.1);
        },
        "record 6 of the journal is not as it was written",
    );
}

#[test]
fn a_lagging_publisher_makes_the_journal_refuse() {
    let disk = FaultyDisk::default();
    let mut session = start_with(&disk, Limits { backlog_bytes: 1_000, ..Limits::default() }).unwrap();
    while session.append(["x".into()])[0].is_ok() {}
    session.publisher.drain().unwrap();
    assert!(session.append(["x".into()])[0].is_ok());
}

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

/// Which record the byte at `at` of this file belongs to, for the files that say it.
fn record_of(path: &str, bytes: &[u8], at: usize) -> Option<u64> {
    if let Some(first) = path.strip_prefix("pending/") {
        let segment = Segment::parse(bytes.to_vec()).unwrap();
        let first: u64 = first.trim_end_matches(".tail").parse().unwrap();
        let before = segment.frames.iter().filter(|(range, _)| range.end <= at).count() as u64;
        return Some(if at < segment.frames[0].0.start { first } else { first + before });
    }
    let tile: crate::TilePath = path.parse().ok()?;
    let start = tile.number * 256;
    match tile.level {
        None => {
            let mut end = 0;
            let ends = crate::tile::split_bundle(bytes).into_iter().map(|entry| {
                end += 2 + entry.len();
                end
            });
            Some(start + ends.take_while(|end| *end <= at).count() as u64)
        }
        Some(0) => Some(start + at as u64 / 32),
        Some(_) => None,
    }
}

fn check_flip(files: &BTreeMap<String, Vec<u8>>, path: &str, at: usize, bit: u8) {
    let mut flipped = files.clone();
    flipped.get_mut(path).unwrap()[at] ^= 1 << bit;
    let bad = verify(&FaultyDisk::with_files(flipped)).expect_err(&format!("{path}, byte {at}"));
    if let Some(index) = record_of(path, &files[path], at) {
        assert_eq!(bad.index, index, "{path}, byte {at}: {}", bad.why);
    }
}

#[test]
fn any_byte_of_any_file_that_flips_is_noticed() {
    let files = stopped(4).files();
    for (path, bytes) in &files {
        for at in 0..bytes.len() {
            check_flip(&files, path, at, (at % 8) as u8);
        }
    }
}

#[test]
fn a_removed_file_is_noticed() {
    let files = stopped(150).files();
    let partial =
        |path: &str| path.contains(".p/") && !path.contains("entries/001.p/44") && !path.ends_with(".p/44");
    for path in files.keys().filter(|path| !partial(path) && *path != MINIMUM) {
        let mut fewer = files.clone();
        fewer.remove(path);
        let verified = verify(&FaultyDisk::with_files(fewer));
        // The tree's other partial tile, of one hash, is the one width that is not 44.
        assert!(verified.is_err(), "{path}");
    }
}

#[test]
fn a_log_rewritten_with_its_tree_needs_the_signing_key() {
    let (ours, theirs) = (stopped(3).files(), stopped(4).files());
    let mut forged = theirs;
    forged.insert("checkpoint".into(), ours["checkpoint"].clone());
    assert!(verify(&FaultyDisk::with_files(forged)).is_err());
}

#[test]
fn a_tail_of_other_records_is_noticed() {
    // Sealing is random, so the same session elsewhere has other bytes under the same name.
    let (mut files, other) = (stopped(3).files(), stopped(3).files());
    let tail = files.keys().find(|path| path.ends_with(".tail")).unwrap().clone();
    files.insert(tail.clone(), other[&tail].clone());
    let bad = verify(&FaultyDisk::with_files(files)).unwrap_err();
    assert_eq!((bad.index, bad.why.as_str()), (0, "the tail holds another entry than the bundle"));
}

#[test]
fn a_closing_must_name_a_live_opening() {
    // Record 0 is an opening, 1 its closing; then a writer gone wrong adds record 2.
    for opened in [0, 1, 2, 99] {
        let disk = FaultyDisk::default();
        let mut session = start(&disk).unwrap();
        session.open("live").unwrap();
        session.close();
        let closing = Prepared::closing(Draft::new(Kind::Closed), opened, Some(sealing_key()));
        session.writer.closings.push(Closing::of_orphan(closing));
        session.writer.round();
        let expected = (2, format!("the closing names {opened}, which is no live opening"));
        for published in [false, true] {
            if published {
                session.stop();
            }
            let bad = verify(&disk).unwrap_err();
            assert_eq!((bad.index, bad.why), expected, "published: {published}");
        }
    }
}

#[test]
fn an_index_must_be_the_position() {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    session.append(["x".into()]);
    session.writer.next_index = 7;
    session.append(["y".into()]);
    let bad = verify(&disk).unwrap_err();
    assert_eq!((bad.index, bad.why.as_str()), (1, "the record says it is number 7"));
}

#[test]
fn a_trusted_checkpoint_must_be_extended() {
    let key = SigningKey::from_seed([9; 32]).verifier_key(ORIGIN);
    let (short, long) = (stopped(3), stopped(4));
    let note = |disk: &FaultyDisk| String::from_utf8(disk.files()["checkpoint"].clone()).unwrap();
    verify_on(&long, &key, Some(&note(&long))).unwrap();
    let cut = verify_on(&short, &key, Some(&note(&long))).unwrap_err();
    assert_eq!((cut.index, cut.why.as_str()), (6, "the trusted checkpoint has 8 records"));
    // Sealing is random: the same session gives another tree.
    let forked = verify_on(&long, &key, Some(&note(&short))).unwrap_err();
    assert_eq!(forked.why, "the first 6 records are not those of the trusted checkpoint");
    // A log that went on extends what it signed before.
    let before = note(&short);
    let mut session = start(&short).unwrap();
    session.append((0..300).map(|n| n.to_string()).take(16));
    session.stop();
    verify_on(&short, &key, Some(&before)).unwrap();
}

#[test]
fn recovery_at_every_truncation_of_the_tail() {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    for n in 0..4 {
        session.open(&format!("live {n}")).unwrap();
    }
    let files = disk.files();
    let path = files.keys().find(|path| path.ends_with(".tail")).unwrap();
    let segment = Segment::parse(files[path].clone()).unwrap();
    for cut in segment.frames[0].0.start - 10..=segment.end {
        let mut torn = files.clone();
        torn.get_mut(path).unwrap().truncate(cut);
        let disk = FaultyDisk::with_files(torn);
        let whole = segment.frames.iter().filter(|(range, _)| range.end <= cut).count();
        assert_eq!(verify(&disk).unwrap().records, whole as u64);
        let mut next = start(&disk).unwrap();
        assert_eq!(next.orphans.len(), whole, "cut at {cut}");
        next.stop();
        assert_eq!(verify(&disk).unwrap().records, 2 * whole as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flip_in_a_long_log_names_its_record(file in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0_u8..8) {
        static LOG: std::sync::LazyLock<BTreeMap<String, Vec<u8>>> = std::sync::LazyLock::new(|| stopped(300).files());
        let (path, bytes) = LOG.iter().nth(file.index(LOG.len())).unwrap();
        check_flip(&LOG, path, byte.index(bytes.len()), bit);
    }

    #[test]
    fn any_bytes_after_the_tail_are_cut(garbage in proptest::collection::vec(any::<u8>(), 1..2_000)) {
        let disk = FaultyDisk::default();
        let mut session = start(&disk).unwrap();
        session.append(["x".into()]);
        let mut files = disk.files();
        let (_, bytes) = files.iter_mut().find(|(path, _)| path.ends_with(".tail")).unwrap();
        let end = Segment::parse(bytes.clone()).unwrap().end;
        bytes[end..end + garbage.len()].copy_from_slice(&garbage);
        let disk = FaultyDisk::with_files(files);
        let mut next = start(&disk).unwrap();
        prop_assert_eq!(next.writer.next_index, 1);
        next.append(["y".into()]);
        // Zeros again after the records, whatever stood there.
        let (_, bytes) = disk.files().into_iter().find(|(path, _)| path.ends_with(".tail")).unwrap();
        prop_assert_eq!(Segment::parse(bytes).unwrap().torn(), None);
        next.stop();
        prop_assert_eq!(verify(&disk).unwrap().records, 2);
    }
}
