//! The stop button: no access for anybody, or for one group.

use crate::identifier::{GroupId, Login};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    pub all: bool,
    pub groups: BTreeSet<GroupId>,
}

#[derive(Clone)]
pub struct AccessStop {
    _store: Store,
}

impl AccessStop {
    pub async fn open(_store: Store) -> Result<AccessStop, StoreError> {
        todo!()
    }
    /// Everybody without a group. Durable and in force when it returns.
    pub async fn stop(
        &self,
        _group: Option<&GroupId>,
        _by: &Login,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        todo!()
    }
    pub async fn resume(&self, _group: Option<&GroupId>) -> Result<(), StoreError> {
        todo!()
    }
    pub fn is_stopped(&self, _groups: &[GroupId]) -> bool {
        todo!()
    }
    pub fn subscribe(&self) -> watch::Receiver<Arc<Stops>> {
        todo!()
    }
}
