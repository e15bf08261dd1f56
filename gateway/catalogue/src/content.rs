//! What an item answers for a path: bytes in memory, or a stretch of a file that is read as it is sent.
//!
//! Made by the item's [`crate::ingest`] reader, sent by the gateway, which asks for ranges of it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What stands at a path of an item.
#[derive(Debug)]
pub enum Found {
    Content(Content),
    /// The same thing has another path, with the leading `/`, percent-encoded.
    Redirect(String),
}

/// A file of an item.
#[derive(Clone, Debug)]
pub struct Content {
    /// As the source declares it, or by its ending; never guessed from bytes.
    pub mime: String,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    Memory(Arc<[u8]>, Range<usize>),
    Stretch { source: Arc<Parts>, at: u64, length: u64 },
}

impl Content {
    /// `range` of `bytes`, which others may share. A range outside is cut.
    pub fn in_memory(mime: String, bytes: Arc<[u8]>, range: Range<usize>) -> Content {
        let end = range.end.min(bytes.len());
        Content { mime, bytes: Bytes::Memory(bytes, range.start.min(end)..end) }
    }

    /// `length` bytes from `at`.
    pub fn stretch(mime: String, source: Arc<Parts>, at: u64, length: u64) -> Content {
        Content { mime, bytes: Bytes::Stretch { source, at, length } }
    }

    /// In bytes.
    pub fn length(&self) -> u64 {
        match &self.bytes {
            Bytes::Memory(_, range) => range.len() as u64,
            Bytes::Stretch { length, .. } => *length,
        }
    }

    /// Up to `limit` bytes from `offset`; fewer only at the end.
    pub fn read(&self, offset: u64, limit: usize) -> io::Result<Vec<u8>> {
        let left = self.length().saturating_sub(offset);
        let take = limit.min(usize::try_from(left).unwrap_or(usize::MAX));
        match &self.bytes {
            Bytes::Memory(bytes, range) if take > 0 => {
                let start = range.start + usize::try_from(offset).map_err(io::Error::other)?;
                Ok(bytes[start..start + take].to_vec())
            }
            Bytes::Stretch { source, at, .. } if take > 0 => {
                let mut bytes = vec![0; take];
                source.read_exact_at(&mut bytes, at.saturating_add(offset))?;
                Ok(bytes)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// All of it, where it is not longer than `limit` bytes.
    pub fn whole(&self, limit: usize) -> io::Result<Vec<u8>> {
        if self.length() > limit as u64 {
            return Err(io::Error::other(format!("more than {limit} bytes")));
        }
        self.read(0, limit)
    }
}

/// One file, or several read as one (a split archive), from an offset on (an archive inside another file).
#[derive(Debug)]
pub struct Parts {
    /// Each with the position of its first byte in the whole.
    files: Vec<(u64, File)>,
    skip: u64,
    length: u64,
}

impl Parts {
    pub fn new(files: Vec<File>) -> io::Result<Parts> {
        let mut length = 0_u64;
        let mut placed = Vec::with_capacity(files.len());
        for file in files {
            let bytes = file.metadata()?.len();
            placed.push((length, file));
            length = length.checked_add(bytes).ok_or_else(|| io::Error::other("too long"))?;
        }
        Ok(Parts { files: placed, skip: 0, length })
    }

    /// What lies from `skip` on, `length` bytes of it at most.
    pub fn within(self, skip: u64, length: u64) -> Parts {
        let left = self.length.saturating_sub(skip);
        Parts { skip: self.skip + skip.min(self.length), length: length.min(left), ..self }
    }

    /// In bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `at`. Errors: `UnexpectedEof` when that reaches beyond the end.
    pub fn read_exact_at(&self, mut buffer: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(buffer.len() as u64).filter(|end| *end <= self.length);
        if end.is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut at = at + self.skip;
        while !buffer.is_empty() {
            let index = self.files.partition_point(|(start, _)| *start <= at) - 1;
            let (start, file) = &self.files[index];
            let room = self.files.get(index + 1).map_or(u64::MAX, |(next, _)| next - at);
            let take = buffer.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let (now, rest) = buffer.split_at_mut(take);
            file.read_exact_at(now, at - start)?;
            at += take as u64;
            buffer = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn parts_read_as_one() {
        let parts =
            Parts::new(vec![file(b"abc"), file(b""), file(b"defg"), file(b"h")]).unwrap().within(1, 6);
        assert_eq!(parts.length(), 6);
        for (at, length, expected) in [
            (0, 6, Some("bcdefg")),
            (1, 3, Some("cde")),
            (5, 1, Some("g")),
            (6, 0, Some("")),
            (5, 2, None),
            (7, 0, None),
        ] {
            let mut buffer = vec![0; length];
            let read = parts.read_exact_at(&mut buffer, at).ok().map(|()| String::from_utf8(buffer).unwrap());
            assert_eq!(read.as_deref(), expected, "{length} from {at}");
        }
    }

    #[test]
    fn content_reads_ranges() {
        let parts = Arc::new(Parts::new(vec![file(b"xxhello!xx")]).unwrap());
        let shared: Arc<[u8]> = b"xxhello!xx".as_slice().into();
        for content in [
            Content::stretch("text/plain".into(), parts, 2, 6),
            Content::in_memory("text/plain".into(), shared, 2..8),
        ] {
            assert_eq!(content.length(), 6);
            assert_eq!(content.read(0, 5).unwrap(), b"hello");
            assert_eq!(content.read(4, 50).unwrap(), b"o!");
            assert_eq!(content.read(6, 50).unwrap(), b"");
            assert_eq!(content.read(u64::MAX, 50).unwrap(), b"");
            assert_eq!(content.whole(6).unwrap(), b"hello!");
            assert!(content.whole(5).is_err());
        }
    }
}
