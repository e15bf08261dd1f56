use super::{Attempting, Store, StoreError};
use jiff::Timestamp;

impl Store {
    /// The stopped groups; `''` stands for everybody.
    pub(crate) async fn access_stops(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT group_name FROM access_stops";
        sqlx::query_scalar(sql).fetch_all(&self.pool).await.attempting("reading whose access is stopped")
    }

    pub(crate) async fn add_access_stop(
        &self,
        group: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO access_stops (group_name, stopped_by, stopped_at) VALUES ($1, $2, $3)
                   ON CONFLICT (group_name) DO NOTHING";
        let query = sqlx::query(sql).bind(group).bind(by).bind(now.as_millisecond());
        query.execute(&self.pool).await.map(drop).attempting("stopping access")
    }

    pub(crate) async fn remove_access_stop(&self, group: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM access_stops WHERE group_name = $1";
        sqlx::query(sql).bind(group).execute(&self.pool).await.map(drop).attempting("resuming access")
    }
}
