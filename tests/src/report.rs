//! The closing lines of `cargo xtask test`: what passed, what failed, and whether every skip has its reason.
//!
//! Invariant: a test that did not run is either listed in `tests/skips.toml` with a reason, or the run fails.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::skip::MARK;

/// Tests that may be skipped: name and why, as `tests/skips.toml` lists them.
type Listed = BTreeMap<String, String>;

/// What the lines of `cargo test` said so far.
#[derive(Debug, Default)]
pub struct Report {
    passed: u64,
    failed: Vec<String>,
    /// Name, and the reason the test gave.
    skipped: BTreeMap<String, String>,
}

impl Report {
    /// Takes one line of output; lines that say nothing about a test are passed over.
    pub fn read(&mut self, line: &str) {
        // The harness prints a test's name before it runs, so a skip may stand behind it on the same line.
        if let Some((_, skip)) = line.split_once(MARK) {
            let (name, reason) = skip.split_once(": ").unwrap_or((skip, "no reason given"));
            self.skipped.insert(name.into(), reason.into());
        } else if let Some((name, verdict)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            match verdict.split(',').next() {
                Some("FAILED") => self.failed.push(name.into()),
                Some("ignored") => drop(self.skipped.insert(name.into(), verdict.into())),
                _ => {}
            }
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            let count = rest.split(". ").nth(1).and_then(|part| part.split(' ').next());
            self.passed += count.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        }
    }

    /// Prints the closing lines; an error unless everything passed and every skip is in `list`.
    pub fn conclude(&self, list: &Path, success: bool) -> Result<()> {
        let text = fs::read_to_string(list).with_context(|| format!("reading {}", list.display()))?;
        let listed: Listed = toml::from_str(&text).with_context(|| format!("reading {}", list.display()))?;
        println!();
        for name in &self.failed {
            println!("failed: {name}");
        }
        for (name, reason) in &self.skipped {
            match listed.get(name) {
                Some(why) => println!("skipped as listed: {name}: {reason} ({why})"),
                None => println!("skipped and NOT listed in tests/skips.toml: {name}: {reason}"),
            }
        }
        let unlisted = self.skipped.keys().filter(|name| !listed.contains_key(*name)).count();
        // A skipped test that printed its reason counts as passed for the harness.
        println!(
            "tests: {} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        );
        if !success || !self.failed.is_empty() || unlisted > 0 {
            bail!("the tests did not all pass");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(lines: &[&str]) -> Report {
        let mut report = Report::default();
        lines.iter().for_each(|line| report.read(line));
        report
    }

    #[test]
    fn counts_passed_failed_and_skipped() {
        let report = read(&[
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test a::d ... ignored, needs a scanner",
            "test a::e ... skipped: full_disk: no tmpfs here",
            "test result: FAILED. 12 passed; 1 failed; 1 ignored; 0 measured",
            "test result: ok. 30 passed; 0 failed; 0 ignored",
        ]);
        assert_eq!(report.passed, 42);
        assert_eq!(report.failed, ["a::c"]);
        assert_eq!(report.skipped.keys().collect::<Vec<_>>(), ["a::d", "full_disk"]);
    }

    #[test]
    fn an_unlisted_skip_fails_the_run() {
        let folder = tempfile::TempDir::new().unwrap();
        let list = folder.path().join("skips.toml");
        let report = read(&["skipped: full_disk: no tmpfs here"]);
        fs::write(&list, "").unwrap();
        assert!(report.conclude(&list, true).is_err());
        fs::write(&list, "full_disk = \"needs a mount\"\n").unwrap();
        assert!(report.conclude(&list, true).is_ok());
        assert!(report.conclude(&list, false).is_err());
    }
}
