//! Where tiles and entry bundles stand, and reading them back.
//!
//! Paths follow [tlog-tiles](https://c2sp.org/tlog-tiles): `tile/L/N` and `tile/entries/N`, `N` in groups of three digits
//! (`x001/x234/067`), `.p/W` after a partial one.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use crate::proof::{Nodes, ProofError};
use crate::store::{Disk, Folder};
use crate::tree::{Hash, TILE_WIDTH, root_over};

/// The path of one tile or entry bundle below the log's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    /// 0 for the leaf hashes and up; `None` for an entry bundle.
    pub level: Option<u8>,
    pub number: u64,
    /// 1 to 255 for a partial one.
    pub width: Option<u8>,
}

impl TilePath {
    pub(crate) fn hashes(level: u8, number: u64) -> Self {
        TilePath { level: Some(level), number, width: None }
    }

    pub(crate) fn entries(number: u64) -> Self {
        TilePath { level: None, number, width: None }
    }

    /// The same, `width` wide; 256 is the full one.
    pub(crate) fn with_width(self, width: usize) -> Self {
        TilePath { width: u8::try_from(width).ok(), ..self }
    }

    /// How much of it a tree of `size` has: 0 to 256.
    pub(crate) fn width_in(self, size: u64) -> usize {
        let subtrees = size.checked_shr(8 * u32::from(self.level.unwrap_or(0))).unwrap_or(0);
        subtrees.saturating_sub(self.number.saturating_mul(TILE_WIDTH as u64)).min(TILE_WIDTH as u64) as usize
    }

    /// Where its partial versions stand.
    pub(crate) fn partial_folder(self) -> String {
        format!("{}.p", TilePath { width: None, ..self })
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.number % 1000];
        let mut rest = self.number / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups[1..].iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        self.width.map_or(Ok(()), |width| write!(f, ".p/{width}"))
    }
}

/// A text that is no path of a tile.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile or entry bundle")]
pub struct NotATile;

impl FromStr for TilePath {
    type Err = NotATile;

    /// Reads a path, without leading slash; only the one true spelling is taken.
    fn from_str(text: &str) -> Result<Self, NotATile> {
        let (level, rest) =
            text.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(NotATile)?;
        let level = match level {
            "entries" => None,
            level => Some(level.parse().ok().filter(|&level: &u8| level <= 63).ok_or(NotATile)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => {
                (number, Some(width.parse().ok().filter(|&width| width > 0).ok_or(NotATile)?))
            }
            None => (rest, None),
        };
        let digits: String =
            number.split('/').map(|group| group.strip_prefix('x').unwrap_or(group)).collect();
        let path = TilePath { level, number: digits.parse().map_err(|_| NotATile)?, width };
        (path.to_string() == text).then_some(path).ok_or(NotATile)
    }
}

/// The bytes of `path` for a tree of `size`, from the partial file or the full one that followed it.
pub(crate) fn read_at(disk: &dyn Disk, path: TilePath, size: u64) -> io::Result<Vec<u8>> {
    match disk.read(&path.with_width(path.width_in(size)).to_string()) {
        // The partial version may go once the full one is there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.read(&path.to_string()),
        read => read,
    }
}

/// The hashes of a tile of a tree of `size`.
pub(crate) fn read_hashes(disk: &dyn Disk, path: TilePath, size: u64) -> io::Result<Vec<Hash>> {
    let bytes = read_at(disk, path, size)?;
    let width = path.width_in(size);
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() < width {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not {width} hashes")));
    }
    Ok(hashes[..width].to_vec())
}

/// The entries of a bundle of a log of `size`.
pub(crate) fn read_entries(disk: &dyn Disk, number: u64, size: u64) -> io::Result<Vec<Vec<u8>>> {
    let path = TilePath::entries(number);
    let bytes = read_at(disk, path, size)?;
    let width = path.width_in(size);
    let mut entries = split_bundle(&bytes);
    if entries.len() < width {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not {width} entries")));
    }
    entries.truncate(width);
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}

/// The entries of a bundle, each after its 16-bit length, as far as they are whole.
pub(crate) fn split_bundle(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut entries = Vec::with_capacity(TILE_WIDTH);
    while let Some((length, rest)) = bytes.split_first_chunk::<2>()
        && let Some((entry, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
    {
        entries.push(entry);
        bytes = rest;
    }
    entries
}

/// The nodes of the tree of `size` whose tiles stand in a folder: what proofs are made from.
pub struct FolderNodes {
    disk: Arc<dyn Disk>,
    size: u64,
}

impl FolderNodes {
    /// `size` is that of a published checkpoint.
    pub fn new(folder: &Path, size: u64) -> Self {
        FolderNodes::on(Arc::new(Folder::unlocked(folder)), size)
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, size: u64) -> Self {
        FolderNodes { disk, size }
    }
}

impl Nodes for FolderNodes {
    fn node(&self, height: u32, index: u64) -> Result<Hash, ProofError> {
        let (level, below) = ((height / 8) as u8, height % 8);
        let path = TilePath::hashes(level, index >> (8 - below));
        let hashes = read_hashes(&*self.disk, path, self.size).map_err(ProofError::Tile)?;
        let start = (index << below) as usize % TILE_WIDTH;
        let leaves = hashes.get(start..start + (1 << below)).ok_or(ProofError::Size)?;
        Ok(root_over(leaves))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (path, text) in [
            (TilePath::hashes(0, 0), "tile/0/000"),
            (TilePath::hashes(2, 1_234_067), "tile/2/x001/x234/067"),
            (TilePath::entries(273).with_width(112), "tile/entries/273.p/112"),
            (TilePath::entries(1_000).with_width(256), "tile/entries/x001/000"),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path));
        }
    }

    #[test]
    fn widths_are_those_of_the_specification() {
        for (path, expected) in [
            (TilePath::hashes(0, 272), 256),
            (TilePath::hashes(0, 273), 112),
            (TilePath::hashes(0, 274), 0),
            (TilePath::hashes(1, 0), 256),
            (TilePath::hashes(1, 1), 17),
            (TilePath::hashes(2, 0), 1),
            (TilePath::hashes(63, 0), 0),
            (TilePath::entries(273), 112),
        ] {
            assert_eq!(path.width_in(70_000), expected, "{path}");
        }
    }

    #[test]
    fn other_spellings_are_no_tiles() {
        for text in [
            "",
            "tile",
            "tile/0",
            "tile/0/0",
            "tile/00/000",
            "tile/64/000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/../000",
            "/tile/0/000",
            "tile/entries/+01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(text.parse::<TilePath>(), Err(NotATile), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_path_reads_back(level in proptest::option::of(0_u8..64), number: u64, width in proptest::option::of(1_u8..)) {
            let path = TilePath { level, number, width };
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }

        #[test]
        fn arbitrary_texts_and_bundles_are_no_panic(text: String, bytes: Vec<u8>) {
            let _ = text.parse::<TilePath>();
            let whole: usize = split_bundle(&bytes).iter().map(|entry| 2 + entry.len()).sum();
            prop_assert!(whole <= bytes.len());
        }
    }
}
