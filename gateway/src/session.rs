//! Sessions: who is signed in where, until when, and how it ends.
//!
//! Called by the kiosk API, by the proxy at every request, by the verbs that lock, revoke and stop. Invariants:
//! - A person has one live session; signing in elsewhere ends the older one, also on another gateway.
//! - Live sessions are in memory, found by the digest of their token; the store keeps their history and never the token. A
//!   restart ends them all.
//! - Ending is in memory first, so that live exchanges see it at once, then in the store.
//! - Whoever calls an `end…` gets what ended, once, and records it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::{SignedDuration, Timestamp};
use passerelle_policy::Grant;
use tokio::sync::watch;

use crate::identifier::{GroupId, PersonId, TerminalId};
use crate::person::{People, Person, PinError};
use crate::secret::{Digest, digest, new_token, random};
use crate::store::{Store, StoreError, hex};

/// A session's id as records name it; not a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    SignedOut,
    SessionExpired,
    PersonLocked,
    TerminalRevoked,
    AccessStopped,
    Stopping,
}

impl EndReason {
    const ALL: [EndReason; 6] = [
        EndReason::SignedOut,
        EndReason::SessionExpired,
        EndReason::PersonLocked,
        EndReason::TerminalRevoked,
        EndReason::AccessStopped,
        EndReason::Stopping,
    ];

    /// The contract's word.
    pub fn code(self) -> &'static str {
        match self {
            EndReason::SignedOut => "signed-out",
            EndReason::SessionExpired => "session-expired",
            EndReason::PersonLocked => "person-locked",
            EndReason::TerminalRevoked => "terminal-revoked",
            EndReason::AccessStopped => "access-stopped",
            EndReason::Stopping => "stopping",
        }
    }

    pub(crate) fn parse(code: &str) -> Option<EndReason> {
        EndReason::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// From sign-in to the end, whatever happens.
    pub length_seconds: u32,
    /// Told to the kiosk, which sees the keyboard and locks itself.
    pub idle_limit_seconds: u32,
}

impl Default for SessionLimits {
    /// Two hours, about half a day's opening of a cell block; 5 minutes without a touch.
    fn default() -> SessionLimits {
        SessionLimits { length_seconds: 2 * 60 * 60, idle_limit_seconds: 5 * 60 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSignIn {
    pub at: Timestamp,
    pub terminal: TerminalId,
}

/// A session as the store remembers it, live or over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastSession {
    pub id: String,
    pub gateway: String,
    pub person: PersonId,
    pub terminal: TerminalId,
    pub started: Timestamp,
    pub ended: Option<(Timestamp, EndReason)>,
}

#[derive(Debug)]
pub struct NewSession {
    /// Bearer token, shown once.
    pub token: String,
    pub session: Arc<LiveSession>,
    /// The sign-in before this one.
    pub last_sign_in: Option<LastSignIn>,
    /// The session elsewhere that this sign-in ended, for its record.
    pub replaced: Option<Arc<LiveSession>>,
}

/// A session while it lasts. Groups and name are as they were at sign-in.
#[derive(Debug)]
pub struct LiveSession {
    pub id: SessionId,
    pub person: PersonId,
    pub name: String,
    pub groups: Vec<String>,
    pub terminal: TerminalId,
    pub started: Timestamp,
    pub expires_at: Timestamp,
    /// The same by a clock that nobody sets: a step back must not make a session last longer.
    until: Instant,
    end: watch::Sender<Option<EndReason>>,
    pages: Mutex<Vec<(Arc<str>, Timestamp)>>,
    grants: Mutex<Arc<Vec<Grant>>>,
}

impl LiveSession {
    fn new(
        person: Person,
        grants: Vec<Grant>,
        terminal: &TerminalId,
        length: SignedDuration,
        now: Timestamp,
    ) -> LiveSession {
        LiveSession {
            id: SessionId(hex(&random::<16>()).into()),
            person: person.id,
            name: person.name,
            groups: person.groups.iter().map(GroupId::to_string).collect(),
            terminal: terminal.clone(),
            started: now,
            expires_at: now + length,
            until: Instant::now() + length.unsigned_abs(),
            end: watch::Sender::new(None),
            pages: Mutex::default(),
            grants: Mutex::new(grants.into()),
        }
    }

    pub fn ended(&self) -> Option<EndReason> {
        *self.end.borrow()
    }

    /// Past its deadline, by either clock.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at <= now || self.until <= Instant::now()
    }

    /// Holds the reason once the session ended.
    pub fn watch_end(&self) -> watch::Receiver<Option<EndReason>> {
        self.end.subscribe()
    }

    /// True for whoever ended it; the first reason stays.
    fn end(&self, reason: EndReason) -> bool {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert(reason);
            first
        })
    }

    /// A page request of this service was allowed.
    pub fn opened_page(&self, service: &str, now: Timestamp) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|(opened, _)| **opened != *service);
        pages.push((service.into(), now));
    }

    /// Services whose pages this session opened, each with the last time, in the order of time.
    pub fn pages(&self) -> Vec<(Arc<str>, Timestamp)> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The person's grants; the policy looks at their time.
    pub fn grants(&self) -> Arc<Vec<Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All sessions of this gateway; clones share them.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    people: People,
    gateway: String,
    limits: SessionLimits,
    live: RwLock<Live>,
    /// Beginning a session is several steps; two sign-ins of one person take turns.
    beginning: tokio::sync::Mutex<()>,
}

/// By the first half of the token's digest; the whole is compared in constant time.
type Live = HashMap<[u8; 16], (Digest, Arc<LiveSession>)>;

fn half(digest: &Digest) -> [u8; 16] {
    std::array::from_fn(|i| digest[i])
}

/// How long the store remembers who signed in where and which minutes were used; the journal has its own retention.
const HISTORY_SPAN: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How far back `refresh` looks for sessions that another gateway ended: far more than between two calls.
const REFRESH_SPAN: SignedDuration = SignedDuration::from_mins(10);

impl Sessions {
    /// `gateway` names this gateway; the sessions of its earlier run are marked ended (`stopping`).
    pub async fn open(
        store: Store,
        people: People,
        gateway: &str,
        limits: SessionLimits,
        now: Timestamp,
    ) -> Result<Sessions, StoreError> {
        store.forget_before(now - HISTORY_SPAN).await?;
        store.end_sessions_of_earlier_run(gateway, now).await?;
        let (live, beginning) = (RwLock::default(), tokio::sync::Mutex::default());
        let shared = Shared { store, people, gateway: gateway.into(), limits, live, beginning };
        Ok(Sessions { shared: Arc::new(shared) })
    }

    pub fn limits(&self) -> SessionLimits {
        self.shared.limits
    }

    /// `person` is what was typed. An older session of the person ends as `signed-out`.
    pub async fn sign_in(
        &self,
        person: &str,
        pin: &str,
        terminal: &TerminalId,
        now: Timestamp,
    ) -> Result<NewSession, PinError> {
        let shared = &self.shared;
        let person = shared.people.check_pin(person, pin, terminal, now).await?;
        let _turn = shared.beginning.lock().await;
        let last_sign_in = shared.store.last_sign_in(&person.id).await?;
        let length = SignedDuration::from_secs(shared.limits.length_seconds.into());
        let grants = shared.people.grants(&person.id, now).await?;
        let session = Arc::new(LiveSession::new(person, grants, terminal, length, now));
        shared.store.begin_session(&session, &shared.gateway).await?;
        let replaced = self.end_where(EndReason::SignedOut, |other| other.person == session.person).pop();
        let token = new_token();
        self.write().insert(half(&digest(&token)), (digest(&token), session.clone()));
        self.still_welcome(&session, now).await?;
        Ok(NewSession { token, session, last_sign_in, replaced })
    }

    /// Whoever was locked between the PIN check and here would otherwise stay.
    async fn still_welcome(&self, session: &LiveSession, now: Timestamp) -> Result<(), PinError> {
        let found = self.shared.people.get(&session.person).await;
        if matches!(&found, Ok(Some(person)) if person.may_sign_in()) {
            return Ok(());
        }
        self.end_for_person(&session.person, EndReason::PersonLocked, now).await;
        found?;
        Err(PinError::PersonLocked)
    }

    /// The live session of a token: from memory, in constant time; `None` once ended or past its deadline.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<Arc<LiveSession>> {
        let asked = digest(token);
        let live = self.shared.live.read().unwrap_or_else(PoisonError::into_inner);
        let (known, session) = live.get(&half(&asked))?;
        verify_slices_are_equal(known, &asked).ok()?;
        (session.ended().is_none() && !session.is_over(now)).then(|| session.clone())
    }

    pub fn live(&self) -> Vec<Arc<LiveSession>> {
        let live = self.shared.live.read().unwrap_or_else(PoisonError::into_inner);
        live.values().map(|(_, session)| session.clone()).collect()
    }

    /// After a grant was made or taken back.
    pub async fn reload_grants(&self, person: &PersonId, now: Timestamp) -> Result<(), StoreError> {
        let grants = Arc::new(self.shared.people.grants(person, now).await?);
        for session in self.live().into_iter().filter(|session| session.person == *person) {
            *session.grants.lock().unwrap_or_else(PoisonError::into_inner) = grants.clone();
        }
        Ok(())
    }

    pub async fn sign_out(&self, token: &str, now: Timestamp) -> Option<Arc<LiveSession>> {
        let session = self.find(token, now)?;
        self.end(EndReason::SignedOut, now, |other| other.id == session.id).await.pop()
    }

    /// On whichever gateway; the answer has what ended here.
    pub async fn end_for_person(
        &self,
        person: &PersonId,
        reason: EndReason,
        now: Timestamp,
    ) -> Vec<Arc<LiveSession>> {
        let ended = self.end_where(reason, |session| session.person == *person);
        written(self.shared.store.end_sessions_of(person, reason, now).await);
        ended
    }

    pub async fn end_for_terminal(
        &self,
        terminal: &TerminalId,
        reason: EndReason,
        now: Timestamp,
    ) -> Vec<Arc<LiveSession>> {
        self.end(reason, now, |session| session.terminal == *terminal).await
    }

    /// Sessions of people in this group.
    pub async fn end_for_group(
        &self,
        group: &GroupId,
        reason: EndReason,
        now: Timestamp,
    ) -> Vec<Arc<LiveSession>> {
        self.end(reason, now, |session| session.groups.iter().any(|g| g == group.as_str())).await
    }

    pub async fn end_all(&self, reason: EndReason, now: Timestamp) -> Vec<Arc<LiveSession>> {
        self.end(reason, now, |_| true).await
    }

    /// One session of this gateway, by its id.
    pub async fn end_one(&self, id: &str, reason: EndReason, now: Timestamp) -> Option<Arc<LiveSession>> {
        self.end(reason, now, |session| session.id.as_str() == id).await.pop()
    }

    /// Who signed in when, the latest first: of one person or of all, begun before a moment.
    pub async fn history(
        &self,
        person: Option<&PersonId>,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<PastSession>, StoreError> {
        self.shared.store.sessions(person, before, limit).await
    }

    /// One session, live or past.
    pub async fn get(&self, id: &str) -> Result<Option<PastSession>, StoreError> {
        self.shared.store.session(id).await
    }

    /// Ends, in memory, what is past its deadline; to be called about four times a second. Whoever gets them writes their ends.
    pub fn expire(&self, now: Timestamp) -> Vec<Arc<LiveSession>> {
        self.end_where(EndReason::SessionExpired, |session| session.is_over(now))
    }

    /// Writes the end of what [`Sessions::expire`] ended.
    pub async fn write_end(&self, session: &LiveSession, now: Timestamp) {
        written(self.shared.store.end_session(&session.id, EndReason::SessionExpired, now).await);
    }

    /// Ends here what another gateway ended; to be called every second where gateways share a store.
    pub async fn refresh(&self, now: Timestamp) -> Result<Vec<Arc<LiveSession>>, StoreError> {
        if self.read_is_empty() {
            return Ok(Vec::new());
        }
        let elsewhere = self.shared.store.ended_sessions(&self.shared.gateway, now - REFRESH_SPAN).await?;
        let end = |(id, reason): (String, EndReason)| self.end_where(reason, |session| *session.id.0 == *id);
        Ok(elsewhere.into_iter().flat_map(end).collect())
    }

    async fn end(
        &self,
        reason: EndReason,
        now: Timestamp,
        which: impl Fn(&LiveSession) -> bool,
    ) -> Vec<Arc<LiveSession>> {
        let ended = self.end_where(reason, which);
        for session in &ended {
            written(self.shared.store.end_session(&session.id, reason, now).await);
        }
        ended
    }

    /// In memory.
    fn end_where(&self, reason: EndReason, which: impl Fn(&LiveSession) -> bool) -> Vec<Arc<LiveSession>> {
        let mut live = self.write();
        let gone = live.extract_if(|_, (_, session)| which(session)).map(|(_, (_, session))| session);
        gone.filter(|session| session.end(reason)).collect()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Live> {
        self.shared.live.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_is_empty(&self) -> bool {
        self.shared.live.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// The session has ended all the same; its row is closed at the next start.
fn written(result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::error!(%error, "a session's end could not be written");
    }
}
