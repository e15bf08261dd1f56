//! Delays after wrong PINs and passwords.
//!
//! Called by `person` and `staff` before anything is hashed. Each try is counted as wrong *before* it is judged and
//! forgotten when it was right, so parallel tries, a crash, or a client that hangs up gain nothing. Two tallies a subject:
//! - at one place (a terminal): from the third wrong try on each one costs a wait of 5 s, doubling to 15 min;
//! - at all places together: from the tenth on, 5 s doubling to 20 s. It slows down somebody who walks from terminal to
//!   terminal and stays short of 30 s, so that nobody can lock out somebody else.
//!
//! A try during a wait is not judged and not counted. A day without a try forgets. Subjects that don't exist are counted
//! alike; their tallies are bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::store::{Store, StoreError, Tally};

const FIRST_WAIT_SECONDS: i64 = 5;
/// The place of the tally that counts all places together.
const ANYWHERE: &str = "";
const FORGET_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Tallies of subjects that don't exist: about 2 MB, and a good while of guessing names.
const UNKNOWN_LIMIT: i64 = 10_000;
/// Old tallies are dropped every so many tries.
const PRUNE_EVERY: u64 = 500;
/// How often another try may change a tally between our reading and our writing it, before we say "wait a second".
const RACE_LIMIT: usize = 8;

/// When waits begin and how long they grow.
struct Rule {
    free_tries: i64,
    longest_wait_seconds: i64,
}

const AT_ONE_PLACE: Rule = Rule { free_tries: 3, longest_wait_seconds: 15 * 60 };
const AT_ALL_PLACES: Rule = Rule { free_tries: 10, longest_wait_seconds: 20 };
/// Staff type passwords, not PINs: a wait of 20 s is enough, and nobody can make it longer for them.
const WITHOUT_PLACE: Rule = Rule { free_tries: 3, longest_wait_seconds: 20 };

impl Rule {
    /// Milliseconds until the next try.
    fn wait(&self, tally: Tally, now: i64) -> i64 {
        let doublings = tally.failures - self.free_tries;
        if doublings < 0 {
            return 0;
        }
        let seconds = FIRST_WAIT_SECONDS << doublings.min(16);
        let length = 1000 * seconds.min(self.longest_wait_seconds);
        // A clock that was set back must not make anybody wait longer than the rule says.
        (tally.last_at + length - now).clamp(0, length)
    }
}

/// Why a try is not judged now.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    #[error("too many tries: wait {retry_after_seconds} s")]
    TooMany { retry_after_seconds: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The tallies; clones share them.
#[derive(Clone)]
pub(crate) struct Attempts {
    store: Store,
    tries: Arc<AtomicU64>,
}

/// A try that may be judged; it counts as wrong unless [`Attempt::was_right`].
pub(crate) struct Attempt {
    store: Store,
    subject: String,
    place: String,
}

impl Attempts {
    pub(crate) fn new(store: Store) -> Attempts {
        Attempts { store, tries: Arc::default() }
    }

    /// A try at a place. `subject` names who is being tried, for example `person:ID`; `known` whether they exist.
    pub(crate) async fn admit(
        &self,
        subject: &str,
        place: &str,
        known: bool,
        now: Timestamp,
    ) -> Result<Attempt, AttemptError> {
        self.admit_under(&[(ANYWHERE, AT_ALL_PLACES), (place, AT_ONE_PLACE)], subject, place, known, now)
            .await
    }

    /// A try of which nobody knows the place.
    pub(crate) async fn admit_anywhere(
        &self,
        subject: &str,
        known: bool,
        now: Timestamp,
    ) -> Result<Attempt, AttemptError> {
        self.admit_under(&[(ANYWHERE, WITHOUT_PLACE)], subject, ANYWHERE, known, now).await
    }

    async fn admit_under(
        &self,
        rules: &[(&str, Rule)],
        subject: &str,
        place: &str,
        known: bool,
        now: Timestamp,
    ) -> Result<Attempt, AttemptError> {
        if self.tries.fetch_add(1, Ordering::Relaxed).is_multiple_of(PRUNE_EVERY) {
            self.store.prune_tallies(now - FORGET_AFTER, UNKNOWN_LIMIT).await?;
        }
        for _ in 0..RACE_LIMIT {
            let mut seen = Vec::with_capacity(rules.len());
            for (counted, _) in rules {
                seen.push(self.store.tally(subject, counted).await?);
            }
            let waits =
                rules.iter().zip(&seen).map(|((_, rule), tally)| rule.wait(*tally, now.as_millisecond()));
            let wait = waits.max().unwrap_or_default();
            if wait > 0 {
                return Err(AttemptError::TooMany {
                    retry_after_seconds: wait.unsigned_abs().div_ceil(1000),
                });
            }
            let changes = rules
                .iter()
                .zip(&seen)
                .map(|((counted, _), tally)| (*counted, *tally, one_more(*tally, now)));
            if self.store.set_tallies(subject, known, &changes.collect::<Vec<_>>()).await? {
                return Ok(Attempt {
                    store: self.store.clone(),
                    subject: subject.into(),
                    place: place.into(),
                });
            }
        }
        Err(AttemptError::TooMany { retry_after_seconds: 1 })
    }
}

fn one_more(tally: Tally, now: Timestamp) -> Tally {
    let forgotten = tally.last_at < (now - FORGET_AFTER).as_millisecond();
    Tally { failures: if forgotten { 1 } else { tally.failures + 1 }, last_at: now.as_millisecond() }
}

impl Attempt {
    pub(crate) async fn was_right(self) -> Result<(), StoreError> {
        self.store.forget_tallies(&self.subject, &self.place).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_limit() {
        let check = |rule: &Rule, failures: i64, seconds: i64| {
            assert_eq!(
                rule.wait(Tally { failures, last_at: 0 }, 0),
                seconds * 1000,
                "{failures} wrong tries"
            );
        };
        for (failures, seconds) in
            [(0, 0), (2, 0), (3, 5), (4, 10), (5, 20), (6, 40), (10, 640), (11, 900), (99, 900)]
        {
            check(&AT_ONE_PLACE, failures, seconds);
        }
        for (failures, seconds) in [(9, 0), (10, 5), (11, 10), (12, 20), (13, 20), (i64::MAX, 20)] {
            check(&AT_ALL_PLACES, failures, seconds);
        }
    }

    #[test]
    fn a_wait_passes_and_survives_a_clock_set_back() {
        let tally = Tally { failures: 3, last_at: 100_000 };
        for (now, wait) in [(100_000, 5000), (104_999, 1), (105_000, 0), (500_000, 0), (0, 5000)] {
            assert_eq!(AT_ONE_PLACE.wait(tally, now), wait, "at {now}");
        }
    }
}
