//! `cargo xtask`: the set-up, every test, and the checks of CI, in one program that needs only Rust beforehand.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use passerelle_tests::{dependencies, packages, report::Report};

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
    /// Checks the licences of all dependencies against deny.toml
    Licences,
    /// Checks all dependencies for known vulnerabilities, where the database can be reached
    Advisories,
}

/// One feature set for every build, so that nothing is compiled twice.
const BUILD: [&str; 3] = ["--workspace", "--features", "passerelle-kiosk/test-events"];

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Setup => packages::set_up(),
        Task::Test { filter } => test(filter.as_deref()),
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

fn workspace() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("tests stands in the workspace")?.to_path_buf())
}

fn test(filter: Option<&str>) -> Result<()> {
    packages::set_up()?;
    let workspace = workspace()?;
    // The programs under test first: the end-to-end tests start them from the target folder.
    if !cargo(&workspace).arg("build").args(BUILD).arg("--all-targets").status()?.success() {
        bail!("the build failed");
    }
    let mut command = cargo(&workspace);
    command.arg("test").args(BUILD).arg("--no-fail-fast").args(filter);
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
    let output = child.stdout.take().context("standard output is piped")?;
    let mut report = Report::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        report.read(&line);
    }
    let success = child.wait()?.success();
    report.conclude(&workspace.join("tests/skips.toml"), success)
}

/// Cargo as a caller's shell would start it: without what `cargo run` told this program about its own package.
fn cargo(workspace: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace);
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO" {
            command.env_remove(name);
        }
    }
    command
}
