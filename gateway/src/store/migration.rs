//! The schema, as an ordered list of steps that are never edited once released: a change is a new step.
//!
//! All missing steps run in one transaction together with the note of how far they went, so a crash leaves the schema as it
//! was. On PostgreSQL a lock makes gateways that start together take turns.

use sqlx::{Any, AnyPool, Transaction};

use super::StoreError;

/// Step N brings the schema to version N, counted from 1.
const STEPS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
];

/// Any number, the same in every gateway.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7277300)";

pub(super) async fn migrate(pool: &AnyPool) -> Result<(), StoreError> {
    let known = STEPS.len() as i64;
    let failed = |version: i64| move |source: sqlx::Error| StoreError::Migration { version, source };
    let mut transaction = pool.begin().await.map_err(failed(0))?;
    if transaction.backend_name() == "PostgreSQL" {
        sqlx::raw_sql(MIGRATION_LOCK).execute(&mut *transaction).await.map_err(failed(0))?;
    }
    let found = version(&mut transaction).await.map_err(failed(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (step, sql) in (1..).zip(STEPS).filter(|(step, _)| *step > found) {
        sqlx::raw_sql(*sql).execute(&mut *transaction).await.map_err(failed(step))?;
        sqlx::query("INSERT INTO schema_steps (step) VALUES ($1)")
            .bind(step)
            .execute(&mut *transaction)
            .await
            .map_err(failed(step))?;
    }
    transaction.commit().await.map_err(failed(known))
}

async fn version(transaction: &mut Transaction<'_, Any>) -> Result<i64, sqlx::Error> {
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT PRIMARY KEY)")
        .execute(&mut **transaction)
        .await?;
    sqlx::query_scalar("SELECT COALESCE(MAX(step), 0) FROM schema_steps").fetch_one(&mut **transaction).await
}
