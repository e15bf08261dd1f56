use super::{Attempting, Store, StoreError, identifier, timestamp};
use crate::identifier::{PersonId, TerminalId};
use crate::session::{EndReason, LastSignIn, LiveSession, PastSession, SessionId};
use jiff::Timestamp;

type Row = (String, String, String, String, i64, Option<i64>, Option<String>);

fn past((id, gateway, person, terminal, started, ended, reason): Row) -> Result<PastSession, StoreError> {
    let reason = reason.as_deref().and_then(EndReason::parse).unwrap_or(EndReason::SignedOut);
    Ok(PastSession {
        id,
        gateway,
        person: identifier(&person)?,
        terminal: identifier(&terminal)?,
        started: timestamp(started)?,
        ended: ended.map(timestamp).transpose()?.map(|at| (at, reason)),
    })
}

impl Store {
    pub(super) async fn forget_sessions_before(&self, then: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM sessions WHERE ended_at < $1";
        let query = sqlx::query(sql).bind(then.as_millisecond());
        query.execute(&self.pool).await.map(drop).attempting("forgetting old sessions")
    }

    /// Sessions that this gateway left open when it last ran.
    pub(crate) async fn end_sessions_of_earlier_run(
        &self,
        gateway: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql =
            "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE gateway = $1 AND ended_at IS NULL";
        let query =
            sqlx::query(sql).bind(gateway).bind(now.as_millisecond()).bind(EndReason::Stopping.code());
        query.execute(&self.pool).await.map(drop).attempting("ending the sessions of an earlier run")
    }

    /// Ends the person's older session, wherever it is, and begins this one.
    pub(crate) async fn begin_session(&self, session: &LiveSession, gateway: &str) -> Result<(), StoreError> {
        const ATTEMPTED: &str = "beginning a session";
        let now = session.started.as_millisecond();
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let sql = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE person = $1 AND ended_at IS NULL";
        let query =
            sqlx::query(sql).bind(session.person.as_str()).bind(now).bind(EndReason::SignedOut.code());
        query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        let sql =
            "INSERT INTO sessions (id, gateway, person, terminal, started_at) VALUES ($1, $2, $3, $4, $5)";
        let query = sqlx::query(sql)
            .bind(session.id.as_str())
            .bind(gateway)
            .bind(session.person.as_str())
            .bind(session.terminal.as_str())
            .bind(now);
        query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        transaction.commit().await.attempting(ATTEMPTED)
    }

    pub(crate) async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL";
        let query = sqlx::query(sql).bind(id.as_str()).bind(now.as_millisecond()).bind(reason.code());
        query.execute(&self.pool).await.map(drop).attempting("ending a session")
    }

    /// The same for a person's session on whichever gateway.
    pub(crate) async fn end_sessions_of(
        &self,
        person: &PersonId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE person = $1 AND ended_at IS NULL";
        let query = sqlx::query(sql).bind(person.as_str()).bind(now.as_millisecond()).bind(reason.code());
        query.execute(&self.pool).await.map(drop).attempting("ending a person's sessions")
    }

    /// What ended of this gateway's sessions since then, by whichever gateway.
    pub(crate) async fn ended_sessions(
        &self,
        gateway: &str,
        since: Timestamp,
    ) -> Result<Vec<(String, EndReason)>, StoreError> {
        let sql = "SELECT id, end_reason FROM sessions WHERE gateway = $1 AND ended_at >= $2";
        let query = sqlx::query_as::<_, (String, String)>(sql).bind(gateway).bind(since.as_millisecond());
        let rows = query.fetch_all(&self.pool).await.attempting("looking for ended sessions")?;
        let reason = |word: &str| EndReason::parse(word).unwrap_or(EndReason::SignedOut);
        Ok(rows.into_iter().map(|(id, word)| (id, reason(&word))).collect())
    }

    pub(crate) async fn last_sign_in(&self, person: &PersonId) -> Result<Option<LastSignIn>, StoreError> {
        let sql =
            "SELECT started_at, terminal FROM sessions WHERE person = $1 ORDER BY started_at DESC LIMIT 1";
        let query = sqlx::query_as::<_, (i64, String)>(sql).bind(person.as_str());
        let row = query.fetch_optional(&self.pool).await.attempting("reading the last sign-in")?;
        row.map(|(at, terminal)| {
            Ok(LastSignIn { at: timestamp(at)?, terminal: identifier::<TerminalId>(&terminal)? })
        })
        .transpose()
    }

    /// The latest first; of one person or of all, begun before a moment.
    pub(crate) async fn sessions(
        &self,
        person: Option<&PersonId>,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<PastSession>, StoreError> {
        let sql = "SELECT id, gateway, person, terminal, started_at, ended_at, end_reason FROM sessions
                   WHERE ($1 = '' OR person = $1) AND started_at < $2 ORDER BY started_at DESC, id LIMIT $3";
        let query = sqlx::query_as::<_, Row>(sql)
            .bind(person.map_or("", PersonId::as_str))
            .bind(before.as_millisecond())
            .bind(limit);
        let rows = query.fetch_all(&self.pool).await.attempting("listing sessions")?;
        rows.into_iter().map(past).collect()
    }

    pub(crate) async fn session(&self, id: &str) -> Result<Option<PastSession>, StoreError> {
        let sql = "SELECT id, gateway, person, terminal, started_at, ended_at, end_reason FROM sessions
                   WHERE id = $1";
        let query = sqlx::query_as::<_, Row>(sql).bind(id);
        query.fetch_optional(&self.pool).await.attempting("reading a session")?.map(past).transpose()
    }
}
