//! The one door to the database.

use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("opening the store {url}: {why}")]
    Open { url: String, why: String },
    #[error("the store was written by a newer version (schema {found}, this program knows {known})")]
    Newer { found: i64, known: i64 },
    #[error("migrating the store to schema {version}")]
    Migration {
        version: i64,
        #[source]
        source: sqlx::Error,
    },
    #[error("{attempted}")]
    Query {
        attempted: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("the store holds {what}, which this program can't read")]
    Unreadable { what: String },
}

#[derive(Clone)]
pub struct Store {
    pub(crate) _pool: sqlx::AnyPool,
}

impl Store {
    /// `url` is `sqlite://FILE` (relative to `data`) or `postgres://…`.
    pub async fn open(_url: &str, _data: &Path) -> Result<Store, StoreError> {
        todo!()
    }
    pub async fn close(&self) {
        todo!()
    }
}
