//! Minutes used: per person, service and local day, a set of minutes.
//!
//! Called by the proxy for every page request and every tunnel that moves bytes. Invariants:
//! - A minute is charged once and is durable before the request goes on.
//! - At most `limit` minutes are charged, whatever the number of parallel calls and of gateways: the Nth minute takes slot
//!   N - 1 in the store, and a slot is taken once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;

use crate::identifier::PersonId;
use crate::store::{Store, StoreError};

/// Minutes of the longest day: 25 hours, when summer time ends.
pub const MINUTES_OF_DAY: u16 = 25 * 60;
/// How often another gateway may take the slot we wanted before the call fails; each time a minute was charged.
const RACE_LIMIT: usize = 8;
/// Days of a person that stay in memory: today, and what staff asked about meanwhile.
const DAYS_KEPT: usize = 4;

/// A set of minutes since local midnight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsedMinutes([u64; MINUTES_OF_DAY.div_ceil(64) as usize]);

impl UsedMinutes {
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub fn contains(&self, minute: u16) -> bool {
        let word = self.0.get(usize::from(minute / 64));
        word.is_some_and(|word| word >> (minute % 64) & 1 == 1)
    }

    /// A minute of no day counts nowhere; `try_charge` refuses it.
    fn insert(&mut self, minute: u16) {
        if let Some(word) = self.0.get_mut(usize::from(minute / 64)) {
            *word |= 1 << (minute % 64);
        }
    }
}

type Services = HashMap<Arc<str>, UsedMinutes>;
type Days = Vec<(Date, Services)>;

/// All persons' minutes; clones share them.
#[derive(Clone)]
pub struct Minutes {
    store: Store,
    /// Of each person the days that were loaded or charged last, oldest first.
    days: Arc<Mutex<HashMap<PersonId, Days>>>,
    /// New minutes take turns; a minute in which somebody is active is new once.
    charging: Arc<tokio::sync::Mutex<()>>,
}

impl Minutes {
    pub fn new(store: Store) -> Minutes {
        Minutes { store, days: Arc::default(), charging: Arc::default() }
    }

    /// Brings a person's day into memory; to be called at sign-in and when the local day changes.
    pub async fn load(&self, person: &PersonId, day: Date) -> Result<(), StoreError> {
        let mut services = Services::new();
        for (service, minute) in self.store.minutes(person, day).await? {
            let unreadable = |_| StoreError::Unreadable { what: format!("minute {minute} of a day") };
            services.entry(service.into()).or_default().insert(u16::try_from(minute).map_err(unreadable)?);
        }
        let mut people = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let days = people.entry(person.clone()).or_default();
        days.retain(|(kept, _)| *kept != day);
        days.push((day, services));
        days.drain(..days.len().saturating_sub(DAYS_KEPT));
        Ok(())
    }

    /// From memory: nothing for a day that was not loaded. Good for deciding; `try_charge` has the last word.
    pub fn used(&self, person: &PersonId, service: &str, day: Date) -> UsedMinutes {
        let people = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let services = people.get(person).into_iter().flatten().find(|(kept, _)| *kept == day);
        services.and_then(|(_, services)| services.get(service)).copied().unwrap_or_default()
    }

    /// Of every service that was used on that day; from memory, like [`Minutes::used`].
    pub fn of_day(&self, person: &PersonId, day: Date) -> Vec<(Arc<str>, UsedMinutes)> {
        let people = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let services = people.get(person).into_iter().flatten().find(|(kept, _)| *kept == day);
        let used = services.into_iter().flat_map(|(_, services)| services);
        used.map(|(service, used)| (service.clone(), *used)).collect()
    }

    /// Whether this minute may be used: true when it is charged, now or before; false when it is new and `limit` minutes
    /// are used already. Durable before it returns. A service without a limit is not charged at all.
    pub async fn try_charge(
        &self,
        person: &PersonId,
        service: &str,
        day: Date,
        minute: u16,
        limit: u32,
    ) -> Result<bool, StoreError> {
        if minute >= MINUTES_OF_DAY {
            return Ok(false);
        }
        if self.used(person, service, day).contains(minute) {
            return Ok(true);
        }
        let _turn = self.charging.lock().await;
        for _ in 0..RACE_LIMIT {
            let used = self.used(person, service, day);
            if used.contains(minute) {
                return Ok(true);
            }
            let slot = used.count();
            let taken = slot < limit && self.store.add_minute(person, service, day, slot, minute).await?;
            self.load(person, day).await?;
            let used = self.used(person, service, day);
            if taken || used.contains(minute) {
                return Ok(true);
            }
            if used.count() >= limit {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_minutes_holds_the_longest_day() {
        let mut used = UsedMinutes::default();
        for minute in [0, 63, 64, MINUTES_OF_DAY - 1, 63] {
            used.insert(minute);
            assert!(used.contains(minute));
        }
        assert_eq!(used.count(), 4);
        assert!(!used.contains(1) && !used.contains(u16::MAX));
    }
}
