use super::{Attempting, Store, StoreError, identifier, timestamp};
use crate::identifier::Login;
use crate::policy_store::{Signature, Version, VersionState};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use passerelle_policy::FILE_LIMIT_BYTES;
use sqlx::{Any, Transaction};

/// Longest part of a text, in bytes: the driver keeps some dozens of them ready.
const PART_BYTES: usize = 64 * 1024;

type Row = (i64, String, String, String, i64, i64, Option<i64>);

fn version(row: Row, signatures: Vec<Signature>) -> Result<Version, StoreError> {
    let (version, state, proposer, comment, needed, proposed_at, published_at) = row;
    let unreadable =
        || StoreError::Unreadable { what: format!("policy version {version} in state `{state}`") };
    Ok(Version {
        version: u64::try_from(version).map_err(|_| unreadable())?,
        state: VersionState::parse(&state).ok_or_else(unreadable)?,
        proposer: identifier(&proposer)?,
        comment,
        proposed_at: timestamp(proposed_at)?,
        published_at: published_at.map(timestamp).transpose()?,
        signatures_needed: u32::try_from(needed).map_err(|_| unreadable())?,
        signatures,
    })
}

fn signature((login, at): (String, i64)) -> Result<Signature, StoreError> {
    Ok(Signature { by: identifier(&login)?, at: timestamp(at)? })
}

/// Publishes a version that has its signatures, once: what was published, and older proposals, are superseded.
async fn publish_if_signed(
    transaction: &mut Transaction<'_, Any>,
    version: i64,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let signed = "SELECT COUNT(*) FROM policies WHERE version = $1 AND state = 'proposed'
                  AND signatures_needed <= (SELECT COUNT(*) FROM signatures WHERE version = $1)";
    let signed: i64 = sqlx::query_scalar(signed).bind(version).fetch_one(&mut **transaction).await?;
    if signed == 0 {
        return Ok(());
    }
    let supersede = "UPDATE policies SET state = 'superseded'
                     WHERE state = 'published' OR (state = 'proposed' AND version < $1)";
    sqlx::query(supersede).bind(version).execute(&mut **transaction).await?;
    let publish = "UPDATE policies SET state = 'published', published_at = $2 WHERE version = $1 AND state = 'proposed'";
    sqlx::query(publish).bind(version).bind(now.as_millisecond()).execute(&mut **transaction).await.map(drop)
}

impl Store {
    /// 0 when there is none.
    pub(crate) async fn last_policy_version(&self) -> Result<u64, StoreError> {
        let sql = "SELECT COALESCE(MAX(version), 0) FROM policies";
        let last = sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool).await;
        Ok(last.attempting("looking for the last policy version")?.unsigned_abs())
    }

    /// Adds a version with its proposer's signature, and publishes it when that is enough. False when the number is taken.
    pub(crate) async fn add_policy(
        &self,
        version: u64,
        text: &str,
        by: &Login,
        comment: &str,
        signatures_needed: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const ATTEMPTED: &str = "adding a policy version";
        let version = version.cast_signed();
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let sql = "INSERT INTO policies (version, state, proposer, comment, signatures_needed, proposed_at)
                   VALUES ($1, 'proposed', $2, $3, $4, $5) ON CONFLICT (version) DO NOTHING";
        let query = sqlx::query(sql)
            .bind(version)
            .bind(by.as_str())
            .bind(comment)
            .bind(i64::from(signatures_needed))
            .bind(now.as_millisecond());
        let added = query.execute(&mut *transaction).await.attempting(ATTEMPTED)?.rows_affected() == 1;
        if added {
            write_text(&mut transaction, version, text).await.attempting(ATTEMPTED)?;
            sign(&mut transaction, version, by, now).await.attempting(ATTEMPTED)?;
            publish_if_signed(&mut transaction, version, now).await.attempting(ATTEMPTED)?;
        }
        transaction.commit().await.attempting(ATTEMPTED)?;
        Ok(added)
    }

    /// False when this login signed it before. Publishes it when the signatures are enough.
    pub(crate) async fn sign_policy(
        &self,
        version: u64,
        by: &Login,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const ATTEMPTED: &str = "signing a policy version";
        let version = version.cast_signed();
        let mut transaction = self.pool.begin().await.attempting(ATTEMPTED)?;
        let signed = sign(&mut transaction, version, by, now).await.attempting(ATTEMPTED)?;
        publish_if_signed(&mut transaction, version, now).await.attempting(ATTEMPTED)?;
        transaction.commit().await.attempting(ATTEMPTED)?;
        Ok(signed)
    }

    pub(crate) async fn policy(&self, number: u64) -> Result<Option<Version>, StoreError> {
        const ATTEMPTED: &str = "reading a policy version";
        let sql = "SELECT version, state, proposer, comment, signatures_needed, proposed_at, published_at
                   FROM policies WHERE version = $1";
        let query = sqlx::query_as::<_, Row>(sql).bind(number.cast_signed());
        let Some(row) = query.fetch_optional(&self.pool).await.attempting(ATTEMPTED)? else {
            return Ok(None);
        };
        let sql = "SELECT login, signed_at FROM signatures WHERE version = $1 ORDER BY signed_at, login";
        let query = sqlx::query_as::<_, (String, i64)>(sql).bind(number.cast_signed());
        let signatures = query.fetch_all(&self.pool).await.attempting(ATTEMPTED)?;
        let signatures = signatures.into_iter().map(signature).collect::<Result<_, _>>()?;
        version(row, signatures).map(Some)
    }

    /// The text of a version, as it was proposed.
    pub(crate) async fn policy_text(&self, number: u64) -> Result<Option<String>, StoreError> {
        let sql = "SELECT COUNT(*) FROM policy_texts WHERE version = $1";
        let parts: i64 = sqlx::query_scalar(sql)
            .bind(number.cast_signed())
            .fetch_one(&self.pool)
            .await
            .attempting("measuring the text of a policy version")?;
        // In one piece: a text that grows leaves its size in holes.
        let bytes =
            usize::try_from(parts).unwrap_or_default().saturating_mul(PART_BYTES).min(FILE_LIMIT_BYTES);
        let sql = "SELECT text FROM policy_texts WHERE version = $1 ORDER BY part";
        let mut parts = sqlx::query_scalar::<_, String>(sql).bind(number.cast_signed()).fetch(&self.pool);
        let mut text = None;
        while let Some(part) = parts.try_next().await.attempting("reading the text of a policy version")? {
            text.get_or_insert_with(|| String::with_capacity(bytes)).push_str(&part);
        }
        Ok(text)
    }

    /// The latest first.
    pub(crate) async fn policies(&self, limit: i64) -> Result<Vec<Version>, StoreError> {
        let sql = "SELECT version FROM policies ORDER BY version DESC LIMIT $1";
        let numbers = sqlx::query_scalar::<_, i64>(sql).bind(limit).fetch_all(&self.pool).await;
        let mut versions = Vec::new();
        for number in numbers.attempting("listing policy versions")? {
            versions.extend(self.policy(number.unsigned_abs()).await?);
        }
        Ok(versions)
    }

    pub(crate) async fn published_policy(&self) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT version FROM policies WHERE state = 'published'";
        let version = sqlx::query_scalar::<_, i64>(sql).fetch_optional(&self.pool).await;
        Ok(version.attempting("looking for the published policy")?.map(i64::unsigned_abs))
    }
}

async fn write_text(
    transaction: &mut Transaction<'_, Any>,
    version: i64,
    text: &str,
) -> Result<(), sqlx::Error> {
    let (mut rest, mut part) = (text, 0_i64);
    // An empty text has one part too.
    while part == 0 || !rest.is_empty() {
        let (here, after) = rest.split_at(rest.floor_char_boundary(PART_BYTES));
        let query = sqlx::query("INSERT INTO policy_texts (version, part, text) VALUES ($1, $2, $3)");
        query.bind(version).bind(part).bind(here).execute(&mut **transaction).await?;
        (rest, part) = (after, part + 1);
    }
    Ok(())
}

async fn sign(
    transaction: &mut Transaction<'_, Any>,
    version: i64,
    by: &Login,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let sql = "INSERT INTO signatures (version, login, signed_at) VALUES ($1, $2, $3)
               ON CONFLICT (version, login) DO NOTHING";
    let query = sqlx::query(sql).bind(version).bind(by.as_str()).bind(now.as_millisecond());
    Ok(query.execute(&mut **transaction).await?.rows_affected() == 1)
}
