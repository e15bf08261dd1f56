//! Archives made for the purpose, small, one fault each. Real ones are tried by `tests/archives.rs`.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use md5::{Digest, Md5};

use super::archive::Archive;
use super::{ZimError, check, header};
use crate::content::{Found, Parts};
use crate::ingest::{IngestError, ReadError, Source, Step};

/// An archive in parts, put together by [`Made::bytes`].
struct Made {
    version: [u16; 2],
    mimes: Vec<u8>,
    /// Namespace, address, title, then the rest of the entry's head: type and numbers.
    entries: Vec<(u8, &'static str, &'static str, Leads)>,
    titles: Vec<u32>,
    clusters: Vec<Vec<u8>>,
    main_page: u32,
}

#[derive(Clone, Copy)]
enum Leads {
    Blob(u16, u32, u32),
    Redirect(u32),
}

use Leads::{Blob, Redirect};

const PAGE: &[u8] = b"<title>Page</title><p>Texte";

/// A cluster as it is stored: `info`, then offsets of `width` bytes and the blobs.
fn plain(info: u8, width: usize, blobs: &[&[u8]]) -> Vec<u8> {
    let mut offset = (blobs.len() + 1) * width;
    let mut bytes = vec![info];
    let put = |bytes: &mut Vec<u8>, offset: usize| bytes.extend(&(offset as u64).to_le_bytes()[..width]);
    put(&mut bytes, offset);
    for blob in blobs {
        offset += blob.len();
        put(&mut bytes, offset);
    }
    bytes.extend(blobs.concat());
    bytes
}

/// `bytes` as one zstd frame of raw or repeated blocks (RFC 8878, 3.1.1), so that no packer is needed.
fn frame(length: u64, blocks: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0x28, 0xB5, 0x2F, 0xFD, 0xE0];
    bytes.extend(length.to_le_bytes());
    for (number, (head, content)) in blocks.iter().enumerate() {
        let last = u32::from(number + 1 == blocks.len());
        bytes.extend(&(head | last).to_le_bytes()[..3]);
        bytes.extend(*content);
    }
    bytes
}

impl Made {
    fn sound() -> Made {
        Made {
            version: [6, 1],
            mimes: b"text/html\0image/png\0\0".to_vec(),
            entries: vec![
                (b'C', "a.html", "Alpha", Blob(0, 0, 0)),
                (b'C', "b.html", "", Redirect(0)),
                (b'C', "c.png", "", Blob(1, 1, 1)),
                (b'C', "loop", "", Redirect(3)),
                (b'M', "Title", "", Blob(0, 0, 1)),
            ],
            titles: vec![0, 1, 2, 3, 4],
            clusters: vec![plain(1, 4, &[PAGE, b"Titre"]), plain(0x11, 8, &[b"", b"image"])],
            main_page: 1,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; header::BYTES];
        bytes.extend(&self.mimes);
        let mut clusters = Vec::new();
        for cluster in &self.clusters {
            clusters.push(bytes.len() as u64);
            bytes.extend(cluster);
        }
        let mut urls = Vec::new();
        for (namespace, url, title, leads) in &self.entries {
            urls.push(bytes.len() as u64);
            let mime = match leads {
                Blob(mime, ..) => *mime,
                Redirect(_) => 0xFFFF,
            };
            bytes.extend(mime.to_le_bytes());
            bytes.extend([0, *namespace, 0, 0, 0, 0]);
            match leads {
                Blob(_, cluster, blob) => bytes.extend([cluster.to_le_bytes(), blob.to_le_bytes()].concat()),
                Redirect(to) => bytes.extend(to.to_le_bytes()),
            }
            bytes.extend([url.as_bytes(), b"\0", title.as_bytes(), b"\0"].concat());
        }
        let list = |bytes: &mut Vec<u8>, positions: &[u64]| {
            let at = bytes.len() as u64;
            bytes.extend(positions.iter().flat_map(|position| position.to_le_bytes()));
            at
        };
        let url_list = list(&mut bytes, &urls);
        let cluster_list = list(&mut bytes, &clusters);
        let title_list = bytes.len() as u64;
        bytes.extend(self.titles.iter().flat_map(|entry| entry.to_le_bytes()));
        let checksum = bytes.len() as u64;
        bytes[..4].copy_from_slice(&header::MAGIC);
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(4, &self.version[0].to_le_bytes());
        put(6, &self.version[1].to_le_bytes());
        put(24, &(self.entries.len() as u32).to_le_bytes());
        put(28, &(self.clusters.len() as u32).to_le_bytes());
        for (at, position) in
            [(32, url_list), (40, title_list), (48, cluster_list), (56, header::BYTES as u64), (72, checksum)]
        {
            put(at, &position.to_le_bytes());
        }
        put(64, &self.main_page.to_le_bytes());
        put(68, &u32::MAX.to_le_bytes());
        bytes
    }
}

fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    let digest = Md5::digest(&bytes);
    bytes.extend(digest);
    bytes
}

fn open(bytes: &[u8]) -> Result<Archive, ZimError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let archive = Archive::open(Parts::new(vec![file]).unwrap())?;
    check::check(&archive, &mut |_| Ok(())).map_err(|error| match error {
        IngestError::Zim(error) => error,
        other => panic!("{other}"),
    })?;
    archive.described()?;
    Ok(archive)
}

#[test]
fn a_file_of_ours_is_moved_and_one_of_theirs_copied() {
    let bytes = signed(Made::sound().bytes());
    for (name, longer, stays) in [("a.zim", 0, false), ("a.zimaa", 0, true), ("reader.bin", 3, true)] {
        let folder = tempfile::tempdir().unwrap();
        let (path, into) = (folder.path().join(name), folder.path().join("into"));
        std::fs::create_dir(&into).unwrap();
        // Inside another file: some bytes before the archive.
        std::fs::write(&path, [&vec![b'x'; longer], &bytes[..]].concat()).unwrap();
        for source in [Source::Theirs(path.clone()), Source::Ours(path.clone())] {
            let told = super::take_in(&source, &into, &mut |_: Step| Ok(()));
            assert!(told.is_ok(), "{name}: {told:?}");
            assert_eq!(path.exists(), stays || matches!(source, Source::Theirs(_)), "{name}");
            assert_eq!(std::fs::read(into.join(super::ARCHIVE)).unwrap(), bytes, "{name}");
            std::fs::remove_file(into.join(super::ARCHIVE)).unwrap();
        }
    }
}

#[test]
fn a_sound_archive_is_read() {
    let archive = open(&signed(Made::sound().bytes())).unwrap();
    let read = |path: &str| match archive.read(path) {
        Ok(Found::Content(content)) => {
            format!("{} {}", content.mime, String::from_utf8(content.whole(99).unwrap()).unwrap())
        }
        Ok(Found::Redirect(to)) => format!("-> {to}"),
        Err(ReadError::NoPage) => "none".into(),
        Err(error) => error.to_string(),
    };
    for (path, expected) in [
        ("/", "-> /a.html"),
        ("/a.html", "text/html; charset=utf-8 <title>Page</title><p>Texte"),
        ("/b.html", "-> /a.html"),
        ("/c.png", "image/png image"),
        ("/loop", "none"),
        ("/absent", "none"),
        ("/Title", "none"),
        ("/C/a.html", "none"),
    ] {
        assert_eq!(read(path), expected, "{path}");
    }
    let described = archive.described().unwrap();
    assert_eq!(
        (described.title.as_str(), described.start.as_str(), described.pages),
        ("Titre", "/a.html", 1)
    );
}

#[test]
fn old_namespaces_are_part_of_addresses() {
    let mut made = Made { version: [5, 0], ..Made::sound() };
    made.entries[0].0 = b'A';
    made.entries[1].0 = b'A';
    made.entries[2].0 = b'I';
    made.entries[3].0 = b'J';
    let archive = open(&signed(made.bytes())).unwrap();
    assert!(matches!(archive.read("/b.html"), Err(ReadError::NoPage)));
    assert!(matches!(archive.read("/A/b.html"), Ok(Found::Redirect(to)) if to == "/A/a.html"));
    assert!(matches!(archive.read("/I/c.png"), Ok(Found::Content(_))));
    assert!(matches!(archive.read("/M/Title"), Err(ReadError::NoPage)), "metadata is no page");
}

/// What `spoil` makes of the parts is refused in these words.
fn refuse(expected: &str, spoil: impl FnOnce(&mut Made)) {
    let mut made = Made::sound();
    spoil(&mut made);
    refuse_bytes(expected, |bytes| *bytes = made.bytes());
}

fn refuse_bytes(expected: &str, spoil: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Made::sound().bytes();
    spoil(&mut bytes);
    match open(&signed(bytes)) {
        Ok(_) => panic!("taken, not refused: {expected}"),
        Err(error) => assert!(error.to_string().contains(expected), "{expected}: {error}"),
    }
}

#[test]
fn one_fault_one_reason() {
    refuse("version 4", |made| made.version = [4, 0]);
    refuse("list of types", |made| made.mimes = b"text/html\0image/png".to_vec());
    refuse("list of types", |made| made.mimes = b"text\n/html\0\0".to_vec());
    refuse("has type 1", |made| made.mimes = b"text/html\0\0".to_vec());
    refuse("leads to entry 9", |made| made.entries[1].3 = Redirect(9));
    refuse("lies in cluster 7", |made| made.entries[0].3 = Blob(0, 7, 0));
    refuse("is blob 2 of cluster 0", |made| made.entries[0].3 = Blob(0, 0, 2));
    refuse("order of their addresses", |made| made.entries.swap(0, 1));
    refuse("order of their addresses", |made| made.entries[1].1 = "a.html");
    refuse("not in the order of the titles", |made| made.titles.swap(0, 4));
    refuse("names entry 5", |made| made.titles[4] = 5);
    refuse("main page is entry 5", |made| made.main_page = 5);
    refuse("no page to begin with", |made| {
        made.main_page = 3;
        made.entries[0].3 = Blob(1, 0, 0);
    });
    refuse("packed in a way", |made| made.clusters[0][0] = 3);
    refuse("the places of the blobs", |made| made.clusters[0][5] = 200);
    refuse("the places of the blobs", |made| made.clusters[0][1] = 0);
    refuse("the places of the blobs", |made| made.clusters[1][1] = 200);
    refuse("can't be unpacked", |made| made.clusters[0][0] = 4);
    refuse("can't be unpacked", |made| made.clusters[0][0] = 5);
}

#[test]
fn numbers_are_bounded_before_they_are_used() {
    let put = |at: usize, value: u64, width: usize| {
        move |bytes: &mut Vec<u8>| bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width])
    };
    refuse_bytes("does not begin as a ZIM", put(0, 0, 4));
    refuse_bytes("entries, more than", put(24, u64::from(u32::MAX), 4));
    refuse_bytes("clusters, more than", put(28, u64::from(u32::MAX), 4));
    refuse_bytes("list of addresses reaches", put(32, u64::MAX, 8));
    refuse_bytes("list of addresses reaches", put(32, 1, 8));
    refuse_bytes("list of titles reaches", put(40, u64::MAX - 1, 8));
    refuse_bytes("list of clusters reaches", put(48, 1 << 40, 8));
    refuse_bytes("list of types is not behind", put(56, 81, 8));
    refuse_bytes("checksum should stand", put(72, u64::MAX, 8));
    let clusters = header::u64_at(&Made::sound().bytes(), 48) as usize;
    refuse_bytes("cluster 1 stands at byte", put(clusters + 8, u64::MAX, 8));
    refuse_bytes("two clusters stand", move |bytes| bytes.copy_within(clusters..clusters + 8, clusters + 8));
    let urls = header::u64_at(&Made::sound().bytes(), 32) as usize;
    refuse_bytes("entry 2 stands at byte", put(urls + 16, 3, 8));
    let last = Made::sound().bytes().len() as u64 - 1;
    refuse_bytes("entry 4 is cut off", put(urls + 32, last, 8));
}

#[test]
fn a_changed_byte_fails_the_checksum() {
    let mut bytes = signed(Made::sound().bytes());
    let at = bytes.windows(5).position(|window| window == b"image").unwrap();
    // In the type's name as in the blob: the structure stays sound.
    bytes[at + 2] ^= 1;
    assert!(matches!(open(&bytes), Err(ZimError::Checksum)));
}

#[test]
fn a_packed_cluster_is_unpacked_up_to_a_limit() {
    let inside = plain(0, 4, &[PAGE, b"Titre"])[1..].to_vec();
    let mut made = Made::sound();
    made.clusters[0] =
        [&[5][..], &frame(inside.len() as u64, &[((inside.len() as u32) << 3, &inside)])].concat();
    let archive = open(&signed(made.bytes())).unwrap();
    let Ok(Found::Content(content)) = archive.read("/a.html") else { panic!("no page") };
    assert_eq!(content.whole(99).unwrap(), PAGE);

    // Some KiB that unpack to 256 MiB: 2,048 blocks that repeat one byte 128 KiB long.
    let blocks = vec![(((128 << 10) << 3) | 2, &b"x"[..]); 2048];
    refuse("longer than", |made| made.clusters[0] = [&[5][..], &window_frame(&blocks)].concat());
}

/// A frame that does not tell its length, with a window of 1 MiB.
fn window_frame(blocks: &[(u32, &[u8])]) -> Vec<u8> {
    let known = frame(0, blocks);
    [&[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50][..], &known[13..]].concat()
}
