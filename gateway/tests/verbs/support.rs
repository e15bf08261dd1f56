//! A data folder and the program run on it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder for one test; `data` is the gateway's.
pub struct Folder {
    pub root: TempDir,
    pub data: PathBuf,
}

/// What one run said.
#[derive(Debug)]
pub struct Ran {
    pub exit: i32,
    pub out: String,
    pub error: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One JSON value a line.
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    pub fn done(self) -> Ran {
        assert_eq!(self.exit, 0, "{self:?}");
        self
    }

    /// Exit 1, and a message that says so.
    #[track_caller]
    pub fn refused(self, why: &str) -> Ran {
        assert_eq!(self.exit, 1, "{self:?}");
        assert!(self.error.contains(why) || self.out.contains(why), "{why}: {self:?}");
        self
    }
}

/// Passwords and PINs of the sample people.
pub const PASSWORD: &str = "sample password";
pub const PIN: &str = "271828";

impl Folder {
    /// Not initialised.
    pub fn new() -> Folder {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        Folder { root, data }
    }

    pub fn initialised() -> Folder {
        let folder = Folder::new();
        folder.run("init").done();
        folder
    }

    /// With the sample staff `sam` (security) and `ada` (administrator).
    pub fn with_staff() -> Folder {
        let folder = Folder::initialised();
        for (login, role) in [("sam", "security"), ("ada", "administrator")] {
            let verb = format!("staff add --login {login} --role {role} --password-stdin");
            folder.run_with(&verb, PASSWORD).done();
        }
        folder
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.root.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passerelle-gateway"));
        command
            .env_clear()
            .env("LANG", "fr_FR.UTF-8")
            .args(verb.split_whitespace())
            .arg("--data")
            .arg(&self.data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, verb: &str) -> Ran {
        self.run_with(verb, "")
    }

    pub fn run_with(&self, verb: &str, input: &str) -> Ran {
        run(self.command(verb), input)
    }

    /// Kinds of all records, in order.
    pub fn kinds(&self) -> Vec<String> {
        let records = self.run("audit search --json").done().lines();
        records.iter().map(|record| record["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// A folder with everything this one has.
    pub fn copied(&self) -> Folder {
        let copy = Folder::new();
        let copied = Command::new("cp").arg("--archive").args([&self.data, &copy.data]).status().unwrap();
        assert!(copied.success());
        copy
    }

    fn serve_command(&self) -> Command {
        let mut command = self.command("serve --terminal-listen 127.0.0.1:0");
        command.args(["--staff-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command
    }

    /// What a gateway says that does not serve; `None` when it does.
    pub fn try_serve(&self) -> Option<Ran> {
        let mut process = self.serve_command().spawn().unwrap();
        let mut said = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        if !said.is_empty() {
            drop(Serving { process, ready: said });
            return None;
        }
        let output = process.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        Some(Ran { exit: output.status.code().unwrap_or(-1), out: said, error })
    }

    /// Serves on free ports until dropped; returns once it is ready.
    pub fn serve(&self) -> Serving {
        let mut process = self.serve_command().stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(ready.starts_with("ready terminal="), "{ready:?}");
        Serving { process, ready }
    }
}

pub fn run(mut command: Command, input: &str) -> Ran {
    let mut process = command.spawn().unwrap();
    // A verb that needs no input may be gone before it is given any.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let output = process.wait_with_output().unwrap();
    Ran {
        exit: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running gateway, killed when dropped.
pub struct Serving {
    pub process: Child,
    pub ready: String,
}

impl Serving {
    pub fn terminal_address(&self) -> &str {
        self.ready.split_whitespace().find_map(|word| word.strip_prefix("terminal=")).unwrap()
    }

    /// SIGTERM; the exit code.
    pub fn stop(mut self) -> i32 {
        let id = nix::unistd::Pid::from_raw(self.process.id().cast_signed());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.process.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
