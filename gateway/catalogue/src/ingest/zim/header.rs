//! The header of an archive, 80 bytes, little-endian (openZIM file format, "Header").

use super::ZimError;

pub const MAGIC: [u8; 4] = *b"ZIM\x04";
pub const BYTES: usize = 80;
pub const CHECKSUM_BYTES: u64 = 16;
/// In place of a position or an entry: there is none.
const NO_POSITION: u64 = u64::MAX;
const NO_ENTRY: u32 = u32::MAX;
/// All of Wikipedia in English has 20 million; a number a small server can walk.
const MOST_ENTRIES: u32 = 100_000_000;
/// Their positions are kept in memory, 16 bytes each.
const MOST_CLUSTERS: u32 = 2_000_000;

/// What the header says, bounded by the archive's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Content lies in namespace C, search and metadata beside it; before, namespaces were part of addresses.
    pub new_namespaces: bool,
    pub entries: u32,
    pub clusters: u32,
    /// Positions of lists: of entries by address (8 bytes each), by title (4 bytes, may be absent), of clusters (8 bytes).
    pub url_list: u64,
    pub title_list: Option<u64>,
    pub cluster_list: u64,
    pub main_page: Option<u32>,
    /// Where the content ends and its checksum stands.
    pub checksum: u64,
}

impl Header {
    /// Reads the header of an archive of `length` bytes.
    pub fn read(bytes: &[u8; BYTES], length: u64) -> Result<Header, ZimError> {
        if bytes[..4] != MAGIC {
            return Err(ZimError::Magic);
        }
        let [major, minor] = [u16_at(bytes, 4), u16_at(bytes, 6)];
        if !matches!(major, 5 | 6) {
            return Err(ZimError::Version(major));
        }
        if u64_at(bytes, 56) != BYTES as u64 {
            return Err(ZimError::MimeListPosition);
        }
        let header = Header {
            new_namespaces: major == 6 && minor >= 1,
            entries: u32_at(bytes, 24),
            clusters: u32_at(bytes, 28),
            url_list: u64_at(bytes, 32),
            title_list: Some(u64_at(bytes, 40)).filter(|position| *position != NO_POSITION),
            cluster_list: u64_at(bytes, 48),
            main_page: Some(u32_at(bytes, 64)).filter(|entry| *entry != NO_ENTRY),
            checksum: u64_at(bytes, 72),
        };
        header.bound(length)?;
        Ok(header)
    }

    fn bound(&self, length: u64) -> Result<(), ZimError> {
        let Header { entries, clusters, checksum, .. } = *self;
        for (what, count, limit) in
            [("entries", entries, MOST_ENTRIES), ("clusters", clusters, MOST_CLUSTERS)]
        {
            if count > limit {
                return Err(ZimError::TooMany { what, count, limit });
            }
        }
        if checksum < BYTES as u64 || checksum.checked_add(CHECKSUM_BYTES) != Some(length) {
            return Err(ZimError::ChecksumPosition { position: checksum, length });
        }
        let titles = self.title_list.unwrap_or(BYTES as u64);
        for (what, from, count, size) in [
            ("list of addresses", self.url_list, entries, 8),
            ("list of titles", titles, if self.title_list.is_some() { entries } else { 0 }, 4),
            ("list of clusters", self.cluster_list, clusters, 8),
        ] {
            let to = from.saturating_add(u64::from(count) * size);
            if from < BYTES as u64 || to > checksum {
                return Err(ZimError::Section { what, from, to });
            }
        }
        match self.main_page {
            Some(entry) if entry >= entries => Err(ZimError::MainPage { entry, entries }),
            _ => Ok(()),
        }
    }

    /// The list of types ends before the first other list.
    pub fn mime_list_end(&self) -> u64 {
        [Some(self.url_list), self.title_list, Some(self.cluster_list), Some(self.checksum)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.checksum)
    }
}

/// The whole length that a header claims, for an archive inside a longer file.
pub fn claimed_length(bytes: &[u8; BYTES]) -> Option<u64> {
    u64_at(bytes, 72).checked_add(CHECKSUM_BYTES)
}

/// Panics beyond the end: `bytes` is a header or a part of known length.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
