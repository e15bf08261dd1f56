//! Learning a step: recording runs of a test person, and the service drafted from each.
//!
//! Started and stopped by staff (verbs and console); fed by `proxy::exchange` with every refusal and by `proxy::permit` with
//! everything that passed. Invariants: a run opens only hosts that staff named, for somebody of the group [`TEST_GROUP`],
//! for an hour at most; it is recorded in the journal like all access, under personal grants; stopping it ends those grants.
//! What a run saw is kept in memory alone: after a restart it is started again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use passerelle_audit::{Kind, Sealed};
use passerelle_policy::learn::{Draft, Seen, Step, draft, refused_by};
use passerelle_policy::{Authority, Caller, Decision, Finding, Policy, Reason};

use crate::Gateway;
use crate::identifier::{Login, PersonId};
use crate::journal_keys::Subject;
use crate::person::{GrantScope, NewGrant, PersonError};
use crate::policy_store::aside;
use crate::proxy::live::Exchange;
use crate::proxy::question::Question;
use crate::session::LiveSession;
use crate::store::StoreError;

/// Whose runs may be recorded: staff's test persons, never somebody who serves a sentence.
pub const TEST_GROUP: &str = "staff-test";
/// The longest run.
pub const LONGEST_MINUTES: u32 = 60;
/// Hosts one run may open: a step needs a few, each of them somebody's decision.
pub const HOSTS_LIMIT: usize = 30;
/// Requests kept of a run: a long step has some hundreds.
const SEEN_LIMIT: usize = 5000;

#[derive(Debug, thiserror::Error)]
pub enum LearningError {
    #[error("a run takes 1 to {LONGEST_MINUTES} minutes")]
    Minutes,
    #[error("a run opens 1 to {HOSTS_LIMIT} hosts")]
    Hosts,
    #[error("{0} is refused to everybody, is ours, or belongs to a confidential service")]
    Host(Authority),
    #[error("person {0} is not of the group {TEST_GROUP}: only a test person's steps are recorded")]
    NotATestPerson(PersonId),
    #[error("the policy has a service {0} already")]
    ServiceExists(String),
    #[error("a run of person {0} is being recorded already")]
    Running(PersonId),
    #[error("no run of person {0} is being recorded")]
    NotRunning(PersonId),
    #[error("the run opened no page: there is nothing to learn from it")]
    NoPage,
    #[error(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not record it")]
    Record(#[from] crate::RecordError),
}

/// What staff ask for.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub person: PersonId,
    pub hosts: Vec<Authority>,
    pub minutes: u32,
    pub step: Step,
    pub by: Login,
}

/// A run under way, for staff's eyes.
#[derive(Clone, Debug)]
pub struct Run {
    pub person: PersonId,
    pub hosts: Vec<Authority>,
    pub step: Step,
    pub by: Login,
    pub started_at: Timestamp,
    /// Not any more from this instant on.
    pub ends_at: Timestamp,
    pub passed: usize,
    pub refused: usize,
}

/// What came of a run.
#[derive(Debug)]
pub struct Learnt {
    pub draft: Draft,
    /// The published policy with the draft behind it: what may be proposed.
    pub policy: String,
    /// Mistakes of that policy; with an error in it it can't be proposed as it stands.
    pub findings: Vec<Finding>,
    /// What that policy would refuse of the very run it was learnt from.
    pub still_refused: Vec<(Seen, Reason)>,
    /// Requests beyond the limit, which the draft knows nothing of.
    pub unseen: u64,
}

struct Recording {
    run: Run,
    seen: Vec<Seen>,
    unseen: u64,
}

#[derive(Default)]
pub struct Learning {
    recordings: Mutex<HashMap<PersonId, Recording>>,
    /// How many there are, so that live traffic asks nothing more where there is none.
    count: AtomicUsize,
}

impl Learning {
    /// Runs under way or over and not yet stopped, earliest first.
    pub fn runs(&self) -> Vec<Run> {
        let counted = |recording: &Recording| {
            let refused = recording.seen.iter().filter(|seen| seen.refused.is_some()).count();
            Run { refused, passed: recording.seen.len() - refused, ..recording.run.clone() }
        };
        let mut runs: Vec<_> = self.lock().values().map(counted).collect();
        runs.sort_by_key(|run| run.started_at);
        runs
    }

    /// The run of this person, while its hosts are open.
    pub fn run_of(&self, person: &PersonId, now: Timestamp) -> Option<Run> {
        self.lock().get(person).map(|recording| recording.run.clone()).filter(|run| now < run.ends_at)
    }

    /// Keeps a refusal; what is allowed is kept when it has passed.
    pub(crate) fn judged(&self, session: &LiveSession, question: &Question, decision: &Decision) {
        if decision.reason.is_some() {
            self.keep(session, || question.seen(0, None, decision.reason));
        }
    }

    /// Keeps what passed. `document`: the media type of an answer that is none of what pages are made of.
    pub(crate) fn passed(&self, exchange: &Exchange, document: Option<String>) {
        let (sent, _) = exchange.meter.totals();
        self.keep(&exchange.session, || exchange.question.seen(sent, document, None));
    }

    pub(crate) fn keep(&self, session: &LiveSession, seen: impl FnOnce() -> Option<Seen>) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut recordings = self.lock();
        let Some(recording) = recordings.get_mut(&session.person) else { return };
        let Some(seen) = seen().filter(|seen| seen.at >= recording.run.started_at) else { return };
        match recording.seen.len() < SEEN_LIMIT {
            true => recording.seen.push(seen),
            false => recording.unseen += 1,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PersonId, Recording>> {
        self.recordings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the hosts to the test person and records from now on.
pub async fn start(gateway: &Gateway, new: NewRun, now: Timestamp) -> Result<Run, LearningError> {
    judge(gateway, &new).await?;
    let NewRun { person, hosts, minutes, step, by } = new;
    let ends_at = now + SignedDuration::from_mins(minutes.into());
    let run = Run { person, hosts, step, by, started_at: now, ends_at, passed: 0, refused: 0 };
    {
        let mut recordings = gateway.learning.lock();
        if recordings.contains_key(&run.person) {
            return Err(LearningError::Running(run.person));
        }
        let recording = Recording { run: run.clone(), seen: Vec::new(), unseen: 0 };
        recordings.insert(run.person.clone(), recording);
        gateway.learning.count.store(recordings.len(), Ordering::Release);
    }
    if let Err(error) = open(gateway, &run, now).await {
        forget(gateway, &run.person);
        let _ = close(gateway, &run.person, now).await; // they lapse within the hour
        return Err(error);
    }
    Ok(run)
}

async fn judge(gateway: &Gateway, new: &NewRun) -> Result<(), LearningError> {
    if !(1..=LONGEST_MINUTES).contains(&new.minutes) {
        return Err(LearningError::Minutes);
    }
    if !(1..=HOSTS_LIMIT).contains(&new.hosts.len()) {
        return Err(LearningError::Hosts);
    }
    let person = gateway.people.present(&new.person).await?;
    if !person.groups.iter().any(|group| group.as_str() == TEST_GROUP) {
        return Err(LearningError::NotATestPerson(person.id));
    }
    let published = gateway.policies.current();
    let policy = &published.policy;
    if policy.service(&new.step.id).is_some() {
        return Err(LearningError::ServiceExists(new.step.id.clone()));
    }
    let may_not = |authority: &&Authority| {
        let host = authority.host();
        policy.refusal_of(host).is_some()
            || host.is_internal()
            || gateway.own_names.contains(host)
            || policy.names_confidential(&format!("https://{authority}/"))
    };
    match new.hosts.iter().find(may_not) {
        Some(host) => Err(LearningError::Host(host.clone())),
        None => Ok(()),
    }
}

/// Recorded before it is in force.
async fn open(gateway: &Gateway, run: &Run, now: Timestamp) -> Result<(), LearningError> {
    let hosts = run.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let detail = format!("recording {} until {}, by {}: {hosts}", run.step.id, run.ends_at, run.by);
    record(gateway, &run.person, detail).await?;
    for authority in &run.hosts {
        let grant = NewGrant {
            host: authority.host().clone(),
            port: authority.port(),
            scope: GrantScope::Recording,
            until: run.ends_at,
            granter: run.by.clone(),
            reason: format!("recording {}", run.step.id),
        };
        gateway.people.grant(&run.person, &grant, now).await?;
    }
    Ok(gateway.sessions.reload_grants(&run.person, now).await?)
}

/// Ends the run and its grants, and drafts the service.
pub async fn stop(
    gateway: &Gateway,
    person: &PersonId,
    by: &Login,
    now: Timestamp,
) -> Result<Learnt, LearningError> {
    close(gateway, person, now).await?;
    let recording = forget(gateway, person).ok_or_else(|| LearningError::NotRunning(person.clone()))?;
    record(gateway, person, format!("recording {} ended, by {by}", recording.run.step.id)).await?;
    let Recording { run, mut seen, unseen } = recording;
    seen.sort_by_key(|seen| seen.at);
    let draft = draft(&run.step, &seen).ok_or(LearningError::NoPage)?;
    let published = gateway.policies.current().version;
    let text = gateway.policies.text(published).await.map_err(|_| LearningError::NoPage)?;
    let policy = format!("{}\n{}", text.trim_end(), draft.text);
    let person = person.clone();
    let judged = aside(move || {
        let (findings, still_refused) = tried(&policy, &person, &seen);
        Learnt { draft, policy, findings, still_refused, unseen }
    });
    judged.await.map_err(|_| LearningError::NoPage)
}

/// What is to be said of the policy, and what of the run it would refuse.
fn tried(policy: &str, person: &PersonId, seen: &[Seen]) -> (Vec<Finding>, Vec<(Seen, Reason)>) {
    let caller = Caller { terminal: "", person: person.as_str(), session: "" };
    match Policy::parse(policy) {
        Err(findings) => (findings, Vec::new()),
        Ok(checked) => {
            let refused = refused_by(&checked.policy, caller, &[], seen);
            (checked.warnings, refused.into_iter().map(|(seen, why)| (seen.clone(), why)).collect())
        }
    }
}

async fn close(gateway: &Gateway, person: &PersonId, now: Timestamp) -> Result<(), LearningError> {
    gateway.people.end_recording(person, now).await?;
    Ok(gateway.sessions.reload_grants(person, now).await?)
}

fn forget(gateway: &Gateway, person: &PersonId) -> Option<Recording> {
    let mut recordings = gateway.learning.lock();
    let recording = recordings.remove(person);
    gateway.learning.count.store(recordings.len(), Ordering::Release);
    recording
}

async fn record(gateway: &Gateway, person: &PersonId, detail: String) -> Result<(), LearningError> {
    let sealed = Sealed { person: Some(person.to_string()), detail: Some(detail), ..Sealed::default() };
    gateway.record(Kind::PersonChanged, &Subject::Person(person.clone()), None, sealed).await?;
    Ok(())
}
