use super::{Attempting, Store, StoreError};
use crate::identifier::PersonId;
use jiff::civil::Date;

impl Store {
    pub(super) async fn forget_minutes_before(&self, then: Date) -> Result<(), StoreError> {
        let sql = "DELETE FROM minutes WHERE day < $1";
        let query = sqlx::query(sql).bind(then.to_string());
        query.execute(&self.pool).await.map(drop).attempting("forgetting old minutes")
    }

    /// Service and minute of everything a person used on a day.
    pub(crate) async fn minutes(
        &self,
        person: &PersonId,
        day: Date,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "SELECT service, minute FROM minutes WHERE person = $1 AND day = $2";
        let query = sqlx::query_as(sql).bind(person.as_str()).bind(day.to_string());
        query.fetch_all(&self.pool).await.attempting("reading used minutes")
    }

    /// False when that slot or that minute is taken.
    pub(crate) async fn add_minute(
        &self,
        person: &PersonId,
        service: &str,
        day: Date,
        slot: u32,
        minute: u16,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO minutes (person, day, service, slot, minute) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql)
            .bind(person.as_str())
            .bind(day.to_string())
            .bind(service)
            .bind(i64::from(slot))
            .bind(i64::from(minute));
        Ok(query.execute(&self.pool).await.attempting("charging a minute")?.rows_affected() == 1)
    }
}
