//! A journal in a temporary folder, with a clock that ticks a millisecond at each look.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use passerelle_audit::{
    Clock, Draft, Effect, FirstBad, Journal, JournalConfig, Kind, Limits, Orphan, Query, Record, Sealed,
    SealingKey, SigningKey, Verified, search, verify,
};

pub struct Log {
    folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    signing_key: SigningKey,
}

impl Log {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_path_buf();
        Log { _temporary: Some(temporary), ..Log::at(folder) }
    }

    pub fn at(folder: PathBuf) -> Self {
        Log { folder, _temporary: None, signing_key: SigningKey::from_seed([7; 32]) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn start(&self) -> Journal {
        self.start_with(|_| {})
    }

    pub fn start_with(&self, limit: impl FnOnce(&mut Limits)) -> Journal {
        self.start_in(self.folder(), limit, &[]).0
    }

    pub fn start_in(
        &self,
        folder: &Path,
        limit: impl FnOnce(&mut Limits),
        keys: &[&SealingKey],
    ) -> (Journal, Vec<Orphan>) {
        let mut limits = Limits::default();
        limit(&mut limits);
        let config = JournalConfig {
            folder: folder.into(),
            gateway: "gw-1".into(),
            origin: "passerelle.test/gw-1".into(),
            signing_key: self.signing_key.clone(),
            limits,
        };
        Journal::start(config, clock(), |id| keys.iter().find(|key| key.id() == *id).map(|&key| key.clone()))
            .unwrap()
    }

    pub fn verify(&self) -> Result<Verified, FirstBad> {
        self.verify_with(None)
    }

    pub fn verify_with(&self, trusted: Option<&str>) -> Result<Verified, FirstBad> {
        verify(self.folder(), &self.signing_key.verifier_key("passerelle.test/gw-1"), trusted)
    }

    pub fn search(&self, keys: &[&SealingKey], query: Query) -> Vec<Record> {
        search(self.folder(), |id| keys.iter().find(|key| key.id() == *id).map(|&key| key.clone()), query)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }
}

/// Milliseconds after a day in 2026.
pub fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_767_225_600_000 + milliseconds).unwrap()
}

pub fn clock() -> Clock {
    let ticks = AtomicI64::new(0);
    Arc::new(move || time(ticks.fetch_add(1, Ordering::Relaxed)))
}

pub fn opening(url: &str) -> Draft {
    let sealed = Sealed {
        terminal: Some("cell-1".into()),
        person: Some("p-1".into()),
        session: Some("s-1".into()),
        url: Some(url.into()),
        ..Sealed::default()
    };
    Draft { decision: Some(Effect::Allow), sealed, ..Draft::new(Kind::Opened) }
}
