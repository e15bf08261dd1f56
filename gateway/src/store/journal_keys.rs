use super::{Attempting, Store, StoreError, bytes, hex};
use zeroize::Zeroizing;

/// A key as it is stored: id, subject, month, secret.
pub(crate) type KeyRow = ([u8; 16], String, String, Zeroizing<[u8; 32]>);

type Row = (String, String, String, String);

fn key((id, subject, month, secret): Row) -> Result<KeyRow, StoreError> {
    let secret = Zeroizing::new(secret);
    Ok((bytes(&id)?, subject, month, Zeroizing::new(bytes(&secret)?)))
}

impl Store {
    pub(crate) async fn journal_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let sql = "SELECT id, subject, month, secret FROM journal_keys ORDER BY month, subject";
        let rows = sqlx::query_as::<_, Row>(sql)
            .fetch_all(&self.pool)
            .await
            .attempting("reading the sealing keys")?;
        rows.into_iter().map(key).collect()
    }

    /// Keeps this key unless the subject has one for the month; answers the one that stands.
    pub(crate) async fn keep_journal_key(
        &self,
        id: &[u8; 16],
        subject: &str,
        month: &str,
        secret: &[u8; 32],
    ) -> Result<KeyRow, StoreError> {
        const ATTEMPTED: &str = "keeping a sealing key";
        let sql = "INSERT INTO journal_keys (id, subject, month, secret) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (subject, month) DO NOTHING";
        let query = sqlx::query(sql).bind(hex(id)).bind(subject).bind(month).bind(hex(secret));
        query.execute(&self.pool).await.attempting(ATTEMPTED)?;
        let sql = "SELECT id, subject, month, secret FROM journal_keys WHERE subject = $1 AND month = $2";
        let query = sqlx::query_as::<_, Row>(sql).bind(subject).bind(month);
        key(query.fetch_one(&self.pool).await.attempting(ATTEMPTED)?)
    }

    /// Erases, the write-ahead log included. False when there was none.
    pub(crate) async fn destroy_journal_key(&self, subject: &str, month: &str) -> Result<bool, StoreError> {
        const ATTEMPTED: &str = "destroying a sealing key";
        let sql = "DELETE FROM journal_keys WHERE subject = $1 AND month = $2";
        let query = sqlx::query(sql).bind(subject).bind(month);
        let destroyed = query.execute(&self.pool).await.attempting(ATTEMPTED)?.rows_affected() == 1;
        self.wipe_leftovers().await.attempting(ATTEMPTED)?;
        Ok(destroyed)
    }

    /// The same for everybody's keys of a month.
    pub(crate) async fn destroy_journal_keys_of(&self, month: &str) -> Result<(), StoreError> {
        const ATTEMPTED: &str = "destroying the sealing keys of a month";
        let query = sqlx::query("DELETE FROM journal_keys WHERE month = $1").bind(month);
        query.execute(&self.pool).await.attempting(ATTEMPTED)?;
        self.wipe_leftovers().await.attempting(ATTEMPTED)
    }

    /// What was deleted still stands in old copies of its page: in SQLite's log, in PostgreSQL's dead row.
    async fn wipe_leftovers(&self) -> Result<(), sqlx::Error> {
        let sql = if self.shared { "VACUUM journal_keys" } else { "PRAGMA wal_checkpoint(TRUNCATE)" };
        sqlx::raw_sql(sql).execute(&self.pool).await.map(drop)
    }
}
