use super::{Attempting, Store, StoreError, identifier, identifiers, joined, timestamp};
use crate::identifier::{GroupId, Login, PersonId};
use crate::person::Person;
use jiff::Timestamp;

type Row = (String, String, String, String, i64, i64, Option<i64>);

fn person((id, name, groups, trio, locked, added_at, released_at): Row) -> Result<Person, StoreError> {
    Ok(Person {
        id: identifier(&id)?,
        name,
        groups: identifiers(&groups)?,
        trio: identifiers(&trio)?,
        locked: locked != 0,
        added_at: timestamp(added_at)?,
        released_at: released_at.map(timestamp).transpose()?,
    })
}

impl Store {
    /// False when that id is taken.
    pub(crate) async fn add_person(&self, person: &Person, pin_hash: &str) -> Result<bool, StoreError> {
        let sql = "INSERT INTO people (id, name, groups, trio, pin_hash, locked, added_at)
                   VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (id) DO NOTHING";
        let added = sqlx::query(sql)
            .bind(person.id.as_str())
            .bind(person.name.as_str())
            .bind(joined(&person.groups))
            .bind(joined(&person.trio))
            .bind(pin_hash)
            .bind(person.added_at.as_millisecond())
            .execute(&self.pool)
            .await
            .attempting("adding a person")?;
        Ok(added.rows_affected() == 1)
    }

    pub(crate) async fn people(&self) -> Result<Vec<Person>, StoreError> {
        let sql = "SELECT id, name, groups, trio, locked, added_at, released_at FROM people ORDER BY id";
        let rows = sqlx::query_as::<_, Row>(sql).fetch_all(&self.pool).await.attempting("listing people")?;
        rows.into_iter().map(person).collect()
    }

    pub(crate) async fn person(&self, id: &PersonId) -> Result<Option<Person>, StoreError> {
        let sql = "SELECT id, name, groups, trio, locked, added_at, released_at FROM people WHERE id = $1";
        let row = sqlx::query_as::<_, Row>(sql).bind(id.as_str()).fetch_optional(&self.pool).await;
        row.attempting("reading a person")?.map(person).transpose()
    }

    pub(crate) async fn pin_hash(&self, id: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT pin_hash FROM people WHERE id = $1";
        sqlx::query_scalar(sql)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .attempting("reading a person's PIN hash")
    }

    pub(crate) async fn set_pin_hash(&self, id: &PersonId, hash: &str) -> Result<(), StoreError> {
        let sql = "UPDATE people SET pin_hash = $2 WHERE id = $1";
        let done = sqlx::query(sql).bind(id.as_str()).bind(hash).execute(&self.pool).await;
        done.map(drop).attempting("changing a PIN")
    }

    /// Groups and trio, whole.
    pub(crate) async fn assign_person(
        &self,
        id: &PersonId,
        groups: &[GroupId],
        trio: &[Login],
    ) -> Result<(), StoreError> {
        let sql = "UPDATE people SET groups = $2, trio = $3 WHERE id = $1";
        let query = sqlx::query(sql).bind(id.as_str()).bind(joined(groups)).bind(joined(trio));
        query.execute(&self.pool).await.map(drop).attempting("changing a person's groups and trio")
    }

    pub(crate) async fn set_locked(&self, id: &PersonId, locked: bool) -> Result<(), StoreError> {
        let sql = "UPDATE people SET locked = $2 WHERE id = $1";
        let done = sqlx::query(sql).bind(id.as_str()).bind(i64::from(locked)).execute(&self.pool).await;
        done.map(drop).attempting("locking or unlocking a person")
    }

    /// The person leaves, and with them go their grants.
    pub(crate) async fn release_person(&self, id: &PersonId, now: Timestamp) -> Result<(), StoreError> {
        const ATTEMPTED: &str = "releasing a person";
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let sql = "UPDATE people SET released_at = $2 WHERE id = $1 AND released_at IS NULL";
        let query = sqlx::query(sql).bind(id.as_str()).bind(now.as_millisecond());
        query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        let sql = "UPDATE grants SET ends_at = $2 WHERE person = $1 AND ends_at > $2";
        let query = sqlx::query(sql).bind(id.as_str()).bind(now.as_millisecond());
        query.execute(&mut *transaction).await.attempting(ATTEMPTED)?;
        transaction.commit().await.attempting(ATTEMPTED)
    }
}
