//! The start of a journal: reads what the last run left, cuts a torn tail, checks the published tree, closes orphans.
//!
//! What a start can meet: nothing (a new log); a clean stop; a `kill -9` at any byte. Published files are whole by the
//! [`Disk`]'s word, and everything synced stands in the tail until it is published, so published and tail together are the
//! whole log.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::anchor::{self, Anchor, AnchorFile};
use crate::checkpoint::{Checkpoint, CheckpointError, VerifierKey};
use crate::entries;
use crate::inbox::{Closing, Inbox, Prepared};
use crate::journal::{Clock, JournalConfig, Orphan};
use crate::publisher::{self, Backlog, Batch, Publisher, publish_checkpoint};
use crate::record::{self, Draft, Effect, EntryError, Kind};
use crate::seal::{KeyId, SealingKey};
use crate::store::{self, CHECKPOINT, Disk, Folder, Tail, VERIFIER_KEY, segment_path};
use crate::tail::{CLOSING_RESERVE_BYTES, FRAME_HEAD_BYTES, NAME_LIMIT_BYTES, Segment, segment_header};
use crate::tile::{self, FolderNodes, TilePath};
use crate::tree::{Frontier, TILE_WIDTH, leaf_hash};
use crate::writer::{self, Writer};

/// Why a journal does not start. All of them want a human: nothing is repaired that could hide a loss.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the journal's {what} cannot be read or written")]
    Disk {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the journal's checkpoint is not ours")]
    Checkpoint(#[from] CheckpointError),
    #[error("the journal's folder holds {0} but no checkpoint")]
    NoCheckpoint(&'static str),
    #[error(
        "{0} is missing: it kept the journal's last checkpoint; put it back or, after verifying the journal against a \
         checkpoint that a kiosk, a witness or a backup kept, copy the journal's own checkpoint there"
    )]
    NoAnchor(PathBuf),
    #[error("{path}, which keeps the journal's last checkpoint, is not ours")]
    Anchor {
        path: PathBuf,
        #[source]
        source: CheckpointError,
    },
    #[error(
        "the journal holds {found} of the {expected} records that {path} keeps the checkpoint of: it was removed or replaced by \
         an older copy; put the newest copy back"
    )]
    Shorter { path: PathBuf, expected: u64, found: u64 },
    #[error(
        "the journal does not begin with the {size} records that {path} keeps the checkpoint of: another history was put in its \
         place; put the right one back"
    )]
    Forked { path: PathBuf, size: u64 },
    #[error("log.vkey names another key than this gateway's")]
    VerifierKey,
    #[error(
        "the journal's pending tail is missing: records from index {index} on may have been removed; put it back from where \
         it went"
    )]
    NoTail { index: u64 },
    #[error("the tiles of the journal do not lead to its signed root")]
    Root,
    #[error("record {index} of the journal is not as it was written")]
    Record { index: u64 },
    #[error("record {index} of the journal cannot be read")]
    Entry {
        index: u64,
        #[source]
        source: EntryError,
    },
    #[error("the journal's {what} must have 1 to {limit} bytes, without spaces or plus")]
    Name { what: &'static str, limit: usize },
}

/// The longest origin, in bytes: a host name and a path.
const ORIGIN_LIMIT_BYTES: usize = 512;
/// Records of the tail handed to the publisher at once.
const PIECE_RECORDS: usize = 1_024;

pub(crate) type Keyring<'a> = &'a dyn Fn(&KeyId) -> Option<SealingKey>;

/// Recovers and starts both threads.
pub(crate) fn start(
    config: JournalConfig,
    clock: Clock,
    keyring: Keyring<'_>,
    inbox: Arc<Inbox>,
) -> Result<Vec<Orphan>, StartError> {
    let folder = Folder::open(&config.folder).map_err(disk("folder"))?;
    let interval = config.limits.publish_interval;
    let anchor = Box::new(AnchorFile(config.anchor.clone()));
    let (writer, publisher, orphans) = recover(Arc::new(folder), anchor, config, clock, keyring, inbox)?;
    let thread = |name: &str| std::thread::Builder::new().name(name.into());
    let publisher = thread("journal-publish")
        .spawn(move || publisher::run(publisher, interval))
        .map_err(disk("threads"))?;
    thread("journal-write").spawn(move || writer::run(writer, publisher)).map_err(disk("threads"))?;
    Ok(orphans)
}

/// The writer and the publisher as the last run left them; orphans are closed, durably.
pub(crate) fn recover(
    store: Arc<dyn Disk>,
    anchor: Box<dyn Anchor>,
    config: JournalConfig,
    clock: Clock,
    keyring: Keyring<'_>,
    inbox: Arc<Inbox>,
) -> Result<(Writer, Publisher, Vec<Orphan>), StartError> {
    check_name("gateway", &config.gateway, NAME_LIMIT_BYTES)?;
    check_name("origin", &config.origin, ORIGIN_LIMIT_BYTES)?;
    let (tree, bundle) = published(&store, &*anchor, &config)?;
    let segments = entries::read_tail(&*store).map_err(|damage| disk("tail")(damage.source))?;
    let published_size = tree.size();
    store::signed_minimum_index(&*store, &config.signing_key.verifier_key(&config.origin))
        .map_err(disk("minimum index"))?;
    // The newest segment always stays: without it, whatever was synced and not yet published is gone.
    if published_size > 0 && segments.is_empty() {
        return Err(StartError::NoTail { index: published_size });
    }
    if segments.first().is_some_and(|first| first.first > published_size) {
        return Err(StartError::Record { index: published_size });
    }
    let live = live_openings(&store, &segments, published_size)?;
    let (tail, free) = resume_tail(&*store, &segments, published_size, &live).map_err(disk("tail"))?;
    let backlog = Arc::new(Backlog::default());
    let round_records = config.limits.round_records;
    unpublished(&segments, published_size).into_iter().for_each(|batch| backlog.add(batch));
    let next_index = tail_end(&segments).max(published_size);
    inbox.records.store(next_index, Ordering::Relaxed);
    inbox.published.store(published_size, Ordering::Relaxed);
    let mut writer = Writer {
        disk: store.clone(),
        gateway: config.gateway,
        hints: config.signing_key.hint_key(),
        clock,
        limits: config.limits,
        tail,
        position: free.start,
        dirty_until: free.end,
        next_index,
        live,
        closings: Vec::new(),
        backlog: backlog.clone(),
        inbox: inbox.clone(),
    };
    let orphans = close_orphans(&mut writer, &segments, published_size, keyring)?;
    let (origin, signing_key) = (config.origin, config.signing_key);
    let publisher =
        Publisher { disk: store, anchor, origin, signing_key, round_records, tree, bundle, backlog, inbox };
    Ok((writer, publisher, orphans))
}

/// The published tree and its last partial bundle; makes both files of a new log, which the anchor says to be new.
fn published(
    store: &Arc<dyn Disk>,
    anchor: &dyn Anchor,
    config: &JournalConfig,
) -> Result<(Frontier, Vec<u8>), StartError> {
    let key = config.signing_key.verifier_key(&config.origin);
    let anchored = anchor::read(anchor, &config.anchor, &key)?;
    let line = format!("{key}\n").into_bytes();
    let named = read_if_there(&**store, VERIFIER_KEY)?;
    if named.as_ref().is_some_and(|there| *there != line) {
        return Err(StartError::VerifierKey);
    }
    let loaded = match read_if_there(&**store, CHECKPOINT)? {
        Some(note) => Some(load(store, &note, &key, &anchored, config)?),
        None => {
            no_checkpoint(&**store, &anchored, config)?;
            None
        }
    };
    if named.is_none() {
        store.publish(&[(VERIFIER_KEY.into(), line)]).map_err(disk("log.vkey"))?;
    }
    if let Some(loaded) = loaded {
        return Ok(loaded);
    }
    let tree = Frontier::default();
    publish_checkpoint(&**store, anchor, &config.origin, &config.signing_key, &tree)
        .map_err(disk("checkpoint"))?;
    Ok((tree, Vec::new()))
}

/// The tree under the checkpoint `note`, compared with its tiles and with what is anchored.
fn load(
    store: &Arc<dyn Disk>,
    note: &[u8],
    key: &VerifierKey,
    anchored: &Checkpoint,
    config: &JournalConfig,
) -> Result<(Frontier, Vec<u8>), StartError> {
    let note = std::str::from_utf8(note).map_err(|_| CheckpointError::Malformed)?;
    let checkpoint = Checkpoint::verify(note, key)?;
    let tree = load_tree(&**store, checkpoint.size).map_err(disk("tiles"))?;
    if tree.root() != checkpoint.root {
        return Err(StartError::Root);
    }
    anchor::check(anchored, &config.anchor, &FolderNodes::on(store.clone(), checkpoint.size), &checkpoint)?;
    let bundle = load_bundle(&**store, checkpoint.size, &tree)?;
    Ok((tree, bundle))
}

/// Errs unless a log without checkpoint is one that never had a record.
fn no_checkpoint(store: &dyn Disk, anchored: &Checkpoint, config: &JournalConfig) -> Result<(), StartError> {
    if !store.list("tile").map_err(disk("tiles"))?.is_empty() {
        return Err(StartError::NoCheckpoint("tiles"));
    }
    if !store::segments(store).map_err(disk("tail"))?.is_empty() {
        return Err(StartError::NoCheckpoint("a pending tail"));
    }
    match anchored.size {
        0 => Ok(()),
        expected => Err(StartError::Shorter { path: config.anchor.clone(), expected, found: 0 }),
    }
}

fn load_tree(store: &dyn Disk, size: u64) -> io::Result<Frontier> {
    let mut levels = Vec::new();
    for level in 0..8 {
        let subtrees = size >> (8 * u32::from(level));
        if subtrees == 0 {
            break;
        }
        let path = TilePath::hashes(level, subtrees / TILE_WIDTH as u64);
        levels.push(match subtrees % TILE_WIDTH as u64 {
            0 => Vec::new(),
            _ => tile::read_hashes(store, path, size)?,
        });
    }
    Ok(Frontier::new(size, levels))
}

/// The last partial bundle, checked against the leaves.
fn load_bundle(store: &dyn Disk, size: u64, tree: &Frontier) -> Result<Vec<u8>, StartError> {
    let mut bundle = Vec::new();
    let Some((_, number, leaves)) = tree.partial_tiles().find(|(level, ..)| *level == 0) else {
        return Ok(bundle);
    };
    let entries = tile::read_entries(store, number, size).map_err(disk("entry bundle"))?;
    for ((index, entry), leaf) in (number * TILE_WIDTH as u64..).zip(entries).zip(leaves) {
        if leaf_hash(&entry) != *leaf {
            return Err(StartError::Record { index });
        }
        bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        bundle.extend_from_slice(&entry);
    }
    Ok(bundle)
}

/// What the tail holds beyond the published tree.
fn unpublished(segments: &[Segment], published: u64) -> Vec<Batch> {
    let mut batches = Vec::new();
    for segment in segments {
        let skip = published.saturating_sub(segment.first).min(segment.frames.len() as u64) as usize;
        // In pieces, so that a round stays small.
        for piece in segment.frames[skip..].chunks(PIECE_RECORDS) {
            let (Some((first, _)), Some((last, _))) = (piece.first(), piece.last()) else { continue };
            batches.push(Batch {
                frames: segment.bytes[first.start - FRAME_HEAD_BYTES..last.end].to_vec(),
                leaves: piece.iter().map(|(_, leaf)| *leaf).collect(),
            });
        }
    }
    batches
}

/// The openings without closing: those the oldest segment names, and what happened since.
fn live_openings(
    store: &Arc<dyn Disk>,
    segments: &[Segment],
    published: u64,
) -> Result<BTreeSet<u64>, StartError> {
    let mut live = BTreeSet::new();
    if tail_end(segments) < published || segments.is_empty() {
        // No tail, as after restoring the published files alone: the whole log is read.
        for read in entries::Published::new(store.clone(), published).map_err(disk("entry bundles"))? {
            let (index, entry) = read.map_err(disk("entry bundles"))?;
            note(&mut live, index, &entry)?;
        }
        return Ok(live);
    }
    live.extend(&segments[0].live);
    for segment in segments {
        segment.entries().try_for_each(|(index, entry, _)| note(&mut live, index, entry))?;
    }
    Ok(live)
}

fn note(live: &mut BTreeSet<u64>, index: u64, entry: &[u8]) -> Result<(), StartError> {
    let header = record::header(entry).map_err(|source| StartError::Entry { index, source })?;
    if header.index != index {
        return Err(StartError::Record { index });
    }
    match (header.kind, header.opened) {
        (Kind::Opened, _) => _ = live.insert(index),
        (Kind::Closed, Some(opened)) => _ = live.remove(&opened),
        _ => {}
    }
    Ok(())
}

/// The index after the tail's last record.
fn tail_end(segments: &[Segment]) -> u64 {
    segments.last().map_or(0, Segment::next)
}

/// The last segment, ready to be continued, or a new one.
fn resume_tail(
    store: &dyn Disk,
    segments: &[Segment],
    published: u64,
    live: &BTreeSet<u64>,
) -> io::Result<(Box<dyn Tail>, Range<u64>)> {
    let room = live.len() as u64 * CLOSING_RESERVE_BYTES;
    if let Some(last) = segments.last().filter(|last| last.next() >= published) {
        let mut tail = store.open_tail(&segment_path(last.first))?;
        tail.reserve(last.end as u64 + room)?;
        let dirty_until = last.torn().map_or(last.end, |torn| torn.end);
        return Ok((tail, last.end as u64..dirty_until as u64));
    }
    // What stands there is published whole; a gap to the new segment would look like a loss.
    for segment in segments {
        store.remove(&segment_path(segment.first))?;
    }
    let head = segment_header(published, live);
    let position = head.len() as u64;
    let tail = store.create_tail(&segment_path(published), &head, position + room)?;
    Ok((tail, position..position))
}

/// Writes the closing that the last run could not.
fn close_orphans(
    writer: &mut Writer,
    segments: &[Segment],
    published: u64,
    keyring: Keyring<'_>,
) -> Result<Vec<Orphan>, StartError> {
    let mut orphans = Vec::with_capacity(writer.live.len());
    for opened in writer.live.clone() {
        let key = opening_entry(&*writer.disk, segments, published, opened).and_then(|entry| {
            let key = keyring(&writer.hints.key_id(&entry).ok()??)?;
            let sealed = record::read(&entry, Some(&key)).ok()?.sealed.identity();
            Some((Arc::new(key), sealed))
        });
        let (key, sealed) = key.unzip();
        let sealed = sealed.unwrap_or_default();
        let draft = Draft {
            // What was allowed was not taken back by the crash.
            decision: Some(Effect::Allow),
            reason: Some("crash".into()),
            sealed: sealed.clone(),
            ..Draft::new(Kind::Closed)
        };
        writer.closings.push(Closing::of_orphan(Prepared::closing(draft, opened, key)));
        orphans.push(Orphan { opened, sealed });
    }
    writer.write(Vec::new());
    if writer.closings.is_empty() {
        return Ok(orphans);
    }
    Err(disk("closing records")(io::Error::other("the orphans of the last run cannot be closed")))
}

/// The opening's entry, if it is still there.
fn opening_entry(store: &dyn Disk, segments: &[Segment], published: u64, opened: u64) -> Option<Vec<u8>> {
    if let Some(entry) = segments.iter().find_map(|segment| segment.entry(opened)) {
        return Some(entry.to_vec());
    }
    let width = TILE_WIDTH as u64;
    let mut entries = tile::read_entries(store, opened / width, published).ok()?;
    let at = (opened % width) as usize;
    (at < entries.len()).then(|| entries.swap_remove(at))
}

fn read_if_there(store: &dyn Disk, path: &'static str) -> Result<Option<Vec<u8>>, StartError> {
    match store.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(disk(path)),
    }
}

fn check_name(what: &'static str, name: &str, limit: usize) -> Result<(), StartError> {
    let fits = (1..=limit).contains(&name.len());
    let plain = !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
    (fits && plain).then_some(()).ok_or(StartError::Name { what, limit })
}

fn disk(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Disk { what, source }
}
