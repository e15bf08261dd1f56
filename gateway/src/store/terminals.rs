use super::{Attempting, Store, StoreError, bytes, hex, identifier, timestamp};
use crate::identifier::TerminalId;
use crate::secret::Digest;
use crate::terminal::{Terminal, TerminalState};
use jiff::Timestamp;

type Row = (String, String, String, i64, Option<i64>, Option<i64>);

fn terminal(
    (name, fingerprint, state, enrolled_at, ended_at, last_seen_at): Row,
) -> Result<Terminal, StoreError> {
    let unreadable = || StoreError::Unreadable { what: format!("the terminal state `{state}`") };
    Ok(Terminal {
        name: identifier(&name)?,
        fingerprint: bytes(&fingerprint)?,
        state: TerminalState::parse(&state).ok_or_else(unreadable)?,
        enrolled_at: timestamp(enrolled_at)?,
        ended_at: ended_at.map(timestamp).transpose()?,
        last_seen_at: last_seen_at.map(timestamp).transpose()?,
    })
}

impl Store {
    pub(super) async fn forget_invitations_before(&self, then: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM invitations WHERE expires_at < $1";
        let query = sqlx::query(sql).bind(then.as_millisecond());
        query.execute(&self.pool).await.map(drop).attempting("forgetting old invitations")
    }

    /// A new code makes the earlier ones of that name void.
    pub(crate) async fn add_invitation(
        &self,
        name: &TerminalId,
        digest: &Digest,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        const ATTEMPTED: &str = "inviting a terminal";
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let sql = "DELETE FROM invitations WHERE terminal = $1";
        sqlx::query(sql).bind(name.as_str()).execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        let sql = "INSERT INTO invitations (digest, terminal, expires_at) VALUES ($1, $2, $3)";
        let query = sqlx::query(sql).bind(hex(digest)).bind(name.as_str()).bind(expires_at.as_millisecond());
        query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        transaction.commit().await.attempting(ATTEMPTED)
    }

    /// The name that a good code was for; the code is used up by the same statement.
    pub(crate) async fn use_invitation(
        &self,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<TerminalId>, StoreError> {
        let sql = "UPDATE invitations SET used_at = $2
                   WHERE digest = $1 AND used_at IS NULL AND expires_at > $2 RETURNING terminal";
        let query = sqlx::query_scalar::<_, String>(sql).bind(hex(digest)).bind(now.as_millisecond());
        let name = query.fetch_optional(&self.pool).await.attempting("using an invitation")?;
        name.as_deref().map(identifier).transpose()
    }

    pub(crate) async fn add_certificate(
        &self,
        name: &TerminalId,
        fingerprint: &Digest,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const ATTEMPTED: &str = "enrolling a terminal";
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let sql =
            "UPDATE certificates SET ended_at = $2, state = $3 WHERE terminal = $1 AND ended_at IS NULL";
        let query = sqlx::query(sql).bind(name.as_str()).bind(now.as_millisecond());
        let query = query.bind(TerminalState::Replaced.word());
        query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        let sql =
            "INSERT INTO certificates (fingerprint, terminal, enrolled_at, state) VALUES ($1, $2, $3, $4)";
        let query = sqlx::query(sql).bind(hex(fingerprint)).bind(name.as_str()).bind(now.as_millisecond());
        let query = query.bind(TerminalState::Active.word());
        query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        transaction.commit().await.attempting(ATTEMPTED)
    }

    /// False when the name has no certificate in force. Its open codes go too.
    pub(crate) async fn revoke_certificate(
        &self,
        name: &TerminalId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const ATTEMPTED: &str = "revoking a terminal";
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let sql =
            "UPDATE certificates SET ended_at = $2, state = $3 WHERE terminal = $1 AND ended_at IS NULL";
        let query = sqlx::query(sql).bind(name.as_str()).bind(now.as_millisecond());
        let query = query.bind(TerminalState::Revoked.word());
        let revoked = query.execute(&mut *transaction).await.attempting(ATTEMPTED)?.rows_affected() == 1;
        let sql = "DELETE FROM invitations WHERE terminal = $1";
        sqlx::query(sql).bind(name.as_str()).execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        transaction.commit().await.attempting(ATTEMPTED)?;
        Ok(revoked)
    }

    /// Every certificate ever given, oldest first.
    pub(crate) async fn terminals(&self) -> Result<Vec<Terminal>, StoreError> {
        let sql = "SELECT terminal, fingerprint, state, enrolled_at, ended_at, last_seen_at FROM certificates
                   ORDER BY enrolled_at, CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END";
        let rows =
            sqlx::query_as::<_, Row>(sql).fetch_all(&self.pool).await.attempting("listing terminals")?;
        rows.into_iter().map(terminal).collect()
    }

    pub(crate) async fn set_last_seen(&self, fingerprint: &Digest, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE certificates SET last_seen_at = $2 WHERE fingerprint = $1";
        let query = sqlx::query(sql).bind(hex(fingerprint)).bind(now.as_millisecond());
        query.execute(&self.pool).await.map(drop).attempting("noting when a terminal was seen")
    }
}
