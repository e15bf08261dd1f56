//! The journal: what was decided and done, on disk before it happens, and never removable unseen.
//!
//! A [`Journal`] takes [`Draft`]s from the gateway and answers once they are synced. The log it keeps is a
//! [tlog-tiles](https://c2sp.org/tlog-tiles) log, so that any such tool verifies it; [`verify`](fn@verify) and
//! [`search`](fn@search) here need the folder only, no gateway and no HTTP. The README tells the life of a record, the file
//! layout and the invariants.

mod anchor;
mod checkpoint;
mod entries;
#[cfg(test)]
mod faulty;
mod inbox;
mod journal;
mod proof;
mod publisher;
mod record;
mod recover;
mod seal;
mod search;
#[cfg(test)]
mod simulation;
mod store;
mod tail;
mod tile;
mod timing;
mod tree;
mod verify;
mod writer;

pub use anchor::create_anchor;
pub use checkpoint::{Checkpoint, CheckpointError, SigningKey, VerifierKey};
pub use entries::entries;
pub use journal::{Clock, Health, Journal, JournalConfig, JournalError, Limits, Opening, Orphan};
pub use proof::{ConsistencyProof, InclusionProof, Nodes, ProofError};
pub use record::{Draft, Effect, EntryError, Header, Kind, Record, Sealed, UnknownWord, header};
pub use recover::StartError;
pub use seal::{EntryKey, HintKey, KeyId, SealingKey, disclose, open_with_entry_key};
pub use search::{Query, SearchError, search};
pub use store::prune;
pub use tile::{FolderNodes, TilePath};
pub use timing::{SYNC_BOUNDS_MICROSECONDS, SyncTimes};
pub use tree::{Hash, leaf_hash};
pub use verify::{FirstBad, Trusted, Verified, verify};
