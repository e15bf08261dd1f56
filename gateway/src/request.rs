//! "Demander l'accès": what people ask for, and what staff answered.
//!
//! Called by the kiosk API; the console answers. A person sees only their own requests.

use std::sync::Arc;

use jiff::Timestamp;
use passerelle_api::AccessRequest;
use passerelle_policy::Url;

use crate::identifier::PersonId;
use crate::secret::random;
use crate::store::{Store, StoreError, hex};

/// In characters: half a page, all that anybody will type at a terminal.
pub const LONGEST_REASON: usize = 2000;
/// In characters.
pub const LONGEST_URL: usize = 2000;
/// Open requests of one person: more than staff will read.
pub const OPEN_LIMIT: i64 = 50;
/// How many of a person's requests are shown, the newest.
const SHOWN_LIMIT: i64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Granted,
    Declined,
}

impl Answer {
    fn state(self) -> &'static str {
        match self {
            Answer::Granted => "granted",
            Answer::Declined => "declined",
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

    /// Once: an answered request stays answered.
    pub async fn answer(
        &self,
        id: &str,
        answer: Answer,
        words: &str,
        now: Timestamp,
    ) -> Result<AccessRequest, RequestError> {
        if words.chars().count() > LONGEST_REASON || words.contains('\0') {
            return Err(RequestError::Reason);
        }
        self.store.answer_request(id, answer.state(), words, now).await?.ok_or(RequestError::Unknown)
    }
}
