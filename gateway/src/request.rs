//! "Demander l'accès": what people ask for, and what staff answered.
//!
//! Called by the kiosk API; the console answers, by [`grant`] and [`decline`]. A person sees only their own requests.

use std::sync::Arc;

use jiff::Timestamp;
use passerelle_api::AccessRequest;
use passerelle_audit::{Kind, Sealed};
use passerelle_policy::Url;

use crate::identifier::{Login, PersonId};
use crate::journal_keys::Subject;
use crate::person::{NewGrant, PersonError};
use crate::secret::random;
use crate::store::{Store, StoreError, hex};
use crate::{Gateway, RecordError};

/// In characters: half a page, all that anybody will type at a terminal.
pub const LONGEST_REASON: usize = 2000;
/// In characters.
pub const LONGEST_URL: usize = 2000;
/// Open requests of one person: more than staff will read.
pub const OPEN_LIMIT: i64 = 50;
/// How many of a person's requests are shown, the newest.
const SHOWN_LIMIT: i64 = 200;

/// How many requests of everybody staff see at once: an establishment's week.
const STAFF_LIMIT: i64 = 500;

/// A request with whose it is, as staff see it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub person: PersonId,
    pub request: AccessRequest,
    pub answered_by: Option<Login>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Granted { until: Timestamp },
    Declined,
}

impl Answer {
    fn state(self) -> (&'static str, Option<Timestamp>) {
        match self {
            Answer::Granted { until } => ("granted", Some(until)),
            Answer::Declined => ("declined", None),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("an address is http or https, readable, and has at most {LONGEST_URL} characters")]
    Url,
    #[error("a reason has at most {LONGEST_REASON} characters")]
    Reason,
    #[error("{OPEN_LIMIT} requests are open already")]
    TooMany,
    #[error("there is no open request of that id")]
    Unknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct Requests {
    store: Store,
    /// One at a time, so that the limit is exact.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Requests {
    pub fn new(store: Store) -> Requests {
        Requests { store, asking: Arc::default() }
    }

    pub async fn ask(
        &self,
        person: &PersonId,
        url: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<AccessRequest, RequestError> {
        // Kept as it was asked for; what could not be granted as it stands is not kept at all.
        if url.chars().count() > LONGEST_URL || Url::parse_written(url).is_err() {
            return Err(RequestError::Url);
        }
        if reason.chars().count() > LONGEST_REASON || reason.contains('\0') {
            return Err(RequestError::Reason);
        }
        let request = AccessRequest {
            id: hex(&random::<16>()),
            url: url.into(),
            reason: reason.into(),
            asked_at: now,
            state: "open".into(),
            answer: None,
            answered_at: None,
            granted_until: None,
        };
        let _turn = self.asking.lock().await;
        if self.store.add_request(person, &request, OPEN_LIMIT).await? {
            Ok(request)
        } else {
            Err(RequestError::TooMany)
        }
    }

    /// Newest first, at most the last 200.
    pub async fn of(&self, person: &PersonId) -> Result<Vec<AccessRequest>, StoreError> {
        self.store.requests_of(person, SHOWN_LIMIT).await
    }

    /// Of everybody: those that wait, oldest first, or those that were answered, the latest first.
    pub async fn all(&self, waiting: bool) -> Result<Vec<Asked>, StoreError> {
        self.store.all_requests(waiting, STAFF_LIMIT).await
    }

    pub async fn get(&self, id: &str) -> Result<Option<Asked>, StoreError> {
        self.store.request(id).await
    }

    /// Once: an answered request stays answered. `words` are shown to the person.
    pub async fn answer(
        &self,
        id: &str,
        answer: Answer,
        words: &str,
        by: &Login,
        now: Timestamp,
    ) -> Result<AccessRequest, RequestError> {
        if words.chars().count() > LONGEST_REASON || words.contains('\0') {
            return Err(RequestError::Reason);
        }
        let (state, until) = answer.state();
        self.store.answer_request(id, state, until, words, by, now).await?.ok_or(RequestError::Unknown)
    }
}

/// Why an answer did not become one.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Answers with a personal grant. Recorded before it is in force, and in force in the running session when this returns.
pub async fn grant(gateway: &Gateway, id: &str, grant: &NewGrant, now: Timestamp) -> Result<(), AnswerError> {
    let asked = waiting(gateway, id).await?;
    let opened = format!("https://{}:{}{}", grant.host, grant.port, grant.scope);
    let what = format!("{id} granted by {} until {:.0}: {}", grant.granter, grant.until, grant.reason);
    record_answer(gateway, &asked, what, Some(opened)).await?;
    gateway
        .requests
        .answer(id, Answer::Granted { until: grant.until }, &grant.reason, &grant.granter, now)
        .await?;
    gateway.people.grant(&asked.person, grant, now).await?;
    Ok(gateway.sessions.reload_grants(&asked.person, now).await?)
}

pub async fn decline(
    gateway: &Gateway,
    id: &str,
    words: &str,
    by: &Login,
    now: Timestamp,
) -> Result<(), AnswerError> {
    let asked = waiting(gateway, id).await?;
    gateway.requests.answer(id, Answer::Declined, words, by, now).await?;
    Ok(record_answer(gateway, &asked, format!("{id} declined by {by}: {words}"), None).await?)
}

async fn waiting(gateway: &Gateway, id: &str) -> Result<Asked, RequestError> {
    let asked = gateway.requests.get(id).await?.ok_or(RequestError::Unknown)?;
    if asked.answered_by.is_some() || asked.request.answered_at.is_some() {
        return Err(RequestError::Unknown);
    }
    Ok(asked)
}

async fn record_answer(
    gateway: &Gateway,
    asked: &Asked,
    detail: String,
    url: Option<String>,
) -> Result<(), RecordError> {
    let sealed =
        Sealed { person: Some(asked.person.to_string()), detail: Some(detail), url, ..Sealed::default() };
    let subject = Subject::Person(asked.person.clone());
    gateway.record(Kind::RequestAnswered, &subject, None, sealed).await.map(drop)
}
