//! Publishing: what is durable becomes entry bundles, tiles and a signed checkpoint, about once a second.
//!
//! [`run`] is the thread; [`Publisher::publish`] one round. A round changes the publisher's state only once its checkpoint
//! is on disk, in the log and in the anchor, so a failed one is made again. A full tile, once there, is never written again.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::anchor::Anchor;
use crate::checkpoint::{Checkpoint, SigningKey};
use crate::inbox::Inbox;
use crate::store::{CHECKPOINT, Disk, segment_path, segments};
use crate::tail::FRAME_HEAD_BYTES;
use crate::tile::TilePath;
use crate::tree::{Frontier, FullTile, Hash, TILE_WIDTH};

/// Durable records on their way to the publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// As written to the tail.
    pub(crate) frames: Vec<u8>,
    pub(crate) leaves: Vec<Hash>,
}

/// The durable records that are not published; the writer bounds it by refusing.
#[derive(Default)]
pub(crate) struct Backlog {
    state: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    stop: bool,
}

impl Backlog {
    pub(crate) fn add(&self, batch: Batch) {
        let mut waiting = self.waiting();
        waiting.bytes += batch.frames.len();
        waiting.batches.push_back(Arc::new(batch));
        drop(waiting);
        self.news.notify_one();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.waiting().bytes
    }

    pub(crate) fn stop(&self) {
        self.waiting().stop = true;
        self.news.notify_one();
    }

    /// The oldest batches, enough for a round.
    fn round(&self, records: usize) -> Vec<Arc<Batch>> {
        let mut count = 0;
        let enough = |batch: &&Arc<Batch>| {
            let more = count < records;
            count += batch.leaves.len();
            more
        };
        self.waiting().batches.iter().take_while(enough).cloned().collect()
    }

    fn done(&self, batches: usize) {
        let mut waiting = self.waiting();
        let bytes: usize = waiting.batches.drain(..batches).map(|batch| batch.frames.len()).sum();
        waiting.bytes -= bytes;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is published so far, and as whom.
pub(crate) struct Publisher {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) anchor: Box<dyn Anchor>,
    pub(crate) origin: String,
    pub(crate) signing_key: SigningKey,
    pub(crate) round_records: usize,
    pub(crate) tree: Frontier,
    /// The entries of the last, partial bundle, as it is written.
    pub(crate) bundle: Vec<u8>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) inbox: Arc<Inbox>,
}

/// Publishes until the backlog stops; then once more.
pub(crate) fn run(mut publisher: Publisher, interval: Duration) {
    let backlog = publisher.backlog.clone();
    loop {
        let mut waiting = backlog.waiting();
        while waiting.batches.is_empty() && !waiting.stop {
            waiting = backlog.news.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        drop(waiting);
        let published = publisher.drain();
        let waiting = backlog.waiting();
        if waiting.stop && (waiting.batches.is_empty() || published.is_err()) {
            return;
        }
        // The next checkpoint is due after the interval, or at once at the end.
        let rest = backlog.news.wait_timeout_while(waiting, interval, |waiting| !waiting.stop);
        drop(rest);
    }
}

impl Publisher {
    /// Publishes what waits now, in rounds. What comes meanwhile waits for the next checkpoint: under load there is always more,
    /// and every round costs the disk as many syncs as the writer has for its batches.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        let mut due = self.backlog.waiting().batches.len();
        while due > 0 {
            let published = self.publish();
            let failure = published.as_ref().err().map(ToString::to_string);
            self.inbox.status(|status| status.publish_failure = failure);
            let published =
                published.inspect_err(|error| tracing::error!(%error, "the journal cannot publish"))?;
            due = due.saturating_sub(published);
        }
        Ok(())
    }

    /// One round: tiles and bundles, then the checkpoint, then the anchor, then what is no longer needed goes. Answers with the
    /// number of batches in it.
    fn publish(&mut self) -> io::Result<usize> {
        let batches = self.backlog.round(self.round_records);
        let mut next = Round {
            tree: self.tree.clone(),
            bundle: self.bundle.clone(),
            files: Vec::new(),
            full: Vec::new(),
        };
        batches.iter().for_each(|batch| next.add(batch));
        next.add_partial();
        self.disk.publish(&self.unpublished(&next)?)?;
        publish_checkpoint(&*self.disk, &*self.anchor, &self.origin, &self.signing_key, &next.tree)?;
        (self.tree, self.bundle) = (next.tree, next.bundle);
        self.inbox.published.store(self.tree.size(), Ordering::Relaxed);
        self.backlog.done(batches.len());
        let size = self.tree.size();
        // Under the lock that the writer takes after it counted its records, so that neither overwrites the other's word.
        self.inbox.status(|status| {
            let left = self.inbox.records.load(Ordering::Relaxed) > size;
            status.behind_since = left.then(Instant::now);
        });
        self.tidy(&next.full);
        Ok(batches.len())
    }

    /// The files that are not there yet. One that is there and differs is an error: what was published stays.
    fn unpublished(&self, round: &Round) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::with_capacity(round.files.len());
        for (path, bytes) in &round.files {
            let path = path.to_string();
            match self.disk.read(&path) {
                Ok(there) if there == *bytes => {}
                Ok(_) => return Err(io::Error::other(format!("{path} is published already and differs"))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => files.push((path, bytes.clone())),
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// Removes partial versions of full tiles, and segments that are published whole. What fails here costs room only.
    fn tidy(&self, full: &[FullTile]) {
        for tile in full {
            let _ = self.disk.remove_folder(&TilePath::hashes(tile.level, tile.number).partial_folder());
            if tile.level == 0 {
                let _ = self.disk.remove_folder(&TilePath::entries(tile.number).partial_folder());
            }
        }
        let segments = segments(&*self.disk).unwrap_or_default();
        for pair in segments.windows(2).filter(|pair| pair[1] <= self.tree.size()) {
            let _ = self.disk.remove(&segment_path(pair[0]));
        }
    }
}

/// Signs and publishes the checkpoint of `tree`: in the log first, since the anchor must never lead it.
pub(crate) fn publish_checkpoint(
    disk: &dyn Disk,
    anchor: &dyn Anchor,
    origin: &str,
    key: &SigningKey,
    tree: &Frontier,
) -> io::Result<()> {
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: tree.size(), root: tree.root() };
    let note = checkpoint.sign(key).into_bytes();
    disk.publish(&[(CHECKPOINT.into(), note.clone())])?;
    anchor.write(&note)
}

/// What a round will publish.
struct Round {
    tree: Frontier,
    bundle: Vec<u8>,
    files: Vec<(TilePath, Vec<u8>)>,
    full: Vec<FullTile>,
}

impl Round {
    fn add(&mut self, batch: &Batch) {
        let mut frames = batch.frames.as_slice();
        for leaf in &batch.leaves {
            let length = usize::from(u16::from_be_bytes([frames[0], frames[1]]));
            let (frame, rest) = frames.split_at(FRAME_HEAD_BYTES + length);
            self.bundle.extend_from_slice(&frame[..2]);
            self.bundle.extend_from_slice(&frame[FRAME_HEAD_BYTES..]);
            frames = rest;
            let known = self.full.len();
            self.tree.push(*leaf, &mut self.full);
            for tile in &self.full[known..] {
                self.files.push((TilePath::hashes(tile.level, tile.number), tile.hashes.concat()));
                if tile.level == 0 {
                    self.files.push((TilePath::entries(tile.number), std::mem::take(&mut self.bundle)));
                }
            }
        }
    }

    fn add_partial(&mut self) {
        for (level, number, hashes) in self.tree.partial_tiles() {
            self.files.push((TilePath::hashes(level, number).with_width(hashes.len()), hashes.concat()));
        }
        if !self.bundle.is_empty() {
            let (number, width) =
                (self.tree.size() / TILE_WIDTH as u64, self.tree.size() % TILE_WIDTH as u64);
            self.files.push((TilePath::entries(number).with_width(width as usize), self.bundle.clone()));
        }
    }
}
