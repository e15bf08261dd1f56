//! Somebody changes the files: the verifier notices, and names the record.

use super::*;

#[test]
fn a_missing_file_is_named() {
    let files = stopped(3).files();
    for (path, expected) in [
        ("checkpoint", "checkpoint is missing"),
        ("log.vkey", "log.vkey is missing"),
        ("tile/0/000.p/6", "tile/0/000 is missing"),
        ("tile/entries/000.p/6", "tile/entries/000 is missing"),
    ] {
        let mut fewer = files.clone();
        fewer.remove(path);
        let bad = verify(&FaultyDisk::with_files(fewer)).unwrap_err();
        assert_eq!((bad.index, bad.why.as_str()), (0, expected));
    }
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
    for path in files.keys().filter(|path| !partial(path) && *path != MINIMUM && *path != ANCHOR) {
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
    let (short, long) = (stopped(3), stopped(4));
    let note = |disk: &FaultyDisk| String::from_utf8(disk.files()["checkpoint"].clone()).unwrap();
    verify_with(&long, &[&note(&long)]).unwrap();
    let cut = verify_with(&short, &[&note(&long)]).unwrap_err();
    assert_eq!((cut.index, cut.why.as_str()), (6, "the log ends here, the trusted checkpoint had 8 records"));
    // Sealing is random: the same session gives another tree.
    let forked = verify_with(&long, &[&note(&short)]).unwrap_err();
    assert_eq!(forked.why, "the first 6 records are not those of the trusted checkpoint");
    // A log that went on extends what it signed before.
    let before = note(&short);
    let mut session = start(&short).unwrap();
    session.append((0..300).map(|n| n.to_string()).take(16));
    session.stop();
    verify_with(&short, &[&before]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flip_in_a_long_log_names_its_record(file in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0_u8..8) {
        static LOG: std::sync::LazyLock<BTreeMap<String, Vec<u8>>> = std::sync::LazyLock::new(|| stopped(300).files());
        let (path, bytes) = LOG.iter().nth(file.index(LOG.len())).unwrap();
        check_flip(&LOG, path, byte.index(bytes.len()), bit);
    }
}
