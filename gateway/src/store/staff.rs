use super::{Attempting, Store, StoreError, identifier, timestamp};
use crate::identifier::Login;
use crate::staff::{Role, Staff};

type Row = (String, String, i64, i64);

fn staff((login, role, one_time_password, added_at): Row) -> Result<Staff, StoreError> {
    let unreadable = || StoreError::Unreadable { what: format!("the role `{role}`") };
    Ok(Staff {
        login: identifier(&login)?,
        role: Role::parse(&role).ok_or_else(unreadable)?,
        one_time_password: one_time_password != 0,
        added_at: timestamp(added_at)?,
    })
}

impl Store {
    /// False when that login is taken.
    pub(crate) async fn add_staff(&self, staff: &Staff, password_hash: &str) -> Result<bool, StoreError> {
        let sql = "INSERT INTO staff (login, role, password_hash, one_time_password, added_at)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (login) DO NOTHING";
        let added = sqlx::query(sql)
            .bind(staff.login.as_str())
            .bind(staff.role.word())
            .bind(password_hash)
            .bind(i64::from(staff.one_time_password))
            .bind(staff.added_at.as_millisecond())
            .execute(&self.pool)
            .await
            .attempting("adding a staff member")?;
        Ok(added.rows_affected() == 1)
    }

    pub(crate) async fn all_staff(&self) -> Result<Vec<Staff>, StoreError> {
        let sql = "SELECT login, role, one_time_password, added_at FROM staff ORDER BY login";
        let rows = sqlx::query_as::<_, Row>(sql).fetch_all(&self.pool).await.attempting("listing staff")?;
        rows.into_iter().map(staff).collect()
    }

    /// With the password's hash.
    pub(crate) async fn staff(&self, login: &str) -> Result<Option<(Staff, String)>, StoreError> {
        const ATTEMPTED: &str = "reading a staff member";
        let sql = "SELECT login, role, one_time_password, added_at FROM staff WHERE login = $1";
        let row = sqlx::query_as::<_, Row>(sql)
            .bind(login)
            .fetch_optional(&self.pool)
            .await
            .attempting(ATTEMPTED)?;
        let sql = "SELECT password_hash FROM staff WHERE login = $1";
        let hash = sqlx::query_scalar::<_, String>(sql).bind(login).fetch_optional(&self.pool).await;
        row.zip(hash.attempting(ATTEMPTED)?).map(|(row, hash)| Ok((staff(row)?, hash))).transpose()
    }

    /// False where the login is unknown, or it would leave no administrator.
    pub(crate) async fn set_staff_role(&self, login: &Login, role: Role) -> Result<bool, StoreError> {
        let sql = "UPDATE staff SET role = $2 WHERE login = $1 AND ($2 = $3 OR EXISTS
                   (SELECT 1 FROM staff AS other WHERE other.role = $3 AND other.login <> $1))";
        let query = sqlx::query(sql).bind(login.as_str()).bind(role.word()).bind(Role::Administrator.word());
        let done = query.execute(&self.pool).await.attempting("changing a role")?;
        Ok(done.rows_affected() == 1)
    }

    /// `one_time`: its owner must change it at the next sign-in.
    pub(crate) async fn set_password_hash(
        &self,
        login: &Login,
        hash: &str,
        one_time: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE staff SET password_hash = $2, one_time_password = $3 WHERE login = $1";
        let query = sqlx::query(sql).bind(login.as_str()).bind(hash).bind(i64::from(one_time));
        query.execute(&self.pool).await.map(drop).attempting("changing a password")
    }
}
