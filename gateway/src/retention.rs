//! Retention: what is older than `[journal] retention_months` is erased, and the log still verifies.
//!
//! A running gateway looks at its start and once a day. Invariants: a destruction is on record (`key-destroyed`, one a month, with
//! the number of keys) before it happens; keys go first, so that a copy of the bundles tells nothing either; entry bundles go by the
//! minimum index of [tlog-tiles](https://c2sp.org/tlog-tiles), hash tiles never; doing it again changes nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use passerelle_audit::{Draft, Kind, Sealed, entries, header, prune};
use tokio::time::sleep;

use crate::journal_keys::{Subject, month};
use crate::store::StoreError;
use crate::{Gateway, RecordError};

/// Between two looks: a month is over once a month, and a day late is soon enough.
const LOOK_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// A clock that ran ahead by more while we ran was set.
const CLOCK_STEP: SignedDuration = SignedDuration::from_hours(24);
/// A gateway was hardly off for longer than this: rather its clock is wrong.
const LONGEST_OFF: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Why something old is still there; the next look tries again.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("there is no date {0} months ago")]
    Date(u32),
    #[error(
        "the clock says {now}, when it should not be later than {latest}: a day from now it will be believed"
    )]
    Clock { now: Timestamp, latest: Timestamp },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not record that keys are destroyed")]
    Record(#[from] RecordError),
    #[error("could not prune the journal")]
    Prune(#[source] std::io::Error),
}

/// Erases what is too old, now and every day; runs until the gateway stops.
pub async fn keep(gateway: Arc<Gateway>) {
    let mut may_be = gateway.last_run.map(|last| last + LONGEST_OFF);
    loop {
        let (now, steady) = (Timestamp::now(), Instant::now());
        match enforce_if_believed(&gateway, now, may_be).await {
            Ok(minimum) => tracing::debug!(minimum, "the journal keeps its records from here on"),
            Err(error) => tracing::error!(%error, "what is older than the retention could not be erased"),
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = gateway.stopped.cancelled() => return,
        }
        let passed = SignedDuration::try_from(steady.elapsed()).unwrap_or(SignedDuration::MAX);
        may_be = now.checked_add(passed + CLOCK_STEP).ok();
    }
}

/// What a wrong clock destroys can't be brought back, so a clock later than it `may_be` is believed at the next look only, a day
/// of warnings later.
async fn enforce_if_believed(
    gateway: &Gateway,
    now: Timestamp,
    may_be: Option<Timestamp>,
) -> Result<u64, RetentionError> {
    match may_be.filter(|latest| now > *latest) {
        Some(latest) => Err(RetentionError::Clock { now, latest }),
        None => enforce(gateway, now).await,
    }
}

/// Destroys the keys and prunes the entries of the months that are over for longer than the retention; answers the first index
/// that the journal keeps.
pub async fn enforce(gateway: &Gateway, now: Timestamp) -> Result<u64, RetentionError> {
    // What is published from here on, the records of the destructions among it, is young.
    let (folder, published) = (gateway.audit_folder(), gateway.journal.health().published);
    let first_kept = first_kept(now, gateway.config.journal.retention_months)?;
    for (month, keys) in gateway.keys.months_before(&month(first_kept)).await? {
        let sealed = Sealed { detail: Some(month.clone()), ..Sealed::default() };
        let draft = Draft { count: Some(keys), sealed, ..Draft::new(Kind::KeyDestroyed) };
        gateway.append(&Subject::Gateway, draft).await?;
        gateway.keys.destroy_month(&month).await?;
    }
    let (origin, key) = (gateway.config.journal.gateway.clone(), gateway.authority.journal_key());
    let prune = move |index| prune(&folder, index, &origin, &key);
    let folder = gateway.audit_folder();
    let pruned =
        tokio::task::spawn_blocking(move || prune(first_young(&folder, published, first_kept)?)).await;
    pruned.map_err(std::io::Error::other).flatten().map_err(RetentionError::Prune)
}

/// The beginning (UTC, as the months of the keys) of the oldest month that is kept: so many whole ones before the one that runs.
fn first_kept(now: Timestamp, months: u32) -> Result<Timestamp, RetentionError> {
    let this_month = now.to_zoned(TimeZone::UTC).date().first_of_month();
    let first = this_month.checked_sub(i64::from(months).months()).ok();
    let begins = first.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    begins.map(|begins| begins.timestamp()).ok_or(RetentionError::Date(months))
}

/// The clock may have stepped back between two records: everything before the first that is young enough goes, nothing after it.
fn first_young(folder: &Path, published: u64, first_kept: Timestamp) -> std::io::Result<u64> {
    for entry in entries(folder, published)? {
        let (index, bytes) = entry?;
        let header = header(&bytes).map_err(std::io::Error::other)?;
        if header.time >= first_kept {
            return Ok(index);
        }
    }
    Ok(published)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Overrides;
    use crate::identifier::PersonId;
    use crate::verbs::audit::check;

    #[test]
    fn whole_months_are_kept() {
        for (now, months, expected) in [
            ("2026-11-22T10:00:00Z", 12, "2025-11-01T00:00:00Z"),
            ("2026-11-01T00:00:00Z", 1, "2026-10-01T00:00:00Z"),
            ("2026-03-31T23:59:59Z", 1, "2026-02-01T00:00:00Z"),
            ("2026-01-31T12:00:00Z", 120, "2016-01-01T00:00:00Z"),
        ] {
            let first = first_kept(now.parse().unwrap(), months).unwrap();
            assert_eq!(first, expected.parse().unwrap(), "{now}, {months} months");
        }
    }

    #[tokio::test]
    async fn what_is_old_is_erased_and_the_log_verifies() {
        let root = tempfile::tempdir().unwrap();
        let (data, overrides) = (root.path().join("data"), Overrides::default());
        crate::init::init(&data, &[], &overrides).await.unwrap();
        let gateway = Gateway::open(&data, &overrides).await.unwrap();
        let person = Subject::Person(PersonId::parse("p1").unwrap());
        let one = || gateway.record(Kind::SignedIn, &person, None, Sealed::default());
        futures_util::future::try_join_all((0..600).map(|_| one())).await.unwrap();
        gateway.close().await;

        // What is published is there to be pruned: everything, after a stop.
        let gateway = Gateway::open(&data, &overrides).await.unwrap();
        let now = Timestamp::now();
        assert_eq!(enforce(&gateway, now).await.unwrap(), 0, "nothing is old yet");
        let key = gateway.keys.key_for(&person, now).await.unwrap();
        let year_and_a_month = SignedDuration::from_hours(13 * 31 * 24);
        let jumped = enforce_if_believed(&gateway, now + year_and_a_month, Some(now + LONGEST_OFF)).await;
        assert!(matches!(jumped, Err(RetentionError::Clock { .. })), "a clock that jumped destroys nothing");
        assert!(gateway.last_run.is_some_and(|last| last <= now), "the run before is known");
        let minimum = enforce_if_believed(&gateway, now + year_and_a_month, None).await.unwrap();
        assert_eq!((minimum, gateway.keys.lookup(&key.id())), (602, None));
        gateway.close().await;
        let bundle = |name: &str| data.join("audit/tile/entries").join(name).exists();
        assert_eq!((bundle("000"), bundle("001"), bundle("002.p/91")), (false, false, true));
        assert!(data.join("audit/tile/0/000").exists(), "hashes stay");
        let verified = check(&data, None).unwrap();
        assert_eq!((verified.exit, &verified.json["minimum"]), (0, &602.into()), "{}", verified.text);

        let gateway = Gateway::open(&data, &overrides).await.unwrap();
        let (keys, hints) = (gateway.keys.clone(), gateway.authority.journal_key().hint_key());
        let ring = move |id: &passerelle_audit::KeyId| {
            keys.lookup(id).map(|key| passerelle_audit::SealingKey::new(key.id(), *key.secret()))
        };
        let left =
            passerelle_audit::search(&gateway.audit_folder(), hints, ring, Default::default()).unwrap();
        let left: Vec<_> = left.map(Result::unwrap).collect();
        assert!(left.iter().all(|record| record.sealed == Sealed::default()), "nothing can be read");
        let last = &left.last().unwrap().header;
        assert_eq!((last.kind, last.count), (Kind::KeyDestroyed, Some(2)));
        gateway.close().await;
    }
}
