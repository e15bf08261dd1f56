//! The closing lines of `cargo xtask test`: what passed, what failed, and whether every skip has its reason.
//!
//! Invariant: a test that did not run is either listed in `tests/skips.toml`, under a condition that holds here, or the
//! run fails.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;
use serde::Deserialize;

use crate::skip::MARK;

/// Tests that may be skipped, by name, as `tests/skips.toml` lists them.
type List = BTreeMap<String, Listed>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    why: String,
    /// A shell command that succeeds where the test can't run.
    when: String,
}

impl Listed {
    /// Asked as root, as the tests are run (see `xtask`).
    fn holds(&self) -> bool {
        let shell = ["sh", "-c", &self.when];
        let words = if Uid::effective().is_root() {
            shell.to_vec()
        } else {
            [&["sudo", "--preserve-env"], &shell[..]].concat()
        };
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

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
        let listed: List = toml::from_str(&text).with_context(|| format!("reading {}", list.display()))?;
        println!();
        for name in &self.failed {
            println!("failed: {name}");
        }
        let mut unlisted = 0;
        for (name, reason) in &self.skipped {
            match listed.get(name) {
                Some(listed) if listed.holds() => {
                    println!("skipped as listed: {name}: {reason} ({})", listed.why);
                }
                Some(listed) => {
                    unlisted += 1;
                    println!("skipped, but not as listed: {name}: {reason} (only when {})", listed.when);
                }
                None => {
                    unlisted += 1;
                    println!("skipped and NOT listed in tests/skips.toml: {name}: {reason}");
                }
            }
        }
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

    /// What the run ends with when `full_disk` was skipped.
    fn concluded(list: &str, success: bool) -> bool {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("skips.toml");
        fs::write(&path, list).unwrap();
        read(&["skipped: full_disk: no tmpfs here"]).conclude(&path, success).is_ok()
    }

    #[test]
    fn a_skip_passes_only_as_listed() {
        let listed = |when: &str| format!("[full_disk]\nwhy = \"needs a mount\"\nwhen = \"{when}\"\n");
        assert!(!concluded("", true));
        assert!(!concluded(&listed("false"), true));
        assert!(!concluded(&listed("no-such-command"), true));
        assert!(concluded(&listed("true"), true));
        assert!(!concluded(&listed("true"), false));
    }

    #[test]
    fn the_list_can_be_read() {
        let _: List = toml::from_str(include_str!("../skips.toml")).unwrap();
    }
}
