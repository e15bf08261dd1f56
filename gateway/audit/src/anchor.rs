//! The anchor: the last signed checkpoint, kept outside the log's folder, so that a folder that is gone or rolled back is noticed.
//!
//! Read by start and verifier, written by the publisher after the checkpoint in the log. Invariant: it may lag behind the log
//! by what one round publishes, and never leads it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::checkpoint::{Checkpoint, SigningKey, VerifierKey};
use crate::proof::{ConsistencyProof, ProofError};
use crate::recover::StartError;
use crate::store::named;
use crate::tile::FolderNodes;
use crate::tree::Frontier;

/// One signed note, durable.
pub(crate) trait Anchor: Send {
    fn read(&self) -> io::Result<Vec<u8>>;
    /// Replaces the note at once: a crash leaves the old one or the new one.
    fn write(&self, note: &[u8]) -> io::Result<()>;
}

/// The anchor as a file, whose folder is there. Only who holds the journal's lock writes it.
pub(crate) struct AnchorFile(pub(crate) PathBuf);

impl Anchor for AnchorFile {
    fn read(&self) -> io::Result<Vec<u8>> {
        fs::read(&self.0).map_err(|error| named(&self.0.display(), error))
    }

    fn write(&self, note: &[u8]) -> io::Result<()> {
        let fresh = self.0.with_extension("new");
        let mut to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        to.write_all(note)?;
        to.sync_all()?;
        fs::rename(&fresh, &self.0)?;
        File::open(self.0.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Makes the anchor of a log that has no record yet: once, before its first start. Errs if there is one.
pub fn create_anchor(path: &Path, origin: &str, key: &SigningKey) -> io::Result<()> {
    if path.try_exists()? {
        return Err(named(&path.display(), io::ErrorKind::AlreadyExists.into()));
    }
    AnchorFile(path.into()).write(first_note(origin, key).as_bytes())
}

pub(crate) fn first_note(origin: &str, key: &SigningKey) -> String {
    Checkpoint { origin: origin.to_owned(), size: 0, root: Frontier::default().root() }.sign(key)
}

/// What the anchor at `path` says of the log.
pub(crate) fn read(anchor: &dyn Anchor, path: &Path, key: &VerifierKey) -> Result<Checkpoint, StartError> {
    let note = match anchor.read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StartError::NoAnchor(path.into()));
        }
        read => read.map_err(|source| StartError::Disk { what: "anchor", source })?,
    };
    Checkpoint::verify(&String::from_utf8_lossy(&note), key)
        .map_err(|source| StartError::Anchor { path: path.into(), source })
}

/// Errs unless the log of `now`, whose nodes these are, begins with what was `anchored`.
pub(crate) fn check(
    anchored: &Checkpoint,
    path: &Path,
    nodes: &FolderNodes,
    now: &Checkpoint,
) -> Result<(), StartError> {
    if anchored.size > now.size {
        return Err(StartError::Shorter { path: path.into(), expected: anchored.size, found: now.size });
    }
    let proof = ConsistencyProof::make(nodes, anchored.size, now.size);
    proof.and_then(|proof| proof.check(&anchored.root, &now.root)).map_err(|error| match error {
        ProofError::Tile(source) => StartError::Disk { what: "tiles", source },
        _ => StartError::Forked { path: path.into(), size: anchored.size },
    })
}
