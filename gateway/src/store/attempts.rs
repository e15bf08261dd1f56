use super::{Attempting, Store, StoreError};
use jiff::Timestamp;

/// Wrong tries so far, and when the last was (milliseconds since 1970).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub failures: i64,
    pub last_at: i64,
}

impl Store {
    pub(crate) async fn tally(&self, subject: &str, place: &str) -> Result<Tally, StoreError> {
        let sql = "SELECT failures, last_at FROM attempts WHERE subject = $1 AND place = $2";
        let row =
            sqlx::query_as::<_, (i64, i64)>(sql).bind(subject).bind(place).fetch_optional(&self.pool).await;
        let row = row.attempting("reading wrong tries")?;
        Ok(row.map_or(Tally::default(), |(failures, last_at)| Tally { failures, last_at }))
    }

    /// Replaces each place's tally, `(place, seen, next)`; all or none: false when somebody else changed one since.
    pub(crate) async fn set_tallies(
        &self,
        subject: &str,
        known: bool,
        changes: &[(&str, Tally, Tally)],
    ) -> Result<bool, StoreError> {
        const ATTEMPTED: &str = "counting a try";
        let sql =
            "INSERT INTO attempts (subject, place, known, failures, last_at) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (subject, place) DO UPDATE SET known = $3, failures = $4, last_at = $5
                   WHERE attempts.failures = $6 AND attempts.last_at = $7";
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        for (place, seen, next) in changes {
            let query = sqlx::query(sql)
                .bind(subject)
                .bind(*place)
                .bind(i64::from(known))
                .bind(next.failures)
                .bind(next.last_at)
                .bind(seen.failures)
                .bind(seen.last_at);
            let done = query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
            if done.rows_affected() != 1 {
                transaction.rollback().await.attempting(ATTEMPTED)?;
                return Ok(false);
            }
        }
        transaction.commit().await.attempting(ATTEMPTED)?;
        Ok(true)
    }

    /// A right try at a place clears that place and the tally of all together, not the other places.
    pub(crate) async fn forget_tallies(&self, subject: &str, place: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM attempts WHERE subject = $1 AND (place = $2 OR place = '')";
        let done = sqlx::query(sql).bind(subject).bind(place).execute(&self.pool).await;
        done.map(drop).attempting("forgetting wrong tries")
    }

    /// All of a subject, wherever they were made.
    pub(crate) async fn forget_tallies_of(&self, subject: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM attempts WHERE subject = $1";
        let done = sqlx::query(sql).bind(subject).execute(&self.pool).await;
        done.map(drop).attempting("forgetting wrong tries")
    }

    /// Whether the store takes a write now. The row it writes is a tally of nobody, one a gateway, pruned like any other.
    pub(crate) async fn probe(&self, gateway: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO attempts (subject, place, known, failures, last_at) VALUES ('readiness', $1, 1, 0, $2)
                   ON CONFLICT (subject, place) DO UPDATE SET last_at = $2";
        let done = sqlx::query(sql).bind(gateway).bind(now.as_millisecond()).execute(&self.pool).await;
        done.map(drop).attempting("trying to write")
    }

    /// Drops what is older than `before`, and of unknown subjects all but the latest `keep`.
    pub(crate) async fn prune_tallies(&self, before: Timestamp, keep: i64) -> Result<(), StoreError> {
        const ATTEMPTED: &str = "pruning wrong tries";
        let sql = "DELETE FROM attempts WHERE last_at < $1";
        sqlx::query(sql).bind(before.as_millisecond()).execute(&self.pool).await.attempting(ATTEMPTED)?;
        let sql = "DELETE FROM attempts WHERE known = 0 AND last_at <
                   (SELECT last_at FROM attempts WHERE known = 0 ORDER BY last_at DESC LIMIT 1 OFFSET $1)";
        sqlx::query(sql).bind(keep).execute(&self.pool).await.map(drop).attempting(ATTEMPTED)
    }
}
