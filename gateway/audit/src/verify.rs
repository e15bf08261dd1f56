//! The verifier: recomputes every hash of a log and says which record is the first that is not as it was written.
//!
//! Needs the folder and the verifier key, no secret. Reads the folder of a running gateway, too. It checks: each entry against
//! its leaf hash, each tile against the tiles below, every partial tile and bundle that is still there, the root against the
//! signed checkpoint, the tail against the bundles, older checkpoints that are trusted, and what records say of each other: the index,
//! and that each closing names an opening that no other closing named. Records after the checkpoint are not signed yet: a
//! torn end there is no finding, since that is what a crash leaves.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use crate::checkpoint::{Checkpoint, VerifierKey};
use crate::entries::read_end;
use crate::record::{self, Kind};
use crate::store::{Disk, Folder, Listed, VERIFIER_KEY, signed_minimum_index};
use crate::tail::Segment;
use crate::tile::{self, TilePath};
use crate::tree::{Frontier, FullTile, Hash, TILE_WIDTH, leaf_hash};

/// What a whole log proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Durable records, those after the last checkpoint included.
    pub records: u64,
    /// The root over all of them.
    pub root: Hash,
    /// The checkpoint on disk: what is signed so far.
    pub checkpoint: Checkpoint,
    /// Entries below this index may be pruned; their hashes stand.
    pub minimum: u64,
}

/// The first record that is not as it was written, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("first bad index {index}: {why}")]
pub struct FirstBad {
    pub index: u64,
    pub why: String,
}

/// A checkpoint seen before, read before the log is: the log must extend it.
#[derive(Clone, Copy, Debug)]
pub struct Trusted<'a> {
    /// What to call it, such as the name of its file.
    pub what: &'a str,
    /// The signed note.
    pub note: &'a str,
}

/// Recomputes everything in `folder`.
pub fn verify(folder: &Path, key: &VerifierKey, trusted: &[Trusted<'_>]) -> Result<Verified, FirstBad> {
    verify_on(&Folder::unlocked(folder), key, trusted)
}

pub(crate) fn verify_on(
    disk: &dyn Disk,
    key: &VerifierKey,
    trusted: &[Trusted<'_>],
) -> Result<Verified, FirstBad> {
    let checked = trusted.iter().map(|&Trusted { what, note }| match Checkpoint::verify(note, key) {
        Ok(checkpoint) => Ok((what, checkpoint)),
        Err(error) => Err(bad(0, format!("{what}: {error}"))),
    });
    let trusted = checked.collect::<Result<_, _>>()?;
    let named = disk.read(VERIFIER_KEY).map_err(|error| bad(0, error))?;
    if named != format!("{key}\n").as_bytes() {
        return Err(bad(0, "log.vkey is not the key given"));
    }
    let (note, segments) = read_end(disk).map_err(|damage| bad(damage.index, damage.source))?;
    let note = String::from_utf8(note).map_err(|error| bad(0, error))?;
    let checkpoint = Checkpoint::verify(&note, key).map_err(|error| bad(0, error))?;
    let minimum = signed_minimum_index(disk, key).map_err(|error| bad(0, error))?;

    let mut walk = Walk {
        disk,
        size: checkpoint.size,
        trusted,
        tree: Frontier::default(),
        openings: Openings::default(),
    };
    walk.trust()?;
    for number in 0..checkpoint.size.div_ceil(TILE_WIDTH as u64) {
        walk.bundle(number, minimum)?;
    }
    walk.partial_tiles()?;
    if walk.tree.root() != checkpoint.root {
        return Err(bad(0, "the tree does not lead to the signed root"));
    }
    walk.leftovers("tile")?;
    walk.tail(&segments)?;
    if let Some((what, trusted)) = walk.trusted.first() {
        return Err(bad(walk.tree.size(), format!("the log ends here, {what} had {} records", trusted.size)));
    }
    Ok(Verified { records: walk.tree.size(), root: walk.tree.root(), checkpoint, minimum })
}

fn bad(index: u64, why: impl ToString) -> FirstBad {
    FirstBad { index, why: why.to_string() }
}

/// The tree so far, growing record by record.
struct Walk<'a> {
    disk: &'a dyn Disk,
    /// The size of the signed tree.
    size: u64,
    /// Each until the tree has been as large.
    trusted: Vec<(&'a str, Checkpoint)>,
    tree: Frontier,
    openings: Openings,
}

impl Walk<'_> {
    /// The entries of one bundle and the tiles that they complete.
    fn bundle(&mut self, number: u64, minimum: u64) -> Result<(), FirstBad> {
        let start = number * TILE_WIDTH as u64;
        let path = TilePath::hashes(0, number);
        let hashes = tile::read_hashes(self.disk, path, self.size).map_err(|error| bad(start, error))?;
        let bundle = match tile::read_at(self.disk, TilePath::entries(number), self.size) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && start + TILE_WIDTH as u64 <= minimum => {
                None
            }
            read => Some(read.map_err(|error| bad(start, error))?),
        };
        let entries = bundle.as_deref().map(tile::split_bundle);
        for (at, (index, hash)) in (start..).zip(hashes).enumerate() {
            match entries.as_ref().map(|entries| entries.get(at)) {
                None => self.openings.pruned = index + 1,
                Some(None) => return Err(bad(index, "the entry is missing")),
                Some(Some(entry)) if leaf_hash(entry) != hash => {
                    return Err(bad(index, "the entry is not the one that was hashed"));
                }
                Some(Some(entry)) => self.openings.note(index, entry)?,
            }
            self.push(hash)?;
        }
        // A full bundle may stand where a partial one was signed, nothing else.
        let excess = bundle.as_ref().zip(entries).is_some_and(|(bundle, entries)| {
            entries.iter().map(|entry| 2 + entry.len()).sum::<usize>() != bundle.len()
                || entries.len() > TILE_WIDTH
        });
        if excess { Err(bad(start, "the entry bundle holds more than entries")) } else { Ok(()) }
    }

    fn push(&mut self, leaf: Hash) -> Result<(), FirstBad> {
        let mut full = Vec::new();
        self.tree.push(leaf, &mut full);
        if self.tree.size() <= self.size {
            full.iter().try_for_each(|tile| self.full_tile(tile))?;
        }
        self.trust()
    }

    /// Tiles above the leaves are compared with what the ones below hash to.
    fn full_tile(&self, tile: &FullTile) -> Result<(), FirstBad> {
        self.compare(TilePath::hashes(tile.level, tile.number), &tile.hashes)
    }

    fn partial_tiles(&self) -> Result<(), FirstBad> {
        self.tree
            .partial_tiles()
            .try_for_each(|(level, number, hashes)| self.compare(TilePath::hashes(level, number), hashes))
    }

    fn compare(&self, path: TilePath, expected: &[Hash]) -> Result<(), FirstBad> {
        let span = span(path);
        let start = path.number * TILE_WIDTH as u64 * span;
        let found = tile::read_hashes(self.disk, path, self.size).map_err(|error| bad(start, error))?;
        match found.iter().zip(expected).position(|(found, expected)| found != expected) {
            Some(at) => Err(bad(start + at as u64 * span, format!("{path} is not what the records hash to"))),
            None => Ok(()),
        }
    }

    /// Compares with the trusted checkpoints once the tree is as large.
    fn trust(&mut self) -> Result<(), FirstBad> {
        let (size, tree) = (self.tree.size(), &self.tree);
        for (what, trusted) in self.trusted.extract_if(.., |(_, trusted)| trusted.size == size) {
            if trusted.root != tree.root() {
                return Err(bad(0, format!("the first {size} records are not those of {what}")));
            }
        }
        Ok(())
    }

    /// Every file below `folder` that has the name of a tile or bundle and was not read yet: older, partial versions.
    fn leftovers(&self, folder: &str) -> Result<(), FirstBad> {
        for Listed { name, folder: is_folder } in self.disk.list(folder).map_err(|error| bad(0, error))? {
            let path = format!("{folder}/{name}");
            if is_folder {
                self.leftovers(&path)?;
            } else if let Ok(tile) = path.parse::<TilePath>()
                && let Some(width) = tile.width
            {
                self.leftover(&path, tile, usize::from(width))?;
            }
        }
        Ok(())
    }

    /// A partial version must be how the tile of the signed tree begins.
    fn leftover(&self, path: &str, tile: TilePath, width: usize) -> Result<(), FirstBad> {
        let whole = TilePath { width: None, ..tile };
        let start = tile.number.saturating_mul(TILE_WIDTH as u64).saturating_mul(span(tile));
        if width > whole.width_in(self.size) {
            // Written, but its checkpoint is not signed yet.
            return Ok(());
        }
        let not_found = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let (part, all) = match (self.disk.read(path), tile::read_at(self.disk, whole, self.size)) {
            // A running gateway removes partial versions; a pruned bundle has nothing left to compare with.
            (Err(error), _) | (_, Err(error)) if not_found(&error) => return Ok(()),
            (part, all) => {
                (part.map_err(|error| bad(start, error))?, all.map_err(|error| bad(start, error))?)
            }
        };
        let held = if tile.level.is_none() { tile::split_bundle(&part).len() } else { part.len() / 32 };
        if all.starts_with(&part) && held == width {
            return Ok(());
        }
        let same = all.iter().zip(&part).take_while(|(a, b)| a == b).count();
        let at = match tile.level {
            Some(_) => (same / 32) as u64 * span(tile),
            None => whole_entries(&all, same),
        };
        Err(bad(start + at, format!("{path} differs from its later version")))
    }

    /// Signed records of the tail must be those of the bundles; the others go on from there.
    fn tail(&mut self, segments: &[Segment]) -> Result<(), FirstBad> {
        let mut leaves: Option<(u64, Vec<Hash>)> = None;
        for (index, entry, leaf) in segments.iter().flat_map(Segment::entries) {
            if index >= self.size {
                self.openings.note(index, entry)?;
                self.push(*leaf)?;
                continue;
            }
            let number = index / TILE_WIDTH as u64;
            if leaves.as_ref().is_none_or(|(known, _)| *known != number) {
                let path = TilePath::hashes(0, number);
                let hashes =
                    tile::read_hashes(self.disk, path, self.size).map_err(|error| bad(index, error))?;
                leaves = Some((number, hashes));
            }
            let expected = leaves.as_ref().and_then(|(_, hashes)| hashes.get(index as usize % TILE_WIDTH));
            if expected != Some(leaf) {
                return Err(bad(index, "the tail holds another entry than the bundle"));
            }
        }
        match segments.last() {
            None => Err(bad(self.size, "the pending tail is missing")),
            Some(last) if last.next() < self.size => Err(bad(last.next(), "the pending tail is damaged")),
            Some(_) => Ok(()),
        }
    }
}

/// How many records one hash of this tile stands for.
fn span(path: TilePath) -> u64 {
    1_u64.checked_shl(8 * u32::from(path.level.unwrap_or(0))).unwrap_or(u64::MAX)
}

/// How many entries of a bundle end within its first `length` bytes.
fn whole_entries(bundle: &[u8], length: usize) -> u64 {
    let mut end = 0;
    let ends = tile::split_bundle(bundle).into_iter().map(|entry| {
        end += 2 + entry.len();
        end
    });
    ends.take_while(|end| *end <= length).count() as u64
}

/// What the records say of each other.
#[derive(Default)]
struct Openings {
    live: BTreeSet<u64>,
    /// Openings below this are pruned: their closings can only be compared with each other.
    pruned: u64,
    closed_pruned: BTreeSet<u64>,
}

impl Openings {
    fn note(&mut self, index: u64, entry: &[u8]) -> Result<(), FirstBad> {
        let header = record::header(entry).map_err(|error| bad(index, error))?;
        if header.index != index {
            return Err(bad(index, format!("the record says it is number {}", header.index)));
        }
        match (header.kind, header.opened) {
            (Kind::Opened, _) => _ = self.live.insert(index),
            (Kind::Closed, None) => return Err(bad(index, "the closing names no opening")),
            (Kind::Closed, Some(opened)) => {
                let first = if opened < self.pruned {
                    self.closed_pruned.insert(opened)
                } else {
                    self.live.remove(&opened)
                };
                if !first {
                    return Err(bad(index, format!("the closing names {opened}, which is no live opening")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
