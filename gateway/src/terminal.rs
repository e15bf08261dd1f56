//! Terminals: invitation, enrolment, revocation.

use crate::identifier::TerminalId;
use crate::secret::Digest;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalState {
    Active,
    Revoked,
    /// The name was enrolled again: this certificate is no longer its.
    Replaced,
}

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

#[derive(Clone)]
pub struct Terminals {
    _store: Store,
}

impl Terminals {
    pub async fn open(_store: Store) -> Result<Terminals, StoreError> {
        todo!()
    }
    /// A one-use code for `name`, good for 24 hours; an earlier code of that name is void.
    pub async fn invite(&self, _name: &TerminalId, _now: Timestamp) -> Result<String, StoreError> {
        todo!()
    }
    /// Uses up a code (case, spaces and hyphens don't matter) and tells whose it was.
    pub async fn redeem(&self, _secret: &str, _now: Timestamp) -> Result<TerminalId, TerminalError> {
        todo!()
    }
    /// The name's certificate is now this one; the one before is refused from here on.
    pub async fn enrolled(
        &self,
        _name: &TerminalId,
        _fingerprint: Digest,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        todo!()
    }
    /// The caller ends the sessions: `Sessions::end_for_terminal`. Open codes of the name are void too.
    pub async fn revoke(&self, _name: &TerminalId, _now: Timestamp) -> Result<(), TerminalError> {
        todo!()
    }
    /// The latest certificate of each name, by name.
    pub fn list(&self) -> Vec<Arc<Terminal>> {
        todo!()
    }
    /// In memory; tells ended certificates too, so look at `state`.
    pub fn by_fingerprint(&self, _fingerprint: &Digest) -> Option<Arc<Terminal>> {
        todo!()
    }
    pub fn is_active(&self, _name: &TerminalId) -> bool {
        todo!()
    }
    /// Written at most once a minute and terminal.
    pub async fn seen(&self, _name: &TerminalId, _now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }
}
