//! Reading a log back, entry by entry: published bundles first, then the pending tail.
//!
//! Called by start, verifier and search. Works on the folder of a running gateway: it reads a prefix that stands still.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::checkpoint;
use crate::store::{self, CHECKPOINT, Disk, Folder, minimum_index, segment_path};
use crate::tail::Segment;
use crate::tile;
use crate::tree::TILE_WIDTH;

/// How often a reader starts again because the running gateway published meanwhile: once is rare already.
const READ_ATTEMPTS: usize = 10;

/// What cannot be read, and the first record it concerns.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(crate) struct Damage {
    pub(crate) index: u64,
    pub(crate) source: io::Error,
}

/// The segments of the tail, oldest first, without gap between them.
pub(crate) fn read_tail(disk: &dyn Disk) -> Result<Vec<Segment>, Damage> {
    let damage = |index| move |source| Damage { index, source };
    let damaged = |index| Damage { index, source: invalid("the pending tail is damaged") };
    let mut segments: Vec<Segment> = Vec::new();
    for first in store::segments(disk).map_err(damage(0))? {
        let bytes = match disk.read(&segment_path(first)) {
            // Published and removed since it was listed, and so is what came before.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                segments.clear();
                continue;
            }
            read => read.map_err(damage(first))?,
        };
        let segment = Segment::parse(bytes).filter(|segment| segment.first == first);
        let segment = segment.ok_or_else(|| damaged(first))?;
        if let Some(last) = segments.last().filter(|last| last.next() != first) {
            return Err(damaged(last.next().min(first)));
        }
        segments.push(segment);
    }
    Ok(segments)
}

/// The checkpoint as it stands and a tail that reaches back to it.
pub(crate) fn read_end(disk: &dyn Disk) -> Result<(Vec<u8>, Vec<Segment>), Damage> {
    let mut gap = 0;
    for attempt in 1..=READ_ATTEMPTS {
        let note = disk.read(CHECKPOINT).map_err(|source| Damage { index: 0, source })?;
        let segments = read_tail(disk)?;
        // Whether it is a checkpoint at all is for the caller to say.
        gap = checkpoint::size(&note).unwrap_or(u64::MAX);
        if segments.first().map_or(attempt == READ_ATTEMPTS, |first| first.first <= gap) {
            return Ok((note, segments));
        }
    }
    Err(Damage { index: gap, source: invalid("the pending tail begins after the checkpoint") })
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The entries of `folder` as they are stored and hashed, each with its index: those under a checkpoint of `size` that are not
/// pruned.
pub fn entries(
    folder: &Path,
    size: u64,
) -> io::Result<impl Iterator<Item = io::Result<(u64, Vec<u8>)>> + use<>> {
    Published::new(Arc::new(Folder::unlocked(folder)), size)
}

/// The entries of the bundles, from the minimum index to `size`.
pub(crate) struct Published {
    disk: Arc<dyn Disk>,
    size: u64,
    next: u64,
    bundle: std::vec::IntoIter<Vec<u8>>,
}

impl Published {
    pub(crate) fn new(disk: Arc<dyn Disk>, size: u64) -> io::Result<Self> {
        // A bundle goes only when all of it is below the minimum.
        let next = minimum_index(&*disk)? / TILE_WIDTH as u64 * TILE_WIDTH as u64;
        Ok(Published { disk, size, next, bundle: Vec::new().into_iter() })
    }
}

impl Iterator for Published {
    type Item = io::Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.size {
            return None;
        }
        if self.bundle.len() == 0 {
            match tile::read_entries(&*self.disk, self.next / TILE_WIDTH as u64, self.size) {
                Ok(entries) => self.bundle = entries.into_iter(),
                Err(error) => {
                    self.next = self.size;
                    return Some(Err(error));
                }
            }
        }
        let entry = self.bundle.next()?;
        self.next += 1;
        Some(Ok((self.next - 1, entry)))
    }
}
