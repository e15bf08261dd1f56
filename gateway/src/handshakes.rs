//! TLS handshakes that are under way on the terminal port.
//!
//! `listener` begins one for each connection, before anybody is known. Invariant: there are never more than the limit. Where one
//! more would be, the oldest makes room: whoever means it is done within milliseconds, whoever holds handshakes open is
//! the oldest, and nobody who comes later is kept out by them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::ready;

use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, PollSemaphore};

/// Clones share them.
#[derive(Clone)]
pub struct Handshakes {
    limit: usize,
    state: Arc<Mutex<State>>,
    /// Steps that may be computed at once.
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    begun: u64,
    open: BTreeMap<u64, CancellationToken>,
}

/// One handshake, until dropped.
pub struct Handshake {
    all: Handshakes,
    number: u64,
    displaced: CancellationToken,
}

impl Handshakes {
    pub fn new(limit: usize) -> Handshakes {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Handshakes { limit, state: Arc::default(), turns: Arc::new(Semaphore::new(cores.div_ceil(2))) }
    }

    /// Runs a handshake, each of its steps in its turn. While it waits for its peer it has none.
    pub async fn in_turns<F: Future>(&self, handshake: F) -> F::Output {
        let mut handshake = pin!(handshake);
        let mut turns = PollSemaphore::new(self.turns.clone());
        poll_fn(|cx| {
            let _turn = ready!(turns.poll_acquire(cx));
            handshake.as_mut().poll(cx)
        })
        .await
    }

    pub fn begin(&self) -> Handshake {
        let displaced = CancellationToken::new();
        let mut state = self.lock();
        if state.open.len() >= self.limit
            && let Some((_, oldest)) = state.open.pop_first()
        {
            oldest.cancel();
        }
        state.begun += 1;
        let number = state.begun;
        state.open.insert(number, displaced.clone());
        Handshake { all: self.clone(), number, displaced }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a map that is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handshake {
    /// Resolves when a newer one needs the place.
    pub async fn displaced(&self) {
        self.displaced.cancelled().await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.all.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn steps_take_turns() {
        let handshakes = Handshakes::new(2);
        let all = handshakes.turns.available_permits();
        let step = handshakes.in_turns(async { handshakes.turns.available_permits() });
        assert_eq!((step.await, handshakes.turns.available_permits()), (all - 1, all));
    }

    #[test]
    fn the_oldest_makes_room() {
        let handshakes = Handshakes::new(2);
        let [first, second] = [handshakes.begin(), handshakes.begin()];
        let third = handshakes.begin();
        assert!(first.displaced.is_cancelled() && !second.displaced.is_cancelled());
        drop(second);
        let fourth = handshakes.begin();
        assert!(!third.displaced.is_cancelled(), "a place was free");
        drop((first, third, fourth));
        assert!(handshakes.lock().open.is_empty());
    }
}
