//! Child processes of the tests: started in their own process group, ended by their own id, never by name.
//!
//! A [`Process`] is owned by whoever needs the program; dropping it ends the whole group (SIGTERM, then SIGKILL after
//! [`STOP_LIMIT`]), so that no test leaves a gateway, browser or web server behind. Its output goes to a log file whose
//! tail stands in every error.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

/// A well-behaved server stops within a second; PostgreSQL and Chromium under load take a few.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks at a condition that nothing announces; short beside every deadline in use.
const POLL: Duration = Duration::from_millis(20);
/// Log lines shown in an error: enough for a panic with its cause.
const TAIL_LINES: usize = 30;

pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    lines: Option<Receiver<String>>,
}

impl Process {
    /// Starts `command` with its standard error (and standard output) in `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Process> {
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        command.stdout(file.try_clone()?);
        Process::spawn(name, command, file, log)
    }

    /// Like [`Process::start`], but standard output goes to `output`.
    pub fn start_into(name: &str, command: &mut Command, output: File, log: &Path) -> Result<Process> {
        command.stdout(output);
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        Process::spawn(name, command, file, log)
    }

    /// Like [`Process::start`], but standard output is read line by line with [`Process::wait_for_line`].
    pub fn start_with_lines(name: &str, command: &mut Command, log: &Path) -> Result<Process> {
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        command.stdout(Stdio::piped());
        let mut process = Process::spawn(name, command, file, log)?;
        process.lines = process.child.stdout.take().map(lines_of);
        Ok(process)
    }

    fn spawn(name: &str, command: &mut Command, log_file: File, log: &Path) -> Result<Process> {
        let child = command
            .stdin(Stdio::null())
            .stderr(log_file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Process { name: name.into(), child, log: log.into(), lines: None })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of standard output for which `wanted` holds; lines before it are dropped.
    pub fn wait_for_line(&mut self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + limit;
        let lines = self.lines.as_ref().context("standard output of this process is not read")?;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return Ok(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{}: no such line within {limit:?}\n{}", self.name, self.log_tail())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("{} has ended\n{}", self.name, self.log_tail()),
            }
        }
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        killpg(Pid::from_raw(self.child.id() as i32), signal)
            .with_context(|| format!("sending {signal} to {}", self.name))
    }

    /// Waits for the end; the exit code, or `None` when a signal ended it.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<i32>> {
        let mut status = None;
        eventually(limit, &format!("end of {}", self.name), || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })?;
        Ok(status.and_then(|status| status.code()))
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines the program wrote, for errors.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() && self.signal(Signal::SIGTERM).is_ok() && self.wait(STOP_LIMIT).is_ok() {
            return;
        }
        // The group outlives its leader when a child ignored SIGTERM; an empty group is only an error code.
        let _ = self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A receiver that is gone must not stop the reading: a full pipe would block the program.
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The last [`TAIL_LINES`] lines of a log file.
pub fn tail(log: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = File::open(log) {
        let _ = file.read_to_string(&mut text);
    }
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    format!("--- {} ---\n{}", log.display(), lines[from..].join("\n"))
}

/// What a program that ran to its end left behind.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Fails with both outputs unless the exit code is 0.
    pub fn success(self) -> Result<Output> {
        if self.code != 0 {
            bail!("exit code {}\nstdout: {}\nstderr: {}", self.code, self.stdout.trim(), self.stderr.trim());
        }
        Ok(self)
    }

    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("not JSON: {}", self.stdout))
    }
}

/// Runs `command` to its end with `input` on standard input.
pub fn run(command: &mut Command, input: &str) -> Result<Output> {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that doesn't read its input closes the pipe; that is no failure of ours.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().with_context(|| format!("waiting for {command:?}"))?;
    Ok(Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The most memory a process has held so far (`VmHWM` of proc(5)).
pub fn resident_bytes(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

/// Looks at `condition` until it holds or `limit` has passed: for what announces nothing (files, processes, pixels).
pub fn eventually(limit: Duration, what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !condition()? {
        if Instant::now() >= deadline {
            bail!("{what}: not within {limit:?}");
        }
        thread::sleep(POLL);
    }
    Ok(())
}
