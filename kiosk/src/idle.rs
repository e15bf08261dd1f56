//! When somebody last touched this terminal. One clock for the process, stamped by [`crate::app`]'s event filter without a
//! message (the pointer moves a hundred times a second), read once a second.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();
/// Milliseconds from `START` to the last touch.
static LAST_TOUCH: AtomicU64 = AtomicU64::new(0);

/// Somebody is there.
pub fn touch() {
    let elapsed = START.get_or_init(Instant::now).elapsed();
    LAST_TOUCH.store(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// How long nobody has been.
pub fn since_touch() -> Duration {
    let elapsed = START.get_or_init(Instant::now).elapsed();
    elapsed.saturating_sub(Duration::from_millis(LAST_TOUCH.load(Ordering::Relaxed)))
}
