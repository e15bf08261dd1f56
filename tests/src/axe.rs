//! axe-core, which judges the console's accessibility in the browser: fetched once, by name and version, from the npm registry.
//!
//! Called by the set-up; the tests read the script it left beside the programs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use aws_lc_rs::digest::{SHA512, digest};
use data_encoding::BASE64;

use crate::{gateway::binaries, process::run};

const VERSION: &str = "4.11.0";
/// SHA-512 of the package, as the registry states it.
const INTEGRITY: &str =
    "ilYanEU8vxxBexpJd8cWM4ElSQq4QctCLKih0TSfjIfCQTeyH/6zVrmIJfLPrKTKJRbiG+cfnZbQIjAlJmF1jQ==";

/// The script; an error says how it comes there.
pub fn script() -> Result<PathBuf> {
    let script = folder()?.join("package/axe.min.js");
    if !script.is_file() {
        bail!("{} is missing; run `cargo xtask setup` first", script.display());
    }
    Ok(script)
}

fn folder() -> Result<PathBuf> {
    Ok(binaries()?.join("axe-core"))
}

/// Fetches and unpacks the package, unless it is there.
pub fn fetch() -> Result<()> {
    let folder = folder()?;
    let package = folder.join(format!("axe-core-{VERSION}.tgz"));
    if package.is_file() {
        return Ok(());
    }
    println!("fetching axe-core {VERSION} through npm");
    fs::create_dir_all(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", &format!("axe-core@{VERSION}")]).current_dir(&folder);
    run(&mut npm, "")?.success().context("npm pack axe-core")?;
    check(&package).inspect_err(|_| drop(fs::remove_file(&package)))?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--no-same-owner", "--file"]).arg(&package).current_dir(&folder);
    run(&mut tar, "")?.success().context("unpacking axe-core")?;
    Ok(())
}

fn check(package: &Path) -> Result<()> {
    let found = BASE64.encode(digest(&SHA512, &fs::read(package)?).as_ref());
    if found != INTEGRITY {
        bail!("{} is another package: its SHA-512 is {found}", package.display());
    }
    Ok(())
}
