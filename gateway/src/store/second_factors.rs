use jiff::Timestamp;

use super::{Attempting, Store, StoreError, bytes, hex, timestamp};
use crate::identifier::Login;
use crate::second_factor::{LastStaffSignIn, SECRET_BYTES, TotpSecret};
use crate::secret::Digest;

impl Store {
    /// With the last step whose code was used.
    pub(crate) async fn second_factor(&self, login: &Login) -> Result<Option<(TotpSecret, i64)>, StoreError> {
        let sql = "SELECT secret, last_step FROM second_factors WHERE login = $1";
        let query = sqlx::query_as::<_, (String, i64)>(sql).bind(login.as_str());
        let row = query.fetch_optional(&self.pool).await.attempting("reading a second factor")?;
        row.map(|(secret, step)| Ok((TotpSecret::new(bytes::<SECRET_BYTES>(&secret)?), step))).transpose()
    }

    /// False when the login has one already: only a reset makes room for another.
    pub(crate) async fn add_second_factor(
        &self,
        login: &Login,
        secret: &TotpSecret,
        step: i64,
        recovery: &[Digest],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const ATTEMPTED: &str = "enrolling a second factor";
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let sql = "INSERT INTO second_factors (login, secret, last_step, enrolled_at)
                   VALUES ($1, $2, $3, $4) ON CONFLICT (login) DO NOTHING";
        let query = sqlx::query(sql)
            .bind(login.as_str())
            .bind(hex(secret.expose()))
            .bind(step)
            .bind(now.as_millisecond());
        if query.execute(&mut *transaction).await.attempting(ATTEMPTED)?.rows_affected() == 0 {
            return Ok(false);
        }
        for digest in recovery {
            let sql = "INSERT INTO recovery_codes (digest, login) VALUES ($1, $2)";
            let query = sqlx::query(sql).bind(hex(digest)).bind(login.as_str());
            query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        }
        transaction.commit().await.attempting(ATTEMPTED)?;
        Ok(true)
    }

    /// Uses up a step and all before it. False when a code of it, or a later one, was used already.
    pub(crate) async fn use_step(&self, login: &Login, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE second_factors SET last_step = $2 WHERE login = $1 AND last_step < $2";
        let query = sqlx::query(sql).bind(login.as_str()).bind(step);
        Ok(query.execute(&self.pool).await.attempting("using a code")?.rows_affected() == 1)
    }

    /// False when there is no such code, or it was used.
    pub(crate) async fn use_recovery_code(&self, digest: &Digest) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM recovery_codes WHERE digest = $1").bind(hex(digest));
        Ok(query.execute(&self.pool).await.attempting("using a recovery code")?.rows_affected() == 1)
    }

    pub(crate) async fn count_recovery_codes(&self, login: &Login) -> Result<i64, StoreError> {
        let sql = "SELECT COUNT(*) FROM recovery_codes WHERE login = $1";
        let query = sqlx::query_scalar(sql).bind(login.as_str());
        query.fetch_one(&self.pool).await.attempting("counting recovery codes")
    }

    pub(crate) async fn remove_second_factor(&self, login: &Login) -> Result<(), StoreError> {
        const ATTEMPTED: &str = "resetting a second factor";
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        for sql in
            ["DELETE FROM recovery_codes WHERE login = $1", "DELETE FROM second_factors WHERE login = $1"]
        {
            let query = sqlx::query(sql).bind(login.as_str());
            query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        }
        transaction.commit().await.attempting(ATTEMPTED)
    }

    /// Notes a sign-in and answers the one before it.
    pub(crate) async fn add_staff_sign_in(
        &self,
        login: &Login,
        address: &str,
        now: Timestamp,
    ) -> Result<Option<LastStaffSignIn>, StoreError> {
        const ATTEMPTED: &str = "noting a sign-in of staff";
        let last = self.last_staff_sign_in(login).await?;
        let sql = "INSERT INTO staff_sign_ins (login, at, address) VALUES ($1, $2, $3)";
        let query = sqlx::query(sql).bind(login.as_str()).bind(now.as_millisecond()).bind(address);
        query.execute(&self.pool).await.attempting(ATTEMPTED)?;
        Ok(last)
    }

    pub(crate) async fn last_staff_sign_in(
        &self,
        login: &Login,
    ) -> Result<Option<LastStaffSignIn>, StoreError> {
        let sql = "SELECT at, address FROM staff_sign_ins WHERE login = $1 ORDER BY at DESC LIMIT 1";
        let query = sqlx::query_as::<_, (i64, String)>(sql).bind(login.as_str());
        let row = query.fetch_optional(&self.pool).await.attempting("reading the last sign-in of staff")?;
        row.map(|(at, address)| Ok(LastStaffSignIn { at: timestamp(at)?, address })).transpose()
    }

    pub(super) async fn forget_staff_sign_ins_before(&self, then: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM staff_sign_ins WHERE at < $1").bind(then.as_millisecond());
        query.execute(&self.pool).await.map(drop).attempting("forgetting old sign-ins of staff")
    }
}
