//! What the handles and the writer share: two lists, a bell, and the places in both.
//!
//! The mutex is held for moments only, never across I/O. Records wait in a queue bounded by `places`; closings in a list bounded
//! by `live`, whose places were booked with their openings.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::journal::{JournalError, Limits, Opening};
use crate::record::{Draft, ENTRY_LIMIT_BYTES, Kind, Sealed, URL_LIMIT_BYTES};
use crate::seal::{OVERHEAD_BYTES, SealingKey};
use crate::tail;
use crate::timing::Timing;

/// A batch that the disk has not taken for so long is a broken disk, though it says nothing: longer than a disk that spins up,
/// and as long as somebody before a screen waits.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// Where work waits for the writer.
pub(crate) struct Inbox {
    queues: Mutex<Queues>,
    /// Rings when there is what the writer sleeps for; see [`Sleep`].
    news: Condvar,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) live: Arc<Semaphore>,
    pub(crate) live_limit: usize,
    /// For [`Health`](crate::Health) only.
    status: Mutex<Status>,
    pub(crate) records: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) syncs: Timing,
}

#[derive(Default)]
pub(crate) struct Queues {
    /// Bounded by `places`.
    pub(crate) records: VecDeque<Submission>,
    /// Bounded by `live`.
    pub(crate) closings: Vec<Closing>,
    /// Who asks whether the disk takes a record now.
    pub(crate) probes: Vec<oneshot::Sender<()>>,
    pub(crate) stop: bool,
    /// What would wake the writer; `None` while it works. A ring costs two calls of the kernel and a change of threads, so it is
    /// only rung for a writer that sleeps for it.
    sleep: Option<Sleep>,
    /// The writer is gone.
    ended: bool,
    stopped: Vec<oneshot::Sender<()>>,
}

#[derive(Clone, Default)]
pub(crate) struct Status {
    pub(crate) write_failure: Option<String>,
    pub(crate) publish_failure: Option<String>,
    pub(crate) last_sync: Option<Timestamp>,
    /// Since when the writer waits for the disk.
    pub(crate) busy_since: Option<Instant>,
    /// Since when something durable waits to be published, or the last round that left some.
    pub(crate) behind_since: Option<Instant>,
    /// The writer is gone.
    pub(crate) ended: bool,
}

impl Status {
    /// What keeps the journal from taking a record, if anything does.
    pub(crate) fn failure(&self) -> Option<String> {
        let stalled = || {
            let waited = self.busy_since?.elapsed();
            (waited >= STALLED_AFTER).then(|| format!("the disk has not answered for {} s", waited.as_secs()))
        };
        let ended = || self.ended.then(|| "the journal's writer has ended".into());
        self.write_failure.clone().or_else(|| self.publish_failure.clone()).or_else(ended).or_else(stalled)
    }
}

/// What the writer sleeps for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// Records only: closings wait for one to go with.
    Record,
    /// So many records.
    Records(usize),
    Anything,
}

impl Sleep {
    fn is_over(self, records: usize, closings: usize) -> bool {
        match self {
            Sleep::Record => records > 0,
            Sleep::Records(count) => records >= count,
            Sleep::Anything => records + closings > 0,
        }
    }
}

impl Queues {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.closings.is_empty() && self.probes.is_empty()
    }
}

impl Inbox {
    pub(crate) fn new(limits: &Limits) -> Self {
        Inbox {
            queues: Mutex::default(),
            news: Condvar::new(),
            places: Arc::new(Semaphore::new(limits.queue_records)),
            live: Arc::new(Semaphore::new(limits.live_exchanges)),
            live_limit: limits.live_exchanges,
            status: Mutex::default(),
            records: AtomicU64::new(0),
            published: AtomicU64::new(0),
            syncs: Timing::default(),
        }
    }

    /// A poisoned lock is taken all the same: the lists stay whole, and closings must be written.
    pub(crate) fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a record for the writer; `false` when it takes no more.
    pub(crate) fn submit(&self, submission: Submission) -> bool {
        let mut queues = self.queues();
        if queues.stop {
            return false;
        }
        queues.records.push_back(submission);
        self.ring(queues);
        true
    }

    /// Leaves a closing, whose place was booked with its opening.
    pub(crate) fn close(&self, closing: Closing) {
        let mut queues = self.queues();
        queues.closings.push(closing);
        self.ring(queues);
    }

    fn ring(&self, mut queues: MutexGuard<'_, Queues>) {
        let (records, closings) = (queues.records.len(), queues.closings.len());
        let rings = queues.sleep.take_if(|sleep| sleep.is_over(records, closings)).is_some();
        drop(queues);
        if rings {
            self.news.notify_one();
        }
    }

    /// Leaves the question whether the disk takes a record; `done` is dropped, or told, when it was tried.
    pub(crate) fn probe(&self, done: oneshot::Sender<()>) {
        let mut queues = self.queues();
        if !queues.ended {
            queues.probes.push(done);
        }
        queues.sleep = None;
        drop(queues);
        self.news.notify_one();
    }

    /// The writer's sleep, at most so long, and not at all when what it sleeps for is there.
    pub(crate) fn sleep(&self, sleep: Sleep, limit: Option<Duration>) {
        let mut queues = self.queues();
        queues.sleep = Some(sleep);
        let asleep = |queues: &mut Queues| {
            let enough = sleep.is_over(queues.records.len(), queues.closings.len());
            !enough && queues.probes.is_empty() && !queues.stop
        };
        let mut queues = match limit {
            Some(limit) => {
                let woken = self.news.wait_timeout_while(queues, limit, asleep);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.news.wait_while(queues, asleep).unwrap_or_else(PoisonError::into_inner),
        };
        queues.sleep = None;
    }

    pub(crate) fn stop(&self, done: Option<oneshot::Sender<()>>) {
        self.places.close();
        self.live.close();
        let mut queues = self.queues();
        queues.stop = true;
        // After the end nobody would answer: dropping the sender does.
        let done = done.filter(|_| !queues.ended);
        queues.stopped.extend(done);
        drop(queues);
        self.news.notify_all();
    }

    /// The writer is gone: whoever waits gets no answer, whoever stops the journal gets one.
    pub(crate) fn end(&self) {
        self.stop(None);
        let mut queues = self.queues();
        queues.records.clear();
        queues.probes.clear();
        queues.stopped.drain(..).for_each(|done| _ = done.send(()));
        queues.ended = true;
        drop(queues);
        self.status(|status| status.ended = true);
    }

    pub(crate) fn status<T>(&self, change: impl FnOnce(&mut Status) -> T) -> T {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A record on its way to the writer, serialised by its caller so that the writer need not.
pub(crate) struct Prepared {
    pub(crate) draft: Draft,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) key: Option<Arc<SealingKey>>,
}

impl Prepared {
    /// A record that must fit as it is.
    pub(crate) fn record(draft: Draft, key: Arc<SealingKey>) -> Result<Self, JournalError> {
        let fits = |what, bytes, limit| match bytes > limit {
            true => Err(JournalError::TooLarge { what, bytes, limit }),
            false => Ok(()),
        };
        fits("url", draft.sealed.url.as_ref().map_or(0, String::len), URL_LIMIT_BYTES)?;
        fits("page", draft.sealed.page.as_ref().map_or(0, String::len), URL_LIMIT_BYTES)?;
        fits("reason", draft.reason.as_ref().map_or(0, String::len), tail::NAME_LIMIT_BYTES)?;
        let plaintext = draft.sealed.to_bytes();
        fits("everything", plaintext.len() + OVERHEAD_BYTES + tail::HEADER_LIMIT_BYTES, ENTRY_LIMIT_BYTES)?;
        Ok(Prepared { draft, plaintext, key: Some(key) })
    }

    /// A closing that is made to fit its reserved bytes.
    pub(crate) fn closing(mut draft: Draft, opened: u64, key: Option<Arc<SealingKey>>) -> Self {
        draft.kind = Kind::Closed;
        draft.opened = Some(opened);
        draft.reason = draft.reason.filter(|reason| reason.len() <= tail::NAME_LIMIT_BYTES);
        let limit = tail::CLOSING_LIMIT_BYTES - OVERHEAD_BYTES - tail::HEADER_LIMIT_BYTES;
        let mut plaintext = draft.sealed.to_bytes();
        let shorten: [fn(&mut Sealed); 3] =
            [|sealed| sealed.page = None, |sealed| sealed.url = None, keep_numbers];
        for shorten in shorten {
            if plaintext.len() <= limit {
                break;
            }
            shorten(&mut draft.sealed);
            plaintext = draft.sealed.to_bytes();
        }
        Prepared { draft, plaintext, key }
    }
}

fn keep_numbers(sealed: &mut Sealed) {
    let Sealed { policy, status, sent_bytes, received_bytes, duration_ms, .. } = *sealed;
    *sealed = Sealed { policy, status, sent_bytes, received_bytes, duration_ms, ..Sealed::default() };
}

pub(crate) struct Submission {
    pub(crate) prepared: Prepared,
    pub(crate) answer: Answer,
    /// Freed when the writer takes it.
    pub(crate) _place: OwnedSemaphorePermit,
}

pub(crate) struct Closing {
    pub(crate) prepared: Prepared,
    /// Freed when the closing is durable; an orphan's closing has none.
    pub(crate) _booking: Option<OwnedSemaphorePermit>,
}

impl Closing {
    pub(crate) fn of_orphan(prepared: Prepared) -> Self {
        Closing { prepared, _booking: None }
    }
}

/// Whom to tell that a record is durable, or not.
pub(crate) enum Answer {
    Index(oneshot::Sender<Result<u64, JournalError>>),
    Opening {
        answer: oneshot::Sender<Result<Opening, JournalError>>,
        identity: Box<Sealed>,
        booking: OwnedSemaphorePermit,
    },
}
