//! Minutes used: per person, service and local day, a set of minutes.

use crate::identifier::PersonId;
use crate::store::{Store, StoreError};
use jiff::civil::Date;

/// A set of minutes since local midnight; a day has up to 25 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsedMinutes([u64; 24]);

impl UsedMinutes {
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
    pub fn contains(&self, minute: u16) -> bool {
        self.0.get(usize::from(minute / 64)).is_some_and(|word| word >> (minute % 64) & 1 == 1)
    }
}

#[derive(Clone)]
pub struct Minutes {
    _store: Store,
}

impl Minutes {
    pub fn new(_store: Store) -> Minutes {
        todo!()
    }
    /// Brings a person's day into memory; to be called at sign-in and when the local day changes.
    pub async fn load(&self, _person: &PersonId, _day: Date) -> Result<(), StoreError> {
        todo!()
    }
    /// From memory.
    pub fn used(&self, _person: &PersonId, _service: &str, _day: Date) -> UsedMinutes {
        todo!()
    }
    /// Durable before it returns; false when the minute is new and `limit` minutes are used already.
    /// With no limit the minute is not counted at all: nothing to charge.
    pub async fn try_charge(
        &self,
        _person: &PersonId,
        _service: &str,
        _day: Date,
        _minute: u16,
        _limit: u32,
    ) -> Result<bool, StoreError> {
        todo!()
    }
}
