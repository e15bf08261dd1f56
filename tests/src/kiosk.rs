//! The real kiosk on a virtual display, as the unprivileged user it has on a terminal.
//!
//! Driven by keys and clicks only ([`Screen`]); what it shows is read from its test events or from pixels. Never as root:
//! Chromium's sandbox stays on.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};
use serde::Deserialize;
use tempfile::TempDir;

use crate::{
    gateway::binary,
    packages::KIOSK_USER,
    process::{Process, eventually, tail},
    screen::Screen,
};

/// One line of `--events`: what is on the screen now.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    pub screen: String,
    pub focus: Option<String>,
    /// `[x, y, width, height]` by the control's name.
    pub rectangles: BTreeMap<String, [i32; 4]>,
    pub refusal: Option<String>,
    pub page: Option<Page>,
    /// The query whose results are shown.
    pub searched: Option<String>,
    pub dialog: Option<String>,
    /// `starting`, `ready`, `crashed`, `restarted`.
    pub browser: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Page {
    pub url: String,
    pub title: String,
    pub loading: bool,
}

/// A running kiosk; dropping it ends it with its browser.
pub struct Kiosk<'a> {
    pub screen: &'a Screen,
    process: Process,
    events: File,
    unread: String,
    last: Event,
    folder: TempDir,
}

impl<'a> Kiosk<'a> {
    /// Starts the kiosk of the terminal enrolled in `enrolment` on `screen`, full screen.
    pub fn start(screen: &'a Screen, enrolment: &Path) -> Result<Kiosk<'a>> {
        let place = Place::new(enrolment)?;
        // A file, not a pipe: the kiosk opens its descriptor anew, which another user's pipe does not allow.
        let events = place.folder.path().join("events.jsonl");
        let output = File::create(&events)?;
        place.give(&events)?;
        let mut command = place.command();
        command.args(["--events", "1"]).envs(screen.environment());
        let log = place.folder.path().join("kiosk.log");
        let process = Process::start_into("passerelle-kiosk", &mut command, output, &log)?;
        let events = File::open(&events)?;
        let (unread, last) = Default::default();
        Ok(Kiosk { screen, process, events, unread, last, folder: place.folder })
    }

    /// Where the kiosk keeps what it needs for a session; its HOME.
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Takes in what the kiosk wrote since the last look.
    fn read_events(&mut self) -> Result<()> {
        let at = self.events.stream_position()?;
        self.events.seek(SeekFrom::Start(at))?;
        self.events.read_to_string(&mut self.unread)?;
        while let Some((line, rest)) = self.unread.split_once('\n') {
            self.last = serde_json::from_str(line).with_context(|| format!("not an event: {line}"))?;
            self.unread = rest.to_string();
        }
        Ok(())
    }

    /// What the kiosk said last.
    pub fn now(&mut self) -> Result<&Event> {
        self.read_events()?;
        Ok(&self.last)
    }

    /// Waits until the newest event is as `wanted` says.
    pub fn wait(&mut self, what: &str, limit: Duration, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        let found = eventually(limit, what, || {
            if !self.process.is_running() {
                bail!("the kiosk has ended");
            }
            self.read_events()?;
            Ok(wanted(&self.last))
        });
        found.with_context(|| {
            let log = tail(&self.folder.path().join("kiosk.log"));
            format!("last event: {:?}\n{log}", self.last)
        })?;
        Ok(self.last.clone())
    }

    pub fn wait_for_screen(&mut self, name: &str, limit: Duration) -> Result<Event> {
        self.wait(&format!("the screen {name}"), limit, |event| event.screen == name)
    }

    /// Clicks the middle of the control `name`, once it is there.
    pub fn click(&mut self, name: &str, limit: Duration) -> Result<()> {
        let there = |event: &Event| event.rectangles.contains_key(name);
        let event = self.wait(&format!("the control {name}"), limit, there)?;
        let [x, y, width, height] = event.rectangles[name];
        self.screen.click((x + width / 2, y + height / 2))
    }

    /// The kiosk's descendants whose command line has `word`, newest last.
    pub fn descendants(&self, word: &str) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        let mut parents = vec![self.process.id()];
        while let Some(parent) = parents.pop() {
            for child in children(parent) {
                parents.push(child);
                if command_line(child).contains(word) {
                    found.push(child);
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// Opens the kiosk in a window on the caller's own display; it runs until it is closed or dropped.
pub fn open_window(enrolment: &Path) -> Result<(Process, TempDir)> {
    let place = Place::new(enrolment)?;
    let mut command = place.command();
    command.arg("--windowed");
    for name in ["DISPLAY", "WAYLAND_DISPLAY"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if let Some(cookies) = place.display_cookies()? {
        command.env("XAUTHORITY", cookies);
    }
    if place.user.is_none()
        && let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR")
    {
        // Where a Wayland display of the caller's own stands.
        command.env("XDG_RUNTIME_DIR", runtime);
    }
    let log = place.folder.path().join("kiosk.log");
    Ok((Process::start("passerelle-kiosk", &mut command, &log)?, place.folder))
}

/// A folder with all that a kiosk needs, in the hands of the user it runs as.
struct Place {
    folder: TempDir,
    /// `None`: the caller's own, who is not root.
    user: Option<User>,
}

impl Place {
    fn new(enrolment: &Path) -> Result<Place> {
        let user = match Uid::effective().is_root() {
            false => None,
            true => Some(User::from_name(KIOSK_USER)?.context("`cargo xtask setup` makes the kiosk's user")?),
        };
        let place = Place { folder: TempDir::with_prefix("passerelle-kiosk-")?, user };
        let folder = place.folder.path();
        place.give(folder)?;
        // The kiosk's user reads neither the target folder nor a Stand of root's.
        fs::copy(binary("passerelle-kiosk")?, folder.join("passerelle-kiosk"))?;
        fs::set_permissions(folder.join("passerelle-kiosk"), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(folder.join("enrolment"))?;
        place.give(&folder.join("enrolment"))?;
        for entry in fs::read_dir(enrolment)? {
            let entry = entry?;
            place.copy(&entry.path(), &folder.join("enrolment").join(entry.file_name()))?;
        }
        Ok(place)
    }

    fn give(&self, path: &Path) -> Result<()> {
        let Some(user) = &self.user else { return Ok(()) };
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .with_context(|| format!("giving {} to {KIOSK_USER}", path.display()))
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
        self.give(to)
    }

    /// The caller's key to its X display, readable for the kiosk's user.
    fn display_cookies(&self) -> Result<Option<PathBuf>> {
        let named = std::env::var_os("XAUTHORITY").map(PathBuf::from);
        let usual = std::env::var_os("HOME").map(|home| Path::new(&home).join(".Xauthority"));
        let Some(cookies) = named.or(usual).filter(|file| file.is_file()) else { return Ok(None) };
        let copy = self.folder.path().join("display.auth");
        self.copy(&cookies, &copy)?;
        Ok(Some(copy))
    }

    /// The kiosk with nothing of the caller's environment.
    fn command(&self) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(folder.join("passerelle-kiosk"));
        command
            .arg("--enrolment")
            .arg(folder.join("enrolment"))
            .env_clear()
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "fr_FR.UTF-8")
            .env("RUST_LOG", "info")
            .env("RUST_BACKTRACE", "1")
            .current_dir(folder);
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }
}

/// Children of every thread of `parent`.
fn children(parent: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The command line of a process, its words separated by spaces; empty when it is gone.
pub fn command_line(id: u32) -> String {
    let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ")
}

/// A field of `/proc/ID/status`, `Seccomp` for example.
pub fn status_field(id: u32, name: &str) -> Option<String> {
    let text = fs::read_to_string(PathBuf::from(format!("/proc/{id}/status"))).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_string()))
}
