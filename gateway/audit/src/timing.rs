//! How long syncs take, counted in buckets, so that a monitor sees a slow disk before people do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds: from a battery-backed cache to a disk about to die.
pub const SYNC_BOUNDS_MICROSECONDS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

/// One counter a bucket and one for what is longer than all of them. Counting costs two atomic additions.
#[derive(Default)]
pub(crate) struct Timing {
    counts: [AtomicU64; SYNC_BOUNDS_MICROSECONDS.len() + 1],
    sum_microseconds: AtomicU64,
}

/// What was counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncTimes {
    /// Not cumulative; the last one holds what was longer than every bound.
    pub counts: [u64; SYNC_BOUNDS_MICROSECONDS.len() + 1],
    pub sum: Duration,
}

impl Timing {
    pub(crate) fn add(&self, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = SYNC_BOUNDS_MICROSECONDS.partition_point(|bound| *bound < microseconds);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> SyncTimes {
        SyncTimes {
            counts: std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed)),
            sum: Duration::from_micros(self.sum_microseconds.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_where_its_bound_holds_it() {
        let timing = Timing::default();
        for microseconds in [0, 100, 101, 2_500_000, 2_500_001] {
            timing.add(Duration::from_micros(microseconds));
        }
        let read = timing.read();
        assert_eq!((read.counts[0], read.counts[1], read.counts[11], read.counts[12]), (2, 1, 1, 1));
        assert_eq!(read.sum, Duration::from_micros(5_000_202));
    }
}
