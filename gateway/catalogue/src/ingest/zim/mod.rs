//! ZIM archives (openZIM file format, versions 5 and 6, old and new namespaces): copied in whole, checked to the last blob, and
//! served from the copy.
//!
//! `header` and `dirent` are pure readers of bytes, `cluster` unpacks, `archive` finds and reads entries, `check` walks all of
//! it before an archive is taken in. Invariants: no number of the file is used before it is bounded by the file's length and
//! a limit of ours; no read of a checked archive panics or loops, nor does one of any other bytes.

mod archive;
mod check;
mod cluster;
mod dirent;
mod header;
mod source;
#[cfg(test)]
mod tests;

pub use archive::Archive;
pub use source::is_zim;

use std::fs::File;
use std::io;
use std::path::Path;

use super::{Described, IngestError, ReadError, Source, Tell};
use crate::content::Parts;

/// Below the item's folder.
const ARCHIVE: &str = "archive.zim";

/// What is wrong with an archive, in the words of the format.
#[derive(Debug, thiserror::Error)]
pub enum ZimError {
    #[error("name the first part of a split archive, `….zimaa`")]
    NotTheFirstPart,
    #[error("it has more than {} parts", source::MOST_PARTS)]
    TooManyParts,
    #[error("it is shorter than its header")]
    Short,
    #[error("it does not begin as a ZIM archive")]
    Magic,
    #[error("version {0} of the format is not known")]
    Version(u16),
    #[error("it has no checksum, or its list of types is not behind its header")]
    MimeListPosition,
    #[error("its checksum should stand at byte {position}, but it has {length} bytes")]
    ChecksumPosition { position: u64, length: u64 },
    #[error("its {what} reaches from byte {from} to {to}, beyond its end or into its header")]
    Section { what: &'static str, from: u64, to: u64 },
    #[error("it says that it has {count} {what}, more than {limit}")]
    TooMany { what: &'static str, count: u32, limit: u32 },
    #[error("its list of types does not end, or holds what is no type")]
    MimeList,
    #[error("entry {entry} stands at byte {position}, outside")]
    EntryPosition { entry: u32, position: u64 },
    #[error("entry {0} is cut off, or not UTF-8, or longer than any should be")]
    Entry(u32),
    #[error("entry {entry} has type {mime}, and the list has {types}")]
    EntryType { entry: u32, mime: u16, types: usize },
    #[error("entry {entry} leads to entry {to}, and there are {entries}")]
    EntryRedirect { entry: u32, to: u32, entries: u32 },
    #[error("entry {entry} lies in cluster {cluster}, and there are {clusters}")]
    EntryCluster { entry: u32, cluster: u32, clusters: u32 },
    #[error("entry {entry} is blob {blob} of cluster {cluster}, which has {blobs}")]
    EntryBlob { entry: u32, cluster: u32, blob: u32, blobs: u64 },
    #[error("entries {before} and {entry} are not in the order of their addresses")]
    EntryOrder { before: u32, entry: u32 },
    #[error("place {place} of its {list} names entry {entry}, and there are {entries}")]
    TitleEntry { list: &'static str, place: u64, entry: u32, entries: u32 },
    #[error("place {place} of its {list} is not in the order of the titles")]
    TitleOrder { list: &'static str, place: u64 },
    #[error("its {0} is not a whole number of places")]
    TitleLength(&'static str),
    #[error("cluster {cluster} stands at byte {position}, outside")]
    ClusterPosition { cluster: u32, position: u64 },
    #[error("two clusters stand at byte {0}")]
    ClusterTwice(u64),
    #[error("cluster {cluster} is packed in a way that is not known ({packing})")]
    Packing { cluster: u32, packing: u8 },
    #[error("cluster {cluster} can't be unpacked: {why}")]
    Unpacking { cluster: u32, why: String },
    #[error("cluster {0} is longer than {limit} bytes unpacked", limit = cluster::LARGEST_BYTES)]
    ClusterTooLarge(u32),
    #[error("the places of the blobs in cluster {0} are not in order, or outside")]
    BlobOffsets(u32),
    #[error("its main page is entry {entry}, and there are {entries}")]
    MainPage { entry: u32, entries: u32 },
    #[error("it has no page to begin with")]
    NoPage,
    #[error("its checksum is not the one of its content")]
    Checksum,
    #[error("it could not be read")]
    File(#[source] io::Error),
}

impl From<io::Error> for ZimError {
    fn from(error: io::Error) -> ZimError {
        ZimError::File(error)
    }
}

/// Copies the archive `source` to `into` and checks the copy.
pub fn take_in(source: &Source, into: &Path, tell: Tell<'_>) -> Result<Described, IngestError> {
    let target = into.join(ARCHIVE);
    source::bring(source, &target, tell)?;
    let archive = open_file(&target)?;
    check::check(&archive, tell)?;
    Ok(archive.described()?)
}

/// The archive of an item's folder.
pub fn open(folder: &Path) -> Result<Archive, ReadError> {
    Ok(open_file(&folder.join(ARCHIVE))?)
}

fn open_file(path: &Path) -> Result<Archive, ZimError> {
    Archive::open(Parts::new(vec![File::open(path)?])?)
}
