//! A wall clock that a test sets, for a gateway that reads it in place of the machine's (libfaketime).
//!
//! Put its [`Clock::wrapper`] before the gateway, and give it to the clients, whose certificates are of its time. Only the wall
//! clock is pretended: time-outs, pauses and idle limits run as ever. Between two settings it goes on like a real one.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;
use tempfile::TempDir;

/// Clones are one clock.
#[derive(Clone, Debug)]
pub struct Clock {
    folder: Arc<TempDir>,
}

impl Clock {
    pub fn at(now: Timestamp) -> Result<Clock> {
        let clock = Clock { folder: Arc::new(TempDir::with_prefix("passerelle-clock-")?) };
        clock.set(now)?;
        Ok(clock)
    }

    /// From here on it is `now`.
    pub fn set(&self, now: Timestamp) -> Result<()> {
        let ahead = now.duration_since(Timestamp::now());
        // Renamed into place: no reader sees half a number.
        let fresh = self.file().with_extension("fresh");
        fs::write(&fresh, format!("{:+.6}\n", ahead.as_secs_f64()))?;
        Ok(fs::rename(fresh, self.file())?)
    }

    pub fn now(&self) -> Result<Timestamp> {
        let ahead: f64 = fs::read_to_string(self.file())?.trim().parse()?;
        Ok(Timestamp::now() + SignedDuration::try_from_secs_f64(ahead)?)
    }

    /// The command that makes the program behind it read this clock.
    pub fn wrapper(&self) -> Result<Vec<String>> {
        let library = library().context("libfaketime is not installed (Debian package faketime)")?;
        Ok(vec![
            "env".into(),
            format!("LD_PRELOAD={}", library.display()),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.file().display()),
            "FAKETIME_NO_CACHE=1".into(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
        ])
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("now")
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.now().ok()?.as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

/// Debian keeps it in a folder of the machine's architecture.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?;
    folders
        .flatten()
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|file| file.exists())
}
