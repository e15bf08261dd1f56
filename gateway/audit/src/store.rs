//! The folder of the log, behind two small traits whose faulty twin the tests use.
//!
//! [`Disk`] keeps whole files: each appears under its name with all its bytes or not at all, and stays after a crash.
//! [`Tail`] is the one file written in place, inside bytes that were reserved before.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkpoint::{self, Checkpoint, SigningKey, VerifierKey};
use crate::tile::TilePath;
use crate::tree::{Frontier, TILE_WIDTH};

/// Where segments stand, and files that have no name yet.
pub(crate) const PENDING: &str = "pending";
pub(crate) const CHECKPOINT: &str = "checkpoint";
pub(crate) const VERIFIER_KEY: &str = "log.vkey";
/// The first index whose entry is kept; absent: 0.
pub(crate) const MINIMUM: &str = "minimum-index";
/// The same under the log's signature: a checkpoint of origin `ORIGIN/minimum-index` whose size is the highest minimum there was.
const MINIMUM_NOTE: &str = "minimum-index.note";

/// A name in a folder of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) folder: bool,
}

/// Whole files below the log's folder, by relative path.
pub(crate) trait Disk: Send + Sync {
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// Empty if there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<Listed>>;
    /// Makes or replaces every file, durably; on an error any of them may be there, each whole.
    fn publish(&self, files: &[(String, Vec<u8>)]) -> io::Result<()>;
    fn remove(&self, path: &str) -> io::Result<()>;
    fn remove_folder(&self, path: &str) -> io::Result<()>;
    /// Bytes that the journal may still take.
    fn free_bytes(&self) -> io::Result<u64>;
    /// Makes, durably, a file of `length` reserved bytes that begins with `head`.
    fn create_tail(&self, path: &str, head: &[u8], length: u64) -> io::Result<Box<dyn Tail>>;
    fn open_tail(&self, path: &str) -> io::Result<Box<dyn Tail>>;
}

/// A file written in place.
pub(crate) trait Tail: Send {
    /// Bytes reserved so far: writing below needs no more room.
    fn length(&self) -> u64;
    fn reserve(&mut self, length: u64) -> io::Result<()>;
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Everything written is on stable storage.
    fn sync(&mut self) -> io::Result<()>;
    /// Gives back what is reserved beyond `length`.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// A segment's path; names sort as their first indexes do.
pub(crate) fn segment_path(first: u64) -> String {
    format!("{PENDING}/{first:020}.tail")
}

/// The first indexes of the segments, ascending.
pub(crate) fn segments(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let mut firsts: Vec<u64> = disk
        .list(PENDING)?
        .iter()
        .filter_map(|listed| listed.name.strip_suffix(".tail")?.parse().ok())
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// The first index whose entry is kept.
pub(crate) fn minimum_index(disk: &dyn Disk) -> io::Result<u64> {
    let text = match disk.read(MINIMUM) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        read => read?,
    };
    std::str::from_utf8(&text)
        .ok()
        .and_then(|text| text.trim_end().parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{MINIMUM} is not a number")))
}

/// The same, as the log's key signed it: who can only write in the folder can't have entries taken for pruned.
pub(crate) fn signed_minimum_index(disk: &dyn Disk, key: &VerifierKey) -> io::Result<u64> {
    let minimum = minimum_index(disk)?;
    if minimum == 0 {
        return Ok(0);
    }
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let note = disk.read(MINIMUM_NOTE).map_err(|error| named(&MINIMUM_NOTE, error))?;
    let key = key.renamed(&minimum_name(key.name()));
    let signed = Checkpoint::verify(&String::from_utf8_lossy(&note), &key)
        .map_err(|error| invalid(format!("{MINIMUM_NOTE}: {error}")))?;
    match minimum <= signed.size {
        true => Ok(minimum),
        false => Err(invalid(format!("{MINIMUM} is {minimum}, and only {} was signed", signed.size))),
    }
}

fn minimum_name(origin: &str) -> String {
    format!("{origin}/{MINIMUM}")
}

/// Retention: removes the entry bundles that end at or below `minimum` (never hash tiles), and says so, signed, in
/// `minimum-index` first. Never beyond the last checkpoint, never back. Answers with the minimum index now in force.
pub fn prune(folder: &Path, minimum: u64, origin: &str, key: &SigningKey) -> io::Result<u64> {
    prune_on(&Folder::unlocked(folder), minimum, origin, key)
}

fn prune_on(disk: &dyn Disk, minimum: u64, origin: &str, key: &SigningKey) -> io::Result<u64> {
    let before = signed_minimum_index(disk, &key.verifier_key(origin))?;
    let size = checkpoint::size(&disk.read(CHECKPOINT)?)?;
    let minimum = minimum.min(size).max(before);
    if minimum == before {
        return Ok(minimum);
    }
    let note = Checkpoint { origin: minimum_name(origin), size: minimum, root: Frontier::default().root() };
    disk.publish(&[(MINIMUM_NOTE.into(), note.sign(key).into_bytes())])?;
    disk.publish(&[(MINIMUM.into(), format!("{minimum}\n").into_bytes())])?;
    let width = TILE_WIDTH as u64;
    for number in before / width..minimum / width {
        match disk.remove(&TilePath::entries(number).to_string()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(minimum)
}

/// The same error, with the file it is about.
pub(crate) fn named(path: &dyn Display, error: io::Error) -> io::Error {
    match error.kind() {
        kind @ io::ErrorKind::NotFound => io::Error::new(kind, format!("{path} is missing")),
        kind => io::Error::new(kind, format!("{path}: {error}")),
    }
}

/// The real folder.
pub(crate) struct Folder {
    root: PathBuf,
    /// Held while a writer lives: never a second one.
    _lock: Option<File>,
}

impl Folder {
    /// Makes the folder where absent, takes its lock and clears what a crash left without a name.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join(PENDING))?;
        let lock = File::create(root.join(PENDING).join("lock"))?;
        lock.try_lock()
            .map_err(|_| io::Error::new(io::ErrorKind::WouldBlock, "another writer holds the journal"))?;
        let folder = Folder { root: root.into(), _lock: Some(lock) };
        for listed in folder.list(PENDING)? {
            if listed.name.starts_with("new-") {
                folder.remove(&format!("{PENDING}/{}", listed.name))?;
            }
        }
        sync_folder(root)?;
        Ok(folder)
    }

    /// Without lock: for readers, and for pruning beside the writer.
    pub(crate) fn unlocked(root: &Path) -> Self {
        Folder { root: root.into(), _lock: None }
    }

    /// A file without name yet, in the same file system.
    fn unnamed(&self) -> io::Result<(PathBuf, File)> {
        /// One for the process: whoever prunes beside the writer has a folder of its own.
        static UNNAMED: AtomicU64 = AtomicU64::new(0);
        let number = UNNAMED.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(PENDING).join(format!("new-{}-{number}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok((path, file))
    }

    /// Makes the folders above `path`; those that have to be synced for `path` to stay, from the deepest up.
    fn make_parents(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let parent = path.parent().expect("every file stands below the log's folder");
        let mut changed = vec![parent.to_path_buf()];
        if !parent.exists() {
            changed.extend(self.make_parents(parent)?);
            match fs::create_dir(parent) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(changed)
    }
}

impl Disk for Folder {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(path)).map_err(|error| named(&path, error))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        entries
            .map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok(Listed { name, folder: entry.file_type()?.is_dir() })
            })
            .collect()
    }

    /// Writes all, syncs all, names all, then syncs each folder once: the waits overlap.
    fn publish(&self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        let mut unnamed = Vec::with_capacity(files.len());
        let written = files.iter().try_for_each(|(_, bytes)| {
            let (path, mut file) = self.unnamed()?;
            let written = file.write_all(bytes);
            unnamed.push((path, file));
            written
        });
        let named = written.and_then(|()| {
            unnamed.iter().try_for_each(|(_, file)| file.sync_data())?;
            let mut folders = Vec::new();
            for ((name, _), (path, _)) in files.iter().zip(&unnamed) {
                let target = self.root.join(name);
                folders.extend(self.make_parents(&target)?);
                fs::rename(path, target)?;
            }
            folders.sort_unstable();
            folders.dedup();
            folders.iter().rev().try_for_each(|folder| sync_folder(folder))
        });
        if named.is_err() {
            // A full disk must get back what was written in vain; those that are named already are not found.
            unnamed.iter().for_each(|(path, _)| _ = fs::remove_file(path));
        }
        named
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        fs::remove_dir_all(self.root.join(path))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let status = nix::sys::statvfs::statvfs(&self.root)?;
        // A memory file system without limit says it has no blocks at all.
        let unlimited = status.blocks() == 0;
        Ok(if unlimited { u64::MAX } else { status.blocks_available() * status.fragment_size() })
    }

    fn create_tail(&self, path: &str, head: &[u8], length: u64) -> io::Result<Box<dyn Tail>> {
        let (unnamed, file) = self.unnamed()?;
        let mut tail = FolderTail { file, length: 0 };
        let target = self.root.join(path);
        let made = tail.reserve(length).and_then(|()| {
            tail.write(0, head)?;
            tail.file.sync_all()?;
            fs::rename(&unnamed, &target)?;
            sync_folder(&self.root.join(PENDING))
        });
        if let Err(error) = made {
            let _ = fs::remove_file(&unnamed);
            return Err(error);
        }
        Ok(Box::new(tail))
    }

    fn open_tail(&self, path: &str) -> io::Result<Box<dyn Tail>> {
        let file = OpenOptions::new().read(true).write(true).open(self.root.join(path))?;
        let length = file.metadata()?.len();
        Ok(Box::new(FolderTail { file, length }))
    }
}

struct FolderTail {
    file: File,
    length: u64,
}

impl Tail for FolderTail {
    fn length(&self) -> u64 {
        self.length
    }

    /// Allocates blocks, where truncating to a length would only promise them; and fills them, since a block that was
    /// allocated and never written costs each sync a change of the file system's own journal too.
    fn reserve(&mut self, length: u64) -> io::Result<()> {
        if length > self.length {
            nix::fcntl::posix_fallocate(&self.file, 0, length as i64)?;
            static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
            let mut at = self.length;
            while at < length {
                let count = ZEROS.len().min((length - at) as usize);
                self.file.write_all_at(&ZEROS[..count], at)?;
                at += count as u64;
            }
            self.length = length;
        }
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        self.file.sync_all()
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
