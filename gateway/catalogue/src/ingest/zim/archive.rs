//! An open archive: finds entries by address and reads what stands there.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::text::{self, LONGEST_PAGE_BYTES};
use super::super::{Described, ReadError, web_path};
use super::ZimError;
use super::cluster::{Cluster, Place};
use super::dirent::{self, Dirent, Target};
use super::header::{self, BYTES, Header};
use crate::content::{Content, Found, Parts};

/// Addresses are at most some hundred bytes; a title with its address never needs more.
const LONGEST_DIRENT_BYTES: usize = 64 << 10;
/// Read at first: most entries fit.
const USUAL_DIRENT_BYTES: usize = 256;
/// A real list has some dozens of types.
const LONGEST_MIME_LIST_BYTES: u64 = 64 << 10;
/// Unpacked clusters that are kept, in bytes: a page and its neighbours are often read together.
const KEPT_BYTES: usize = 16 << 20;
const KEPT_CLUSTERS: usize = 8;
/// From an entry to the one that holds something.
const LONGEST_REDIRECTION: usize = 8;
/// A title, a description.
const LONGEST_METADATA_BYTES: usize = 64 << 10;

pub struct Archive {
    pub(super) bytes: Arc<Parts>,
    pub(super) header: Header,
    mimes: Vec<String>,
    clusters: Vec<Place>,
    kept: Mutex<VecDeque<(u32, Cluster)>>,
}

impl Archive {
    /// Reads header, types and the places of clusters; entries are read as they are asked for.
    pub fn open(bytes: Parts) -> Result<Archive, ZimError> {
        if bytes.length() < BYTES as u64 {
            return Err(ZimError::Short);
        }
        let mut first = [0; BYTES];
        bytes.read_exact_at(&mut first, 0)?;
        let header = Header::read(&first, bytes.length())?;
        let mimes = read_mimes(&bytes, &header)?;
        let clusters = read_clusters(&bytes, &header)?;
        Ok(Archive { bytes: Arc::new(bytes), header, mimes, clusters, kept: Mutex::default() })
    }

    /// What stands at `path`.
    pub fn read(&self, path: &str) -> Result<Found, ReadError> {
        let name = web_path::decoded(path).ok_or(ReadError::NoPage)?;
        if name.is_empty() {
            return Ok(Found::Redirect(self.start()?));
        }
        let (namespace, url) = self.place(&name).ok_or(ReadError::NoPage)?;
        let (entry, dirent) = self.find(namespace, url)?.ok_or(ReadError::NoPage)?;
        match dirent.target {
            Target::Nothing => Err(ReadError::NoPage),
            Target::Redirect(_) => {
                let (_, led) = self.follow(entry)?.ok_or(ReadError::NoPage)?;
                Ok(Found::Redirect(self.path(&led).ok_or(ReadError::NoPage)?))
            }
            Target::Blob { .. } => Ok(Found::Content(self.content(entry, &dirent)?)),
        }
    }

    /// What it says of itself.
    pub fn described(&self) -> Result<Described, ZimError> {
        let metadata = |name: &str| -> Result<String, ZimError> {
            let Some((entry, dirent)) = self.find(b'M', name)? else { return Ok(String::new()) };
            let bytes = self.content(entry, &dirent)?.whole(LONGEST_METADATA_BYTES)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        let language = metadata("Language")?;
        Ok(Described {
            title: metadata("Title")?,
            description: metadata("Description")?,
            language: language_tag(&language),
            start: self.start()?,
            pages: self.pages()?.len() as u64,
        })
    }

    /// The path of its main page, or of its first.
    fn start(&self) -> Result<String, ZimError> {
        let main = match self.header.main_page {
            Some(entry) => Some(entry),
            None => self.find(b'W', "mainPage")?.map(|(entry, _)| entry),
        };
        if let Some((_, dirent)) = main.map(|entry| self.follow(entry)).transpose()?.flatten()
            && let Some(path) = self.path(&dirent)
        {
            return Ok(path);
        }
        let first = self.pages()?.into_iter().min().ok_or(ZimError::NoPage)?;
        self.path(&self.dirent(first)?).ok_or(ZimError::NoPage)
    }

    /// Its pages by cluster, so that each is unpacked once.
    pub fn pages(&self) -> Result<Vec<u32>, ZimError> {
        let mut pages = Vec::new();
        for entry in 0..self.header.entries {
            let dirent = self.dirent(entry)?;
            if let Target::Blob { mime, cluster, blob } = dirent.target
                && self.path(&dirent).is_some()
                && self.mimes.get(usize::from(mime)).is_some_and(|mime| is_page(mime))
            {
                pages.push((cluster, blob, entry));
            }
        }
        pages.sort_unstable();
        Ok(pages.into_iter().map(|(_, _, entry)| entry).collect())
    }

    /// Path and HTML of a page.
    pub fn page(&self, entry: u32) -> Result<(String, String), ReadError> {
        let dirent = self.dirent(entry)?;
        let path = self.path(&dirent).ok_or(ReadError::NoPage)?;
        let content = self.content(entry, &dirent)?;
        Ok((path, text::read(&content.read(0, LONGEST_PAGE_BYTES)?)))
    }

    /// Namespace and address behind a name: old archives name the namespace first.
    fn place<'a>(&self, name: &'a str) -> Option<(u8, &'a str)> {
        if self.header.new_namespaces {
            return Some((b'C', name));
        }
        let (namespace, url) = name.split_once('/')?;
        let [namespace] = namespace.as_bytes() else { return None };
        is_served(*namespace).then_some((*namespace, url))
    }

    /// The path of an entry that is served.
    fn path(&self, dirent: &Dirent) -> Option<String> {
        match self.header.new_namespaces {
            true => (dirent.namespace == b'C').then(|| web_path::encoded(&dirent.url)),
            false => is_served(dirent.namespace)
                .then(|| web_path::encoded(&format!("{}/{}", char::from(dirent.namespace), dirent.url))),
        }
    }

    /// The entry of that address; entries are sorted by it.
    pub(super) fn find(&self, namespace: u8, url: &str) -> Result<Option<(u32, Dirent)>, ZimError> {
        let (mut from, mut to) = (0, self.header.entries);
        while from < to {
            let middle = from + (to - from) / 2;
            let dirent = self.dirent(middle)?;
            match dirent.key().cmp(&(namespace, url.as_bytes())) {
                std::cmp::Ordering::Equal => return Ok(Some((middle, dirent))),
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        Ok(None)
    }

    /// Where an entry leads in the end; `None` for a loop or nothing.
    fn follow(&self, entry: u32) -> Result<Option<(u32, Dirent)>, ZimError> {
        let mut entry = entry;
        for _ in 0..LONGEST_REDIRECTION {
            let dirent = self.dirent(entry)?;
            match dirent.target {
                Target::Redirect(to) => entry = to,
                Target::Nothing => return Ok(None),
                Target::Blob { .. } => return Ok(Some((entry, dirent))),
            }
        }
        Ok(None)
    }

    pub(super) fn dirent(&self, entry: u32) -> Result<Dirent, ZimError> {
        let position = u64_of(&self.bytes, self.header.url_list, entry, self.header.entries)
            .ok_or(ZimError::Entry(entry))?;
        if !(BYTES as u64..self.header.checksum).contains(&position) {
            return Err(ZimError::EntryPosition { entry, position });
        }
        let room = usize::try_from(self.header.checksum - position).unwrap_or(LONGEST_DIRENT_BYTES);
        for length in [USUAL_DIRENT_BYTES, LONGEST_DIRENT_BYTES] {
            let mut bytes = vec![0; length.min(room)];
            self.bytes.read_exact_at(&mut bytes, position)?;
            match Dirent::read(&bytes) {
                dirent::Read::Whole(dirent) => return Ok(dirent),
                dirent::Read::Short => {}
                dirent::Read::Broken => break,
            }
        }
        Err(ZimError::Entry(entry))
    }

    pub(super) fn content(&self, entry: u32, dirent: &Dirent) -> Result<Content, ZimError> {
        let Target::Blob { mime, cluster, blob } = dirent.target else { return Err(ZimError::Entry(entry)) };
        let types = self.mimes.len();
        let mime = self.mimes.get(usize::from(mime)).ok_or(ZimError::EntryType { entry, mime, types })?;
        let open = self.cluster(entry, cluster)?;
        open.content(&self.bytes, blob, with_charset(mime)).ok_or_else(|| match open.blobs(&self.bytes) {
            Some(blobs) if u64::from(blob) >= blobs => ZimError::EntryBlob { entry, cluster, blob, blobs },
            _ => ZimError::BlobOffsets(cluster),
        })
    }

    fn cluster(&self, entry: u32, cluster: u32) -> Result<Cluster, ZimError> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, open)) = kept().iter().find(|(number, _)| *number == cluster) {
            return Ok(open.clone());
        }
        let clusters = self.header.clusters;
        let place =
            self.clusters.get(cluster as usize).ok_or(ZimError::EntryCluster { entry, cluster, clusters })?;
        let open = Cluster::open(&self.bytes, *place)?;
        if open.weight() <= KEPT_BYTES {
            let mut kept = kept();
            kept.push_back((cluster, open.clone()));
            while kept.len() > KEPT_CLUSTERS
                || kept.iter().map(|(_, open)| open.weight()).sum::<usize>() > KEPT_BYTES
            {
                kept.pop_front();
            }
        }
        Ok(open)
    }

    pub(super) fn clusters(&self) -> &[Place] {
        &self.clusters
    }

    pub(super) fn types(&self) -> usize {
        self.mimes.len()
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("header", &self.header).finish_non_exhaustive()
    }
}

/// The `index`th of a list of 8-byte positions.
fn u64_of(bytes: &Parts, list: u64, index: u32, count: u32) -> Option<u64> {
    let mut position = [0; 8];
    (index < count).then_some(())?;
    bytes.read_exact_at(&mut position, list + u64::from(index) * 8).ok()?;
    Some(u64::from_le_bytes(position))
}

fn read_mimes(bytes: &Parts, header: &Header) -> Result<Vec<String>, ZimError> {
    let room = header.mime_list_end().saturating_sub(BYTES as u64).min(LONGEST_MIME_LIST_BYTES);
    let mut list = vec![0; usize::try_from(room).map_err(io::Error::other)?];
    bytes.read_exact_at(&mut list, BYTES as u64)?;
    let mut mimes = Vec::new();
    for mime in list.split_inclusive(|byte| *byte == 0) {
        let Some((0, mime)) = mime.split_last() else { break };
        if mime.is_empty() {
            return Ok(mimes);
        }
        if !mime.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            break;
        }
        mimes.push(String::from_utf8_lossy(mime).into_owned());
    }
    Err(ZimError::MimeList)
}

/// Each cluster ends where the next one in the file begins, so that no two share a byte.
fn read_clusters(bytes: &Parts, header: &Header) -> Result<Vec<Place>, ZimError> {
    let mut list = vec![0; header.clusters as usize * 8];
    bytes.read_exact_at(&mut list, header.cluster_list)?;
    let mut positions = Vec::with_capacity(header.clusters as usize);
    for (number, position) in (0..).zip(list.chunks_exact(8).map(|bytes| header::u64_at(bytes, 0))) {
        if !(BYTES as u64..header.checksum).contains(&position) {
            return Err(ZimError::ClusterPosition { cluster: number, position });
        }
        positions.push(position);
    }
    let mut sorted = positions.clone();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(ZimError::ClusterTwice(twice[0]));
    }
    let end = |from: u64| {
        let next = sorted.partition_point(|position| *position <= from);
        sorted.get(next).copied().unwrap_or(header.checksum)
    };
    Ok((0..).zip(positions).map(|(number, from)| Place { number, from, to: end(from) }).collect())
}

/// Namespaces of old archives that hold what readers see; M is metadata, X and Z are search indexes.
fn is_served(namespace: u8) -> bool {
    matches!(namespace, b'-' | b'A'..=b'L' | b'N'..=b'W')
}

fn is_page(mime: &str) -> bool {
    let essence = mime.split(';').next().unwrap_or_default().trim();
    matches!(essence, "text/html" | "application/xhtml+xml")
}

/// Texts of archives are UTF-8 (openZIM file format, "Encodings"), whether or not they say so.
fn with_charset(mime: &str) -> String {
    if mime.starts_with("text/") && !mime.contains("charset") {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_owned()
    }
}

/// Archives name languages by three letters (ISO 639-3), sometimes several; lists want a tag (BCP 47).
fn language_tag(language: &str) -> Option<String> {
    const TWO_LETTERS: [(&str, &str); 20] = [
        ("fra", "fr"),
        ("fre", "fr"),
        ("eng", "en"),
        ("ara", "ar"),
        ("spa", "es"),
        ("deu", "de"),
        ("ita", "it"),
        ("por", "pt"),
        ("ron", "ro"),
        ("rus", "ru"),
        ("ukr", "uk"),
        ("tur", "tr"),
        ("bel", "be"),
        ("bul", "bg"),
        ("pol", "pl"),
        ("sqi", "sq"),
        ("zho", "zh"),
        ("fas", "fa"),
        ("kat", "ka"),
        ("vie", "vi"),
    ];
    let first = language.split([',', ';', ' ']).next().unwrap_or_default().to_ascii_lowercase();
    let tag = TWO_LETTERS.iter().find(|(three, _)| *three == first).map_or(first.as_str(), |(_, two)| two);
    text::is_language(tag).then(|| tag.to_owned())
}
