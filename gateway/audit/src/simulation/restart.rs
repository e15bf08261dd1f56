//! What a start finds, repairs, or refuses to begin on.

use super::*;

#[test]
fn without_the_tail_nothing_starts() {
    let disk = FaultyDisk::default();
    let mut session = start(&disk).unwrap();
    session.play();
    session.publisher.drain().unwrap();
    let files = disk.files().into_iter().filter(|(path, _)| !path.starts_with("pending/")).collect();
    let error = start(&FaultyDisk::with_files(files)).err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.starts_with("the journal's pending tail is missing")));
}

#[test]
fn a_start_refuses_what_would_hide_a_loss() {
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
            files.retain(|path, _| path.starts_with("pending/") || path == ANCHOR);
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

/// The log of `files` with the anchor of `newer`.
fn anchored(mut files: Files, newer: &Files) -> FaultyDisk {
    files.insert(ANCHOR.into(), newer[ANCHOR].clone());
    FaultyDisk::with_files(files)
}

#[test]
fn a_log_that_is_gone_older_or_another_is_noticed() {
    let disk = stopped(3);
    let old = disk.files();
    let mut session = start(&disk).unwrap();
    session.append(["x".into(), "y".into()]);
    session.stop();
    let new = disk.files();
    let check = |files: Files, start_says: &str, index: u64, verify_says: &str| {
        let disk = anchored(files, &new);
        let error = start(&disk).err().map(|error| error.to_string()).unwrap();
        assert!(error.contains(start_says), "{error}");
        let bad = verify(&disk).unwrap_err();
        assert_eq!((bad.index, bad.why.as_str()), (index, verify_says));
    };
    check(Files::new(), "holds 0 of the 8 records that anchor", 0, "log.vkey is missing");
    check(old, "holds 6 of the 8 records that anchor", 6, "the log ends here, the anchor had 8 records");
    // Sealing is random: the same session again is another history.
    let fork = "the first 8 records are not those of the anchor";
    check(stopped(4).files(), "does not begin with the 8 records that anchor", 0, fork);
    check(stopped(5).files(), "does not begin with the 8 records that anchor", 0, fork);
}

#[test]
fn an_anchor_that_is_gone_or_not_ours_is_noticed() {
    let check = |note: Option<&str>, expected: &str| {
        let mut files = stopped(3).files();
        files.remove(ANCHOR);
        files.extend(note.map(|note| (ANCHOR.to_owned(), note.as_bytes().to_vec())));
        let error = start(&FaultyDisk::with_files(files)).err().map(|error| error.to_string()).unwrap();
        assert!(error.starts_with(expected), "{error}");
    };
    check(None, "anchor is missing: it kept the journal's last checkpoint; put it back");
    let foreign = first_note(ORIGIN, &SigningKey::from_seed([8; 32]));
    for note in ["", &foreign] {
        check(Some(note), "anchor, which keeps the journal's last checkpoint, is not ours");
    }
}

#[test]
fn an_anchor_may_lag_and_catches_up() {
    let disk = stopped(3);
    let old = disk.files();
    let mut session = start(&disk).unwrap();
    session.append((0..300).map(|n| n.to_string()).take(16));
    session.stop();
    // As after a crash between the checkpoint and the anchor.
    let disk = anchored(disk.files(), &old);
    verify(&disk).unwrap();
    let mut session = start(&disk).unwrap();
    session.append(["x".into()]);
    session.stop();
    let files = disk.files();
    assert_eq!(files[ANCHOR], files["checkpoint"]);
    verify(&disk).unwrap();
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
