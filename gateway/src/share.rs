//! One terminal's share of the gateway: connections, live exchanges, openings on their way to disk, leaves minted.
//!
//! `listener` takes connections, `proxy::permit` exchanges and openings, `proxy::inspect` leaves. Invariants: a share is counted
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
/// Leaves are counted by this.
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
    leaves: Mutex<Leaves>,
}

/// Leaves that this terminal made us mint in the minute that began at `since`.
struct Leaves {
    per_minute: u32,
    since: Instant,
    minted: u32,
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
            leaves: Mutex::new(Leaves {
                per_minute: limits.leaves_per_minute,
                since: Instant::now(),
                minted: 0,
            }),
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
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(leaves.since) >= MINUTE {
            (leaves.since, leaves.minted) = (now, 0);
        }
        if leaves.minted >= leaves.per_minute {
            return Err(Reason::Rate);
        }
        leaves.minted += 1;
        Ok(())
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
}
