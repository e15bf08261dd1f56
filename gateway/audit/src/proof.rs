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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::tree::{Frontier, leaf_hash};

    /// RFC 6962's definition of the root, word for word.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves.len() {
            0 => root_over(&[]),
            1 => leaves[0],
            n => {
                let mut k = 1;
                while k * 2 < n {
                    k *= 2;
                }
                node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
            }
        }
    }

    struct Leaves(Vec<Hash>);

    impl Nodes for Leaves {
        fn node(&self, height: u32, index: u64) -> Result<Hash, ProofError> {
            let (from, to) = ((index << height) as usize, ((index + 1) << height) as usize);
            self.0.get(from..to).map(naive_root).ok_or(ProofError::Size)
        }
    }

    fn leaves(count: u64) -> Leaves {
        Leaves((0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect())
    }

    /// As published with RFC 6962's reference implementation: a tree of eight known leaves.
    #[test]
    fn known_roots() {
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        for (size, expected) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            let mut tree = Frontier::default();
            entries[..size].iter().for_each(|entry| tree.push(leaf_hash(entry), &mut Vec::new()));
            assert_eq!(data_encoding::HEXLOWER.encode(&tree.root()), expected, "{size}");
        }
    }

    #[test]
    fn sizes_that_make_no_proof() {
        let tree = leaves(4);
        assert!(matches!(InclusionProof::make(&tree, 4, 4), Err(ProofError::Size)));
        assert!(matches!(InclusionProof::make(&tree, 0, 5), Err(ProofError::Size)));
        assert!(matches!(ConsistencyProof::make(&tree, 4, 3), Err(ProofError::Size)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_frontier_has_the_root_of_the_definition(size in 0_u64..1_500) {
            let tree = leaves(size);
            let mut frontier = Frontier::default();
            let mut full = Vec::new();
            tree.0.iter().for_each(|leaf| frontier.push(*leaf, &mut full));
            prop_assert_eq!(frontier.root(), naive_root(&tree.0));
            prop_assert_eq!(full.iter().filter(|tile| tile.level == 0).count() as u64, size / 256);
        }

        #[test]
        fn inclusion_holds_and_nothing_else_does(size in 1_u64..1_200, at in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
            let tree = leaves(size);
            let index = at.index(size as usize) as u64;
            let (leaf, root) = (tree.0[index as usize], naive_root(&tree.0));
            let proof = InclusionProof::make(&tree, index, size).unwrap();
            proof.check(&leaf, &root).unwrap();
            prop_assert!(proof.check(&leaf_hash(b"other"), &root).is_err());
            if !proof.path.is_empty() {
                let mut wrong = proof.clone();
                wrong.path[flip.index(proof.path.len())][0] ^= 1;
                prop_assert!(wrong.check(&leaf, &root).is_err());
                let mut long = proof;
                long.path.push(leaf);
                prop_assert!(long.check(&leaf, &root).is_err());
            }
        }

        #[test]
        fn consistency_holds_and_nothing_else_does(new in 1_u64..1_200, at in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
            let tree = leaves(new);
            let old = at.index(new as usize + 1) as u64;
            let (old_root, new_root) = (naive_root(&tree.0[..old as usize]), naive_root(&tree.0));
            let proof = ConsistencyProof::make(&tree, old, new).unwrap();
            proof.check(&old_root, &new_root).unwrap();
            let other = leaf_hash(b"other");
            prop_assert!(proof.check(&other, &new_root).is_err());
            if old > 0 {
                prop_assert!(proof.check(&old_root, &other).is_err());
            }
            if !proof.path.is_empty() {
                let mut wrong = proof.clone();
                wrong.path[flip.index(proof.path.len())][0] ^= 1;
                prop_assert!(wrong.check(&old_root, &new_root).is_err());
            }
        }
    }
}
