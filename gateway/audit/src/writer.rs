//! The one writer: takes what waits, gives it indexes, writes it to the tail, syncs once, then answers.
//!
//! [`run`] is the thread, [`Writer`] the work of one batch without thread or queue, as the tests drive it. Invariant: the
//! reserved bytes after `position` cover one closing of every live exchange, so a full disk refuses records and never a
//! closing.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aws_lc_rs::rand;

use crate::inbox::{Answer, Closing, Inbox, Prepared, Sleep, Status, Submission};
use crate::journal::{Clock, JournalError, Limits, Opening};
use crate::publisher::{Backlog, Batch};
use crate::record::{self, Header, Kind};
use crate::seal::{HintKey, OVERHEAD_BYTES};
use crate::store::{Disk, Tail, segment_path};
use crate::tail::{CLOSING_RESERVE_BYTES, FRAME_HEAD_BYTES, HEADER_LIMIT_BYTES, push_frame, segment_header};

/// Reserved beyond what is needed now, in bytes: so that most batches need no reservation.
const RESERVE_AHEAD_BYTES: u64 = 256 << 10;
/// How long closings that could not be written wait for their next try: a disk that fails now may answer soon.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// How long closings wait for a record to go with: nobody waits for them, and a sync of their own would hold up the next
/// opening, which somebody does wait for. After a crash within it the next start closes their openings.
const CLOSING_WAIT: Duration = Duration::from_millis(5);
/// Zeros that a probe writes where the next frame goes: a sector.
const PROBE_BYTES: u64 = 512;

/// How long a record waits for others when the last one did not come alone: as long as a sync takes on a good disk. A sync costs
/// the processor more than all that is in it, so several together cost a fraction; who is alone never waits.
const COMPANY_WAIT: Duration = Duration::from_micros(200);
/// With so many there is nothing to wait for.
const COMPANY: usize = 64;

/// The end of the log.
pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) gateway: String,
    pub(crate) hints: HintKey,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) tail: Box<dyn Tail>,
    /// Where the next frame goes.
    pub(crate) position: u64,
    /// Up to here a failed write may have left bytes: the next one covers them with zeros.
    pub(crate) dirty_until: u64,
    pub(crate) next_index: u64,
    /// Openings without closing.
    pub(crate) live: BTreeSet<u64>,
    /// Closings that wait; what could not be written is tried again.
    pub(crate) closings: Vec<Closing>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) inbox: Arc<Inbox>,
}

/// Writes until the journal stops, then lets the publisher finish.
pub(crate) fn run(mut writer: Writer, publisher: JoinHandle<()>) {
    let inbox = writer.inbox.clone();
    // Even if this thread panics, whoever waits must be told.
    let _closed = CloseOnDrop(inbox.clone());
    let mut in_company = false;
    loop {
        inbox.sleep(Sleep::Record, Some(CLOSING_WAIT));
        if inbox.queues().is_empty() {
            // Nothing came: sleep for longer, and let a closing that ends it wait for a record in turn.
            inbox.sleep(Sleep::Anything, (!writer.closings.is_empty()).then_some(RETRY_INTERVAL));
            inbox.sleep(Sleep::Record, Some(CLOSING_WAIT));
        }
        if in_company {
            inbox.sleep(Sleep::Records(COMPANY), Some(COMPANY_WAIT));
        }
        let (records, last) = writer.round();
        in_company = records > 1;
        if last {
            break;
        }
    }
    writer.finish();
    let _ = publisher.join();
    // Before anyone is told of the end: with it goes the folder's lock.
    drop(writer);
}

struct CloseOnDrop(Arc<Inbox>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Writer {
    /// Takes what waits and writes it. Answers how many records that was, and whether the journal stops and nothing waits any more.
    pub(crate) fn round(&mut self) -> (usize, bool) {
        let inbox = self.inbox.clone();
        let mut queues = inbox.queues();
        self.closings.append(&mut queues.closings);
        let count = queues.records.len().min(self.limits.batch_records);
        let records: Vec<Submission> = queues.records.drain(..count).collect();
        let probes = std::mem::take(&mut queues.probes);
        let last = queues.stop && queues.is_empty();
        drop(queues);
        self.status(|status| status.busy_since = Some(Instant::now()));
        self.write(records);
        if !probes.is_empty() {
            let tried = self.probe();
            self.status(|status| status.write_failure = tried.err().map(|error| error.to_string()));
            probes.into_iter().for_each(|probed| _ = probed.send(()));
        }
        self.status(|status| status.busy_since = None);
        (count, last)
    }

    /// One batch: closings that cannot be written stay for the next one; every record is answered.
    pub(crate) fn write(&mut self, records: Vec<Submission>) {
        let (records, refused) = match self.admit(&records) {
            Ok(()) => (records, None),
            Err(error) => (Vec::new(), Some((records, error))),
        };
        let closings = self.closings.iter().map(|closing| &closing.prepared);
        let batch = self.encode(closings.chain(records.iter().map(|record| &record.prepared)));
        match self.commit(batch) {
            Ok(()) => self.settle(records),
            Err(error) => self.refuse(records, error),
        }
        if let Some((records, error)) = refused {
            self.refuse(records, error);
        }
    }

    fn accepts(&self) -> io::Result<()> {
        if self.backlog.bytes() > self.limits.backlog_bytes {
            return Err(io::Error::other("publishing lags too far behind"));
        }
        if self.disk.free_bytes()? < self.limits.free_floor_bytes {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the journal's disk is full"));
        }
        Ok(())
    }

    /// Whether a record would be taken now: the disk has room, takes zeros where the next frame goes, and syncs them.
    fn probe(&mut self) -> io::Result<()> {
        self.accepts()?;
        let zeros = (self.dirty_until - self.position).max(PROBE_BYTES);
        let needed = self.position + zeros + self.live.len() as u64 * CLOSING_RESERVE_BYTES;
        if needed > self.tail.length() {
            self.tail.reserve(needed + RESERVE_AHEAD_BYTES)?;
        }
        self.tail.write(self.position, &vec![0; zeros as usize])?;
        self.sync()?;
        self.dirty_until = self.position;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let synced = self.tail.sync();
        self.inbox.syncs.add(began.elapsed());
        synced
    }

    /// Makes sure of the room for these records and for the closings of their exchanges.
    fn admit(&mut self, records: &[Submission]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.accepts()?;
        let openings = records.iter().filter(|record| record.prepared.draft.kind == Kind::Opened).count();
        let closings = (self.live.len() + openings) as u64 * CLOSING_RESERVE_BYTES;
        let entries: u64 = records.iter().map(|record| frame_limit(&record.prepared)).sum();
        if self.position > self.limits.segment_bytes && self.dirty_until <= self.position {
            self.rotate(closings + entries)?;
        }
        let needed = self.position + closings + entries;
        if needed > self.tail.length() {
            self.tail.reserve(needed + RESERVE_AHEAD_BYTES)?;
        }
        Ok(())
    }

    /// Begins a new segment. The old one goes once everything in it is published.
    fn rotate(&mut self, room: u64) -> io::Result<()> {
        let head = segment_header(self.next_index, &self.live);
        let position = head.len() as u64;
        let length = position + room + RESERVE_AHEAD_BYTES;
        self.tail = self.disk.create_tail(&segment_path(self.next_index), &head, length)?;
        (self.position, self.dirty_until) = (position, position);
        Ok(())
    }

    fn encode<'a>(&self, records: impl Iterator<Item = &'a Prepared>) -> Batch {
        let mut batch = Batch { frames: Vec::new(), leaves: Vec::new() };
        let mut header = Header {
            index: self.next_index,
            gateway: self.gateway.clone(),
            time: (self.clock)(),
            kind: Kind::Opened,
            decision: None,
            reason: None,
            opened: None,
            count: None,
        };
        for Prepared { draft, plaintext, key } in records {
            header.kind = draft.kind;
            header.decision = draft.decision;
            header.reason.clone_from(&draft.reason);
            header.opened = draft.opened;
            header.count = draft.count;
            let mut nonce = [0; 12];
            rand::fill(&mut nonce).expect("the system's random source answers");
            batch.leaves.push(push_frame(&mut batch.frames, |out| {
                record::encode(out, &header, plaintext, key.as_deref().map(|key| (key, &self.hints)), nonce);
            }));
            header.index += 1;
        }
        batch
    }

    /// Writes and syncs; on an error the log is as before.
    fn commit(&mut self, mut batch: Batch) -> io::Result<()> {
        if batch.leaves.is_empty() {
            return Ok(());
        }
        let length = batch.frames.len();
        let end = self.position + length as u64;
        // What a failed write left must not stand after the new frames, where a start could take it for records.
        batch.frames.resize(length.max((self.dirty_until - self.position) as usize), 0);
        self.dirty_until = self.dirty_until.max(end);
        self.tail.write(self.position, &batch.frames).and_then(|()| self.sync()).inspect_err(|error| {
            tracing::error!(%error, "the journal cannot write");
            self.status(|status| status.write_failure = Some(error.to_string()));
        })?;
        batch.frames.truncate(length);
        (self.position, self.dirty_until) = (end, end);
        self.next_index += batch.leaves.len() as u64;
        self.inbox.records.store(self.next_index, Ordering::Relaxed);
        let now = (self.clock)();
        self.status(|status| {
            (status.write_failure, status.last_sync) = (None, Some(now));
            status.behind_since.get_or_insert_with(Instant::now);
        });
        self.backlog.add(batch);
        Ok(())
    }

    /// Tells everyone in the batch just written.
    fn settle(&mut self, records: Vec<Submission>) {
        let closings = std::mem::take(&mut self.closings);
        let mut index = self.next_index - (closings.len() + records.len()) as u64;
        for Closing { prepared, .. } in closings {
            prepared.draft.opened.map(|opened| self.live.remove(&opened));
            index += 1;
        }
        for Submission { prepared, answer, .. } in records {
            match answer {
                Answer::Index(answer) => _ = answer.send(Ok(index)),
                Answer::Opening { answer, identity, booking } => {
                    self.live.insert(index);
                    let key = prepared.key.expect("every opening is sealed");
                    // If nobody waits any more, the opening is dropped here, which closes it.
                    let _ = answer.send(Ok(Opening::new(index, key, identity, booking, self.inbox.clone())));
                }
            }
            index += 1;
        }
    }

    fn refuse(&self, records: Vec<Submission>, error: io::Error) {
        if records.is_empty() {
            return;
        }
        self.status(|status| status.write_failure = Some(error.to_string()));
        let error = JournalError::Unavailable(Arc::new(error));
        for Submission { answer, .. } in records {
            match answer {
                Answer::Index(answer) => _ = answer.send(Err(error.clone())),
                Answer::Opening { answer, .. } => _ = answer.send(Err(error.clone())),
            }
        }
    }

    /// Gives back the reserved bytes, but for exchanges that are live still: their closings are the next start's.
    pub(crate) fn finish(&mut self) {
        let needed = self.position + self.live.len() as u64 * CLOSING_RESERVE_BYTES;
        if let Err(error) = self.tail.truncate(needed.min(self.tail.length())) {
            tracing::warn!(%error, "the journal's reserved bytes could not be given back");
        }
        self.backlog.stop();
    }

    fn status(&self, change: impl FnOnce(&mut Status)) {
        self.inbox.status(change);
    }
}

/// The longest frame that `prepared` can become, in bytes.
fn frame_limit(prepared: &Prepared) -> u64 {
    (FRAME_HEAD_BYTES + HEADER_LIMIT_BYTES + OVERHEAD_BYTES + prepared.plaintext.len()) as u64
}
