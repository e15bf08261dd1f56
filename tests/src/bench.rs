//! `cargo xtask bench`: builds and runs every bench of the product, and puts their figures into one table.
//!
//! The benches stand with the crates they measure; what needs whole programs is in `bin/bench.rs`, built with the profile
//! `bench` and found beside them. No figure fails it: machines differ, and a bench says how fast, not whether.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    build, figures,
    figures::{Figure, Timed},
    gateway::binaries,
    packages,
};

/// Runs everything; `quick` with fewer and shorter samples.
pub fn run(quick: bool) -> Result<()> {
    packages::set_up()?;
    build::build_measured()?;
    let samples: &[&str] = if quick { &["--sample-count", "20"] } else { &[] };
    let mut all = Vec::new();
    all.extend(figures::timed(&cargo_bench("decide", samples)?).iter().map(decision));
    all.extend(figures::told(&cargo_bench("million", &[])?));
    all.extend(figures::timed(&cargo_bench("minting", samples)?).iter().map(leaf));
    all.extend(figures::told(&cargo_bench("journal", if quick { &["--quick"] } else { &[] })?));
    all.extend(relevance(&cargo_bench("relevance", &["--json"])?));
    all.extend(figures::told(&output(
        Command::new(program()?).arg("policy").args(quick.then_some("--quick")),
    )?));
    let count = if quick { "5" } else { "30" };
    all.extend(figures::told(&output(Command::new(program()?).args(["keys", "--count", count]))?));
    println!("\n{}", figures::table(&all));
    Ok(())
}

/// One part alone, its output shown: `proxy` serves a gateway for a load client until it is interrupted, `floods` attacks one,
/// `policy` has it read a million hosts.
pub fn part(name: &str, arguments: &[String]) -> Result<()> {
    packages::set_up()?;
    build::build_measured()?;
    let status = Command::new(program()?).arg(name).args(arguments).status().context("starting bench")?;
    ensure!(status.success(), "bench failed with {status}");
    Ok(())
}

fn decision(timed: &Timed) -> Figure {
    let allocations = timed.allocations.as_deref().unwrap_or("no");
    let value = format!("{}, {allocations} allocations", timed.median);
    Figure::new(format!("decide, 200 services, {}", timed.name.replace('_', " ")), value)
}

fn leaf(timed: &Timed) -> Figure {
    let value = match timed.per_second() {
        Some(rate) => format!("{rate:.0} a second ({})", timed.median),
        None => timed.median.clone(),
    };
    Figure::new(format!("leaf, {}", timed.name.replace('_', " ")), value)
}

/// One line for each search, ours and the one it is compared with.
fn relevance(output: &str) -> Vec<Figure> {
    let Some(told) = output.lines().find_map(|line| serde_json::from_str::<Value>(line).ok()) else {
        return vec![Figure::new("catalogue search", output.trim())];
    };
    let line = |name: &str| {
        let number = |key: &str| told[name][key].as_f64().unwrap_or_default();
        let value = format!(
            "nDCG@10 {:.4} clean, {:.4} misspelt; {:.0} queries a second, {:.0} misspelt",
            number("clean"),
            number("misspelt"),
            number("queries_per_second"),
            number("misspelt_queries_per_second")
        );
        Figure::new(format!("catalogue search, {name}"), value)
    };
    vec![line("passerelle"), line("fts5")]
}

fn cargo_bench(name: &str, arguments: &[&str]) -> Result<String> {
    let mut command = build::cargo()?;
    output(command.arg("bench").args(build::FEATURES).args(["--bench", name, "--"]).args(arguments))
}

/// What a bench prints, shown as well. Its exit code is its own judgement of quality, which the table shows.
fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("starting {command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{text}");
    ensure!(output.status.success() || !text.is_empty(), "{command:?} failed with {}", output.status);
    Ok(text)
}

/// `cargo xtask` is a program of the profile `dev`; what it measures stands beside that profile's folder.
fn program() -> Result<PathBuf> {
    Ok(binaries()?.parent().context("a profile has its folder")?.join("release").join("bench"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_was_measured() {
        let timed = Timed { name: "new_host".into(), median: "250 µs".into(), allocations: None };
        assert_eq!(leaf(&timed), Figure::new("leaf, new host", "4000 a second (250 µs)"));
        assert_eq!(decision(&timed).value, "250 µs, no allocations");
    }

    #[test]
    fn a_search_without_its_data_says_so() {
        let skipped = "skipped: PASSERELLE_TEST_DATA is not set, so no questions were read\n";
        assert_eq!(relevance(skipped)[0].value, skipped.trim());
    }
}
