//! A directory entry (openZIM file format, "Directory entries"): an address and what stands there.

use super::header::{u16_at, u32_at};

const REDIRECT: u16 = 0xFFFF;
const LINK_TARGET: u16 = 0xFFFE;
const DELETED: u16 = 0xFFFD;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirent {
    pub namespace: u8,
    pub url: String,
    /// Empty where it is the address.
    title: String,
    pub target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Blob {
        mime: u16,
        cluster: u32,
        blob: u32,
    },
    Redirect(u32),
    /// Entries of old archives that stand for nothing.
    Nothing,
}

/// What came of reading from the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Whole(Dirent),
    /// More bytes are needed.
    Short,
    /// Its texts are not UTF-8.
    Broken,
}

impl Dirent {
    pub fn read(bytes: &[u8]) -> Read {
        if bytes.len() < 16 {
            return Read::Short;
        }
        let (target, texts) = match u16_at(bytes, 0) {
            REDIRECT => (Target::Redirect(u32_at(bytes, 8)), 12),
            LINK_TARGET | DELETED => (Target::Nothing, 8),
            mime => (Target::Blob { mime, cluster: u32_at(bytes, 8), blob: u32_at(bytes, 12) }, 16),
        };
        let mut texts = bytes[texts..].split(|byte| *byte == 0);
        let (Some(url), Some(title), Some(_)) = (texts.next(), texts.next(), texts.next()) else {
            return Read::Short;
        };
        match (String::from_utf8(url.to_vec()), String::from_utf8(title.to_vec())) {
            (Ok(url), Ok(title)) => Read::Whole(Dirent { namespace: bytes[3], url, title, target }),
            _ => Read::Broken,
        }
    }

    pub fn title(&self) -> &str {
        if self.title.is_empty() { &self.url } else { &self.title }
    }

    /// The order of the list of addresses.
    pub fn key(&self) -> (u8, &[u8]) {
        (self.namespace, self.url.as_bytes())
    }

    /// The order of the list of titles.
    pub fn title_key(&self) -> (u8, &[u8]) {
        (self.namespace, self.title().as_bytes())
    }
}
