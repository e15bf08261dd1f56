//! Terminals: invitation, enrolment, revocation.
//!
//! Called by the verbs, by the enrolment answer, and at every handshake and request. Invariants:
//! - A code is good once, for 24 hours, and only the latest of a name.
//! - A name has at most one certificate in force: enrolling again replaces it, and the old one is refused from then on.
//! - Lookups read memory, which changes after the store did.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};

use crate::identifier::TerminalId;
use crate::secret::{Digest, digest, new_code, normal_code};
use crate::store::{Store, StoreError};

/// The contract's word: long enough to walk to the terminal tomorrow.
const CODE_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// `seen` writes at most so often for each terminal: it is for people who look for a dead terminal.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalState {
    Active,
    Revoked,
    /// The name was enrolled again: this certificate is no longer its.
    Replaced,
}

impl TerminalState {
    const ALL: [TerminalState; 3] = [TerminalState::Active, TerminalState::Revoked, TerminalState::Replaced];

    pub fn word(self) -> &'static str {
        match self {
            TerminalState::Active => "active",
            TerminalState::Revoked => "revoked",
            TerminalState::Replaced => "replaced",
        }
    }

    pub fn parse(word: &str) -> Option<TerminalState> {
        TerminalState::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A terminal as one of its certificates tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub name: TerminalId,
    /// SHA-256 of the certificate in DER.
    pub fingerprint: Digest,
    pub state: TerminalState,
    pub enrolled_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("the code is unknown, used or older than 24 hours")]
    InvalidCode,
    #[error("there is no enrolled terminal {0}")]
    Unknown(TerminalId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All terminals; clones share them.
#[derive(Clone)]
pub struct Terminals {
    store: Store,
    known: Arc<RwLock<Known>>,
    /// Reading and taking over is one step: an older reading never replaces a newer one.
    refreshing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    by_fingerprint: HashMap<Digest, Arc<Terminal>>,
    /// The latest certificate of each name.
    latest: HashMap<TerminalId, Digest>,
}

impl Known {
    /// `terminals` with the oldest first.
    fn of(terminals: Vec<Terminal>) -> Known {
        let mut known = Known::default();
        for terminal in terminals {
            known.latest.insert(terminal.name.clone(), terminal.fingerprint);
            known.by_fingerprint.insert(terminal.fingerprint, Arc::new(terminal));
        }
        known
    }

    fn get(&self, name: &TerminalId) -> Option<&Arc<Terminal>> {
        self.by_fingerprint.get(self.latest.get(name)?)
    }
}

impl Terminals {
    pub async fn open(store: Store) -> Result<Terminals, StoreError> {
        let terminals = Terminals { store, known: Arc::default(), refreshing: Arc::default() };
        terminals.refresh().await?;
        Ok(terminals)
    }

    /// Reads the store again; to be called every second where gateways share it.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.refreshing.lock().await;
        let known = Known::of(self.store.terminals().await?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// A one-use code for `name`, good for 24 hours; an earlier code of that name is void.
    pub async fn invite(&self, name: &TerminalId, now: Timestamp) -> Result<String, StoreError> {
        let code = new_code();
        self.store.add_invitation(name, &digest(&code), now + CODE_LIFE).await?;
        Ok(code)
    }

    /// Uses up a code (case, spaces and hyphens don't matter) and tells whose it was.
    pub async fn redeem(&self, code: &str, now: Timestamp) -> Result<TerminalId, TerminalError> {
        let digest = digest(&normal_code(code));
        self.store.use_invitation(&digest, now).await?.ok_or(TerminalError::InvalidCode)
    }

    /// The name's certificate is now this one; the one before is refused from here on.
    pub async fn enrolled(
        &self,
        name: &TerminalId,
        fingerprint: Digest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.add_certificate(name, &fingerprint, now).await?;
        self.refresh().await
    }

    /// The caller ends the sessions: `Sessions::end_for_terminal`. Open codes of the name are void too.
    pub async fn revoke(&self, name: &TerminalId, now: Timestamp) -> Result<(), TerminalError> {
        let revoked = self.store.revoke_certificate(name, now).await?;
        self.refresh().await?;
        if revoked { Ok(()) } else { Err(TerminalError::Unknown(name.clone())) }
    }

    /// The latest certificate of each name, by name.
    pub fn list(&self) -> Vec<Arc<Terminal>> {
        let known = self.read();
        let mut list: Vec<_> = known.latest.keys().filter_map(|name| known.get(name).cloned()).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }

    /// From memory; tells ended certificates too, so look at `state`.
    pub fn by_fingerprint(&self, fingerprint: &Digest) -> Option<Arc<Terminal>> {
        self.read().by_fingerprint.get(fingerprint).cloned()
    }

    pub fn is_active(&self, name: &TerminalId) -> bool {
        self.read().get(name).is_some_and(|terminal| terminal.state == TerminalState::Active)
    }

    /// Notes that the terminal is alive.
    pub async fn seen(&self, name: &TerminalId, now: Timestamp) -> Result<(), StoreError> {
        let Some(fingerprint) = self.note_seen(name, now) else { return Ok(()) };
        self.store.set_last_seen(&fingerprint, now).await
    }

    /// In memory; answers the certificate when it is time to write.
    fn note_seen(&self, name: &TerminalId, now: Timestamp) -> Option<Digest> {
        let due = |t: &Terminal| t.last_seen_at.is_none_or(|last| now.duration_since(last) >= SEEN_EVERY);
        if !self.read().get(name).is_some_and(|terminal| due(terminal)) {
            return None;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = *known.latest.get(name)?;
        let terminal = known.by_fingerprint.get_mut(&fingerprint).filter(|terminal| due(terminal))?;
        Arc::make_mut(terminal).last_seen_at = Some(now);
        Some(fingerprint)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}
