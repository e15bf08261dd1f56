//! Walks a whole archive before it is taken in: every entry, every place in its lists, every cluster and blob, the checksum.
//!
//! What is structurally wrong is named before a wrong checksum is, since it says more. The walk reads each byte of the file a
//! few times and unpacks each cluster once.

use md5::{Digest, Md5};

use super::super::{IngestError, Step, Tell};
use super::ZimError;
use super::archive::Archive;
use super::cluster::Cluster;
use super::dirent::Target;
use super::header::{CHECKSUM_BYTES, u32_at};

/// Read at once.
const READ_BYTES: usize = 1 << 20;
/// Between two words of progress.
const CLUSTERS_A_STEP: u32 = 100;

pub fn check(archive: &Archive, tell: Tell<'_>) -> Result<(), IngestError> {
    let largest = entries(archive)?;
    titles(archive)?;
    listings(archive)?;
    clusters(archive, &largest, tell)?;
    Ok(checksum(archive)?)
}

/// The highest blob that some entry names, of each cluster, and that entry.
type Largest = Vec<Option<(u32, u32)>>;

fn entries(archive: &Archive) -> Result<Largest, ZimError> {
    let (entries, clusters, types) = (archive.header.entries, archive.header.clusters, archive.types());
    let mut largest: Largest = vec![None; clusters as usize];
    let mut before: Option<super::dirent::Dirent> = None;
    for entry in 0..entries {
        let dirent = archive.dirent(entry)?;
        match dirent.target {
            Target::Redirect(to) if to >= entries => {
                return Err(ZimError::EntryRedirect { entry, to, entries });
            }
            Target::Blob { mime, .. } if usize::from(mime) >= types => {
                return Err(ZimError::EntryType { entry, mime, types });
            }
            Target::Blob { cluster, blob, .. } => {
                let named = largest.get_mut(cluster as usize).ok_or(ZimError::EntryCluster {
                    entry,
                    cluster,
                    clusters,
                })?;
                *named = (*named).max(Some((blob, entry)));
            }
            _ => {}
        }
        if before.as_ref().is_some_and(|before| before.key() >= dirent.key()) {
            return Err(ZimError::EntryOrder { before: entry - 1, entry });
        }
        before = Some(dirent);
    }
    Ok(largest)
}

fn titles(archive: &Archive) -> Result<(), ZimError> {
    let Some(list) = archive.header.title_list else { return Ok(()) };
    title_list(archive, "list of titles", u64::from(archive.header.entries) * 4, &|buffer, at| {
        archive.bytes.read_exact_at(buffer, list + at)
    })
}

/// Newer archives keep lists of titles as entries of their own.
fn listings(archive: &Archive) -> Result<(), ZimError> {
    for (name, list) in [
        ("listing/titleOrdered/v0", "list of all titles"),
        ("listing/titleOrdered/v1", "list of the pages' titles"),
    ] {
        let Some((entry, dirent)) = archive.find(b'X', name)? else { continue };
        if !matches!(dirent.target, Target::Blob { .. }) {
            continue;
        }
        let content = archive.content(entry, &dirent)?;
        title_list(archive, list, content.length(), &|buffer, at| {
            buffer.copy_from_slice(&content.read(at, buffer.len())?);
            Ok(())
        })?;
    }
    Ok(())
}

type ReadAt<'a> = &'a dyn Fn(&mut [u8], u64) -> std::io::Result<()>;

fn title_list(archive: &Archive, list: &'static str, length: u64, read: ReadAt<'_>) -> Result<(), ZimError> {
    if !length.is_multiple_of(4) {
        return Err(ZimError::TitleLength(list));
    }
    let entries = archive.header.entries;
    let mut before: Option<super::dirent::Dirent> = None;
    let mut buffer = Vec::new();
    for at in (0..length).step_by(READ_BYTES) {
        buffer.resize(READ_BYTES.min(usize::try_from(length - at).unwrap_or(READ_BYTES)), 0);
        read(&mut buffer, at)?;
        for (place, number) in (at / 4..).zip(buffer.chunks_exact(4)) {
            let entry = u32_at(number, 0);
            if entry >= entries {
                return Err(ZimError::TitleEntry { list, place, entry, entries });
            }
            let dirent = archive.dirent(entry)?;
            if before.as_ref().is_some_and(|before| before.title_key() > dirent.title_key()) {
                return Err(ZimError::TitleOrder { list, place });
            }
            before = Some(dirent);
        }
    }
    Ok(())
}

fn clusters(archive: &Archive, largest: &Largest, tell: Tell<'_>) -> Result<(), IngestError> {
    let of = archive.header.clusters;
    for (place, named) in archive.clusters().iter().zip(largest) {
        let cluster = place.number;
        let open = Cluster::open(&archive.bytes, *place)?;
        let blobs = open.check(&archive.bytes).ok_or(ZimError::BlobOffsets(cluster))?;
        if let Some((blob, entry)) = named.filter(|(blob, _)| u64::from(*blob) >= blobs) {
            return Err(ZimError::EntryBlob { entry, cluster, blob, blobs }.into());
        }
        let done = cluster + 1;
        if done % CLUSTERS_A_STEP == 0 || done == of {
            tell(Step { what: "checked", done: done.into(), of: of.into() })?;
        }
    }
    Ok(())
}

/// MD5, as the format has it: it finds accidents, not enemies.
fn checksum(archive: &Archive) -> Result<(), ZimError> {
    let end = archive.header.checksum;
    let mut digest = Md5::new();
    let mut buffer = vec![0; READ_BYTES];
    for at in (0..end).step_by(READ_BYTES) {
        let take = READ_BYTES.min(usize::try_from(end - at).unwrap_or(READ_BYTES));
        archive.bytes.read_exact_at(&mut buffer[..take], at)?;
        digest.update(&buffer[..take]);
    }
    let mut stated = [0; CHECKSUM_BYTES as usize];
    archive.bytes.read_exact_at(&mut stated, end)?;
    if digest.finalize()[..] == stated { Ok(()) } else { Err(ZimError::Checksum) }
}
