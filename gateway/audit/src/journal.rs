//! What the gateway holds: the [`Journal`], and one [`Opening`] per live exchange.
//!
//! Both only leave work in the writer's [`Inbox`]; the writer thread owns the files. Closings have a list of their own whose
//! places are booked with the openings, so closing never waits and never fails, and a flood of openings can't starve it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError, oneshot};

use crate::checkpoint::SigningKey;
use crate::inbox::{Answer, Closing, Inbox, Prepared, Submission};
use crate::record::{Draft, Kind, Sealed};
use crate::recover;
use crate::seal::{KeyId, SealingKey};
use crate::timing::SyncTimes;

/// Tells the time of records. A parameter, so that tests own it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where and as whom to keep a journal.
pub struct JournalConfig {
    /// `DIR/audit`; made where absent.
    pub folder: PathBuf,
    /// Keeps the last checkpoint outside `folder`, made once with [`create_anchor`](crate::create_anchor).
    pub anchor: PathBuf,
    /// The `gateway` of every record.
    pub gateway: String,
    /// The log's name in its checkpoints: a URL without scheme, without spaces and `+`.
    pub origin: String,
    pub signing_key: SigningKey,
    pub limits: Limits,
}

/// Every bound of the journal.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Records that may wait for the writer; more wait outside. A few batches, so that a batch is always ready.
    pub queue_records: usize,
    /// Records in one batch, hence in one sync: long enough to carry 50,000 a second, short enough for 5 ms.
    pub batch_records: usize,
    /// Live exchanges: each has the bytes of its closing reserved on disk.
    pub live_exchanges: usize,
    /// Durable records that publishing may lag behind, in bytes of memory; beyond it the journal refuses.
    pub backlog_bytes: usize,
    /// With less free disk than this nothing new is recorded, so that publishing and the database can still breathe.
    pub free_floor_bytes: u64,
    /// A tail segment longer than this is followed by a new one: what a start has to read again.
    pub segment_bytes: u64,
    /// Records under one more checkpoint, at least while so many wait: keeps the files open at once to about seventy.
    pub round_records: usize,
    /// How often a checkpoint is signed while there is news.
    pub publish_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            queue_records: 4_096,
            batch_records: 1_024,
            live_exchanges: 16_384,
            backlog_bytes: 128 << 20,
            free_floor_bytes: 256 << 10,
            segment_bytes: 32 << 20,
            round_records: 8_192,
            publish_interval: Duration::from_secs(1),
        }
    }
}

/// Why a record was not taken. In every case: no record, no access.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk is full, broken, or publishing lags too far behind.
    #[error("the journal cannot write")]
    Unavailable(#[source] Arc<io::Error>),
    #[error("{0} exchanges are live already")]
    Busy(usize),
    #[error("the journal has stopped")]
    Stopped,
    /// [`Journal::open`] records openings and [`Opening::close`] closings: nothing else may.
    #[error("a record of kind {0:?} is not appended")]
    Kind(Kind),
    #[error("a record may have {limit} bytes of {what}, this one has {bytes}")]
    TooLarge { what: &'static str, bytes: usize, limit: usize },
}

/// An opening that the last run left without closing; the start wrote the closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    pub opened: u64,
    /// What the opening said, as far as the keyring opens it.
    pub sealed: Sealed,
}

/// Whether the journal works, for the metrics and for staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What stopped the last write or publication, if it failed; or that the disk has not answered for seconds.
    pub failure: Option<String>,
    /// Records waiting for the writer.
    pub queued: usize,
    /// Openings without closing.
    pub live: usize,
    /// Durable records.
    pub records: u64,
    /// Records under the last published checkpoint.
    pub published: u64,
    pub last_sync: Option<Timestamp>,
    /// How long something durable has waited to be published.
    pub behind: Duration,
}

/// A handle on the journal. The last one dropped stops the writer without waiting for it; [`Journal::stop`] waits.
#[derive(Clone)]
pub struct Journal {
    owner: Arc<Owner>,
}

struct Owner {
    inbox: Arc<Inbox>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.inbox.stop(None);
    }
}

impl Journal {
    /// Opens the journal of `config.folder`: cuts a torn tail, checks what is published, closes the orphans with reason
    /// `crash` and starts the writer. The keyring finds the keys of the orphans; one it doesn't have leaves a closing
    /// without sealed part.
    pub fn start(
        config: JournalConfig,
        clock: Clock,
        keyring: impl Fn(&KeyId) -> Option<SealingKey>,
    ) -> Result<(Journal, Vec<Orphan>), recover::StartError> {
        let inbox = Arc::new(Inbox::new(&config.limits));
        let orphans = recover::start(config, clock, &keyring, inbox.clone())?;
        Ok((Journal::on(inbox), orphans))
    }

    pub(crate) fn on(inbox: Arc<Inbox>) -> Self {
        Journal { owner: Arc::new(Owner { inbox }) }
    }

    /// Records `draft` sealed under `key` and answers with its index once it is synced.
    pub async fn append(&self, draft: Draft, key: Arc<SealingKey>) -> Result<u64, JournalError> {
        if matches!(draft.kind, Kind::Opened | Kind::Closed) {
            return Err(JournalError::Kind(draft.kind));
        }
        let prepared = Prepared::record(draft, key)?;
        let (answer, answered) = oneshot::channel();
        self.submit(prepared, Answer::Index(answer)).await?;
        answered.await.map_err(|_| JournalError::Stopped)?
    }

    /// Records an opening and reserves its closing: a place in the writer's list and bytes on disk. If the caller goes away
    /// while it waits, the closing is written all the same.
    pub async fn open(&self, mut draft: Draft, key: Arc<SealingKey>) -> Result<Opening, JournalError> {
        let inbox = &self.owner.inbox;
        let booking = match inbox.live.clone().try_acquire_owned() {
            Ok(booking) => booking,
            Err(TryAcquireError::NoPermits) => return Err(JournalError::Busy(inbox.live_limit)),
            Err(TryAcquireError::Closed) => return Err(JournalError::Stopped),
        };
        draft.kind = Kind::Opened;
        let identity = Box::new(draft.sealed.identity());
        let prepared = Prepared::record(draft, key)?;
        let (answer, answered) = oneshot::channel();
        self.submit(prepared, Answer::Opening { answer, identity, booking }).await?;
        answered.await.map_err(|_| JournalError::Stopped)?
    }

    /// Writes what waits, publishes, signs a last checkpoint and ends the writer. End live exchanges first: what is still
    /// open is closed as an orphan by the next start.
    pub async fn stop(self) {
        let (done, stopped) = oneshot::channel();
        self.owner.inbox.stop(Some(done));
        let _ = stopped.await;
    }

    /// Cheap enough to ask at every request.
    pub fn health(&self) -> Health {
        let inbox = &self.owner.inbox;
        let (failure, last_sync, behind_since) =
            inbox.status(|status| (status.failure(), status.last_sync, status.behind_since));
        Health {
            failure,
            queued: inbox.queues().records.len(),
            live: inbox.live_limit - inbox.live.available_permits(),
            records: inbox.records.load(Ordering::Relaxed),
            published: inbox.published.load(Ordering::Relaxed),
            last_sync,
            behind: behind_since.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }

    /// How long the syncs of this run took.
    pub fn sync_times(&self) -> SyncTimes {
        self.owner.inbox.syncs.read()
    }

    /// Has the writer try the disk now, with a write that leaves nothing, so that [`Journal::health`] tells the truth where
    /// nothing was recorded for a while. Returns when it has; a disk that hangs hangs this too.
    pub async fn probe(&self) {
        let (done, probed) = oneshot::channel();
        self.owner.inbox.probe(done);
        let _ = probed.await;
    }

    async fn submit(&self, prepared: Prepared, answer: Answer) -> Result<(), JournalError> {
        let inbox = &self.owner.inbox;
        let place = inbox.places.clone().acquire_owned().await.map_err(|_| JournalError::Stopped)?;
        match inbox.submit(Submission { prepared, answer, _place: place }) {
            true => Ok(()),
            false => Err(JournalError::Stopped),
        }
    }
}

/// A durable opening record whose closing has its place on disk. Dropped without [`Opening::close`], it closes with reason
/// `client-gone`, or `crash` while the thread panics.
pub struct Opening {
    index: u64,
    rest: Option<Unclosed>,
    inbox: Arc<Inbox>,
}

struct Unclosed {
    key: Arc<SealingKey>,
    /// Who and what, for the closing.
    identity: Box<Sealed>,
    booking: OwnedSemaphorePermit,
}

impl Opening {
    pub(crate) fn new(
        index: u64,
        key: Arc<SealingKey>,
        identity: Box<Sealed>,
        booking: OwnedSemaphorePermit,
        inbox: Arc<Inbox>,
    ) -> Self {
        Opening { index, rest: Some(Unclosed { key, identity, booking }), inbox }
    }

    /// Where the opening stands in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Hands the closing to the writer: never blocks on the disk, never fails, may be called from `Drop`. Who and what (`terminal`
    /// to `url`) are the opening's where the draft leaves them out. What does not fit the reserved bytes is left out: `page`
    /// first, then `url`, then every text.
    pub fn close(mut self, draft: Draft) {
        self.hand_over(draft);
    }

    /// Once: later calls do nothing.
    fn hand_over(&mut self, mut draft: Draft) {
        let Some(Unclosed { key, identity, booking }) = self.rest.take() else { return };
        draft.sealed.complete(*identity);
        let prepared = Prepared::closing(draft, self.index, Some(key));
        self.inbox.close(Closing { prepared, _booking: Some(booking) });
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let reason = if std::thread::panicking() { "crash" } else { "client-gone" };
        self.hand_over(Draft { reason: Some(reason.into()), ..Draft::new(Kind::Closed) });
    }
}
