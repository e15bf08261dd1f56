//! What the owner of a connection holds while hyper owns the [`StrictIo`](super::StrictIo): the state both
//! share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use bytes::Bytes;
use http::Method;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Fault;

/// A request head that was refused, with what could be read of it for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub fault: Fault,
    /// The method, if it is a token.
    pub method: Option<String>,
    /// The target as sent, if it is visible ASCII within the limit.
    pub target: Option<String>,
}

/// The server side's handle: learns of refused heads, answers them, and decides on tunnels.
///
/// A refused head never reaches hyper, whose earlier exchanges on the connection must end undisturbed (an
/// early end of file would abort them). So the connection's owner does this:
///
/// ```text
/// select! {
///     ended = &mut connection => …,
///     refused = verdict.refused() => {
///         record(refused).await;
///         verdict.farewell(problem_response);             // the bytes of a whole response, `Connection: close`
///         Pin::new(&mut connection).graceful_shutdown();  // ends what runs, then shuts down; the farewell goes first
///         connection.await
///     }
/// }
/// ```
///
/// If nobody answers, the connection ends after `head_seconds`. A fault within a body reaches the service as
/// an error of that body ([`Fault::find`]), since only the service can answer an exchange that has begun.
#[derive(Debug, Clone)]
pub struct Verdict(pub(super) Arc<Shared>);

impl Verdict {
    /// Waits until a head is refused; each refusal (there is at most one a connection) is told once.
    pub async fn refused(&self) -> Refused {
        loop {
            let told = self.0.refusal.notified();
            if let Some(refused) = self.take_refused() {
                return refused;
            }
            told.await;
        }
    }

    /// The refused head, if there is one and nobody took it yet.
    pub fn take_refused(&self) -> Option<Refused> {
        self.0.lock().refused.take()
    }

    /// The fault within a request body, if there was one.
    pub fn body_fault(&self) -> Option<Fault> {
        self.0.lock().body_fault
    }

    /// The bytes to write after the last answer, when hyper shuts the connection down.
    pub fn farewell(&self, response: Bytes) {
        self.0.lock().farewell = Some(response);
    }

    /// Says that the 200 to a CONNECT, or the 101 to an upgrade, goes out: all further bytes pass unread,
    /// those already sent first.
    pub fn become_transparent(&self) {
        self.0.decide(Switch::Transparent);
    }

    /// Says that the CONNECT or upgrade was answered otherwise: the bytes that follow are a next request, and
    /// judged. Needed only if the connection stays open.
    pub fn resume(&self) {
        self.0.decide(Switch::Resume);
    }
}

/// The client side's handle: says what the next answer belongs to. An answer that nobody expects is a fault.
#[derive(Debug, Clone)]
pub struct Expectation(pub(super) Arc<Shared>);

impl Expectation {
    /// Call it before each request is sent: the answer's framing depends on `method` (RFC 9112, section 6.3),
    /// and 101 is an answer only if an `upgrade` was asked for (after it, bytes pass unread).
    pub fn expect(&self, method: &Method, upgrade: bool) {
        let mut state = self.0.lock();
        state.expected = Some((method.clone(), upgrade, Instant::now()));
        state.wake();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    Transparent,
    Resume,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    refusal: Notify,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub refused: Option<Refused>,
    pub body_fault: Option<Fault>,
    pub farewell: Option<Bytes>,
    pub switch: Option<Switch>,
    pub expected: Option<(Method, bool, Instant)>,
    reader: Option<Waker>,
}

impl Shared {
    /// A panic while the lock is held leaves plain values, valid at every step.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn refuse(&self, refused: Refused) {
        self.lock().refused = Some(refused);
        self.refusal.notify_one();
    }

    /// Takes what `take` finds, or asks to be woken when there is something.
    pub fn take<T>(&self, cx: &Context<'_>, take: impl FnOnce(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        let taken = take(&mut state);
        if taken.is_none() {
            state.reader = Some(cx.waker().clone());
        }
        taken
    }

    fn decide(&self, switch: Switch) {
        let mut state = self.lock();
        state.switch = Some(switch);
        state.wake();
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
