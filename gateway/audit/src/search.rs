//! Stub in the interface commit.
use crate::*;
use jiff::Timestamp;
use std::path::Path;

/// What to look for; every field that is set must match.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub person: Option<String>,
    pub terminal: Option<String>,
    pub session: Option<String>,
    /// From this time, included.
    pub from: Option<Timestamp>,
    /// To this time, excluded.
    pub to: Option<Timestamp>,
    /// The host of `url`; `*.x` is anything below x.
    pub host: Option<String>,
    pub decision: Option<Effect>,
    pub kind: Option<Kind>,
    /// Anywhere in any text, case folded.
    pub text: Option<String>,
    /// At most so many records.
    pub limit: Option<usize>,
}

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("the journal cannot be read")]
    Disk(#[from] std::io::Error),
    #[error("record {index} cannot be read")]
    Entry {
        index: u64,
        #[source]
        source: EntryError,
    },
}

/// The matching records, oldest first.
pub fn search<K>(
    _folder: &Path,
    _keyring: K,
    _query: Query,
) -> Result<impl Iterator<Item = Result<Record, SearchError>>, SearchError>
where
    K: Fn(&KeyId) -> Option<SealingKey>,
{
    Ok(std::iter::empty())
}
