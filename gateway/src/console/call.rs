//! One request as the pages see it, and what they answer with.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use fluent_bundle::FluentValue;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use passerelle_audit::{Kind, Sealed, SearchError};

use super::page;
use super::session::StaffSession;
use crate::identifier::PersonId;
use crate::journal_keys::Subject;
use crate::learning::LearningError;
use crate::person::Person;
use crate::policy_store::PolicyStoreError;
use crate::staff::{Role, Staff};
use crate::store::StoreError;
use crate::text::{self, Language};
use crate::verbs::staff::publisher;
use crate::verbs::{Credentials, Secret, VerbError, sentence};
use crate::{Gateway, RecordError};

pub type Answer = Result<Response, Failure>;

/// Names and values of a query or form; a name may come several times.
#[derive(Debug, Default)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first value, trimmed; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.get_raw(name).trim()
    }

    /// The first value as it was typed: a password may begin with a space.
    pub fn get_raw(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A request that was judged to come from a page of ours, or from nowhere.
pub struct Call {
    pub gateway: Arc<Gateway>,
    pub language: Language,
    pub from: IpAddr,
    pub now: Timestamp,
    pub path: String,
    pub parameters: Fields,
    pub queries: Fields,
    pub form: Fields,
}

impl Call {
    /// The text of `key` in the reader's language.
    pub fn say(&self, key: &str) -> String {
        text::text(self.language, key)
    }

    /// The same with its variables filled in.
    pub fn say_with(&self, key: &str, values: &[(&str, FluentValue<'_>)]) -> String {
        text::text_with(self.language, key, values)
    }

    /// A part of the path, as the table names it.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name)
    }

    pub fn query(&self, name: &str) -> &str {
        self.queries.get(name)
    }

    pub fn field(&self, name: &str) -> &str {
        self.form.get(name)
    }

    /// The establishment's time zone.
    pub fn zone(&self) -> TimeZone {
        self.gateway.policies.current().policy.time_zone().clone()
    }

    /// A moment in local time, readable by people and programs.
    pub fn time(&self, at: Timestamp) -> Markup {
        let local = at.to_zoned(self.zone());
        let shown = match self.language {
            Language::French => local.strftime("%d/%m/%Y %H:%M:%S"),
            Language::English => local.strftime("%Y-%m-%d %H:%M:%S"),
        };
        html! { time datetime=(format!("{at:.0}")) { (shown) } }
    }
}

/// A request of somebody who is signed in, with a role that the table lets in.
pub struct StaffCall {
    pub call: Call,
    pub staff: Staff,
    pub session: Arc<StaffSession>,
}

impl Deref for StaffCall {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl StaffCall {
    pub fn role(&self) -> Role {
        self.staff.role
    }

    /// Whether the table lets this role in there; for links and buttons.
    pub fn may(&self, method: &http::Method, path: &str) -> bool {
        super::route::allows(method, path, self.role())
    }

    /// Guard, counsellor and referent see the people whose trio they are in, the others see everybody.
    pub fn may_see(&self, person: &Person) -> bool {
        !self.sees_own_people_only() || person.trio.contains(&self.staff.login)
    }

    pub fn sees_own_people_only(&self) -> bool {
        matches!(self.role(), Role::Guard | Role::Counsellor | Role::Referent)
    }

    /// A person whom this member of staff may see; whom they may not see does not exist for them.
    pub async fn person(&self, id: &str) -> Result<Person, Failure> {
        let id = PersonId::parse(id).map_err(|_| Failure::NotFound)?;
        let person = self.gateway.people.get(&id).await?.ok_or(Failure::NotFound)?;
        if self.may_see(&person) { Ok(person) } else { Err(Failure::NotFound) }
    }

    /// Records that staff looked at records: of one person, or of everybody they may see. To be called before the page is made.
    /// Sealed with the person's key: when that person is erased, who looked at them is too.
    pub async fn looked(&self, person: Option<&PersonId>, what: &str) -> Result<(), Failure> {
        let sealed = Sealed {
            person: person.map(PersonId::to_string),
            detail: Some(format!("{what}, by {}", self.staff.login)),
            ..Sealed::default()
        };
        let subject = match person {
            Some(person) => Subject::Person(person.clone()),
            None => Subject::Staff(self.staff.login.clone()),
        };
        self.gateway.record(Kind::StaffLooked, &subject, None, sealed).await?;
        Ok(())
    }

    /// The hidden input that every form begins with.
    pub fn token(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.session.csrf()); }
    }

    /// A page of the signed in, with the menu.
    pub fn page(&self, title: &str, body: Markup) -> Answer {
        self.titled(&self.say(title), body)
    }

    /// The same with a title that is in words already.
    pub fn titled(&self, title: &str, body: Markup) -> Answer {
        Ok(page::signed_in(self, title, body).into_response())
    }

    /// Who this is, shown once more by the password of the form; under the delays of wrong passwords, which are recorded.
    pub async fn confirm(&self) -> Result<Staff, VerbError> {
        let password = Secret::new(self.form.get_raw("password").to_owned());
        let login = self.staff.login.to_string();
        publisher(&self.gateway, &Credentials { login, password }).await
    }

    /// The page again, with what was wrong above it.
    pub fn wrong(&self, title: &str, wrong: &str, body: Markup) -> Answer {
        let body = html! { (page::alert(wrong)) (body) };
        let page = page::signed_in(self, &self.say(title), body);
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    }

    /// After a change: to `path`, which then shows the text `key` (it begins with `done-`).
    pub fn done(&self, path: &str, key: &str) -> Answer {
        let separator = if path.contains('?') { '&' } else { '?' };
        Ok(see_other(&format!("{path}{separator}done={key}")))
    }
}

/// 303: the browser goes there with a GET.
pub fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    response
}

/// A file for the browser.
pub fn file(media_type: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Why there is no page; each is told in the reader's words.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("signed out")]
    SignedOut,
    #[error("not for this role")]
    Forbidden,
    #[error("no such page")]
    NotFound,
    #[error("no such method here")]
    Method,
    #[error("not our host name")]
    Host,
    #[error("not from a page of ours")]
    Foreign,
    #[error("too long")]
    TooLong,
    #[error("not readable")]
    Malformed,
    /// What was asked for can't be done, in a sentence.
    #[error("{0}")]
    Refused(String),
    /// The store, the journal or a limit.
    #[error("{0}")]
    Unavailable(String),
}

impl Failure {
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::SignedOut => StatusCode::UNAUTHORIZED,
            Failure::Forbidden | Failure::Foreign => StatusCode::FORBIDDEN,
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::Method => StatusCode::METHOD_NOT_ALLOWED,
            Failure::Host => StatusCode::MISDIRECTED_REQUEST,
            Failure::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::Malformed => StatusCode::BAD_REQUEST,
            Failure::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Failure::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The key of its words.
    pub fn key(&self) -> &'static str {
        match self {
            Failure::SignedOut => "failure-signed-out",
            Failure::Forbidden => "failure-forbidden",
            Failure::NotFound => "failure-not-found",
            Failure::Method => "failure-method",
            Failure::Host => "failure-host",
            Failure::Foreign => "failure-foreign",
            Failure::TooLong => "failure-too-long",
            Failure::Malformed => "failure-malformed",
            Failure::Refused(_) => "failure-refused",
            Failure::Unavailable(_) => "failure-unavailable",
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Unavailable(sentence(&error))
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Failure {
        Failure::Unavailable(sentence(&error))
    }
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Failure {
        Failure::Unavailable(sentence(&error))
    }
}

impl From<PolicyStoreError> for Failure {
    fn from(error: PolicyStoreError) -> Failure {
        VerbError::from(error).into()
    }
}

impl From<VerbError> for Failure {
    fn from(error: VerbError) -> Failure {
        match error {
            VerbError::Store(error) | VerbError::Policy(PolicyStoreError::Store(error)) => error.into(),
            VerbError::Learning(LearningError::Store(error)) => error.into(),
            VerbError::Learning(LearningError::Record(error)) => error.into(),
            VerbError::Record(_) | VerbError::Journal(_) | VerbError::Replay => {
                Failure::Unavailable(sentence(&error))
            }
            _ => Failure::Refused(sentence(&error)),
        }
    }
}
