//! One way to build, for tests and demo: the same packages, features and profile, so that nothing is compiled twice.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The kiosk tells its screens to who started it (`--events`); release packages are built without.
pub const FEATURES: [&str; 3] = ["--workspace", "--features", "passerelle-kiosk/test-events"];

pub fn workspace() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("tests stands in the workspace")?.to_path_buf())
}

/// Cargo as a caller's shell would start it: without what `cargo run` told this program about its own package.
pub fn cargo() -> Result<Command> {
    let mut command = Command::new("cargo");
    command.current_dir(workspace()?);
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO" {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// Builds the programs; `tests` too where asked.
pub fn build(tests: bool) -> Result<()> {
    run_build(if tests { &["--all-targets"] } else { &[] })
}

/// Builds the programs as the benches measure them, beside what `cargo bench` builds.
pub fn build_measured() -> Result<()> {
    run_build(&["--profile", "bench"])
}

fn run_build(more: &[&str]) -> Result<()> {
    let mut command = cargo()?;
    command.arg("build").args(FEATURES).args(more);
    if !command.status().context("starting cargo build")?.success() {
        bail!("the build failed");
    }
    Ok(())
}
