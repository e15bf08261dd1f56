use super::{Attempting, Store, StoreError, timestamp};
use crate::identifier::PersonId;
use crate::person::{GrantScope, NewGrant};
use jiff::Timestamp;
use passerelle_policy::{Authority, Grant, Host, Methods, PathGlob, Rule};

/// The service that records name for what a personal grant allowed.
const SERVICE: &str = "grant";

type Row = (String, String, i64, String, String, String, i64, i64);

fn grant(
    person: &PersonId,
    (id, host, port, path, granter, reason, until, recording): Row,
) -> Result<Grant, StoreError> {
    let unreadable = || StoreError::Unreadable { what: format!("the grant {id} of {host}:{port}{path}") };
    let host = Host::parse(&host).map_err(|_| unreadable())?;
    let authority = Authority::new(host, u16::try_from(port).map_err(|_| unreadable())?);
    let path = PathGlob::parse(&path).map_err(|_| unreadable())?;
    Ok(Grant {
        person: person.to_string(),
        service: SERVICE.into(),
        rule: match recording {
            0 => Rule::granting(&authority, vec![path], Methods::READ),
            _ => Rule::recording(&authority),
        },
        until: timestamp(until)?,
        granter,
        reason,
        id,
    })
}

impl Store {
    pub(crate) async fn add_grant(
        &self,
        person: &PersonId,
        new: &NewGrant,
        id: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO grants (id, person, host, port, path, granter, reason, granted_at, ends_at, recording)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let query = sqlx::query(sql)
            .bind(id)
            .bind(person.as_str())
            .bind(new.host.as_str())
            .bind(i64::from(new.port))
            .bind(new.scope.to_string())
            .bind(new.granter.as_str())
            .bind(new.reason.as_str())
            .bind(now.as_millisecond())
            .bind(new.until.as_millisecond())
            .bind(i64::from(matches!(new.scope, GrantScope::Recording)));
        query.execute(&self.pool).await.map(drop).attempting("granting access")
    }

    /// Ends what a recording run granted.
    pub(crate) async fn end_recording_grants(
        &self,
        person: &PersonId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grants SET ends_at = $2 WHERE person = $1 AND recording = 1 AND ends_at > $2";
        let query = sqlx::query(sql).bind(person.as_str()).bind(now.as_millisecond());
        query.execute(&self.pool).await.map(drop).attempting("ending the grants of a recording run")
    }

    /// Those that hold at `now`.
    pub(crate) async fn grants(&self, person: &PersonId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        let sql = "SELECT id, host, port, path, granter, reason, ends_at, recording FROM grants
                   WHERE person = $1 AND ends_at > $2 ORDER BY granted_at, id";
        let query = sqlx::query_as::<_, Row>(sql).bind(person.as_str()).bind(now.as_millisecond());
        let rows = query.fetch_all(&self.pool).await.attempting("reading a person's grants")?;
        rows.into_iter().map(|row| grant(person, row)).collect()
    }
}
