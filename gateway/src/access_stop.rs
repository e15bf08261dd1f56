//! The stop button: no access for anybody, or for one group.
//!
//! Called by `access stop` and `access resume`; asked at every request. A stop outlives restarts; only `resume` lifts it, and
//! lifting the stop of all leaves those of groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::identifier::{GroupId, Login};
use crate::store::{Store, StoreError, identifier};

/// How the store writes the stop of everybody.
const EVERYBODY: &str = "";
/// The group that everybody is in: stopping it stops all.
const EVERYONE: &str = passerelle_policy::EVERYONE;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    pub all: bool,
    pub groups: BTreeSet<GroupId>,
}

impl Stops {
    pub fn is_stopped<G: AsRef<str>>(&self, groups: &[G]) -> bool {
        let stopped = |group: &str| self.groups.iter().any(|stopped| stopped.as_str() == group);
        self.all || stopped(EVERYONE) || groups.iter().any(|group| stopped(group.as_ref()))
    }
}

/// Whose access is stopped; clones share it.
#[derive(Clone)]
pub struct AccessStop {
    store: Store,
    stops: Arc<watch::Sender<Arc<Stops>>>,
    /// Changing or reading the store and taking over is one step: an older reading never lifts a newer stop.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl AccessStop {
    pub async fn open(store: Store) -> Result<AccessStop, StoreError> {
        let stop = AccessStop { store, stops: Arc::default(), changing: Arc::default() };
        stop.refresh().await?;
        Ok(stop)
    }

    /// Reads the store again; to be called every second where gateways share it.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.changing.lock().await;
        self.read().await
    }

    async fn read(&self) -> Result<(), StoreError> {
        let mut next = Stops::default();
        for group in self.store.access_stops().await? {
            match group.as_str() {
                EVERYBODY => next.all = true,
                group => drop(next.groups.insert(identifier(group)?)),
            }
        }
        self.stops.send_if_modified(|stops| {
            let changed = **stops != next;
            *stops = Arc::new(next);
            changed
        });
        Ok(())
    }

    /// Everybody without a group. In force at once; durable when it returns without an error.
    pub async fn stop(&self, group: Option<&GroupId>, by: &Login, now: Timestamp) -> Result<(), StoreError> {
        self.stops.send_modify(|stops| {
            let stops = Arc::make_mut(stops);
            match group {
                Some(group) => drop(stops.groups.insert(group.clone())),
                None => stops.all = true,
            }
        });
        let _turn = self.changing.lock().await;
        self.store.add_access_stop(group.map_or(EVERYBODY, GroupId::as_str), by.as_str(), now).await?;
        self.read().await
    }

    pub async fn resume(&self, group: Option<&GroupId>) -> Result<(), StoreError> {
        let _turn = self.changing.lock().await;
        self.store.remove_access_stop(group.map_or(EVERYBODY, GroupId::as_str)).await?;
        self.read().await
    }

    /// From memory.
    pub fn is_stopped<G: AsRef<str>>(&self, groups: &[G]) -> bool {
        self.stops.borrow().is_stopped(groups)
    }

    pub fn subscribe(&self) -> watch::Receiver<Arc<Stops>> {
        self.stops.subscribe()
    }
}
