//! "Demander l'accès": what people ask for, and what staff answered.

use crate::identifier::PersonId;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use passerelle_api::AccessRequest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Granted,
    Declined,
}

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("the address has 1 to 2,000 characters")]
    Url,
    #[error("the reason has at most 2,000 characters")]
    Reason,
    #[error("50 requests are open already")]
    TooMany,
    #[error("there is no open request of that id")]
    Unknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct Requests {
    _store: Store,
}

impl Requests {
    pub fn new(_store: Store) -> Requests {
        todo!()
    }
    pub async fn ask(
        &self,
        _person: &PersonId,
        _url: &str,
        _reason: &str,
        _now: Timestamp,
    ) -> Result<AccessRequest, RequestError> {
        todo!()
    }
    /// Newest first, at most the last 200.
    pub async fn of(&self, _person: &PersonId) -> Result<Vec<AccessRequest>, StoreError> {
        todo!()
    }
    pub async fn answer(
        &self,
        _id: &str,
        _answer: Answer,
        _words: &str,
        _now: Timestamp,
    ) -> Result<AccessRequest, RequestError> {
        todo!()
    }
}
