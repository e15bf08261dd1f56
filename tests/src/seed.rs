//! A seed is printed by whatever uses chance, and replays it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Replays a run: `PASSERELLE_SEED=N`.
pub const SEED: &str = "PASSERELLE_SEED";
/// How often a test that has rounds goes through them: `cargo xtask nightly` sets it.
pub const ROUNDS: &str = "PASSERELLE_ROUNDS";

/// Numbers that look like chance and are not.
pub struct Chance(u64);

impl Chance {
    /// From the seed that was given, or from the clock; says which.
    pub fn from_environment() -> Chance {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
        let seed = number(SEED).unwrap_or_else(now);
        println!("{SEED}={seed}");
        Chance(seed)
    }

    /// The next number below `limit`; splitmix64, well spread from any seed.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

/// How many rounds are asked for, or else `usual`.
pub fn rounds(usual: u64) -> u64 {
    number(ROUNDS).unwrap_or(usual)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
