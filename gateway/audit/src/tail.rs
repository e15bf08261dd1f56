//! The bytes of the pending tail: what makes a record durable before any tile is written.
//!
//! Pure. A segment is a header (first index and the openings that were live when it began, so that a start finds the orphans
//! without reading the whole log), then frames: `length (u16, big-endian) || check (8) || entry`. The check is the beginning
//! of the entry's leaf hash: a torn frame fails it, and so do the zeros of reserved bytes, whose length is 0.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::tree::{Hash, leaf_hash};

/// The longest `reason` and `gateway`, in bytes: reason codes are short words.
pub(crate) const NAME_LIMIT_BYTES: usize = 64;
/// The longest header line, in bytes: two names with every character escaped, and the numbers.
pub(crate) const HEADER_LIMIT_BYTES: usize = 1_024;
/// The longest closing entry, in bytes: what is reserved for it while its exchange lives.
pub(crate) const CLOSING_LIMIT_BYTES: usize = 4_096;
/// Bytes before each entry.
pub(crate) const FRAME_HEAD_BYTES: usize = 2 + CHECK_BYTES;
/// What one live exchange has reserved on disk, in bytes.
pub(crate) const CLOSING_RESERVE_BYTES: u64 = (CLOSING_LIMIT_BYTES + FRAME_HEAD_BYTES) as u64;

const CHECK_BYTES: usize = 8;
const MAGIC: &[u8] = b"passerelle journal tail 1\n";

/// A segment as far as it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    /// Openings below `first` that had no closing below it.
    pub(crate) live: Vec<u64>,
    pub(crate) bytes: Vec<u8>,
    /// Entry and leaf hash of each whole frame.
    pub(crate) frames: Vec<(Range<usize>, Hash)>,
    /// Where the whole frames end.
    pub(crate) end: usize,
}

impl Segment {
    /// `None` if the header is damaged: headers are synced before a segment gets its name, so that is no torn write.
    pub(crate) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        if !bytes.starts_with(MAGIC) {
            return None;
        }
        let first = number(MAGIC.len())?;
        let count = usize::try_from(number(MAGIC.len() + 8)?).ok()?;
        let list = MAGIC.len() + 16;
        let end = count.checked_mul(8)?.checked_add(list)?;
        if bytes.get(end..end + CHECK_BYTES)? != check(&leaf_hash(&bytes[..end])) {
            return None;
        }
        let live = (0..count).filter_map(|n| number(list + 8 * n)).collect();
        let (frames, end) = frames(&bytes, end + CHECK_BYTES);
        Some(Segment { first, live, bytes, frames, end })
    }

    /// The index after the last whole frame.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// The entry of `index`, if it stands here.
    pub(crate) fn entry(&self, index: u64) -> Option<&[u8]> {
        let (range, _) = self.frames.get(usize::try_from(index.checked_sub(self.first)?).ok()?)?;
        Some(&self.bytes[range.clone()])
    }

    /// The whole frames, with index and leaf hash.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, &[u8], &Hash)> {
        (self.first..)
            .zip(&self.frames)
            .map(|(index, (range, leaf))| (index, &self.bytes[range.clone()], leaf))
    }

    /// Bytes after the whole frames that are not the zeros of a reservation: a torn or running write.
    pub(crate) fn torn(&self) -> Option<Range<usize>> {
        let last = self.bytes[self.end..].iter().rposition(|&byte| byte != 0)?;
        Some(self.end..self.end + last + 1)
    }
}

/// The header of a segment that begins at `first` while these openings are live.
pub(crate) fn segment_header(first: u64, live: &BTreeSet<u64>) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&first.to_be_bytes());
    header.extend_from_slice(&(live.len() as u64).to_be_bytes());
    live.iter().for_each(|opened| header.extend_from_slice(&opened.to_be_bytes()));
    let sum = leaf_hash(&header);
    header.extend_from_slice(check(&sum));
    header
}

/// Appends the frame of the entry that `encode` appends; its leaf hash.
pub(crate) fn push_frame(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) -> Hash {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD_BYTES]);
    encode(out);
    let (head, entry) = out[start..].split_at_mut(FRAME_HEAD_BYTES);
    let leaf = leaf_hash(entry);
    let length = u16::try_from(entry.len()).expect("the limits on drafts keep entries short");
    head[..2].copy_from_slice(&length.to_be_bytes());
    head[2..].copy_from_slice(check(&leaf));
    leaf
}

/// The whole frames from `at`, and where they end.
pub(crate) fn frames(bytes: &[u8], mut at: usize) -> (Vec<(Range<usize>, Hash)>, usize) {
    let mut frames = Vec::new();
    while let Some(head) = bytes.get(at..at + FRAME_HEAD_BYTES) {
        let start = at + FRAME_HEAD_BYTES;
        let end = start + usize::from(u16::from_be_bytes([head[0], head[1]]));
        let Some(entry) = bytes.get(start..end).filter(|entry| !entry.is_empty()) else { break };
        let leaf = leaf_hash(entry);
        if head[2..] != *check(&leaf) {
            break;
        }
        frames.push((start..end, leaf));
        at = end;
    }
    (frames, at)
}

fn check(leaf: &Hash) -> &[u8] {
    &leaf[..CHECK_BYTES]
}
