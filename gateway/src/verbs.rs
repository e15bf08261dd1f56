//! What the command line can have done, whichever process does it.
//!
//! A verb is a [`Request`]; [`execute`] carries it out on an open [`Gateway`] and answers with an [`Answer`]. The running gateway
//! executes what comes over its control socket, a verb run alone executes the same on the gateway it opened itself (see
//! `control`). Invariants: every check (form, role, password) is made here, on the side that holds the state; what changes
//! state leaves its record before the answer; secrets are wiped when a request is dropped.

pub mod access;
pub mod audit;
pub mod catalogue;
mod disclosure;
pub mod learn;
pub mod person;
pub mod policy;
pub mod policy_import;
pub mod policy_preview;
pub mod serve;
pub mod staff;
pub mod terminal;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::{Zeroize, Zeroizing};

use crate::Gateway;
use crate::identifier::Login;

/// One verb with its arguments, as the control socket carries it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Request {
    TerminalInvite { name: String },
    TerminalEnrol { name: String, csr: String },
    TerminalRevoke { name: String },
    TerminalList,
    PersonAdd { id: String, name: String, groups: Vec<String>, trio: Vec<String>, pin: Secret },
    PersonList,
    PersonPin { id: String, pin: Secret },
    PersonLock { id: String },
    PersonUnlock { id: String },
    PersonRelease { id: String },
    StaffAdd { login: String, role: String, password: Secret },
    StaffPassword { login: String, old: Secret, new: Secret },
    StaffList,
    PolicyPropose { text: String, comment: String, by: Credentials },
    PolicySign { version: u64, by: Credentials },
    PolicyRefuse { host: String, by: Credentials },
    PolicyShow { version: Option<u64> },
    PolicyHistory,
    PolicyExplain(policy::Explain),
    PolicyPreview(policy_preview::Question),
    PolicyLearn { asked: learn::Learn, by: Credentials },
    PolicyLearnt { person: String, by: Credentials },
    AccessStop { group: Option<String>, by: Credentials },
    AccessResume { group: Option<String>, by: Credentials },
    CatalogueAdd(catalogue::Add),
    CatalogueList,
    CatalogueSearch { query: String },
    CatalogueRemove { id: String },
    JournalKeys,
}

/// A member of staff who stands for a verb.
#[derive(Debug, Serialize, Deserialize)]
pub struct Credentials {
    pub login: String,
    pub password: Secret,
}

/// A PIN or password on its way: never printed, wiped when dropped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a verb says to whoever ran it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// 0 done, 1 refused or failed.
    pub exit: u8,
    /// For standard output, without `--json`.
    pub text: String,
    /// For standard error.
    pub error: String,
    /// For standard output, with `--json`.
    pub json: Value,
}

impl Answer {
    /// Done: `text` for people, `json` for programs.
    pub fn done(text: impl Into<String>, json: Value) -> Answer {
        Answer { exit: 0, text: text.into(), error: String::new(), json }
    }

    /// Refused or failed, with everything that led to it.
    pub fn failed(error: &(dyn std::error::Error + 'static)) -> Answer {
        let error = sentence(error);
        Answer { exit: 1, text: String::new(), json: json!({ "error": error }), error }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // Answers may hold one-use codes, passwords and sealing keys.
        self.text.zeroize();
        wipe(&mut self.json);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(map) => map.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// An error with its causes, on one line; a cause that only repeats what was said is left out.
pub fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Why a verb was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    #[error(transparent)]
    Identifier(#[from] crate::identifier::BadIdentifier),
    #[error(transparent)]
    Person(#[from] crate::person::PersonError),
    #[error(transparent)]
    Terminal(#[from] crate::terminal::TerminalError),
    #[error(transparent)]
    Staff(#[from] crate::staff::StaffError),
    #[error(transparent)]
    Policy(#[from] crate::policy_store::PolicyStoreError),
    #[error(transparent)]
    Authority(#[from] crate::authority::AuthorityError),
    #[error(transparent)]
    Learning(#[from] crate::learning::LearningError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error(transparent)]
    Catalogue(Box<crate::catalogue::CatalogueError>),
    #[error(transparent)]
    Item(#[from] passerelle_catalogue::item::BadItemId),
    #[error("it was done, but its record could not be written")]
    Record(#[from] crate::RecordError),
    #[error("{0} is no role")]
    Role(String),
    #[error("{login} is {role}: only security and administrator may do this")]
    NotAllowed { login: String, role: &'static str },
    #[error("could not replay the journal")]
    Journal(#[from] passerelle_audit::SearchError),
    #[error("the replay was cut short")]
    Replay,
    #[error("reading the policy:\n{0}")]
    PolicyText(String),
    #[error("`{0}` is not an http or https address: {1}")]
    Url(String, passerelle_policy::TargetError),
}

/// What every verb's function returns.
type Outcome = Result<Answer, VerbError>;

/// Carries out one verb; never panics on what a client sent. `tell` hears how far a long one is.
pub async fn execute(gateway: &Gateway, request: Request, tell: &catalogue::Tell) -> Answer {
    let outcome = match request {
        Request::TerminalInvite { name } => terminal::invite(gateway, &name).await,
        Request::TerminalEnrol { name, csr } => terminal::enrol_locally(gateway, &name, &csr).await,
        Request::TerminalRevoke { name } => terminal::revoke(gateway, &name, None).await,
        Request::TerminalList => terminal::list(gateway),
        Request::PersonAdd { id, name, groups, trio, pin } => {
            person::add(gateway, &id, &name, &groups, &trio, &pin, None).await
        }
        Request::PersonList => person::list(gateway).await,
        Request::PersonPin { id, pin } => person::pin(gateway, &id, &pin, None).await,
        Request::PersonLock { id } => person::lock(gateway, &id, None).await,
        Request::PersonUnlock { id } => person::unlock(gateway, &id, None).await,
        Request::PersonRelease { id } => person::release(gateway, &id, None).await,
        Request::StaffAdd { login, role, password } => staff::add(gateway, &login, &role, &password).await,
        Request::StaffPassword { login, old, new } => staff::password(gateway, &login, &old, &new).await,
        Request::StaffList => staff::list(gateway).await,
        Request::PolicyPropose { text, comment, by } => policy::propose(gateway, text, &comment, &by).await,
        Request::PolicySign { version, by } => policy::sign(gateway, version, &by).await,
        Request::PolicyRefuse { host, by } => policy::refuse(gateway, &host, &by).await,
        Request::PolicyShow { version } => policy::show(gateway, version).await,
        Request::PolicyHistory => policy::history(gateway).await,
        Request::PolicyExplain(question) => policy::explain(gateway, question).await,
        Request::PolicyPreview(question) => policy_preview::preview(gateway, question).await,
        Request::PolicyLearn { asked, by } => learn::start(gateway, &asked, &by).await,
        Request::PolicyLearnt { person, by } => learn::stop(gateway, &person, &by).await,
        Request::AccessStop { group, by } => access::stop(gateway, group.as_deref(), &by).await,
        Request::AccessResume { group, by } => access::resume(gateway, group.as_deref(), &by).await,
        Request::CatalogueAdd(add) => catalogue::add(gateway, add, tell).await,
        Request::CatalogueList => catalogue::list(gateway),
        Request::CatalogueSearch { query } => catalogue::search(gateway, query).await,
        Request::CatalogueRemove { id } => catalogue::remove(gateway, &id).await,
        Request::JournalKeys => {
            // Whoever asks is about to read: refusals still being counted belong to what they read.
            gateway.refusals.flush(gateway, true).await;
            Ok(audit::keys(&gateway.keys, &gateway.authority.journal_key()))
        }
    };
    outcome.unwrap_or_else(|error| Answer::failed(&error))
}

/// What was done, for a record; with the login where it was done at the console.
fn done_by(what: &str, by: Option<&Login>) -> String {
    by.map_or_else(|| what.to_owned(), |by| format!("{what}, by {by}"))
}

/// Lines of a table, columns aligned; empty cells show as `-`.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| match cell.is_empty() {
            true => format!("{:width$}", "-"),
            false => format!("{cell:width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Standard input as a PIN or password: one line, its end removed. At most 4 KiB, more than any of them has.
pub fn read_secret(input: impl std::io::Read) -> std::io::Result<Secret> {
    let [secret] = read_secrets(input)?;
    Ok(secret)
}

/// The same of several lines; what is not there is empty.
pub fn read_secrets<const N: usize>(input: impl std::io::Read) -> std::io::Result<[Secret; N]> {
    const LIMIT_BYTES: u64 = 4096;
    let mut text = Zeroizing::new(String::new());
    std::io::Read::read_to_string(&mut std::io::Read::take(input, LIMIT_BYTES), &mut text)?;
    let mut lines = text.split('\n').map(|line| line.split('\r').next().unwrap_or_default());
    Ok(std::array::from_fn(|_| Secret::new(lines.next().unwrap_or_default().to_owned())))
}
