//! Versions of the policy: proposed, signed, published, superseded.

use crate::identifier::Login;
use crate::staff::Staff;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;

/// Stands in for `passerelle_policy::Policy` until that crate is merged.
pub struct Policy;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    Proposed,
    Published,
    Superseded,
}

impl VersionState {
    pub fn word(self) -> &'static str {
        todo!()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub by: Login,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub version: u64,
    pub state: VersionState,
    pub proposer: Login,
    pub comment: String,
    pub proposed_at: Timestamp,
    pub published_at: Option<Timestamp>,
    pub signatures_needed: u32,
    /// The proposal is the first.
    pub signatures: Vec<Signature>,
    pub text: String,
}

pub struct Published {
    pub version: u64,
    pub policy: Arc<Policy>,
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PolicyStoreError {
    /// Every finding, one a line.
    #[error("the policy can't be accepted:\n{0}")]
    Text(String),
    #[error("there is no policy version {0}")]
    Unknown(u64),
    #[error("{0} may not propose or sign: only security and administrator may")]
    Role(Login),
    #[error("{0} has signed this version already: another person must")]
    SignedAlready(Login),
    #[error("version {0} is not waiting for a signature")]
    NotProposed(u64),
    #[error("`{0}` is not a host")]
    Host(String),
    #[error("the store holds no published policy")]
    Nothing,
    #[error("the store holds a policy already")]
    Something,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct PolicyStore {
    _store: Store,
}

impl PolicyStore {
    /// For `init`: the starter policy of a new store is published as version 1.
    pub async fn install(
        _store: &Store,
        _text: &str,
        _by: &Login,
        _comment: &str,
        _now: Timestamp,
    ) -> Result<(), PolicyStoreError> {
        todo!()
    }
    pub async fn open(_store: Store) -> Result<PolicyStore, PolicyStoreError> {
        todo!()
    }
    /// With `signatures_needed` 1 it is published at once. Answers the new version, its state with it.
    pub async fn propose(
        &self,
        _text: &str,
        _by: &Staff,
        _comment: &str,
        _signatures_needed: u32,
        _now: Timestamp,
    ) -> Result<Version, PolicyStoreError> {
        todo!()
    }
    pub async fn sign(
        &self,
        _version: u64,
        _by: &Staff,
        _now: Timestamp,
    ) -> Result<Version, PolicyStoreError> {
        todo!()
    }
    /// Emergency: the published text with one more `[[refuse]]`, published at once.
    pub async fn refuse(
        &self,
        _host: &str,
        _by: &Staff,
        _now: Timestamp,
    ) -> Result<Version, PolicyStoreError> {
        todo!()
    }
    /// The published one without a number.
    pub async fn show(&self, _version: Option<u64>) -> Result<Version, PolicyStoreError> {
        todo!()
    }
    /// Latest first, without texts.
    pub async fn history(&self) -> Result<Vec<Version>, PolicyStoreError> {
        todo!()
    }
    pub fn current(&self) -> Arc<Published> {
        todo!()
    }
    /// Changes with each published version.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        todo!()
    }
}
