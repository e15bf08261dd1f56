//! A journal in a temporary folder, with a clock that ticks a millisecond at each look.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use passerelle_audit::{
    Clock, Draft, Effect, FirstBad, HintKey, Journal, JournalConfig, Kind, Limits, Orphan, Query, Record,
    Sealed, SealingKey, SigningKey, StartError, Trusted, Verified, create_anchor, prune, search, verify,
};

const ORIGIN: &str = "passerelle.test/gw-1";

/// Beside the folder.
fn anchor(folder: &Path) -> PathBuf {
    folder.with_file_name("checkpoint")
}

pub struct Log {
    folder: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    signing_key: SigningKey,
}

impl Log {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("audit");
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
        self.try_start_in(folder, limit, keys).unwrap()
    }

    pub fn try_start(&self) -> Result<Journal, StartError> {
        self.try_start_in(self.folder(), |_| {}, &[]).map(|(journal, _)| journal)
    }

    fn try_start_in(
        &self,
        folder: &Path,
        limit: impl FnOnce(&mut Limits),
        keys: &[&SealingKey],
    ) -> Result<(Journal, Vec<Orphan>), StartError> {
        let mut limits = Limits::default();
        limit(&mut limits);
        let anchor = anchor(folder);
        if !folder.exists() {
            create_anchor(&anchor, ORIGIN, &self.signing_key).unwrap();
        }
        let config = JournalConfig {
            folder: folder.into(),
            anchor,
            gateway: "gw-1".into(),
            origin: ORIGIN.into(),
            signing_key: self.signing_key.clone(),
            limits,
        };
        Journal::start(config, clock(), |id| keys.iter().find(|key| key.id() == *id).map(|&key| key.clone()))
    }

    /// As retention does.
    pub fn prune(&self, minimum: u64) -> u64 {
        prune(self.folder(), minimum, ORIGIN, &self.signing_key).unwrap()
    }

    pub fn hints(&self) -> HintKey {
        self.signing_key.hint_key()
    }

    pub fn verify(&self) -> Result<Verified, FirstBad> {
        let note = std::fs::read_to_string(anchor(self.folder())).unwrap();
        let trusted = [Trusted { what: "the anchor", note: &note }];
        verify(self.folder(), &self.signing_key.verifier_key(ORIGIN), &trusted)
    }

    pub fn search(&self, keys: &[&SealingKey], query: Query) -> Vec<Record> {
        search(
            self.folder(),
            self.hints(),
            |id| keys.iter().find(|key| key.id() == *id).map(|&key| key.clone()),
            query,
        )
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
