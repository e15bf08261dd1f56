//! One terminal's share of the gateway: connections, live exchanges, openings on their way to disk, leaves minted, PINs tried.
//!
//! `listener` takes connections, `proxy::permit` exchanges and openings, `proxy::inspect` leaves, `kiosk_api` PINs. Invariants: a share is counted
//! by the terminal's name, so that connecting again gains nothing; a place goes back when it is dropped; a terminal that has
//! its share is refused at once, and waits for nobody's places but its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use passerelle_policy::Reason;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::config::Limits;
use crate::identifier::TerminalId;

/// Connections of all that have no terminal: terminals are enrolled one by one, and strangers must not take their places.
const STRANGERS_CONNECTIONS: usize = 16;
/// Wrong PINs of one terminal, whoever is named: at opening time a few people miss a few times. Each costs us a hash and a record,
/// and whoever names ever new people meets none of the waits of `attempts`.
const WRONG_PINS_PER_MINUTE: u32 = 60;
/// What has a rate is counted by this.
const MINUTE: Duration = Duration::from_secs(60);

/// A place, until dropped.
pub type Place = OwnedSemaphorePermit;

/// All terminals' shares. As many as were ever enrolled, which is not many.
pub struct Shares {
    limits: Limits,
    of: Mutex<HashMap<Option<TerminalId>, Arc<Share>>>,
}

pub struct Share {
    connections: Arc<Semaphore>,
    exchanges: Arc<Semaphore>,
    openings: Semaphore,
    leaves: Rate,
    wrong_pins: Rate,
    /// One PIN at a time is hashed for a terminal, which takes one core.
    pins: Semaphore,
}

/// So many a minute.
struct Rate {
    limit: u32,
    /// When the minute that runs began, and how many it has had.
    minute: Mutex<(Instant, u32)>,
}

impl Rate {
    fn new(limit: u32) -> Rate {
        Rate { limit, minute: Mutex::new((Instant::now(), 0)) }
    }

    /// Adds `more`, unless the minute has had all it may.
    ///
    /// Errors: how long until the next minute begins.
    fn add(&self, more: u32, now: Instant) -> Result<(), Duration> {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = &mut *minute;
        if now.saturating_duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        if *count >= self.limit {
            return Err(MINUTE - now.saturating_duration_since(*since));
        }
        *count += more;
        Ok(())
    }
}

impl Shares {
    pub fn new(limits: &Limits) -> Shares {
        Shares { limits: limits.clone(), of: Mutex::default() }
    }

    /// The share of a terminal; `None` stands for all that have no terminal.
    pub fn of(&self, terminal: Option<&TerminalId>) -> Arc<Share> {
        let mut shares = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        shares
            .entry(terminal.cloned())
            .or_insert_with(|| Arc::new(Share::new(&self.limits, terminal.is_some())))
            .clone()
    }
}

impl Share {
    fn new(limits: &Limits, is_enrolled: bool) -> Share {
        let connections = if is_enrolled { limits.connections_per_terminal } else { STRANGERS_CONNECTIONS };
        Share {
            connections: Arc::new(Semaphore::new(connections)),
            exchanges: Arc::new(Semaphore::new(limits.exchanges_per_terminal)),
            openings: Semaphore::new(limits.openings_per_terminal),
            leaves: Rate::new(limits.leaves_per_minute),
            wrong_pins: Rate::new(WRONG_PINS_PER_MINUTE),
            pins: Semaphore::new(1),
        }
    }

    /// One more connection; `None` when the terminal has as many as it may.
    pub fn connection(&self) -> Option<Place> {
        self.connections.clone().try_acquire_owned().ok()
    }

    /// One more tunnel, request or WebSocket.
    ///
    /// Errors: `rate` when too many of this terminal are live.
    pub fn exchange(&self) -> Result<Place, Reason> {
        self.exchanges.clone().try_acquire_owned().map_err(|_| Reason::Rate)
    }

    /// Waits until few enough openings of this terminal are on their way to disk: those of others stand behind a handful
    /// of them, not behind thousands.
    pub async fn opening(&self) -> Result<SemaphorePermit<'_>, Reason> {
        self.openings.acquire().await.map_err(|_: AcquireError| Reason::Stopping)
    }

    /// Counts a leaf that has to be minted, at `now`.
    ///
    /// Errors: `rate` when this terminal had as many minted within a minute as it may.
    pub fn leaf(&self, now: Instant) -> Result<(), Reason> {
        self.leaves.add(1, now).map_err(|_| Reason::Rate)
    }

    /// Waits for this terminal's turn to have a PIN hashed.
    ///
    /// Errors: how long no PIN of this terminal is judged, after too many that were wrong.
    pub async fn pin(&self, now: Instant) -> Result<SemaphorePermit<'_>, Duration> {
        self.wrong_pins.add(0, now)?;
        let turn = self.pins.acquire().await.map_err(|_: AcquireError| MINUTE)?;
        // Others may have been wrong while this one waited.
        self.wrong_pins.add(0, now)?;
        Ok(turn)
    }

    /// The PIN that had its turn was wrong.
    pub fn wrong_pin(&self, now: Instant) {
        let _ = self.wrong_pins.add(1, now); // a minute that is full stays full
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shares() -> Shares {
        Shares::new(&Limits {
            connections_per_terminal: 1,
            exchanges_per_terminal: 2,
            leaves_per_minute: 2,
            ..Limits::default()
        })
    }

    #[test]
    fn a_terminal_has_its_share_and_takes_nobody_elses() {
        let (shares, a, b) = (shares(), TerminalId::parse("a").unwrap(), TerminalId::parse("b").unwrap());
        let held = (shares.of(Some(&a)).connection().unwrap(), shares.of(Some(&a)).exchange().unwrap());
        assert!(shares.of(Some(&a)).connection().is_none(), "found again by its name");
        let second = shares.of(Some(&a)).exchange().unwrap();
        assert_eq!(shares.of(Some(&a)).exchange().unwrap_err(), Reason::Rate);
        assert!(shares.of(Some(&b)).connection().is_some() && shares.of(Some(&b)).exchange().is_ok());
        drop((held, second));
        assert!(shares.of(Some(&a)).connection().is_some() && shares.of(Some(&a)).exchange().is_ok());
    }

    #[test]
    fn strangers_share_a_few_connections() {
        let shares = shares();
        let held: Vec<_> =
            (0..STRANGERS_CONNECTIONS).map(|_| shares.of(None).connection().unwrap()).collect();
        assert!(shares.of(None).connection().is_none());
        drop(held);
    }

    #[test]
    fn leaves_are_counted_by_the_minute() {
        let (share, start) = (shares().of(None), Instant::now());
        for (seconds, expected) in [(0, true), (1, true), (2, false), (59, false), (61, true)] {
            let minted = share.leaf(start + Duration::from_secs(seconds));
            assert_eq!(minted.is_ok(), expected, "after {seconds} s");
        }
    }

    #[tokio::test]
    async fn wrong_pins_end_a_terminals_tries_for_the_rest_of_the_minute() {
        let (share, start) = (shares().of(None), Instant::now());
        for _ in 0..WRONG_PINS_PER_MINUTE {
            drop(share.pin(start).await.unwrap());
            share.wrong_pin(start);
        }
        let half = start + MINUTE / 2;
        assert!(share.pin(half).await.unwrap_err() <= MINUTE / 2 + Duration::from_secs(1));
        assert!(share.pin(start + 2 * MINUTE).await.is_ok());
    }
}
