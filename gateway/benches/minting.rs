//! Leaves for inspected hosts: minted for a host that was never seen, and found again.
//!
//! `cargo bench -p passerelle-gateway --bench minting`; `cargo xtask bench` reads its table.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use passerelle_gateway::authority::Authority;
use passerelle_gateway::config::Config;

fn main() {
    divan::main();
}

fn measure(bencher: Bencher<'_, '_>, host: impl Fn() -> String + Sync) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data: folder.path().to_owned(), ..Config::default() };
    let authority = Authority::create(&config, &[]).unwrap();
    bencher.with_inputs(host).bench_values(|host| authority.mint_leaf(&host).unwrap());
}

/// More hosts than the cache holds, so each is signed.
#[divan::bench]
fn new_host(bencher: Bencher<'_, '_>) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    measure(bencher, || format!("h{}.minted.example", NEXT.fetch_add(1, Ordering::Relaxed)));
}

#[divan::bench]
fn known_host(bencher: Bencher<'_, '_>) {
    measure(bencher, || "www.minted.example".into());
}
