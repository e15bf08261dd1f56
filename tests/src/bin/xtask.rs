//! `cargo xtask`: the set-up, every test, and the checks of CI, in one program that needs only Rust beforehand.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use nix::unistd::Uid;
use passerelle_tests::{
    bench,
    build::{self, workspace},
    dependencies, packages,
    report::Report,
    seed::ROUNDS,
};

/// Cargo's setting for a program that starts each test binary.
const RUNNER: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER";

/// Kills of the gateway in one night.
const NIGHTLY_KILLS: u64 = 200;

#[derive(Parser)]
#[command(about = "Passerelle's set-up, tests and checks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs missing system packages and makes the kiosk's user
    Setup,
    /// Sets up, builds and runs every test; a filter runs only tests whose name has it
    Test { filter: Option<String> },
    /// Kills the gateway two hundred times under load, and lets every write of a session fail; some twenty minutes
    Nightly {
        /// How often it is killed
        #[arg(long, default_value_t = NIGHTLY_KILLS)]
        rounds: u64,
    },
    /// Runs the benches and prints one table; with `--proxy` or `--floods`, does that instead
    Bench(Bench),
    /// Checks the licences of all dependencies against deny.toml
    Licences,
    /// Checks all dependencies for known vulnerabilities, where the database can be reached
    Advisories,
}

#[derive(clap::Args)]
struct Bench {
    /// Fewer and shorter samples
    #[arg(long)]
    quick: bool,
    /// Measures what a terminal waits while another attacks; more arguments say which flood and how long (`--help` names them)
    #[arg(long, num_args = 0.., allow_hyphen_values = true, conflicts_with_all = ["quick", "proxy"])]
    floods: Option<Vec<String>>,
    /// Measures a policy of a million hosts, and one of 100,000 published under load (`--quick`: fewer rounds)
    #[arg(long, num_args = 0.., allow_hyphen_values = true, conflicts_with_all = ["quick", "proxy", "floods"])]
    policy: Option<Vec<String>>,
    /// Serves a gateway under a policy of 200 services; more arguments say where its origin is (`--help` names them)
    #[arg(long, num_args = 0.., allow_hyphen_values = true, conflicts_with = "quick")]
    proxy: Option<Vec<String>>,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Setup => packages::set_up(),
        Task::Test { filter } => test(filter.as_deref()),
        Task::Nightly { rounds } => nightly(rounds),
        Task::Bench(Bench { proxy: Some(arguments), .. }) => bench::part("proxy", &arguments),
        Task::Bench(Bench { floods: Some(arguments), .. }) => bench::part("floods", &arguments),
        Task::Bench(Bench { policy: Some(arguments), .. }) => bench::part("policy", &arguments),
        Task::Bench(Bench { quick, .. }) => bench::run(quick),
        Task::Licences => {
            println!("licences: {} dependencies, all allowed", dependencies::check_licences(&workspace()?)?);
            Ok(())
        }
        Task::Advisories => {
            println!("{}", dependencies::check_advisories(&workspace()?)?);
            Ok(())
        }
    }
}

fn test(filter: Option<&str>) -> Result<()> {
    let mut command = prepared()?;
    command.args(build::FEATURES).arg("--no-fail-fast").args(filter);
    judged(command)
}

/// The tests that have rounds, with many; `PASSERELLE_SEED` replays what they printed.
fn nightly(rounds: u64) -> Result<()> {
    let mut command = prepared()?;
    command.args(["--package", "passerelle-tests", "--no-fail-fast", "--test", "kill", "--test", "faults"]);
    command.args(["--", "--nocapture"]).env(ROUNDS, rounds.to_string());
    judged(command)
}

/// `cargo test`, with everything there that tests need.
fn prepared() -> Result<Command> {
    packages::set_up()?;
    // The programs under test first: the end-to-end tests start them from the target folder.
    build::build(true)?;
    let mut command = build::cargo()?;
    command.arg("test");
    Ok(command)
}

fn judged(mut command: Command) -> Result<()> {
    if !Uid::effective().is_root() {
        // Some proofs mount, trace and change users.
        command.env(RUNNER, "sudo --preserve-env");
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
    let output = child.stdout.take().context("standard output is piped")?;
    let mut report = Report::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        report.read(&line);
    }
    let success = child.wait()?.success();
    report.conclude(&workspace()?.join("tests/skips.toml"), success)
}
