//! Live exchanges: whatever is open is judged again when the world changes, and ends within a second of losing its ground.
//!
//! A [`Permit`](super::permit::Permit) enters its exchange here and leaves when it is dropped; `supervise` is the one task
//! that judges. Invariants: an exchange ends once, with one reason; judging again asks the same policy walk as judging first,
//! with what the exchange was opened on (its page, its resource) held fixed, so that only time, policy, person, terminal and
//! the staff's stop can end it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use passerelle_policy::Reason;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::permit::HeldPermit;
use super::question::Question;
use crate::Gateway;
use crate::session::LiveSession;

/// Between two looks at the clock, windows and minutes. Four a second keeps every ending below one second with room to spare.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Judged in a row before others get their turn: some tens of microseconds, however many are open.
const JUDGED_IN_A_ROW: usize = 32;

/// One thing that is open: a tunnel, an inspected connection, a request with its answer.
pub struct Exchange {
    pub question: Question,
    pub session: Arc<LiveSession>,
    /// The inspected tunnel that this request came through: when that ends, so does this, for the same reason.
    pub within: Option<Arc<Exchange>>,
    /// The service recorded and charged.
    pub service: Option<String>,
    pub meter: Meter,
    /// Tunnel bytes count as use of the service's minutes; requests are charged when they are allowed.
    pub charged_by_bytes: bool,
    /// A minute is being charged.
    charging: AtomicBool,
    /// The longest it may last, whatever happens.
    pub deadline: Option<Instant>,
    /// How long no byte may pass.
    pub idle_limit: Option<Duration>,
    /// The head of its answer is waited for, which has a limit of its own.
    awaiting: AtomicBool,
    end: OnceLock<Reason>,
    ended: CancellationToken,
    /// What is let go when it ends.
    held: OnceLock<Weak<HeldPermit>>,
}

/// Bytes that passed, counted from the terminal's side.
pub struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    /// What `supervise` saw when it last looked, and since when nothing has moved.
    seen: Mutex<(u64, Instant)>,
}

impl Default for Meter {
    fn default() -> Meter {
        Meter { sent: AtomicU64::new(0), received: AtomicU64::new(0), seen: Mutex::new((0, Instant::now())) }
    }
}

impl Meter {
    pub fn sent(&self, bytes: usize) -> u64 {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64
    }

    pub fn received(&self, bytes: usize) -> u64 {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64
    }

    pub fn totals(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }

    /// Takes a look: true when something passed since the last one.
    fn moved(&self) -> bool {
        let (sent, received) = self.totals();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = seen.0 != sent + received;
        if moved {
            *seen = (sent + received, Instant::now());
        }
        moved
    }

    /// Something moved that is no byte of a body.
    fn touch(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).1 = Instant::now();
    }

    fn still_for(&self) -> Duration {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed()
    }
}

impl Exchange {
    pub fn new(question: Question, session: Arc<LiveSession>, service: Option<String>) -> Exchange {
        Exchange {
            question,
            session,
            within: None,
            service,
            meter: Meter::default(),
            charged_by_bytes: false,
            charging: AtomicBool::new(false),
            deadline: None,
            idle_limit: None,
            awaiting: AtomicBool::new(false),
            end: OnceLock::new(),
            ended: CancellationToken::new(),
            held: OnceLock::new(),
        }
    }

    /// Ends it; whatever moves its bytes stops. A second reason changes nothing.
    pub fn end(&self, reason: Reason) {
        let _ = self.end.set(reason);
        self.ended.cancel();
        self.let_go();
    }

    /// From here on the end of the exchange lets go of this permit, even if nobody polls what holds it.
    pub fn let_go_at_end(&self, held: &Arc<HeldPermit>) {
        let _ = self.held.set(Arc::downgrade(held));
        if self.end.get().is_some() {
            self.let_go();
        }
    }

    fn let_go(&self) {
        drop(self.held.get().and_then(Weak::upgrade).and_then(|held| held.take()));
    }

    /// From here on it waits for the head of an answer, and is not idle.
    pub fn awaits_answer(&self) {
        self.awaiting.store(true, Ordering::Release);
    }

    /// The head came.
    pub fn answered(&self) {
        self.meter.touch();
        self.awaiting.store(false, Ordering::Release);
    }

    pub fn why_ended(&self) -> Option<Reason> {
        let around = || self.within.as_ref().and_then(|tunnel| tunnel.why_ended());
        self.end.get().copied().or_else(around)
    }

    /// Resolves when it has been ended from outside.
    pub fn ended(&self) -> tokio_util::sync::WaitForCancellationFutureOwned {
        self.ended.clone().cancelled_owned()
    }
}

/// Everything that is open now.
#[derive(Default)]
pub struct Exchanges {
    open: Mutex<HashMap<u64, Arc<Exchange>>>,
}

impl Exchanges {
    /// `index` is that of the opening record.
    pub fn enter(&self, index: u64, exchange: Arc<Exchange>) {
        self.lock().insert(index, exchange);
    }

    pub fn leave(&self, index: u64) {
        self.lock().remove(&index);
    }

    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Open tunnels whose bytes pass unread, and inspected ones.
    pub fn tunnels(&self) -> (usize, usize) {
        let open = self.lock();
        let tunnels = open.values().filter(|exchange| exchange.question.is_tunnel());
        let (unread, inspected): (Vec<_>, Vec<_>) = tunnels.partition(|exchange| exchange.charged_by_bytes);
        (unread.len(), inspected.len())
    }

    /// Ends all of them, for a graceful stop.
    pub fn end_all(&self, reason: Reason) {
        self.snapshot().iter().for_each(|exchange| exchange.end(reason));
    }

    /// Tunnels first: a request that ends with its tunnel can then tell the tunnel's reason, and a tunnel whose request is
    /// ended knows its own before its connection breaks off.
    fn snapshot(&self) -> Vec<Arc<Exchange>> {
        let mut open: Vec<_> = self.lock().values().cloned().collect();
        open.sort_by_key(|exchange| !exchange.question.is_tunnel());
        open
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Exchange>>> {
        // A panic elsewhere leaves a map that is still whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Judges everything open again, four times a second and at once when policy or stop change; runs until the gateway stops.
pub async fn supervise(gateway: Arc<Gateway>) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut published = gateway.policies.subscribe();
    let mut stops = gateway.access_stop.subscribe();
    loop {
        tokio::select! {
            _ = look.tick() => {}
            _ = published.changed() => {}
            _ = stops.changed() => {}
            _ = gateway.stopped.cancelled() => return,
        }
        let now = Timestamp::now();
        gateway.expire_sessions(now);
        for (position, exchange) in gateway.exchanges.snapshot().into_iter().enumerate() {
            if position % JUDGED_IN_A_ROW == JUDGED_IN_A_ROW - 1 {
                tokio::task::yield_now().await;
            }
            let moved = exchange.meter.moved();
            match judge_again(&gateway, &exchange, now) {
                Some(reason) => exchange.end(reason),
                None if exchange.charged_by_bytes && moved => charge(&gateway, exchange, now),
                None => {}
            }
        }
    }
}

/// Judges what was opened after a wait: `asked` is when the question was put. Within one look nothing more is promised.
pub fn still_allowed(gateway: &Gateway, exchange: &Exchange, asked: Instant) -> Result<(), Reason> {
    if asked.elapsed() < LOOK_EVERY {
        return Ok(());
    }
    judge_again(gateway, exchange, Timestamp::now()).map_or(Ok(()), Err)
}

/// Why an exchange may not go on, if so.
fn judge_again(gateway: &Gateway, exchange: &Exchange, now: Timestamp) -> Option<Reason> {
    let session = &exchange.session;
    if let Some(ended) = session.ended() {
        return Some(ended.code().parse().unwrap_or(Reason::SignedOut));
    }
    if !gateway.terminals.is_active(&session.terminal) {
        return Some(Reason::TerminalRevoked);
    }
    if gateway.access_stop.is_stopped(&session.groups) {
        return Some(Reason::AccessStopped);
    }
    if exchange.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Some(Reason::Limit);
    }
    let is_awaiting = exchange.awaiting.load(Ordering::Acquire);
    if !is_awaiting && exchange.idle_limit.is_some_and(|limit| exchange.meter.still_for() >= limit) {
        return Some(Reason::Idle);
    }
    exchange.question.review(gateway, &gateway.policies.current().policy, session, now)
}

/// Counts the minute in which tunnel bytes passed; when none is left, the tunnel ends. In a task of its own, one a tunnel: a store
/// that hangs must not keep anything from being judged.
fn charge(gateway: &Arc<Gateway>, exchange: Arc<Exchange>, now: Timestamp) {
    if exchange.charging.swap(true, Ordering::AcqRel) {
        return;
    }
    let gateway = gateway.clone();
    tokio::spawn(async move {
        if let Some(service) = exchange.service.as_deref()
            && let Err(reason) = gateway.charge_minute(&exchange.session.person, service, now).await
        {
            exchange.end(reason);
        }
        exchange.charging.store(false, Ordering::Release);
    });
}
