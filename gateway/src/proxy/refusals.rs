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
use passerelle_policy::{Decision, Reason};
use tokio::time::{Instant, sleep};

use super::identity::Caller;
use super::leg::{Leg, Place};
use super::question::Question;
use super::refusal::Refusal;
use crate::Gateway;
use crate::identifier::PersonId;
use crate::journal_keys::Subject;

/// Identical refusals this close together are one record.
const WINDOW: Duration = Duration::from_secs(1);
/// Bytes of a target that could not be read, as the record keeps it.
const UNREAD_TARGET_BYTES: usize = 2048;

/// What was asked, as far as it was understood when it was refused.
pub struct Asked {
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
        let mut asked = Asked { person: None, sealed: Sealed { method, ..Sealed::default() } };
        asked.sealed.terminal = leg.terminal.as_ref().map(|terminal| terminal.name.as_str().to_owned());
        let target = target.map(|target| without_query(&target));
        asked.sealed.url = match (&leg.place, target) {
            (Place::Inspected { authority, caller, .. }, target) => {
                asked.by(caller);
                let target = target.filter(|target| target.starts_with('/')).unwrap_or_default();
                Some(format!("https://{authority}{target}"))
            }
            (Place::Outer, target) => target,
        };
        asked
    }

    pub fn by(&mut self, caller: &Caller) {
        self.person = Some(caller.session.person.clone());
        self.sealed.person = Some(caller.session.person.as_str().to_owned());
        self.sealed.session = Some(caller.session.id.as_str().to_owned());
    }

    pub fn judged(&mut self, caller: &Caller, question: &Question, decision: &Decision, policy: u64) {
        self.sealed = question.sealed(caller, decision, policy);
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
    /// Refusals beyond the rate, by who: told as one record when they stop.
    uncounted: HashMap<String, u64>,
}

impl Refusals {
    /// Notes a refusal for the journal and says what the client is told: the refusal, `rate`, or `journal-unavailable`.
    pub async fn record(&self, gateway: &Arc<Gateway>, asked: Asked, refusal: Refusal) -> Refusal {
        if refusal.reason == Reason::JournalUnavailable || gateway.journal.health().failure.is_some() {
            return Reason::JournalUnavailable.into();
        }
        let who = asked.sealed.session.clone().or(asked.sealed.terminal.clone()).unwrap_or_default();
        let (method, url) = (asked.sealed.method.clone(), asked.sealed.url.clone());
        let key = Key { who, reason: refusal.reason, method, url };
        if !self.note(key, asked, gateway.config.limits.recorded_refusals_per_second) {
            return Refusal::from(Reason::Rate).retry_after(WINDOW.as_secs());
        }
        refusal
    }

    /// False when `who` has begun too many records in this second.
    fn note(&self, key: Key, asked: Asked, limit_per_second: u32) -> bool {
        let now = Instant::now();
        let mut state = self.lock();
        if let Some(pending) = state.pending.get_mut(&key) {
            pending.count += 1;
            return true;
        }
        let (since, begun) = state.begun.entry(key.who.clone()).or_insert((now, 0));
        if now - *since >= WINDOW {
            (*since, *begun) = (now, 0);
        }
        *begun += 1;
        if *begun > limit_per_second {
            *state.uncounted.entry(key.who).or_default() += 1;
            return false;
        }
        let pending = Pending { person: asked.person, sealed: asked.sealed, count: 1, due: now + WINDOW };
        state.pending.insert(key, pending);
        true
    }

    /// Writes what is due; with `all`, everything, and returns once it is on disk.
    pub async fn flush(&self, gateway: &Gateway, all: bool) {
        let now = Instant::now();
        let due: Vec<_> = {
            let mut state = self.lock();
            state.begun.retain(|_, (since, _)| now - *since < WINDOW);
            let keys: Vec<_> =
                state.pending.iter().filter(|(_, p)| all || p.due <= now).map(|(k, _)| k.clone()).collect();
            keys.into_iter()
                .filter_map(|key| state.pending.remove(&key).map(|pending| (key, pending)))
                .collect()
        };
        let beyond = self.take_beyond(now, all);
        for (key, pending) in due {
            let draft = draft(key.reason, pending.count, pending.sealed);
            write(gateway, pending.person, draft).await;
        }
        for (who, count) in beyond {
            let sealed = Sealed { session: Some(who), ..Sealed::default() };
            write(gateway, None, draft(Reason::Rate, count, sealed)).await;
        }
    }

    /// Those whose flood is over.
    fn take_beyond(&self, now: Instant, all: bool) -> Vec<(String, u64)> {
        let mut state = self.lock();
        let State { begun, uncounted, .. } = &mut *state;
        let over: Vec<_> = uncounted
            .keys()
            .filter(|who| all || begun.get(*who).is_none_or(|(since, _)| now - *since >= WINDOW))
            .cloned()
            .collect();
        over.into_iter().filter_map(|who| uncounted.remove(&who).map(|count| (who, count))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(gateway: &Gateway, person: Option<PersonId>, draft: Draft) {
    let subject = person.map_or(Subject::Gateway, Subject::Person);
    if let Err(error) = gateway.append(&subject, draft).await {
        tracing::error!(%error, "a refusal could not be recorded");
    }
}

fn draft(reason: Reason, count: u64, sealed: Sealed) -> Draft {
    let mut draft = Draft::new(Kind::Refused);
    draft.decision = Some(Effect::Refuse);
    draft.reason = Some(reason.as_str().to_owned());
    draft.count = Some(count);
    draft.sealed = sealed;
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
