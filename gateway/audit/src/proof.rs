//! Proofs of RFC 6962, section 2.1: that a record is in the tree, that a tree extends an older one.
//!
//! Pure: nodes come from a [`Nodes`], which the tiles of a folder implement.

use std::io;

use crate::tree::{Hash, node_hash, root_over};

/// The audit path of one leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    pub index: u64,
    /// The size of the tree it leads to.
    pub size: u64,
    /// From the leaf's sibling up.
    pub path: Vec<Hash>,
}

/// That the tree of `new` leaves begins with the tree of `old` leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    pub old: u64,
    pub new: u64,
    pub path: Vec<Hash>,
}

/// Why a proof could not be made or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error("the tree is not that large")]
    Size,
    #[error("a tile cannot be read")]
    Tile(#[source] io::Error),
    #[error("the proof does not lead to the root")]
    Root,
}

/// The nodes of a tree.
pub trait Nodes {
    /// The root of the whole subtree of `2^height` leaves that begins at leaf `index * 2^height`.
    fn node(&self, height: u32, index: u64) -> Result<Hash, ProofError>;
}

impl InclusionProof {
    /// For leaf `index` of the tree of `size` leaves.
    pub fn make(nodes: &impl Nodes, index: u64, size: u64) -> Result<Self, ProofError> {
        if index >= size {
            return Err(ProofError::Size);
        }
        let mut path = Vec::new();
        let (mut from, mut to) = (0, size);
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(range_root(nodes, middle, to)?);
                to = middle;
            } else {
                path.push(range_root(nodes, from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(InclusionProof { index, size, path })
    }

    /// Errs unless the leaf is in the tree with this root.
    pub fn check(&self, leaf: &Hash, root: &Hash) -> Result<(), ProofError> {
        if self.index >= self.size {
            return Err(ProofError::Size);
        }
        let mut hashes = self.path.iter();
        let found = climb(self.index, self.size, leaf, &mut hashes).ok_or(ProofError::Root)?;
        (hashes.next().is_none() && found == *root).then_some(()).ok_or(ProofError::Root)
    }
}

/// The root over `size` leaves, from the leaf at `index` up along `path`.
fn climb<'a>(index: u64, size: u64, leaf: &Hash, path: &mut impl Iterator<Item = &'a Hash>) -> Option<Hash> {
    if size == 1 {
        return Some(*leaf);
    }
    let middle = split(size);
    if index < middle {
        let left = climb(index, middle, leaf, path)?;
        Some(node_hash(&left, path.next()?))
    } else {
        let right = climb(index - middle, size - middle, leaf, path)?;
        Some(node_hash(path.next()?, &right))
    }
}

impl ConsistencyProof {
    /// From the tree of `old` leaves to that of `new` ones.
    pub fn make(nodes: &impl Nodes, old: u64, new: u64) -> Result<Self, ProofError> {
        if old > new {
            return Err(ProofError::Size);
        }
        let mut path = Vec::new();
        if old > 0 {
            let (mut from, mut to, mut whole) = (0, new, true);
            while old != to {
                let middle = from + split(to - from);
                if old <= middle {
                    path.push(range_root(nodes, middle, to)?);
                    to = middle;
                } else {
                    path.push(range_root(nodes, from, middle)?);
                    from = middle;
                    whole = false;
                }
            }
            if !whole {
                path.push(range_root(nodes, from, to)?);
            }
        }
        path.reverse();
        Ok(ConsistencyProof { old, new, path })
    }

    /// Errs unless the tree with `new_root` begins with the tree with `old_root`.
    pub fn check(&self, old_root: &Hash, new_root: &Hash) -> Result<(), ProofError> {
        if self.old > self.new {
            return Err(ProofError::Size);
        }
        if self.old == 0 {
            return (self.path.is_empty() && *old_root == root_over(&[]))
                .then_some(())
                .ok_or(ProofError::Root);
        }
        let mut hashes = self.path.iter();
        let found = widen(self.old, self.new, true, old_root, &mut hashes).ok_or(ProofError::Root)?;
        (hashes.next().is_none() && found == (*old_root, *new_root)).then_some(()).ok_or(ProofError::Root)
    }
}

/// The roots of the first `old` of `size` leaves and of all of them. `whole`: this subtree still begins with all of the
/// old tree, whose root is known.
fn widen<'a>(
    old: u64,
    size: u64,
    whole: bool,
    old_root: &Hash,
    path: &mut impl Iterator<Item = &'a Hash>,
) -> Option<(Hash, Hash)> {
    if old == size {
        let root = if whole { *old_root } else { *path.next()? };
        return Some((root, root));
    }
    let middle = split(size);
    if old <= middle {
        let (old, left) = widen(old, middle, whole, old_root, path)?;
        Some((old, node_hash(&left, path.next()?)))
    } else {
        let (old, right) = widen(old - middle, size - middle, false, old_root, path)?;
        let left = path.next()?;
        Some((node_hash(left, &old), node_hash(left, &right)))
    }
}

/// RFC 6962: the largest power of two smaller than `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The root over the leaves from `from` to before `to`, where `from` is a multiple of a power of two not below `to - from`.
fn range_root(nodes: &impl Nodes, from: u64, to: u64) -> Result<Hash, ProofError> {
    let size = to - from;
    if size.is_power_of_two() {
        return nodes.node(size.trailing_zeros(), from >> size.trailing_zeros());
    }
    let middle = from + split(size);
    Ok(node_hash(&range_root(nodes, from, middle)?, &range_root(nodes, middle, to)?))
}
