//! A cluster (openZIM file format, "Clusters"): blobs, one after another, often packed together.
//!
//! Unpacking stops at [`LARGEST_BYTES`] whatever the packed bytes promise, and reads no byte beyond the cluster's own.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

use super::ZimError;
use super::header::{u32_at, u64_at};
use crate::content::{Content, Parts};

/// Unpacked. Archives pack texts by 2 MiB; a single long one makes a larger cluster. What is larger (media) is not packed.
pub const LARGEST_BYTES: usize = 128 << 20;
/// What an unpacker may take besides: `xz -9` wants a window of 64 MiB, `zstd --ultra` one of 128 MiB, zstd's own limit.
const LARGEST_WINDOW_BYTES: u64 = 128 << 20;
/// Bytes read from the file at once.
const READ_BYTES: usize = 64 << 10;

const EXTENDED: u8 = 0x10;

/// A cluster as it lies in the archive: from its first byte to where the next one begins.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub number: u32,
    pub from: u64,
    pub to: u64,
}

/// An open cluster.
#[derive(Clone, Debug)]
pub enum Cluster {
    /// Unpacked in memory, the list of offsets first.
    Unpacked { bytes: Arc<[u8]>, width: Width },
    /// Left in the file: `from` is the first byte of the list of offsets.
    Plain { from: u64, to: u64, width: Width },
}

/// Of an offset: 4 bytes, or 8 in an extended cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Four,
    Eight,
}

impl Width {
    fn bytes(self) -> u64 {
        match self {
            Width::Four => 4,
            Width::Eight => 8,
        }
    }

    fn read(self, bytes: &[u8]) -> u64 {
        match self {
            Width::Four => u64::from(u32_at(bytes, 0)),
            Width::Eight => u64_at(bytes, 0),
        }
    }
}

impl Cluster {
    pub fn open(archive: &Arc<Parts>, place: Place) -> Result<Cluster, ZimError> {
        let mut first = [0];
        archive.read_exact_at(&mut first, place.from)?;
        let width = if first[0] & EXTENDED == 0 { Width::Four } else { Width::Eight };
        let packed = Stretch { archive, at: place.from + 1, to: place.to };
        let number = place.number;
        let unpacked = match first[0] & 0x0F {
            0 | 1 => return Ok(Cluster::Plain { from: place.from + 1, to: place.to, width }),
            4 => {
                let limit_kib = u32::try_from(LARGEST_WINDOW_BYTES >> 10).unwrap_or(u32::MAX);
                limited(XzReader::new_mem_limit(
                    io::BufReader::with_capacity(READ_BYTES, packed),
                    false,
                    limit_kib,
                ))
            }
            5 => StreamingDecoder::new_with_max_window_size(
                io::BufReader::with_capacity(READ_BYTES, packed),
                LARGEST_WINDOW_BYTES,
            )
            .map_err(io::Error::other)
            .and_then(limited),
            packing => return Err(ZimError::Packing { cluster: number, packing }),
        };
        let bytes =
            unpacked.map_err(|error| ZimError::Unpacking { cluster: number, why: error.to_string() })?;
        if bytes.len() > LARGEST_BYTES {
            return Err(ZimError::ClusterTooLarge(number));
        }
        Ok(Cluster::Unpacked { bytes: bytes.into(), width })
    }

    /// In bytes, as far as they are in memory.
    pub fn weight(&self) -> usize {
        match self {
            Cluster::Unpacked { bytes, .. } => bytes.len(),
            Cluster::Plain { .. } => 0,
        }
    }

    /// How many blobs it holds, as its first offset tells: that is where the list of offsets ends.
    pub fn blobs(&self, archive: &Parts) -> Option<u64> {
        let width = self.width().bytes();
        let first = self.offset(archive, 0)?;
        (first % width == 0 && first >= width && first <= self.length()).then(|| first / width - 1)
    }

    /// Where blob `blob` lies, counted from the list of offsets.
    fn range(&self, archive: &Parts, blob: u32) -> Option<Range<u64>> {
        let from = self.offset(archive, u64::from(blob))?;
        let to = self.offset(archive, u64::from(blob) + 1)?;
        let list = (self.blobs(archive)? + 1) * self.width().bytes();
        (u64::from(blob) < self.blobs(archive)? && list <= from && from <= to && to <= self.length())
            .then_some(from..to)
    }

    /// The content of a blob; `None` when there is none of that number or its place is wrong.
    pub fn content(&self, archive: &Arc<Parts>, blob: u32, mime: String) -> Option<Content> {
        let range = self.range(archive, blob)?;
        Some(match self {
            Cluster::Unpacked { bytes, .. } => {
                let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
                Content::in_memory(mime, bytes.clone(), range)
            }
            Cluster::Plain { from, .. } => {
                Content::stretch(mime, archive.clone(), from + range.start, range.end - range.start)
            }
        })
    }

    /// Every offset in its order and inside; the number of blobs.
    pub fn check(&self, archive: &Parts) -> Option<u64> {
        let blobs = self.blobs(archive)?;
        let width = self.width().bytes();
        let (mut before, mut offsets) = ((blobs + 1) * width, Vec::new());
        for index in 0..=blobs {
            // A list in the file is read by the page, not by the offset.
            let at = usize::try_from(index * width).ok()?;
            let offset = match self {
                Cluster::Unpacked { .. } => self.offset(archive, index)?,
                Cluster::Plain { from, .. } => {
                    let within = at % READ_BYTES;
                    if within == 0 {
                        let left = (blobs + 1 - index) * width;
                        offsets.resize(READ_BYTES.min(usize::try_from(left).ok()?), 0);
                        archive.read_exact_at(&mut offsets, from + at as u64).ok()?;
                    }
                    self.width().read(offsets.get(within..)?)
                }
            };
            if offset < before || offset > self.length() {
                return None;
            }
            before = offset;
        }
        Some(blobs)
    }

    fn offset(&self, archive: &Parts, index: u64) -> Option<u64> {
        let width = self.width();
        let at = index.checked_mul(width.bytes())?;
        if at.checked_add(width.bytes())? > self.length() {
            return None;
        }
        match self {
            Cluster::Unpacked { bytes, .. } => Some(width.read(&bytes[usize::try_from(at).ok()?..])),
            Cluster::Plain { from, .. } => {
                let mut bytes = [0; 8];
                let bytes = &mut bytes[..usize::try_from(width.bytes()).ok()?];
                archive.read_exact_at(bytes, from + at).ok()?;
                Some(width.read(bytes))
            }
        }
    }

    fn width(&self) -> Width {
        match self {
            Cluster::Unpacked { width, .. } | Cluster::Plain { width, .. } => *width,
        }
    }

    fn length(&self) -> u64 {
        match self {
            Cluster::Unpacked { bytes, .. } => bytes.len() as u64,
            Cluster::Plain { from, to, .. } => to.saturating_sub(*from),
        }
    }
}

/// One byte more than the limit at most, so that the excess shows.
fn limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LARGEST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the packed bytes of one cluster and none beyond.
struct Stretch<'a> {
    archive: &'a Parts,
    at: u64,
    to: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.to.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let take = left.min(buffer.len());
        self.archive.read_exact_at(&mut buffer[..take], self.at)?;
        self.at += take as u64;
        Ok(take)
    }
}
