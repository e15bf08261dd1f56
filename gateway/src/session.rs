//! Sessions: who is signed in where, until when, and how it ends.

use crate::identifier::{GroupId, PersonId, TerminalId};
use crate::person::{People, PinError};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;

/// A session's id as records name it; not a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    pub fn as_str(&self) -> &str {
        &self.0
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
    /// The contract's word.
    pub fn code(self) -> &'static str {
        todo!()
    }
}

#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    pub length_seconds: u32,
    pub idle_limit_seconds: u32,
}

pub struct NewSession {
    /// Bearer token, shown once.
    pub token: String,
    pub session: Arc<LiveSession>,
    pub last_sign_in: Option<LastSignIn>,
    /// The session elsewhere that this sign-in ended, for its record.
    pub replaced: Option<Arc<LiveSession>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSignIn {
    pub at: Timestamp,
    pub terminal: TerminalId,
}

pub struct LiveSession {
    pub id: SessionId,
    pub person: PersonId,
    pub name: String,
    pub groups: Vec<GroupId>,
    pub terminal: TerminalId,
    pub started: Timestamp,
    pub expires_at: Timestamp,
}

impl LiveSession {
    pub fn ended(&self) -> Option<EndReason> {
        todo!()
    }
    pub fn watch_end(&self) -> watch::Receiver<Option<EndReason>> {
        todo!()
    }
    /// A page request of this service was allowed.
    pub fn opened_page(&self, _service: &str, _now: Timestamp) {
        todo!()
    }
    /// Services whose pages were opened, with the last time, latest first.
    pub fn pages(&self) -> Vec<(Arc<str>, Timestamp)> {
        todo!()
    }
    /// Language code of texts drawn for this session, `fr` until said otherwise.
    pub fn language(&self) -> Arc<str> {
        todo!()
    }
    pub fn set_language(&self, _language: &str) {
        todo!()
    }
}

#[derive(Clone)]
pub struct Sessions {
    _store: Store,
    _people: People,
}

impl Sessions {
    /// `gateway` names this gateway; its sessions of an earlier run are marked ended (`stopping`).
    pub async fn open(
        _store: Store,
        _people: People,
        _gateway: &str,
        _limits: SessionLimits,
        _now: Timestamp,
    ) -> Result<Sessions, StoreError> {
        todo!()
    }
    pub fn limits(&self) -> SessionLimits {
        todo!()
    }
    /// `person` is what was typed. An older session of the person ends as `signed-out`.
    pub async fn sign_in(
        &self,
        _person: &str,
        _pin: &str,
        _terminal: &TerminalId,
        _now: Timestamp,
    ) -> Result<NewSession, PinError> {
        todo!()
    }
    /// The live session of a token: in memory, constant time, `None` once ended or past its deadline.
    pub fn find(&self, _token: &str, _now: Timestamp) -> Option<Arc<LiveSession>> {
        todo!()
    }
    pub fn live(&self) -> Vec<Arc<LiveSession>> {
        todo!()
    }
    pub async fn sign_out(&self, _token: &str, _now: Timestamp) -> Option<Arc<LiveSession>> {
        todo!()
    }
    /// These end in memory before anything is written; the answer is what ended, for the journal.
    pub async fn end_for_person(
        &self,
        _person: &PersonId,
        _reason: EndReason,
        _now: Timestamp,
    ) -> Vec<Arc<LiveSession>> {
        todo!()
    }
    pub async fn end_for_terminal(
        &self,
        _terminal: &TerminalId,
        _reason: EndReason,
        _now: Timestamp,
    ) -> Vec<Arc<LiveSession>> {
        todo!()
    }
    /// Sessions with one of these groups.
    pub async fn end_for_group(
        &self,
        _group: &GroupId,
        _reason: EndReason,
        _now: Timestamp,
    ) -> Vec<Arc<LiveSession>> {
        todo!()
    }
    pub async fn end_all(&self, _reason: EndReason, _now: Timestamp) -> Vec<Arc<LiveSession>> {
        todo!()
    }
    /// Ends what is past its deadline; called about four times a second.
    pub async fn expire(&self, _now: Timestamp) -> Vec<Arc<LiveSession>> {
        todo!()
    }
}
