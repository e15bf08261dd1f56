use jiff::Timestamp;

use super::{Attempting, Store, StoreError, timestamp};
use crate::identifier::PersonId;

/// Where a person is in an item.
pub(crate) struct Kept {
    pub item: String,
    pub position: String,
    pub title: String,
    pub updated_at: Timestamp,
}

type Row = (String, String, String, i64);

fn kept((item, position, title, updated_at): Row) -> Result<Kept, StoreError> {
    Ok(Kept { item, position, title, updated_at: timestamp(updated_at)? })
}

impl Store {
    /// In place of where the person was in that item; an older place that arrives late changes nothing.
    pub(crate) async fn keep_progress(
        &self,
        person: &PersonId,
        item: &str,
        position: &str,
        title: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO progress (person, item, position, title, updated_at) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (person, item) DO UPDATE
                   SET position = excluded.position, title = excluded.title, updated_at = excluded.updated_at
                   WHERE progress.updated_at <= excluded.updated_at";
        let query = sqlx::query(sql)
            .bind(person.as_str())
            .bind(item)
            .bind(position)
            .bind(title)
            .bind(now.as_millisecond());
        query.execute(&self.pool).await.map(drop).attempting("keeping where a person is in an item")
    }

    pub(crate) async fn progress(&self, person: &PersonId, item: &str) -> Result<Option<Kept>, StoreError> {
        let sql = "SELECT item, position, title, updated_at FROM progress WHERE person = $1 AND item = $2";
        let query = sqlx::query_as::<_, Row>(sql).bind(person.as_str()).bind(item);
        let row =
            query.fetch_optional(&self.pool).await.attempting("reading where a person is in an item")?;
        row.map(kept).transpose()
    }

    /// Last read first.
    pub(crate) async fn progress_of(&self, person: &PersonId, limit: i64) -> Result<Vec<Kept>, StoreError> {
        let sql = "SELECT item, position, title, updated_at FROM progress WHERE person = $1
                   ORDER BY updated_at DESC, item LIMIT $2";
        let query = sqlx::query_as::<_, Row>(sql).bind(person.as_str()).bind(limit);
        let rows = query.fetch_all(&self.pool).await.attempting("listing what a person began")?;
        rows.into_iter().map(kept).collect()
    }

    pub(crate) async fn forget_item_progress(&self, item: &str) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM progress WHERE item = $1").bind(item);
        query.execute(&self.pool).await.map(drop).attempting("forgetting where people were in an item")
    }

    pub(crate) async fn forget_person_progress(&self, person: &PersonId) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM progress WHERE person = $1").bind(person.as_str());
        query.execute(&self.pool).await.map(drop).attempting("forgetting where a person was")
    }
}
