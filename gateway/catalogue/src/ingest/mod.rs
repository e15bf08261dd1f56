//! Taking in: from a source somebody hands us to a folder we made ourselves and can read for good.
//!
//! One file a kind of source; [`crate::Shelf`] calls [`take_in`] with an empty folder to fill and [`open`] with a filled one.
//! Invariants: nothing of a source is trusted: every pointer is bounded, every size has a limit, and what is refused is
//! refused with its reason. What [`take_in`] filled has been read to its last page, so that reading it later finds no surprise.

pub mod html;
pub mod pdf;
mod poppler;
pub mod text;
pub mod web_path;
pub mod zim;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::content::Found;
use crate::item::ItemKind;
use crate::passage::Passage;

/// What a source says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    pub title: String,
    pub description: String,
    pub language: Option<String>,
    /// Path of the first page, with the leading `/`, percent-encoded.
    pub start: String,
    /// Pages that have text.
    pub pages: u64,
}

/// Why a source was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("{path} is none of: a ZIM archive, a folder with an HTML page, a PDF file")]
    UnknownKind { path: PathBuf },
    #[error(
        "there is no room: {free} bytes are free, it takes {needed}, and {KEPT_FREE_BYTES} are kept for the journal"
    )]
    Room { free: u64, needed: u64 },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("could not {attempted} {path}")]
    File { attempted: &'static str, path: PathBuf, source: io::Error },
    #[error("the archive is broken: {0}")]
    Zim(#[from] zim::ZimError),
    #[error("the folder can't be taken in: {0}")]
    Html(#[from] html::HtmlError),
    #[error("the PDF can't be taken in: {0}")]
    Pdf(#[from] pdf::PdfError),
}

/// Why a page of an item could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("there is no such item")]
    NoItem,
    #[error("there is no such page")]
    NoPage,
    #[error("the item can't be read")]
    File(#[from] io::Error),
    #[error("the archive is broken: {0}")]
    Zim(#[from] zim::ZimError),
}

/// How far a long work is, for who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `copied`, `checked`, `rendered`, `indexed`.
    pub what: &'static str,
    pub done: u64,
    pub of: u64,
}

/// Whoever waited wants no more of it: the work ends, and everything is left as it was.
#[derive(Debug, thiserror::Error)]
#[error("it was cancelled")]
pub struct Cancelled;

/// Hears of steps, and may end the work between two of them.
pub type Tell<'a> = &'a mut dyn FnMut(Step) -> Result<(), Cancelled>;

/// What is to be taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Somebody's file or folder: it is copied, since what is judged must be what is served.
    Theirs(PathBuf),
    /// A file that arrived for this alone, on the shelf's own disk ([`crate::Shelf::incoming`]): it is moved where it can be, so
    /// that it never takes its room twice.
    Ours(PathBuf),
}

impl Source {
    pub fn path(&self) -> &Path {
        match self {
            Source::Theirs(path) | Source::Ours(path) => path,
        }
    }
}

/// Judges the source and fills the empty folder `into` from it.
pub fn take_in(source: &Source, into: &Path, tell: Tell<'_>) -> Result<(ItemKind, Described), IngestError> {
    let kind = kind(source.path())?;
    let described = match kind {
        ItemKind::Zim => zim::take_in(source, into, tell)?,
        ItemKind::Html => html::take_in(source.path(), into, tell)?,
        ItemKind::Pdf => pdf::take_in(source.path(), into, tell)?,
    };
    Ok((kind, described))
}

/// A full disk stops all access, since nothing passes unrecorded: content never takes the last of it.
pub const KEPT_FREE_BYTES: u64 = 512 << 20;

/// Whether `folder` has room for so many bytes more.
pub fn room(folder: &Path, needed: u64) -> Result<(), IngestError> {
    let free = free(folder)?;
    match free.checked_sub(KEPT_FREE_BYTES).is_some_and(|free| free >= needed) {
        true => Ok(()),
        false => Err(IngestError::Room { free, needed }),
    }
}

/// In bytes, [`KEPT_FREE_BYTES`] among them.
pub fn free(folder: &Path) -> Result<u64, IngestError> {
    let failed = |source| IngestError::File { attempted: "measure", path: folder.to_owned(), source };
    let disk = rustix::fs::statvfs(folder).map_err(|error| failed(error.into()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// By what it holds, not by its name.
fn kind(source: &Path) -> Result<ItemKind, IngestError> {
    let failed = |error| IngestError::File { attempted: "read", path: source.to_owned(), source: error };
    if std::fs::metadata(source).map_err(failed)?.is_dir() {
        return Ok(ItemKind::Html);
    }
    if pdf::is_pdf(source).map_err(failed)? {
        return Ok(ItemKind::Pdf);
    }
    if zim::is_zim(source).map_err(failed)? {
        return Ok(ItemKind::Zim);
    }
    Err(IngestError::UnknownKind { path: source.to_owned() })
}

/// A filled folder, open for reading.
#[derive(Debug)]
pub enum Holding {
    Archive(zim::Archive),
    Folder(html::Folder),
}

impl Holding {
    pub fn open(kind: ItemKind, folder: &Path) -> Result<Holding, ReadError> {
        Ok(match kind {
            ItemKind::Zim => Holding::Archive(zim::open(folder)?),
            ItemKind::Html | ItemKind::Pdf => Holding::Folder(html::Folder::open(folder)?),
        })
    }

    /// What stands at `path`, as a request names it (leading `/`, percent-encoded, no query).
    pub fn read(&self, path: &str) -> Result<Found, ReadError> {
        match self {
            Holding::Archive(archive) => archive.read(path),
            Holding::Folder(folder) => folder.read(path),
        }
    }

    /// Every page, in the order that is cheapest to read.
    fn pages(&self) -> Result<Pages, ReadError> {
        Ok(match self {
            Holding::Archive(archive) => Pages::Entries(archive.pages()?.into_iter()),
            Holding::Folder(folder) => Pages::Files(folder.pages()?.into_iter()),
        })
    }
}

enum Pages {
    Entries(std::vec::IntoIter<u32>),
    Files(std::vec::IntoIter<String>),
}

/// Every passage of an item, page by page; a page is read when its first passage is asked for.
pub struct Passages {
    holding: Arc<Holding>,
    pages: Pages,
    ready: std::vec::IntoIter<Passage>,
    /// Pages begun, and pages in all.
    pub done: u64,
    pub of: u64,
}

impl Passages {
    pub fn of(holding: Arc<Holding>) -> Result<Passages, ReadError> {
        let pages = holding.pages()?;
        let of = match &pages {
            Pages::Entries(entries) => entries.len(),
            Pages::Files(files) => files.len(),
        };
        Ok(Passages { holding, pages, ready: Vec::new().into_iter(), done: 0, of: of as u64 })
    }

    fn next_page(&mut self) -> Option<Result<Vec<Passage>, ReadError>> {
        let page = match (&mut self.pages, &*self.holding) {
            (Pages::Entries(entries), Holding::Archive(archive)) => archive.page(entries.next()?),
            (Pages::Files(files), Holding::Folder(folder)) => folder.page(&files.next()?),
            _ => return None,
        };
        self.done += 1;
        Some(page.map(|(path, html)| text::passages(&path, &html)))
    }
}

impl Iterator for Passages {
    type Item = Result<Passage, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(passage) = self.ready.next() {
                return Some(Ok(passage));
            }
            match self.next_page()? {
                Ok(passages) => self.ready = passages.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
