//! The disk fails, fills up or loses power while a session runs.

use super::*;

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
    let closed = &records(&disk)[50].header;
    assert_eq!(
        (closed.decision, closed.reason.as_deref()),
        (Some(crate::record::Effect::Allow), Some("crash"))
    );
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
fn a_lagging_publisher_makes_the_journal_refuse() {
    let disk = FaultyDisk::default();
    let mut session = start_with(&disk, Limits { backlog_bytes: 1_000, ..Limits::default() }).unwrap();
    while session.append(["x".into()])[0].is_ok() {}
    session.publisher.drain().unwrap();
    assert!(session.append(["x".into()])[0].is_ok());
}

/// A probe on a disk that fails, is full, works again: health follows, and no probe leaves a trace.
#[test]
fn a_probe_tells_the_truth_without_traffic() {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    session.open("live").unwrap();
    let probe = |session: &mut Session| {
        let journal = session.journal.clone();
        let mut asked = pin!(journal.probe());
        assert!(poll(asked.as_mut()).is_pending());
        session.writer.round();
        assert!(poll(asked.as_mut()).is_ready(), "a probe is answered");
        session.journal.health().failure.is_none()
    };
    assert!(probe(&mut session));
    for nth in 0..2 {
        disk.fail(nth, Fault::Error);
        assert!(!probe(&mut session), "operation {nth} of a probe fails");
        assert!(probe(&mut session), "it is tried again");
    }
    disk.set_full(true);
    assert!(!probe(&mut session));
    // A closing that is written on a full disk does not make it take records again.
    session.close();
    assert!(!probe(&mut session));
    disk.set_full(false);
    assert!(probe(&mut session));
    session.append(["after".into()]);
    session.stop();
    disk.reboot(1);
    assert_eq!(verify(&disk).unwrap().records, 3);
    check_closed(&disk, "probes");
}
