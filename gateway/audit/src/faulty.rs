//! The faulty twin of the folder: a disk in memory whose nth operation fails, which can be full, and which forgets at a crash
//! what was not synced. Tests only.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use crate::anchor::Anchor;
use crate::store::{Disk, Listed, Tail, named};

/// Unsynced writes survive a crash by sectors of this many bytes, in any combination.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happens, an error is told.
    Error,
    /// Half of it happens, an error is told.
    Short,
    /// Power goes: nothing works until [`FaultyDisk::reboot`].
    Crash,
}

#[derive(Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// Writes to tails since their last sync.
    unsynced: Vec<(String, u64, Vec<u8>)>,
    operations: usize,
    fault: Option<(usize, Fault)>,
    crashed: bool,
    /// Bytes in all; `None` is without limit.
    capacity: Option<u64>,
    seed: u64,
}

impl FaultyDisk {
    /// The `nth` changing operation from now, from 0, fails so.
    pub(crate) fn fail(&self, nth: usize, fault: Fault) {
        let mut state = self.0.lock().unwrap();
        state.fault = Some((state.operations + nth, fault));
    }

    /// Changing operations so far.
    pub(crate) fn operations(&self) -> usize {
        self.0.lock().unwrap().operations
    }

    pub(crate) fn set_full(&self, full: bool) {
        let mut state = self.0.lock().unwrap();
        state.capacity = full.then(|| state.used());
    }

    /// Power comes back: of what was not synced, sectors are there or not as `seed` says.
    pub(crate) fn reboot(&self, seed: u64) {
        let mut state = self.0.lock().unwrap();
        (state.seed, state.crashed, state.fault) = (seed, false, None);
        for (path, at, bytes) in std::mem::take(&mut state.unsynced) {
            for (n, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                if state.coin() {
                    let at = at as usize + n * SECTOR_BYTES;
                    state.files.get_mut(&path).unwrap()[at..at + sector.len()].copy_from_slice(sector);
                }
            }
        }
    }

    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap().files.clone()
    }

    /// Puts a file there, without any operation.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.0.lock().unwrap().files.insert(path.into(), bytes.into());
    }

    pub(crate) fn with_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        FaultyDisk(Arc::new(Mutex::new(State { files, ..State::default() })))
    }
}

impl State {
    fn used(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }

    fn room(&self, bytes: u64) -> io::Result<()> {
        match self.capacity {
            Some(capacity) if self.used() + bytes > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// Counts one changing operation: `Ok(true)` if it is to happen by half only.
    fn step(&mut self) -> io::Result<bool> {
        let now = self.operations;
        self.operations += 1;
        match self.fault {
            _ if self.crashed => Err(io::Error::other("no power")),
            Some((nth, Fault::Short)) if nth == now => Ok(true),
            Some((nth, fault)) if nth == now => {
                self.crashed = fault == Fault::Crash;
                Err(io::Error::other("injected"))
            }
            _ => Ok(false),
        }
    }

    /// xorshift64*.
    fn coin(&mut self) -> bool {
        self.seed |= 1;
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 63 == 1
    }
}

fn short() -> io::Error {
    io::Error::other("injected: half of it")
}

impl Disk for FaultyDisk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let state = self.0.lock().unwrap();
        if state.crashed {
            return Err(io::Error::other("no power"));
        }
        let mut bytes =
            state.files.get(path).cloned().ok_or_else(|| named(&path, io::ErrorKind::NotFound.into()))?;
        for (_, at, written) in state.unsynced.iter().filter(|(name, ..)| name == path) {
            bytes[*at as usize..*at as usize + written.len()].copy_from_slice(written);
        }
        Ok(bytes)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Listed>> {
        let state = self.0.lock().unwrap();
        let below = format!("{folder}/");
        let names = state.files.keys().filter_map(|path| path.strip_prefix(&below));
        let mut listed: Vec<Listed> = names
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => Listed { name: name.into(), folder: true },
                None => Listed { name: rest.into(), folder: false },
            })
            .collect();
        listed.dedup();
        Ok(listed)
    }

    fn publish(&self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        for (n, (path, bytes)) in files.iter().enumerate() {
            let before = state.files.get(path).map_or(0, Vec::len);
            state.room((bytes.len() as u64).saturating_sub(before as u64))?;
            if state.step()? && n < files.len() {
                return Err(short());
            }
            state.files.insert(path.clone(), bytes.clone());
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        state.files.remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn remove_folder(&self, path: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        let below = format!("{path}/");
        state.files.retain(|path, _| !path.starts_with(&below));
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let state = self.0.lock().unwrap();
        Ok(state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used())))
    }

    fn create_tail(&self, path: &str, head: &[u8], length: u64) -> io::Result<Box<dyn Tail>> {
        let mut state = self.0.lock().unwrap();
        state.room(length)?;
        if state.step()? {
            return Err(short());
        }
        let mut bytes = head.to_vec();
        bytes.resize(length as usize, 0);
        state.files.insert(path.into(), bytes);
        Ok(Box::new(FaultyTail { disk: self.clone(), path: path.into() }))
    }

    fn open_tail(&self, path: &str) -> io::Result<Box<dyn Tail>> {
        Ok(Box::new(FaultyTail { disk: self.clone(), path: path.into() }))
    }
}

/// Where the simulation keeps the anchor: a file like the others, which no tile's name is.
pub(crate) const ANCHOR: &str = "anchor";

impl Anchor for FaultyDisk {
    fn read(&self) -> io::Result<Vec<u8>> {
        Disk::read(self, ANCHOR)
    }

    fn write(&self, note: &[u8]) -> io::Result<()> {
        self.publish(&[(ANCHOR.into(), note.to_vec())])
    }
}

struct FaultyTail {
    disk: FaultyDisk,
    path: String,
}

impl Tail for FaultyTail {
    fn length(&self) -> u64 {
        self.disk.0.lock().unwrap().files[&self.path].len() as u64
    }

    fn reserve(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        let more = length.saturating_sub(state.files[&self.path].len() as u64);
        state.room(more)?;
        if state.step()? {
            return Err(short());
        }
        let length = state.files[&self.path].len() + more as usize;
        state.files.get_mut(&self.path).unwrap().resize(length, 0);
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        assert!(
            at as usize + bytes.len() <= state.files[&self.path].len(),
            "written beyond what was reserved"
        );
        let half = state.step();
        let written = if matches!(half, Ok(true)) { &bytes[..bytes.len() / 2] } else { bytes };
        // A crash in the middle of a write may leave any part of it.
        if half.is_ok() || state.crashed {
            state.unsynced.push((self.path.clone(), at, written.to_vec()));
        }
        if half? { Err(short()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        let told = state.step();
        if told.is_err() && !state.crashed {
            // As Linux does: after a failed sync the writes are forgotten, not tried again.
            state.unsynced.retain(|(path, ..)| *path != self.path);
        }
        if told? {
            return Err(short());
        }
        let (ours, others) =
            std::mem::take(&mut state.unsynced).into_iter().partition(|(path, ..)| *path == self.path);
        state.unsynced = others;
        for (_, at, bytes) in Vec::<(String, u64, Vec<u8>)>::into_iter(ours) {
            state.files.get_mut(&self.path).unwrap()[at as usize..at as usize + bytes.len()]
                .copy_from_slice(&bytes);
        }
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        if state.step()? {
            return Err(short());
        }
        state.files.get_mut(&self.path).unwrap().truncate(length as usize);
        Ok(())
    }
}
