//! The judges of raw bytes, attacked: tables of cases in every cut, and properties on random and mutated
//! input (run more of them with `PROPTEST_CASES`).
#![allow(clippy::unwrap_used)]

mod adapter;
mod answers;
mod bodies;
mod client_hello;
mod frames;
mod http2;
mod requests;

use passerelle_gateway::strict_http1::{Fault, Inspector, Limits, Step};

/// Feeds pieces as an adapter would; answers what passed and the fault that ended it.
fn feed<'a>(
    mut inspector: Inspector,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Option<Fault>) {
    let (mut held, mut passed) = (Vec::new(), Vec::new());
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            match inspector.inspect(&held) {
                Ok(Step::Pass(n)) => passed.extend(held.drain(..n)),
                Ok(Step::More | Step::Hold) => break,
                Err(fault) => return (passed, Some(fault)),
            }
        }
    }
    (passed, None)
}

/// Feeds `bytes` whole, byte by byte, and cut in two at every place; all must agree.
fn feed_every_cut(inspector: impl Fn() -> Inspector, bytes: &[u8]) -> (Vec<u8>, Option<Fault>) {
    let whole = feed(inspector(), [bytes]);
    assert_eq!(feed(inspector(), bytes.chunks(1)), whole, "byte by byte: {}", bytes.escape_ascii());
    // Large input (the size limits) is cut at its ends only.
    let places = (0..bytes.len()).filter(|at| bytes.len() < 2000 || *at < 100 || bytes.len() - at < 100);
    for at in places {
        let (a, b) = bytes.split_at(at);
        assert_eq!(feed(inspector(), [a, b]), whole, "cut at {at}: {}", bytes.escape_ascii());
    }
    whole
}

fn requests() -> Inspector {
    Inspector::requests(Limits::default())
}
