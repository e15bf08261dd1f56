//! What staff add over the console: files that arrive, their taking in step by step, and how the last ones ended.
//!
//! Called by the console, which reads the request and shows what is here. Invariants: files arrive on the disk of the items, in a
//! folder of their own that goes with the intake, whatever its end, and with the next start of the gateway; an intake that fails or
//! is cancelled leaves the catalogue as it was; nothing of a file is held in memory but the piece that has just come.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use passerelle_catalogue::ingest::room;
use passerelle_catalogue::shelf::Said;
use passerelle_catalogue::{Cancelled, Coming, IngestError, Item, Source, Step};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::{Catalogue, CatalogueError};
use crate::identifier::Login;
use crate::secret::random;
use crate::store::hex;

/// Intakes that are not over: a few members of staff at a time, on a server with one disk.
const LIVE_LIMIT: usize = 4;
/// Intakes that are remembered, the live ones among them: a day's work.
const REMEMBERED: usize = 20;
/// Files of one intake: a shelf of manuals, or the parts of a split archive.
pub const FILES_LIMIT: usize = 100;
/// In bytes, between two looks at what is free on the disk: others write to it too.
const ROOM_STEP: u64 = 16 << 20;
/// In bytes: file systems take 255.
const LONGEST_NAME: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    #[error("{LIVE_LIMIT} uploads are going on already")]
    Busy,
    #[error("it was cancelled")]
    Cancelled,
    #[error("there are more than {FILES_LIMIT} files")]
    TooMany,
    #[error("two files are called {0}")]
    Twice(String),
    #[error("it is longer than the limit")]
    TooLong,
    #[error(transparent)]
    Room(IngestError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("could not keep {name}")]
    File { name: String, source: std::io::Error },
}

/// All intakes since the start that are remembered, newest first; clones share them.
#[derive(Clone, Default)]
pub struct Intakes(Arc<Mutex<VecDeque<Arc<Intake>>>>);

/// One upload, from its first byte to its end.
pub struct Intake {
    pub id: String,
    pub by: Login,
    pub begun_at: Timestamp,
    /// As the browser announced, its form included; never fewer than what arrives.
    pub announced_bytes: u64,
    cancelled: CancellationToken,
    /// When nothing goes on any more.
    ended: CancellationToken,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
pub struct State {
    pub stage: Stage,
    pub files: Vec<Arrived>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Arriving,
    TakingIn,
    /// The connection ended before the files had arrived: nothing was added.
    CutOff,
    Cancelled,
    /// Each file says how it ended.
    Over,
}

#[derive(Clone)]
pub struct Arrived {
    pub name: String,
    pub bytes: u64,
    pub fate: Fate,
}

#[derive(Clone)]
pub enum Fate {
    /// Still arriving, or its turn has not come.
    Waiting,
    /// A later part of a split archive: it goes with the first.
    Part,
    Working(Step),
    Added(Item),
    Refused(Arc<CatalogueError>),
    /// It was cancelled before its end.
    Left,
}

impl Intakes {
    /// Begins one, whose files may have `limit` bytes together. `cancelled` ends it, as [`Intake::cancel`] does.
    pub fn begin(
        &self,
        catalogue: &Catalogue,
        by: &Login,
        announced_bytes: u64,
        limit: u64,
        cancelled: CancellationToken,
        now: Timestamp,
    ) -> Result<Arrival, ArrivalError> {
        let folder = catalogue.incoming()?;
        room(folder.path(), announced_bytes).map_err(ArrivalError::Room)?;
        let intake = Arc::new(Intake {
            id: hex(&random::<16>()),
            by: by.clone(),
            begun_at: now,
            announced_bytes,
            cancelled,
            ended: CancellationToken::new(),
            state: Mutex::default(),
        });
        let mut known = self.lock();
        if known.iter().filter(|intake| intake.is_live()).count() >= LIVE_LIMIT {
            return Err(ArrivalError::Busy);
        }
        known.push_front(intake.clone());
        // The oldest that is over makes room; there are fewer live ones than places.
        while known.len() > REMEMBERED
            && let Some(oldest) = known.iter().rposition(|intake| !intake.is_live())
        {
            known.remove(oldest);
        }
        drop(known);
        Ok(Arrival { intakes: self.clone(), intake, folder: Some(folder), file: None, bytes: 0, limit })
    }

    pub fn find(&self, id: &str) -> Option<Arc<Intake>> {
        self.lock().iter().find(|intake| intake.id == id).cloned()
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Arc<Intake>> {
        self.lock().iter().cloned().collect()
    }

    fn forget(&self, id: &str) {
        self.lock().retain(|intake| intake.id != id);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Intake>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intake {
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    pub fn is_live(&self) -> bool {
        matches!(self.lock().stage, Stage::Arriving | Stage::TakingIn)
    }

    /// Ends it between two steps; what of it was added already stays.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Waits for its end, whichever.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    fn enter(&self, stage: Stage) {
        self.lock().stage = stage;
        if !matches!(stage, Stage::Arriving | Stage::TakingIn) {
            self.ended.cancel();
        }
    }

    fn set(&self, file: usize, fate: Fate) {
        if let Some(file) = self.lock().files.get_mut(file) {
            file.fate = fate;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files on their way in. Dropped, they are gone and the intake was cut off.
pub struct Arrival {
    intakes: Intakes,
    intake: Arc<Intake>,
    /// Until the taking in has it.
    folder: Option<Coming>,
    file: Option<File>,
    /// Of all files so far.
    bytes: u64,
    limit: u64,
}

impl Arrival {
    pub fn id(&self) -> &str {
        &self.intake.id
    }

    /// Files so far that become an item each.
    pub fn sources(&self) -> usize {
        self.intake.lock().files.iter().filter(|file| !is_later_part(&file.name)).count()
    }

    /// From here on, pieces belong to a file that its sender calls so.
    pub async fn begin_file(&mut self, called: &str) -> Result<(), ArrivalError> {
        let name = safe_name(called);
        let (count, is_there) = {
            let state = self.intake.lock();
            (state.files.len(), state.files.iter().any(|file| file.name == name))
        };
        if is_there {
            return Err(ArrivalError::Twice(name));
        }
        if count >= FILES_LIMIT {
            return Err(ArrivalError::TooMany);
        }
        let path = self.folder().join(&name);
        let file = File::create_new(&path).await;
        self.file = Some(file.map_err(|source| ArrivalError::File { name: name.clone(), source })?);
        let fate = if is_later_part(&name) { Fate::Part } else { Fate::Waiting };
        self.intake.lock().files.push(Arrived { name, bytes: 0, fate });
        Ok(())
    }

    pub async fn push(&mut self, piece: &[u8]) -> Result<(), ArrivalError> {
        if self.intake.cancelled.is_cancelled() {
            return Err(ArrivalError::Cancelled);
        }
        let before = self.bytes;
        self.bytes += piece.len() as u64;
        if self.bytes > self.limit {
            return Err(ArrivalError::TooLong);
        }
        if before / ROOM_STEP != self.bytes / ROOM_STEP {
            room(self.folder(), 0).map_err(ArrivalError::Room)?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(piece).await;
        self.wrote(written)?;
        if let Some(file) = self.intake.lock().files.last_mut() {
            file.bytes += piece.len() as u64;
        }
        Ok(())
    }

    /// The file is whole.
    pub async fn end_file(&mut self) -> Result<(), ArrivalError> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        // It is synced with all that the shelf puts in place.
        let flushed = file.flush().await;
        self.wrote(flushed)
    }

    /// Everything arrived: each file is taken in, one after another, whoever waits for it.
    pub fn take_in(mut self, catalogue: Catalogue, said: Said) -> Arc<Intake> {
        let intake = self.intake.clone();
        intake.enter(Stage::TakingIn);
        if let Some(folder) = self.folder.take() {
            tokio::spawn(take_in(catalogue, intake.clone(), folder, said));
        }
        intake
    }

    /// Nothing came of it that anybody should be told later.
    pub fn forget(self) {
        self.intakes.forget(&self.intake.id);
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), Coming::path)
    }

    fn wrote(&self, written: std::io::Result<()>) -> Result<(), ArrivalError> {
        let name = || self.intake.lock().files.last().map_or_else(String::new, |file| file.name.clone());
        written.map_err(|source| ArrivalError::File { name: name(), source })
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if self.folder.is_some() {
            let is_cancelled = self.intake.cancelled.is_cancelled();
            self.intake.enter(if is_cancelled { Stage::Cancelled } else { Stage::CutOff });
        }
    }
}

async fn take_in(catalogue: Catalogue, intake: Arc<Intake>, folder: Coming, said: Said) {
    let names: Vec<String> = intake.lock().files.iter().map(|file| file.name.clone()).collect();
    for (number, name) in names.iter().enumerate().filter(|(_, name)| !is_later_part(name)) {
        let path = folder.path().join(name);
        let fate = if intake.cancelled.is_cancelled() {
            Fate::Left
        } else {
            let heard = intake.clone();
            let tell = move |step| {
                heard.set(number, Fate::Working(step));
                if heard.cancelled.is_cancelled() { Err(Cancelled) } else { Ok(()) }
            };
            match catalogue.add(Source::Ours(path.clone()), said.clone(), tell).await {
                Ok(item) => {
                    tracing::info!(item = %item.id, by = %intake.by, "added to the catalogue");
                    Fate::Added(item)
                }
                Err(_) if intake.cancelled.is_cancelled() => Fate::Left,
                Err(error) => {
                    tracing::warn!(%error, file = name, by = %intake.by, "not added to the catalogue");
                    Fate::Refused(Arc::new(error))
                }
            }
        };
        intake.set(number, fate);
        // Its room is free for the next one; what stays goes with the folder.
        let _ = tokio::fs::remove_file(path).await;
    }
    drop(folder);
    intake.enter(if intake.cancelled.is_cancelled() { Stage::Cancelled } else { Stage::Over });
}

/// `NAME.zimab` and on: `NAME.zimaa` stands for them all.
fn is_later_part(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let part = ending.strip_prefix("zim").unwrap_or_default();
    part.len() == 2 && part.bytes().all(|b| b.is_ascii_lowercase()) && part != "aa"
}

/// The last piece of what a browser calls a file, as a plain name: no folder, no control character, no dot in front.
fn safe_name(called: &str) -> String {
    let last = called.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|letter| !letter.is_control()).collect();
    let plain = plain.trim().trim_start_matches('.');
    // The ending tells parts of an archive apart, so it is the beginning that is cut.
    let mut start = plain.len().saturating_sub(LONGEST_NAME);
    while !plain.is_char_boundary(start) {
        start += 1;
    }
    match &plain[start..] {
        "" => "item".into(),
        name => name.into(),
    }
}

/// Where the files of an upload would be; for what is free there.
pub fn free_bytes(catalogue: &Catalogue) -> Option<u64> {
    let free = passerelle_catalogue::ingest::free(catalogue.folder()).ok()?;
    Some(free.saturating_sub(passerelle_catalogue::ingest::KEPT_FREE_BYTES))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_plain() {
        for (called, expected) in [
            ("cours.zim", "cours.zim"),
            ("C:\\Documents\\cours.pdf", "cours.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..", "item"),
            ("", "item"),
            (".caché.pdf", "caché.pdf"),
            ("a\0b\n.pdf", "ab.pdf"),
        ] {
            assert_eq!(safe_name(called), expected, "{called:?}");
        }
        let long = format!("{}.zimab", "é".repeat(300));
        assert!(safe_name(&long).len() <= LONGEST_NAME && safe_name(&long).ends_with("é.zimab"));
    }

    #[test]
    fn later_parts_go_with_the_first() {
        for (name, expected) in [
            ("a.zim", false),
            ("a.zimaa", false),
            ("a.zimab", true),
            ("A.ZIMZZ", true),
            ("zimab", false),
            ("a.zim1b", false),
        ] {
            assert_eq!(is_later_part(name), expected, "{name}");
        }
    }
}
