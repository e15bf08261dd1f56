//! The one way for a test not to run: say so, by name and with the reason.
//!
//! `cargo xtask test` collects these lines and fails on each that `tests/skips.toml` does not list. The tests of other crates
//! take this file in by its path: `#[path = "../../tests/src/skip.rs"] mod skip;`.

use std::io::Write;

/// Starts every line that reports a skipped test: `skipped: NAME: REASON`.
pub const MARK: &str = "skipped: ";

/// Reports that test `name` did not run; the caller returns right after.
pub fn skipped(name: &str, reason: &str) {
    // Not `println!`, which the test harness keeps to itself when a test passes.
    let line = format!("{MARK}{name}: {}\n", reason.replace('\n', " "));
    std::io::stdout().write_all(line.as_bytes()).expect("standard output takes a line");
}
