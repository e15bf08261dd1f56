use super::{Attempting, Store, StoreError, identifier, timestamp};
use crate::identifier::{Login, PersonId};
use crate::request::Asked;
use jiff::Timestamp;
use passerelle_api::AccessRequest;

type Row = (String, String, String, i64, String, Option<String>, Option<i64>, Option<i64>);

fn request(
    (id, url, reason, asked_at, state, answer, answered_at, granted_until): Row,
) -> Result<AccessRequest, StoreError> {
    let asked_at = timestamp(asked_at)?;
    let answered_at = answered_at.map(timestamp).transpose()?;
    let granted_until = granted_until.map(timestamp).transpose()?;
    Ok(AccessRequest { id, url, reason, asked_at, state, answer, answered_at, granted_until })
}

type AskedRow =
    (String, String, String, i64, String, Option<String>, Option<i64>, Option<i64>, String, Option<String>);

fn asked(
    (id, url, reason, asked_at, state, answer, answered_at, granted_until, person, by): AskedRow,
) -> Result<Asked, StoreError> {
    Ok(Asked {
        person: identifier(&person)?,
        request: request((id, url, reason, asked_at, state, answer, answered_at, granted_until))?,
        answered_by: by.as_deref().map(identifier).transpose()?,
    })
}

impl Store {
    /// False when the person has `limit` open requests already.
    pub(crate) async fn add_request(
        &self,
        person: &PersonId,
        request: &AccessRequest,
        limit: i64,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO requests (id, person, url, reason, asked_at, state)
                   SELECT id, person, url, reason, asked_at, state FROM
                   (SELECT CAST($1 AS TEXT) AS id, CAST($2 AS TEXT) AS person, CAST($3 AS TEXT) AS url,
                    CAST($4 AS TEXT) AS reason, CAST($5 AS BIGINT) AS asked_at, 'open' AS state) AS asked
                   WHERE (SELECT COUNT(*) FROM requests WHERE person = $2 AND state = 'open') < $6";
        let query = sqlx::query(sql)
            .bind(request.id.as_str())
            .bind(person.as_str())
            .bind(request.url.as_str())
            .bind(request.reason.as_str())
            .bind(request.asked_at.as_millisecond())
            .bind(limit);
        Ok(query.execute(&self.pool).await.attempting("adding a request")?.rows_affected() == 1)
    }

    /// Newest first.
    pub(crate) async fn requests_of(
        &self,
        person: &PersonId,
        limit: i64,
    ) -> Result<Vec<AccessRequest>, StoreError> {
        let sql = "SELECT id, url, reason, asked_at, state, answer, answered_at, granted_until FROM requests
                   WHERE person = $1 ORDER BY asked_at DESC, id LIMIT $2";
        let query = sqlx::query_as::<_, Row>(sql).bind(person.as_str()).bind(limit);
        let rows = query.fetch_all(&self.pool).await.attempting("listing a person's requests")?;
        rows.into_iter().map(request).collect()
    }

    /// Of everybody: those that wait (oldest first), or those that were answered (the latest first).
    pub(crate) async fn all_requests(&self, waiting: bool, limit: i64) -> Result<Vec<Asked>, StoreError> {
        let sql = match waiting {
            true => {
                "SELECT id, url, reason, asked_at, state, answer, answered_at, granted_until, person, answered_by
                 FROM requests WHERE state = 'open' ORDER BY asked_at, id LIMIT $1"
            }
            false => {
                "SELECT id, url, reason, asked_at, state, answer, answered_at, granted_until, person, answered_by
                 FROM requests WHERE state <> 'open' ORDER BY answered_at DESC, id LIMIT $1"
            }
        };
        let query = sqlx::query_as::<_, AskedRow>(sql).bind(limit);
        let rows = query.fetch_all(&self.pool).await.attempting("listing requests")?;
        rows.into_iter().map(asked).collect()
    }

    pub(crate) async fn request(&self, id: &str) -> Result<Option<Asked>, StoreError> {
        let sql =
            "SELECT id, url, reason, asked_at, state, answer, answered_at, granted_until, person, answered_by
                   FROM requests WHERE id = $1";
        let query = sqlx::query_as::<_, AskedRow>(sql).bind(id);
        query.fetch_optional(&self.pool).await.attempting("reading a request")?.map(asked).transpose()
    }

    /// Nothing when there is no open request of that id.
    pub(crate) async fn answer_request(
        &self,
        id: &str,
        state: &str,
        granted_until: Option<Timestamp>,
        answer: &str,
        by: &Login,
        now: Timestamp,
    ) -> Result<Option<AccessRequest>, StoreError> {
        let sql = "UPDATE requests SET state = $2, answer = $3, answered_at = $4, answered_by = $5, granted_until = $6
                   WHERE id = $1 AND state = 'open'
                   RETURNING id, url, reason, asked_at, state, answer, answered_at, granted_until";
        let query = sqlx::query_as::<_, Row>(sql)
            .bind(id)
            .bind(state)
            .bind(answer)
            .bind(now.as_millisecond())
            .bind(by.as_str())
            .bind(granted_until.map(Timestamp::as_millisecond));
        query.fetch_optional(&self.pool).await.attempting("answering a request")?.map(request).transpose()
    }
}
