//! Sealing keys of the journal, one per subject and month.

use crate::identifier::{Login, PersonId};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::sync::Arc;

/// Whose records a key seals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Person(PersonId),
    Staff(Login),
    Gateway,
}

pub struct JournalKey {
    pub id: [u8; 16],
    pub secret: [u8; 32],
}

#[derive(Clone)]
pub struct JournalKeys {
    _store: Store,
}

impl JournalKeys {
    pub async fn open(_store: Store) -> Result<JournalKeys, StoreError> {
        todo!()
    }
    /// The key of this subject and of now's month (UTC), made and stored first if need be.
    pub async fn key_for(&self, _subject: &Subject, _now: Timestamp) -> Result<Arc<JournalKey>, StoreError> {
        todo!()
    }
    pub fn lookup(&self, _id: &[u8; 16]) -> Option<Arc<JournalKey>> {
        todo!()
    }
    pub fn all(&self) -> Vec<Arc<JournalKey>> {
        todo!()
    }
    /// Erases: what this key sealed can't be read again. `month` is `YYYY-MM`. False when there was none.
    pub async fn destroy(&self, _subject: &Subject, _month: &str) -> Result<bool, StoreError> {
        todo!()
    }
}
