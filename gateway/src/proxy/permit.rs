//! The permit: the only thing that lets bytes out, made by the journal alone, after the opening record is on disk.
//!
//! `exchange` records it; `tunnel`, `inspect` and `forward` hold it for as long as bytes may move. Dropping it writes the
//! closing record, whatever happened: a normal end, a vanished client, a panic, a time-out. The closing's bytes and its place in
//! the queue were reserved with the opening, so the drop cannot fail and does not wait.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use passerelle_audit::{Draft, Effect, JournalError, Kind, Opening};
use passerelle_policy::{Decision, Mode, Reason};
use tokio::time::timeout;
use tracing::Span;

use super::identity::Caller;
use super::leg::Leg;
use super::live::Exchange;
use super::question::Question;
use super::refusal::Refusal;
use super::refusals::{Asked, Refused};
use crate::Gateway;
use crate::journal_keys::Subject;
use crate::policy_store::Published;
use crate::share::Place;

/// How long an opening may wait for the disk: beyond it the disk is broken, and a person before a screen has waited enough.
const RECORD_LIMIT: Duration = Duration::from_secs(5);

pub struct Permit {
    gateway: Arc<Gateway>,
    exchange: Arc<Exchange>,
    /// Taken by the drop.
    opening: Option<Opening>,
    confidential: bool,
    started: Instant,
    course: Mutex<Course>,
    /// Its place among the terminal's live exchanges.
    _place: Place,
    /// The request's, which lasts as long as bytes may move.
    span: Span,
}

/// What the closing record will say.
#[derive(Default)]
struct Course {
    address: Option<SocketAddr>,
    status: Option<u16>,
    /// The media type of a document, for a recording run.
    document: Option<String>,
    /// A refusal after the opening: DNS, address, dial, upstream …
    failed: Option<Reason>,
    finished: bool,
}

impl Permit {
    /// Writes the opening record and waits until it is on disk.
    ///
    /// Errors: `journal-unavailable`, `busy`, and `rate` when the terminal has too much open: then nothing may leave.
    pub async fn record(
        leg: &Leg,
        place: Place,
        caller: &Caller,
        question: Question,
        decision: &Decision,
        published: &Published,
    ) -> Result<Permit, Box<Refused>> {
        let gateway = &leg.gateway;
        let refused = |reason: Reason| Asked::judged(caller, &question, decision, published).refused(reason);
        let confidential = decision.terms.confidential;
        let mut opened = Draft::new(Kind::Opened);
        opened.decision = Some(Effect::Allow);
        opened.sealed = question.sealed(caller, decision, published);
        let subject = Subject::Person(caller.session.person.clone());
        let opening = async {
            let key = gateway.sealing_key(&subject).await?;
            let _turn = leg.share.opening().await?;
            gateway.journal.open(opened, key).await.map_err(|error| match error {
                JournalError::Busy(_) => Reason::Busy,
                _ => Reason::JournalUnavailable,
            })
        };
        // Whoever waits longer is told; an opening that comes too late closes itself.
        let opening = timeout(RECORD_LIMIT, opening).await;
        let opening = opening.unwrap_or(Err(Reason::JournalUnavailable)).map_err(refused)?;
        let span = Span::current();
        span.record("opening", opening.index());
        gateway.metrics.allowed();
        let service = decision.service.as_ref().map(|service| service.to_string());
        let mut exchange = Exchange::new(question, caller.session.clone(), service);
        exchange.within = leg.tunnel().map(|tunnel| tunnel.exchange().clone());
        if exchange.question.is_tunnel() {
            exchange.deadline = Some(tokio::time::Instant::now() + gateway.config.limits.tunnel());
            exchange.charged_by_bytes = decision.mode == Mode::Tunnel;
        }
        // An inspected connection's bytes are counted by the requests inside, so only those can be idle.
        if exchange.charged_by_bytes || !exchange.question.is_tunnel() {
            exchange.idle_limit = Some(gateway.config.limits.idle(exchange.charged_by_bytes));
        }
        let exchange = Arc::new(exchange);
        gateway.exchanges.enter(opening.index(), exchange.clone());
        Ok(Permit {
            gateway: gateway.clone(),
            exchange,
            opening: Some(opening),
            confidential,
            started: Instant::now(),
            course: Mutex::default(),
            _place: place,
            span,
        })
    }

    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    pub fn span(&self) -> &Span {
        &self.span
    }

    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The upstream address that was judged, dialled or refused.
    pub fn reached(&self, address: SocketAddr) {
        self.course().address = Some(address);
    }

    pub fn answered(&self, status: u16) {
        self.course().status = Some(status);
    }

    /// The answer is a document: none of what pages are made of.
    pub fn document(&self, media_type: &str) {
        self.course().document = Some(media_type.to_owned());
    }

    /// Refused after the opening; the first reason stands.
    pub fn failed(&self, reason: Reason) {
        self.course().failed.get_or_insert(reason);
    }

    /// Ends here, refused.
    pub fn failed_to(self, reason: Reason) {
        self.failed(reason);
    }

    /// Refused after the opening: noted for the closing record, and made into the client's answer.
    pub fn refuse(self, reason: Reason, address: Option<SocketAddr>) -> Refusal {
        let refusal = Refusal::from(reason);
        let mut course = self.course();
        course.address = address.or(course.address);
        course.status = Some(refusal.status().as_u16());
        drop(course);
        // What ended a live exchange is not the upstream's failure.
        if self.exchange.why_ended().is_none() {
            self.failed(reason);
        }
        refusal
    }

    /// Everything passed as it should: the closing names no reason.
    pub fn finish(self) {
        self.finished();
    }

    /// The same for a permit that several hold: the closing is written when the last lets go.
    pub fn finished(&self) {
        self.course().finished = true;
    }

    fn course(&self) -> std::sync::MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closing(&self, index: u64) -> (Draft, Option<Reason>) {
        let course = self.course();
        let reason =
            course.failed.or(self.exchange.why_ended()).or((!course.finished).then_some(Reason::ClientGone));
        // Who left, or was ended, took no decision back; everything else that failed is a refusal after the opening.
        let is_ending = |reason: Reason| {
            matches!(reason, Reason::ClientGone | Reason::UpstreamGone)
                || self.exchange.why_ended() == Some(reason)
        };
        let is_refused = course.failed.is_some_and(|reason| !is_ending(reason));
        let mut closing = Draft::new(Kind::Closed);
        closing.opened = Some(index);
        closing.decision = Some(if is_refused { Effect::Refuse } else { Effect::Allow });
        closing.reason = reason.map(|reason| reason.as_str().to_owned());
        // Who and what stand in the opening; the journal repeats them.
        closing.sealed.status = course.status;
        closing.sealed.duration_ms =
            Some(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX));
        let (sent, received) = self.exchange.meter.totals();
        if !self.confidential {
            closing.sealed.address = course.address.map(|address| address.to_string());
            closing.sealed.sent_bytes = Some(sent);
            closing.sealed.received_bytes = Some(received);
        }
        (closing, reason)
    }
}

/// The permit of an answer on its way to a client that may not read it: the body that carries the answer is then not polled
/// either, so whoever ends the exchange lets the permit go.
pub struct HeldPermit(Mutex<Option<Permit>>);

impl HeldPermit {
    pub fn of(permit: Permit) -> Arc<HeldPermit> {
        let exchange = permit.exchange.clone();
        let held = Arc::new(HeldPermit(Mutex::new(Some(permit))));
        exchange.let_go_at_end(&held);
        held
    }

    /// The permit, once.
    pub fn take(&self) -> Option<Permit> {
        // A panic elsewhere leaves a permit that is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(opening) = self.opening.take() else { return };
        self.gateway.exchanges.leave(opening.index());
        let document = self.course().document.take();
        self.gateway.learning.passed(&self.exchange, document);
        let (closing, reason) = self.closing(opening.index());
        self.gateway.metrics.ended(reason);
        tracing::debug!(
            parent: &self.span,
            reason = reason.map(Reason::as_str),
            status = closing.sealed.status,
            duration_ms = closing.sealed.duration_ms,
            "closed"
        );
        opening.close(closing);
    }
}
