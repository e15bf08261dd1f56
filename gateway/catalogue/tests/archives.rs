//! Real archives of others (`PASSERELLE_TEST_DATA`), whole and broken, and the same with bytes changed at random.
//!
//! Broken ones are refused with a reason and leave nothing; nothing panics, loops or reads outside.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/src/skip.rs"]
mod skip;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use passerelle_catalogue::content::Found;
use passerelle_catalogue::shelf::Said;
use passerelle_catalogue::{Content, Item, ItemId, ReadError, Shelf};
use proptest::prelude::*;

/// The folder of archives; without it the test says so and is skipped.
fn data(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("PASSERELLE_TEST_DATA").map(|folder| Path::new(&folder).join("zim"));
    let found = found.filter(|folder| folder.is_dir());
    if found.is_none() {
        skip::skipped(test, "PASSERELLE_TEST_DATA names no folder of real inputs");
    }
    found
}

fn shelf() -> (tempfile::TempDir, Shelf) {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Shelf::open(folder.path()).unwrap();
    (folder, shelf)
}

fn add(shelf: &Shelf, path: &Path) -> Result<Item, String> {
    shelf
        .add(path, Said::default(), Timestamp::UNIX_EPOCH, &mut |_| Ok(()))
        .map_err(|error| whole_error(&error))
}

fn whole_error(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Follows redirects as a browser does.
fn content(shelf: &Shelf, id: &ItemId, path: &str) -> Result<Content, ReadError> {
    let mut path = path.to_owned();
    for _ in 0..5 {
        match shelf.read(id, &path)? {
            Found::Content(content) => return Ok(content),
            Found::Redirect(to) => path = to,
        }
    }
    Err(ReadError::NoPage)
}

#[test]
fn whole_archives_are_read() {
    let Some(data) = data("whole_archives_are_read") else { return };
    for (name, title, language, pages) in [
        ("withns__small.zim", "=Test ZIM file", "fr", 1),
        ("nons__small.zim", "Test ZIM file", "en", 1),
        ("withns__small.zim.embedded", "=Test ZIM file", "fr", 1),
        ("nons__small.zim.embedded", "Test ZIM file", "en", 1),
        ("withns__wikibooks_be_all_nopic_2017-02.zim", "Wikibooks", "be", 66),
        ("withns__wikibooks_be_all_nopic_2017-02_splitted.zimaa", "Wikibooks", "be", 66),
        ("nons__wikibooks_be_all_nopic_2017-02.zim", "Wikibooks", "be", 66),
        ("nons__wikibooks_be_all_nopic_2017-02_splitted.zimaa", "Wikibooks", "be", 66),
    ] {
        let (folder, shelf) = shelf();
        let item = add(&shelf, &data.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (item.title.as_str(), item.language.as_str(), item.pages),
            (title, language, pages),
            "{name}"
        );
        let start = content(&shelf, &item.id, &item.start).unwrap();
        assert!(start.mime.starts_with("text/html"), "{name}: {}", start.mime);
        let passages: Vec<_> = shelf.passages(&item.id).unwrap().map(Result::unwrap).collect();
        assert!(!passages.is_empty(), "{name}");
        for passage in &passages {
            let path = passage.path.split('#').next().unwrap();
            assert!(content(&shelf, &item.id, path).is_ok(), "{name}: {path}");
        }
        // Found again by the next start.
        assert_eq!(Shelf::open(folder.path()).unwrap().list(), [item]);
    }
}

#[test]
fn broken_archives_are_refused_with_the_reason() {
    let Some(data) = data("broken_archives_are_refused_with_the_reason") else { return };
    let reasons = [
        ("bad_mimetype_in_dirent", "has type"),
        ("invalid_checksumpos", "checksum should stand at"),
        ("nonsorted_dirent_table", "not in the order of their addresses"),
        ("offset_in_cluster", "the places of the blobs in cluster"),
        ("outofbounds_first_clusterptr", "cluster 0 stands at byte"),
        ("outofbounds_first_title_entry", "names entry"),
        ("outofbounds_last_title_entry", "names entry"),
        ("outofbounds_urlptrpos", "list of addresses reaches"),
    ];
    for namespaces in ["withns", "nons"] {
        for (fault, reason) in reasons {
            let (folder, shelf) = shelf();
            let error = add(&shelf, &data.join(format!("{namespaces}__invalid.{fault}.zim"))).unwrap_err();
            assert!(error.contains(reason), "{namespaces} {fault}: {error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{fault} left something");
        }
        let (_folder, shelf) = shelf();
        let part = data.join(format!("{namespaces}__wikibooks_be_all_nopic_2017-02_splitted.zimab"));
        assert!(add(&shelf, &part).unwrap_err().contains("first part"));
    }
}

#[test]
fn a_cut_archive_is_refused_wherever_it_is_cut() {
    let Some(data) = data("a_cut_archive_is_refused_wherever_it_is_cut") else { return };
    let whole = fs::read(data.join("withns__small.zim")).unwrap();
    let (folder, shelf) = shelf();
    let file = folder.path().join("cut.file");
    for length in [0, 1, 4, 79, 80, 81, 1000, whole.len() / 2, whole.len() - 17, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        assert!(add(&shelf, &file).is_err(), "{length} bytes");
    }
    fs::write(&file, [&whole[..], b"x"].concat()).unwrap();
    assert!(add(&shelf, &file).is_err(), "one byte more");
}

/// Some byte of a real archive is another; with a checksum that fits, so that the deeper checks are reached.
#[test]
fn a_changed_archive_never_panics() {
    let Some(data) = data("a_changed_archive_never_panics") else { return };
    let archives: Vec<_> =
        ["withns__small.zim", "nons__small.zim"].map(|name| fs::read(data.join(name)).unwrap()).into();
    let change = (
        0..archives.len(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        any::<bool>(),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(192));
    let outcome = runner.run(&change, |(archive, changes, near_start)| {
        let mut bytes = archives[archive].clone();
        // The header and the lists steer everything: change them more often than the content.
        let room = if near_start { 80 } else { bytes.len() - 16 };
        for (place, byte) in changes {
            let at = place.index(room);
            bytes[at] = byte;
        }
        let end = bytes.len() - 16;
        let digest = <md5::Md5 as md5::Digest>::digest(&bytes[..end]);
        bytes[end..].copy_from_slice(&digest);
        let (folder, shelf) = shelf();
        let file = folder.path().join("changed.zim");
        fs::write(&file, bytes).unwrap();
        if let Ok(item) = add(&shelf, &file) {
            let _ = shelf.read(&item.id, &item.start);
            for passage in shelf.passages(&item.id).unwrap().take(1000) {
                let _ = passage;
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_are_no_archive(bytes in prop::collection::vec(any::<u8>(), 0..4096), named in any::<bool>()) {
        let (folder, shelf) = shelf();
        let file = folder.path().join("random.zim");
        let bytes = if named { [b"ZIM\x04\x06\0\x01\0".as_slice(), &bytes].concat() } else { bytes };
        fs::write(&file, bytes).unwrap();
        prop_assert!(add(&shelf, &file).is_err());
    }
}
