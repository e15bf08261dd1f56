//! The real gateway binary as a child process, and its verbs.
//!
//! Everything here goes through the command line of the contract; nothing links the gateway's code, so what the tests
//! prove holds for the program that ships.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::process::{Output, Process, run};

/// From start to the `ready` line: recovery of a journal after `kill -9` included, on a loaded machine.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// The folder the binaries under test stand in: beside the running test or program.
pub fn binaries() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let mut folder = own.parent().context("a program stands in a folder")?;
    if folder.ends_with("deps") {
        folder = folder.parent().context("deps stands in the target folder")?;
    }
    Ok(folder.to_path_buf())
}

/// The program `name` of this workspace, built beforehand (`cargo xtask test` and `cargo demo` do).
pub fn binary(name: &str) -> Result<PathBuf> {
    let path = binaries()?.join(name);
    if !path.is_file() {
        bail!("{} is not built; run `cargo build --workspace` first", path.display());
    }
    Ok(path)
}

/// Runs one verb on `data`, with `input` (a PIN, a password) on standard input.
pub fn verb(data: &Path, arguments: &[&str], input: &str) -> Result<Output> {
    let mut command = Command::new(binary("passerelle-gateway")?);
    clean(&mut command).args(arguments).arg("--data").arg(data);
    run(&mut command, input)
}

/// Nothing of the caller's environment decides what the gateway does.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars() {
        if name.starts_with("PASSERELLE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A serving gateway; dropping it stops it.
pub struct Gateway {
    process: Process,
    pub terminal: SocketAddr,
    pub staff: SocketAddr,
    pub metrics: SocketAddr,
}

impl Gateway {
    /// `serve` on `terminal` (port 0 for any) and free ports otherwise; `wrapper` is put before the command (strace).
    pub fn serve(data: &Path, log: &Path, terminal: SocketAddr, wrapper: &[String]) -> Result<Gateway> {
        let program = binary("passerelle-gateway")?;
        let mut command = match wrapper.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        clean(&mut command)
            .args(["serve", "--data"])
            .arg(data)
            .arg("--terminal-listen")
            .arg(terminal.to_string())
            .args(["--staff-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        let mut process = Process::start_with_lines("passerelle-gateway", &mut command, log)?;
        let line = process.wait_for_line(READY_LIMIT, |line| line.starts_with("ready "))?;
        Ok(Gateway {
            terminal: address(&line, "terminal")?,
            staff: address(&line, "staff")?,
            metrics: address(&line, "metrics")?,
            process,
        })
    }

    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn address(ready: &str, name: &str) -> Result<SocketAddr> {
    ready
        .split_whitespace()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        .with_context(|| format!("no address of {name} in: {ready}"))
}
