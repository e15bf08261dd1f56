//! The one door to the database: SQLite by default, PostgreSQL where several gateways share the state.
//!
//! Called by the domain modules (`person`, `session`, …), which hold the rules; every SQL statement stands in `store/`, one
//! file a table. Invariants:
//! - The SQL is the same on both databases: columns are `TEXT` or `BIGINT` and nothing else, bytes are kept as hex, truth as
//!   0 and 1, times as milliseconds since 1970 (UTC).
//! - What a call wrote is durable when it returns (SQLite: WAL with `synchronous = FULL`).
//! - A store that is newer than the program, damaged, or not ours is an error, never a fresh start.

mod access_stops;
mod attempts;
mod grants;
mod journal_keys;
mod migration;
mod minutes;
mod people;
mod policies;
mod progress;
mod requests;
mod second_factors;
mod sessions;
mod staff;
mod terminals;

pub(crate) use attempts::Tally;
pub(crate) use journal_keys::KeyRow;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Connection};

use crate::identifier::BadIdentifier;

/// SQLite writes one at a time anyway; a single connection never meets itself as `database is locked`.
const SQLITE_CONNECTIONS: u32 = 1;
/// One gateway of an establishment rarely has more than a handful of statements in flight.
const POSTGRES_CONNECTIONS: u32 = 8;
/// A statement that can't get a connection for so long is an error: the caller refuses.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("opening the store {url}: {why}")]
    Open { url: String, why: String },
    #[error("the store was written by a newer version (schema {found}; this program knows {known})")]
    Newer { found: i64, known: i64 },
    #[error("bringing the store to schema {version}: {source}")]
    Migration { version: i64, source: sqlx::Error },
    #[error("{attempted}: {source}")]
    Query { attempted: &'static str, source: sqlx::Error },
    #[error("the store holds {what}, which this program can't read")]
    Unreadable { what: String },
}

/// A handle; clones share the connections.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    shared: bool,
}

impl Store {
    /// `url` is `sqlite://FILE` (relative to `data`; made if it is missing) or `postgres://…`. Brings the schema up to date.
    pub async fn open(url: &str, data: &Path) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let refused = |why: String| StoreError::Open { url: without_password(url), why };
        let store = match url.strip_prefix("sqlite://") {
            Some(file) => open_sqlite(&data.join(file)).await.map_err(refused)?,
            None if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                connect(url, POSTGRES_CONNECTIONS, POSTGRES_SETTINGS)
                    .await
                    .map_err(|e| refused(e.to_string()))?
            }
            None => return Err(refused("the address must begin with sqlite:// or postgres://".into())),
        };
        migration::migrate(&store.pool).await?;
        Ok(store)
    }

    /// Whether other gateways may change what is here: then each `refresh` must be called every second.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Drops what nobody needs any more; called at the start of a run.
    pub(crate) async fn forget_before(&self, then: Timestamp) -> Result<(), StoreError> {
        self.forget_sessions_before(then).await?;
        self.forget_minutes_before(then.to_zoned(jiff::tz::TimeZone::UTC).date()).await?;
        self.forget_staff_sign_ins_before(then).await?;
        self.forget_invitations_before(then).await
    }

    /// Waits for what is running, then closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// What every SQLite connection starts with. `secure_delete`: a destroyed key is overwritten, not only unlinked.
const SQLITE_SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA busy_timeout = 5000; PRAGMA secure_delete = ON;";

/// Durable when a call returns, whatever the server's default.
const POSTGRES_SETTINGS: &str = "SET synchronous_commit = on";

async fn open_sqlite(file: &Path) -> Result<Store, String> {
    make_private(file).map_err(|e| e.to_string())?;
    let path = file.to_str().ok_or("the path is not UTF-8")?;
    let url = format!("sqlite://{}", escape(path));
    connect(&url, SQLITE_CONNECTIONS, SQLITE_SETTINGS).await.map_err(|e| e.to_string())
}

/// The smallest database: one page of the smallest size. SQLite would take less for a new one, and write over it.
const SQLITE_SMALLEST_BYTES: u64 = 512;

/// Makes a missing file readable by its owner only (it holds sealing keys). What is too short was a store once: refused.
fn make_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::metadata(file) {
        Ok(found) if found.is_file() && found.len() < SQLITE_SMALLEST_BYTES => {
            Err(std::io::Error::other("the file is empty or cut: its content was lost"))
        }
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map(drop)
        }
        Err(e) => Err(e),
    }
}

async fn connect(url: &str, connections: u32, settings: &'static str) -> Result<Store, sqlx::Error> {
    probe(url, settings).await?;
    let pool = AnyPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(WAIT_FOR_CONNECTION)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            Box::pin(async move { sqlx::raw_sql(settings).execute(connection).await.map(drop) })
        })
        .connect_with(AnyConnectOptions::from_str(url)?)
        .await?;
    Ok(Store { pool, shared: connections > SQLITE_CONNECTIONS })
}

/// One connection before there is a pool: a pool would try again and again, and never say why.
async fn probe(url: &str, settings: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    sqlx::raw_sql(settings).execute(&mut connection).await?;
    if connection.backend_name() == "SQLite" {
        let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await?;
        if verdict != "ok" {
            return Err(sqlx::Error::Protocol(format!("the file is damaged: {verdict}")));
        }
    }
    connection.close().await
}

/// Percent-encodes a path for the URL that the driver wants.
fn escape(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// For messages: `postgres://user:secret@host/db` without the secret.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => url.into(),
    }
}

/// Says what a statement was for.
trait Attempting<T> {
    fn attempting(self, attempted: &'static str) -> Result<T, StoreError>;
}

impl<T> Attempting<T> for Result<T, sqlx::Error> {
    fn attempting(self, attempted: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Query { attempted, source })
    }
}

pub(crate) fn timestamp(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|_| StoreError::Unreadable { what: format!("the time {milliseconds}") })
}

pub(crate) fn identifier<T: FromStr<Err = BadIdentifier>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|e: BadIdentifier| StoreError::Unreadable { what: e.to_string() })
}

/// Identifiers hold no spaces, so that a list of them is one text.
pub(crate) fn identifiers<T: FromStr<Err = BadIdentifier>>(text: &str) -> Result<Vec<T>, StoreError> {
    text.split_ascii_whitespace().map(identifier).collect()
}

pub(crate) fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

pub(crate) fn bytes<const N: usize>(hex: &str) -> Result<[u8; N], StoreError> {
    let unreadable = || StoreError::Unreadable {
        what: format!("{} characters where {} bytes in hex belong", hex.len(), N),
    };
    let decoded = HEXLOWER.decode(hex.as_bytes()).map_err(|_| unreadable())?;
    decoded.try_into().map_err(|_| unreadable())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hide_the_password() {
        for (url, shown) in [
            ("postgres://u:s@cret@db/x", "postgres://u@db/x"),
            ("postgres://u@db/x", "postgres://u@db/x"),
            ("sqlite://state.db", "sqlite://state.db"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
