//! The people: who may sign in, in which groups, with which PIN and personal grants.

use crate::identifier::{BadIdentifier, GroupId, Login, PersonId, TerminalId};
use crate::secret::{Hasher, SecretError};
use crate::store::{Store, StoreError};
use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub name: String,
    pub groups: Vec<GroupId>,
    /// Guard, counsellor and referent assigned to this person.
    pub trio: Vec<Login>,
    pub locked: bool,
    pub released_at: Option<Timestamp>,
    pub added_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    #[error(transparent)]
    Identifier(#[from] BadIdentifier),
    #[error("person {0} exists already")]
    Exists(PersonId),
    #[error("there is no person {0}")]
    Unknown(PersonId),
    #[error("person {0} has been released")]
    Released(PersonId),
    #[error("a name has 1 to 200 characters")]
    Name,
    #[error("a PIN has 6 to 64 digits and nothing else")]
    PinForm,
    #[error("PIN and password checks are unavailable")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a PIN was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Wrong PIN, unknown person and released person alike.
    #[error("wrong person or PIN")]
    Failed,
    #[error("too many tries: wait {retry_after_seconds} s")]
    TooManyTries { retry_after_seconds: u64 },
    /// The right PIN of a locked person.
    #[error("the person is locked")]
    PersonLocked,
    #[error("the new PIN has 6 to 64 digits and nothing else")]
    PinForm,
    #[error("sign-in is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[derive(Clone)]
pub struct People {
    _store: Store,
    _hasher: Hasher,
}

impl People {
    pub fn new(_store: Store, _hasher: Hasher) -> People {
        todo!()
    }
    pub async fn add(
        &self,
        _id: &PersonId,
        _name: &str,
        _groups: &[GroupId],
        _trio: &[Login],
        _pin: &str,
        _now: Timestamp,
    ) -> Result<(), PersonError> {
        todo!()
    }
    pub async fn list(&self) -> Result<Vec<Person>, StoreError> {
        todo!()
    }
    pub async fn get(&self, _id: &PersonId) -> Result<Option<Person>, StoreError> {
        todo!()
    }
    /// The caller ends the sessions: `Sessions::end_for_person`.
    pub async fn lock(&self, _id: &PersonId) -> Result<(), PersonError> {
        todo!()
    }
    pub async fn unlock(&self, _id: &PersonId) -> Result<(), PersonError> {
        todo!()
    }
    /// The person leaves: sign-in is refused, grants lapse. The caller ends the sessions.
    pub async fn release(&self, _id: &PersonId, _now: Timestamp) -> Result<(), PersonError> {
        todo!()
    }
    /// Checks a PIN under the delay rules. `person` is what was typed.
    pub async fn check_pin(
        &self,
        _person: &str,
        _pin: &str,
        _terminal: &TerminalId,
        _now: Timestamp,
    ) -> Result<Person, PinError> {
        todo!()
    }
    pub async fn change_pin(
        &self,
        _person: &PersonId,
        _old: &str,
        _new: &str,
        _terminal: &TerminalId,
        _now: Timestamp,
    ) -> Result<(), PinError> {
        todo!()
    }
}
