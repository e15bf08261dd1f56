//! The Merkle tree of RFC 6962, section 2.1, over SHA-256, grown by whole tiles.
//!
//! Pure. The publisher grows a [`Frontier`]; start and verifier rebuild one and compare its root.

use aws_lc_rs::digest;

/// A leaf, a node or a root.
pub type Hash = [u8; 32];

/// Hashes in a full tile: eight levels of the tree.
pub(crate) const TILE_WIDTH: usize = 256;

/// `SHA-256(0x00 || entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

/// `SHA-256(0x01 || left || right)`.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root over these subtrees of equal size, of which only the last may be smaller.
pub(crate) fn root_over(subtrees: &[Hash]) -> Hash {
    match subtrees {
        [] => sha256(&[]),
        [only] => *only,
        _ => {
            let split = subtrees.len().next_power_of_two() / 2;
            node_hash(&root_over(&subtrees[..split]), &root_over(&subtrees[split..]))
        }
    }
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The right edge of the tree: per tile level the hashes of its partial tile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    /// Each shorter than [`TILE_WIDTH`].
    levels: Vec<Vec<Hash>>,
}

/// A tile that became full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FullTile {
    pub(crate) level: u8,
    pub(crate) number: u64,
    pub(crate) hashes: Vec<Hash>,
}

impl Frontier {
    /// `levels` from the leaves up, each the partial tile of a tree of `size`.
    pub(crate) fn new(size: u64, levels: Vec<Vec<Hash>>) -> Self {
        Frontier { size, levels }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The partial tiles that are not empty, with level and number.
    pub(crate) fn partial_tiles(&self) -> impl Iterator<Item = (u8, u64, &[Hash])> {
        let size = self.size;
        self.levels.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()).map(move |(level, hashes)| {
            let number = size.checked_shr(8 * (level as u32 + 1)).unwrap_or(0);
            (level as u8, number, hashes.as_slice())
        })
    }

    /// Adds a leaf; `full` receives the tiles it completes, lowest first.
    pub(crate) fn push(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        self.size += 1;
        let mut carry = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            self.levels[level].push(carry);
            if self.levels[level].len() < TILE_WIDTH {
                return;
            }
            let hashes = std::mem::replace(&mut self.levels[level], Vec::with_capacity(TILE_WIDTH));
            carry = root_over(&hashes);
            let number = self.size.checked_shr(8 * (level as u32 + 1)).unwrap_or(0) - 1;
            full.push(FullTile { level: level as u8, number, hashes });
        }
    }

    pub(crate) fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        for hashes in &self.levels {
            if hashes.is_empty() {
                continue;
            }
            let mut subtrees = hashes.clone();
            subtrees.extend(right);
            right = Some(root_over(&subtrees));
        }
        right.unwrap_or_else(|| root_over(&[]))
    }
}
