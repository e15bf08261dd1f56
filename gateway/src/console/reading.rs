//! Reading the journal for a page: the walk of `audit search`, off the async threads, a bounded number at a time.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use passerelle_audit::{KeyId, Query, Record, search};
use tokio::sync::Semaphore;

use super::call::Failure;
use crate::Gateway;

/// Walks at a time: each reads the whole journal from disk, and people at kiosks come first.
const WALKS: usize = 2;
static PLACES: Semaphore = Semaphore::const_new(WALKS);

/// Gives every record that matches to `take`, oldest first, and answers what it made of them.
pub async fn walk<T: Send + 'static>(
    gateway: &Arc<Gateway>,
    query: Query,
    mut made: T,
    take: impl Fn(&mut T, Record) + Send + 'static,
) -> Result<T, Failure> {
    let _place = PLACES.acquire().await.map_err(|error| Failure::Unavailable(error.to_string()))?;
    // Refusals that are still being counted belong to what staff read.
    gateway.refusals.flush(gateway, true).await;
    let (keys, folder) = (gateway.keys.clone(), gateway.audit_folder());
    let hints = gateway.authority.journal_key().hint_key();
    let walked = tokio::task::spawn_blocking(move || {
        let keyring = |id: &KeyId| keys.lookup(id).map(|key| (*key).clone());
        for record in search(&folder, hints, keyring, query)? {
            take(&mut made, record?);
        }
        Ok::<T, passerelle_audit::SearchError>(made)
    });
    Ok(walked.await.map_err(|error| Failure::Unavailable(error.to_string()))??)
}

/// What a browser's date and time field sends, in local time; nothing where it is empty or no time.
pub fn local_time(typed: &str, zone: &TimeZone) -> Option<Timestamp> {
    Some(typed.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()?.timestamp())
}

/// Words, or nothing.
pub fn given(typed: &str) -> Option<String> {
    (!typed.is_empty()).then(|| typed.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_local() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        for (typed, expected) in [
            ("2026-11-22T08:00", Some("2026-11-22T07:00:00Z")),
            ("2026-06-22T08:00:30", Some("2026-06-22T06:00:30Z")),
            ("", None),
            ("yesterday", None),
        ] {
            assert_eq!(local_time(typed, &paris), expected.map(|time| time.parse().unwrap()), "{typed}");
        }
    }
}
