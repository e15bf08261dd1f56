//! The people: who may sign in, in which groups, with which PIN and personal grants.
//!
//! Called by the verbs, by `session` and by the kiosk API. Who locks or releases somebody also ends their session
//! (`Sessions::end_for_person`): this module changes what holds from the next sign-in on.

use std::fmt;

use jiff::Timestamp;
use passerelle_policy::{Grant, Host, PathGlob};

use crate::attempts::{AttemptError, Attempts};
use crate::identifier::{BadIdentifier, GroupId, Login, PersonId, TerminalId};
use crate::secret::{Hasher, SecretError, digest, random};
use crate::store::{Store, StoreError, hex};

/// The fewest digits of a PIN.
pub const SHORTEST_PIN: usize = 6;
/// The most: more than anybody remembers.
pub const LONGEST_PIN: usize = 64;
/// In characters.
const LONGEST_NAME: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub name: String,
    pub groups: Vec<GroupId>,
    /// Guard, counsellor and referent assigned to this person.
    pub trio: Vec<Login>,
    pub locked: bool,
    pub added_at: Timestamp,
    /// When the person left.
    pub released_at: Option<Timestamp>,
}

impl Person {
    pub fn may_sign_in(&self) -> bool {
        !self.locked && self.released_at.is_none()
    }
}

/// What a grant opens of its host and port.
#[derive(Clone, Debug)]
pub enum GrantScope {
    /// Pages at these paths, to read.
    Pages(PathGlob),
    /// Whatever the host offers, for a recording run (see `learning`).
    Recording,
}

/// The paths that are opened, as a glob.
impl fmt::Display for GrantScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GrantScope::Pages(path) => path.fmt(f),
            GrantScope::Recording => f.write_str("/*"),
        }
    }
}

/// What staff open for one person until a time: one host, one port.
#[derive(Clone, Debug)]
pub struct NewGrant {
    pub host: Host,
    pub port: u16,
    pub scope: GrantScope,
    pub until: Timestamp,
    pub granter: Login,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    #[error(transparent)]
    Identifier(#[from] BadIdentifier),
    #[error("person {0} exists already")]
    Exists(PersonId),
    #[error("there is no person {0}")]
    Unknown(PersonId),
    #[error("person {0} has been released")]
    Released(PersonId),
    #[error("a name has 1 to {LONGEST_NAME} characters, none of them a control character")]
    Name,
    #[error("a PIN has {SHORTEST_PIN} to {LONGEST_PIN} digits and nothing else")]
    PinForm,
    #[error("hashing the PIN: {0}")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a PIN was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Wrong PIN, unknown person and released person alike: whoever left is nobody here.
    #[error("wrong person or PIN")]
    Failed,
    #[error("too many tries: wait {retry_after_seconds} s")]
    TooManyTries { retry_after_seconds: u64 },
    /// The right PIN of a locked person.
    #[error("the person is locked")]
    PersonLocked,
    #[error("a new PIN has {SHORTEST_PIN} to {LONGEST_PIN} digits and nothing else")]
    PinForm,
    #[error("checking the PIN: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StoreError> for PinError {
    fn from(error: StoreError) -> PinError {
        PinError::Unavailable(error.into())
    }
}

impl From<SecretError> for PinError {
    fn from(error: SecretError) -> PinError {
        match error {
            SecretError::TooLong => PinError::Failed,
            other => PinError::Unavailable(other.into()),
        }
    }
}

impl From<AttemptError> for PinError {
    fn from(error: AttemptError) -> PinError {
        match error {
            AttemptError::TooMany { retry_after_seconds } => PinError::TooManyTries { retry_after_seconds },
            AttemptError::Store(error) => error.into(),
        }
    }
}

#[derive(Clone)]
pub struct People {
    store: Store,
    hasher: Hasher,
    attempts: Attempts,
}

impl People {
    pub fn new(store: Store, hasher: Hasher) -> People {
        let attempts = Attempts::new(store.clone());
        People { store, hasher, attempts }
    }

    pub async fn add(
        &self,
        id: &PersonId,
        name: &str,
        groups: &[GroupId],
        trio: &[Login],
        pin: &str,
        now: Timestamp,
    ) -> Result<(), PersonError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(PersonError::Name);
        }
        if !is_pin(pin) {
            return Err(PersonError::PinForm);
        }
        let person = Person {
            id: id.clone(),
            name: name.into(),
            groups: groups.to_vec(),
            trio: trio.to_vec(),
            locked: false,
            added_at: now,
            released_at: None,
        };
        let hash = self.hasher.hash(pin).await?;
        if self.store.add_person(&person, &hash).await? {
            Ok(())
        } else {
            Err(PersonError::Exists(person.id))
        }
    }

    /// By id.
    pub async fn list(&self) -> Result<Vec<Person>, StoreError> {
        self.store.people().await
    }

    pub async fn get(&self, id: &PersonId) -> Result<Option<Person>, StoreError> {
        self.store.person(id).await
    }

    pub async fn lock(&self, id: &PersonId) -> Result<(), PersonError> {
        self.present(id).await?;
        Ok(self.store.set_locked(id, true).await?)
    }

    /// Groups and trio as they are from the next sign-in on.
    pub async fn assign(&self, id: &PersonId, groups: &[GroupId], trio: &[Login]) -> Result<(), PersonError> {
        self.present(id).await?;
        Ok(self.store.assign_person(id, groups, trio).await?)
    }

    /// A new PIN by the hand of staff, for whoever forgot theirs: no wrong try counts any more.
    pub async fn set_pin(&self, id: &PersonId, pin: &str) -> Result<(), PersonError> {
        if !is_pin(pin) {
            return Err(PersonError::PinForm);
        }
        self.present(id).await?;
        let hash = self.hasher.hash(pin).await?;
        self.store.set_pin_hash(id, &hash).await?;
        Ok(self.store.forget_tallies_of(&subject(id.as_str())).await?)
    }

    pub async fn unlock(&self, id: &PersonId) -> Result<(), PersonError> {
        self.present(id).await?;
        Ok(self.store.set_locked(id, false).await?)
    }

    /// The person leaves: sign-in is refused, grants lapse. Nobody comes back: it is for a new id.
    pub async fn release(&self, id: &PersonId, now: Timestamp) -> Result<(), PersonError> {
        self.present(id).await?;
        Ok(self.store.release_person(id, now).await?)
    }

    /// The caller tells a live session: `Sessions::reload_grants`.
    pub async fn grant(
        &self,
        person: &PersonId,
        grant: &NewGrant,
        now: Timestamp,
    ) -> Result<(), PersonError> {
        self.present(person).await?;
        Ok(self.store.add_grant(person, grant, &hex(&random::<16>()), now).await?)
    }

    /// The caller tells a live session, as with [`People::grant`].
    pub(crate) async fn end_recording(&self, person: &PersonId, now: Timestamp) -> Result<(), PersonError> {
        Ok(self.store.end_recording_grants(person, now).await?)
    }

    /// Grants that hold now.
    pub async fn grants(&self, person: &PersonId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        self.store.grants(person, now).await
    }

    pub(crate) async fn present(&self, id: &PersonId) -> Result<Person, PersonError> {
        let person = self.get(id).await?.ok_or_else(|| PersonError::Unknown(id.clone()))?;
        if person.released_at.is_some() { Err(PersonError::Released(person.id)) } else { Ok(person) }
    }

    /// Checks a PIN under the delay rules. `person` is what was typed: whether that person exists changes neither the
    /// answer nor the time it takes.
    pub async fn check_pin(
        &self,
        person: &str,
        pin: &str,
        terminal: &TerminalId,
        now: Timestamp,
    ) -> Result<Person, PinError> {
        let stored = self.store.pin_hash(person).await?;
        let subject = subject(person);
        let attempt = self.attempts.admit(&subject, terminal.as_str(), stored.is_some(), now).await?;
        if !self.hasher.verify(pin, stored.as_deref()).await? {
            return Err(PinError::Failed);
        }
        let id = PersonId::parse(person).map_err(|_| PinError::Failed)?;
        let person = self.get(&id).await?.ok_or(PinError::Failed)?;
        if person.released_at.is_some() {
            return Err(PinError::Failed);
        }
        attempt.was_right().await?;
        if person.locked { Err(PinError::PersonLocked) } else { Ok(person) }
    }

    /// The old PIN is checked as at sign-in, delays included: a terminal left signed in is no place to guess it.
    pub async fn change_pin(
        &self,
        person: &PersonId,
        old: &str,
        new: &str,
        terminal: &TerminalId,
        now: Timestamp,
    ) -> Result<(), PinError> {
        if !is_pin(new) {
            return Err(PinError::PinForm);
        }
        let person = self.check_pin(person.as_str(), old, terminal, now).await?;
        let hash = self.hasher.hash(new).await?;
        Ok(self.store.set_pin_hash(&person.id, &hash).await?)
    }
}

fn is_pin(text: &str) -> bool {
    (SHORTEST_PIN..=LONGEST_PIN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whatever was typed, as a tally's subject of bounded length.
fn subject(typed: &str) -> String {
    match PersonId::parse(typed) {
        Ok(id) => format!("person:{id}"),
        Err(_) => format!("person?{}", hex(&digest(typed))),
    }
}
