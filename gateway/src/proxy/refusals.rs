//! What is recorded of a refusal, and how often.
//!
//! Called by `exchange` and `leg` before a refusal is told. Identical refusals of one session within a second are one record
//! with a count, written when that second is over (or when somebody reads the journal through us, or we stop); beyond a rate a
//! session's refusals are answered 429 and only counted, so that one terminal can't fill the disk. When the journal can't take
//! records the answer is `journal-unavailable`: a refusal without a record does not exist.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use passerelle_audit::{Draft, Effect, Kind, Sealed};
use passerelle_policy::{Decision, Policy, Reason};
use tokio::time::{Instant, sleep};

use super::identity::Caller;
use super::leg::{Leg, Place};
use super::question::Question;
use super::refusal::Refusal;
use crate::Gateway;
use crate::identifier::PersonId;
use crate::journal_keys::Subject;
use crate::metrics::Unrecorded;
use crate::policy_store::Published;
use crate::terminal::Terminal;

/// Identical refusals this close together are one record.
const WINDOW: Duration = Duration::from_secs(1);
/// Different refusals that may wait for a journal that can't write just now.
const WAITING_LIMIT: usize = 10_000;
/// Bytes of a target that could not be read, as the record keeps it.
const UNREAD_TARGET_BYTES: usize = 2048;

/// What was asked, as far as it was understood when it was refused.
pub struct Asked {
    kind: Kind,
    person: Option<PersonId>,
    sealed: Sealed,
}

impl Asked {
    pub fn of(leg: &Leg, request: &Request<Incoming>) -> Asked {
        let target = request.uri().to_string();
        Asked::unread(leg, Some(request.method().to_string()), Some(target))
    }

    /// Of a head that hyper never saw.
    pub fn unread(leg: &Leg, method: Option<String>, target: Option<String>) -> Asked {
        let mut asked =
            Asked { kind: Kind::Refused, person: None, sealed: Sealed { method, ..Sealed::default() } };
        asked.sealed.terminal = leg.terminal.as_ref().map(|terminal| terminal.name.as_str().to_owned());
        let target = target.map(|target| without_query(&target));
        asked.sealed.url = match (&leg.place, target) {
            (Place::Inspected { authority, caller, .. }, target) => {
                asked = asked.by(caller);
                let target = target.filter(|target| target.starts_with('/')).unwrap_or_default();
                Some(format!("https://{authority}{target}"))
            }
            (Place::Outer, target) => target,
        };
        asked
    }

    /// A sign-in that was not even judged, since too many came before it. `person` is what was typed.
    pub fn sign_in(terminal: &Terminal, person: String) -> Asked {
        let terminal = Some(terminal.name.as_str().to_owned());
        Asked {
            kind: Kind::SignInFailed,
            person: None,
            sealed: Sealed { terminal, person: Some(person), ..Sealed::default() },
        }
    }

    pub fn by(mut self, caller: &Caller) -> Asked {
        self.person = Some(caller.session.person.clone());
        self.sealed.person = Some(caller.session.person.as_str().to_owned());
        self.sealed.session = Some(caller.session.id.as_str().to_owned());
        self
    }

    /// Of a question that was put to the policy.
    pub fn judged(caller: &Caller, question: &Question, decision: &Decision, published: &Published) -> Asked {
        let sealed = question.sealed(caller, decision, published);
        Asked { kind: Kind::Refused, person: Some(caller.session.person.clone()), sealed }
    }

    /// Refused, for this reason.
    pub fn refused(self, refusal: impl Into<Refusal>) -> Box<Refused> {
        Box::new(Refused { asked: self, refusal: refusal.into() })
    }
}

/// A refusal, and what is recorded of it.
pub struct Refused {
    pub asked: Asked,
    pub refusal: Refusal,
}

impl Asked {
    fn key(&self, reason: Reason) -> Key {
        let Sealed { session, terminal, method, url, person, .. } = &self.sealed;
        Key {
            kind: self.kind,
            who: session.clone().or(terminal.clone()).unwrap_or_default(),
            reason,
            method: method.clone(),
            // Of sign-ins, whose name was tried tells them apart.
            url: url.clone().or(person.clone()),
        }
    }

    /// The same as one of many that are only counted: who, and nothing else.
    fn beyond_the_rate(self) -> (Key, Asked) {
        let Sealed { terminal, session, person, .. } = self.sealed;
        let person = person.filter(|_| self.person.is_some());
        let sealed = Sealed { terminal, session, person, ..Sealed::default() };
        let asked = Asked { kind: self.kind, person: self.person, sealed };
        (asked.key(Reason::Rate), asked)
    }

    /// Without what would name a confidential service: a head that could not be read or was refused early has not been put
    /// to the policy, and may name one all the same.
    fn concealed(mut self, policy: &Policy) -> Asked {
        self.sealed.url = self.sealed.url.filter(|url| !policy.names_confidential(url));
        self.sealed.page = self.sealed.page.filter(|page| !policy.names_confidential(page));
        self
    }
}

/// A target that may be anything: its query is dropped whole, since values may be secret and names can't be told from them.
fn without_query(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    path.chars().take(UNREAD_TARGET_BYTES).collect()
}

/// Two refusals with the same key are the same refusal.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: Kind,
    /// Session, else terminal, else nobody.
    who: String,
    reason: Reason,
    method: Option<String>,
    url: Option<String>,
}

struct Pending {
    person: Option<PersonId>,
    sealed: Sealed,
    count: u64,
    due: Instant,
}

#[derive(Default)]
pub struct Refusals {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pending: HashMap<Key, Pending>,
    /// Records begun in the second that runs, by who.
    begun: HashMap<String, (Instant, u32)>,
}

impl Refusals {
    /// Notes a refusal for the journal and says what the client is told: the refusal, `rate`, or `journal-unavailable`.
    pub async fn record(&self, gateway: &Arc<Gateway>, asked: Asked, refusal: Refusal) -> Refusal {
        let is_of_the_proxy = asked.kind == Kind::Refused;
        let told = self.note_or_refuse(gateway, asked, refusal);
        if is_of_the_proxy {
            gateway.metrics.refused(told.reason);
        }
        tracing::debug!(reason = told.reason.as_str(), "refused");
        told
    }

    fn note_or_refuse(&self, gateway: &Gateway, asked: Asked, refusal: Refusal) -> Refusal {
        if refusal.reason == Reason::JournalUnavailable || gateway.journal.health().failure.is_some() {
            gateway.metrics.unrecorded(Unrecorded::Journal);
            return Reason::JournalUnavailable.into();
        }
        let asked = asked.concealed(&gateway.policies.current().policy);
        if !self.note(asked, refusal.reason, gateway.config.limits.recorded_refusals_per_second) {
            gateway.metrics.unrecorded(Unrecorded::Rate);
            return Refusal::from(Reason::Rate).retry_after(WINDOW.as_secs());
        }
        refusal
    }

    /// False when whoever asked has begun too many records in this second; those count as one record of reason `rate`.
    fn note(&self, asked: Asked, reason: Reason, limit_per_second: u32) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        let key = asked.key(reason);
        if let Some(pending) = state.pending.get_mut(&key) {
            pending.count += 1;
            return true;
        }
        let (since, begun) = state.begun.entry(key.who.clone()).or_insert((now, 0));
        if now - *since >= WINDOW {
            (*since, *begun) = (now, 0);
        }
        *begun += 1;
        let within = *begun <= limit_per_second;
        let (key, asked) = if within { (key, asked) } else { asked.beyond_the_rate() };
        let fresh = Pending { person: asked.person, sealed: asked.sealed, count: 0, due: now + WINDOW };
        state.pending.entry(key).or_insert(fresh).count += 1;
        within
    }

    /// Writes what is due; with `all`, everything, and returns once it is on disk. What the journal does not take waits on.
    pub async fn flush(&self, gateway: &Gateway, all: bool) {
        for (key, pending) in self.take_due(all) {
            let subject = pending.person.clone().map_or(Subject::Gateway, Subject::Person);
            if let Err(error) = gateway.append(&subject, draft(&key, &pending)).await {
                tracing::error!(%error, "a refusal could not be recorded yet");
                self.put_back(gateway, key, pending);
            }
        }
    }

    fn take_due(&self, all: bool) -> Vec<(Key, Pending)> {
        let now = Instant::now();
        let mut state = self.lock();
        state.begun.retain(|_, (since, _)| now - *since < WINDOW);
        state.pending.extract_if(|_, pending| all || pending.due <= now).collect()
    }

    fn put_back(&self, gateway: &Gateway, key: Key, pending: Pending) {
        let mut state = self.lock();
        if state.pending.len() >= WAITING_LIMIT {
            tracing::error!(count = pending.count, "refusals are lost: too many wait for the journal");
            gateway.metrics.unrecorded(Unrecorded::Lost);
            return;
        }
        let (count, due) = (pending.count, Instant::now() + WINDOW);
        state.pending.entry(key).or_insert(Pending { count: 0, due, ..pending }).count += count;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn draft(key: &Key, pending: &Pending) -> Draft {
    let mut draft = Draft::new(key.kind);
    draft.decision = (key.kind == Kind::Refused).then_some(Effect::Refuse);
    draft.reason = Some(key.reason.as_str().to_owned());
    draft.count = Some(pending.count);
    draft.sealed = pending.sealed.clone();
    draft
}

/// Writes refusals as their second ends; runs until the gateway stops, which flushes the rest.
pub async fn write_due(gateway: Arc<Gateway>) {
    loop {
        tokio::select! {
            () = sleep(WINDOW / 4) => gateway.refusals.flush(&gateway, false).await,
            () = gateway.stopped.cancelled() => return,
        }
    }
}
