//! Staff: logins, roles, passwords.
//!
//! Called by the verbs that name who acts (`--by LOGIN`) and by the console. Wrong passwords meet the delays of `attempts`
//! under one tally a login: the wait stays under 30 s, so that nobody can lock an administrator out of the stop button.

use jiff::Timestamp;

use crate::attempts::{AttemptError, Attempts};
use crate::identifier::Login;
use crate::secret::{Hasher, LONGEST_SECRET, SecretError, digest, new_password};
use crate::store::{Store, StoreError, hex};

/// The fewest bytes of a password.
pub const SHORTEST_PASSWORD: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Administrator,
    Security,
    Auditor,
    Counsellor,
    Referent,
    Guard,
}

impl Role {
    pub const ALL: [Role; 6] =
        [Role::Administrator, Role::Security, Role::Auditor, Role::Counsellor, Role::Referent, Role::Guard];
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
    pub fn word(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Security => "security",
            Role::Auditor => "auditor",
            Role::Counsellor => "counsellor",
            Role::Referent => "referent",
            Role::Guard => "guard",
        }
    }
    /// Whether this role may propose, sign and refuse.
    pub fn may_publish(self) -> bool {
        matches!(self, Role::Administrator | Role::Security)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    pub login: Login,
    pub role: Role,
    /// The password was printed by `init` and waits to be changed.
    pub one_time_password: bool,
    pub added_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum StaffError {
    #[error("login {0} exists already")]
    Exists(Login),
    #[error("staff are there already: only a new establishment has a first administrator")]
    NotFirst,
    #[error("a password has {SHORTEST_PASSWORD} to {LONGEST_SECRET} bytes")]
    PasswordForm,
    #[error("the new password is the old one")]
    SamePassword,
    /// Wrong password and unknown login alike.
    #[error("wrong login or password")]
    Failed,
    #[error("too many tries: wait {retry_after_seconds} s")]
    TooManyTries { retry_after_seconds: u64 },
    #[error("checking a password: {0}")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AttemptError> for StaffError {
    fn from(error: AttemptError) -> StaffError {
        match error {
            AttemptError::TooMany { retry_after_seconds } => StaffError::TooManyTries { retry_after_seconds },
            AttemptError::Store(error) => error.into(),
        }
    }
}

#[derive(Clone)]
pub struct StaffRoll {
    store: Store,
    hasher: Hasher,
    attempts: Attempts,
}

impl StaffRoll {
    pub fn new(store: Store, hasher: Hasher) -> StaffRoll {
        let attempts = Attempts::new(store.clone());
        StaffRoll { store, hasher, attempts }
    }

    pub async fn add(
        &self,
        login: &Login,
        role: Role,
        password: &str,
        now: Timestamp,
    ) -> Result<(), StaffError> {
        let staff = Staff { login: login.clone(), role, one_time_password: false, added_at: now };
        self.enter(staff, password).await
    }

    /// The administrator of a new establishment; answers a password that the console will ask to change.
    pub async fn add_first(&self, login: &Login, now: Timestamp) -> Result<String, StaffError> {
        if !self.list().await?.is_empty() {
            return Err(StaffError::NotFirst);
        }
        let password = new_password();
        let role = Role::Administrator;
        let staff = Staff { login: login.clone(), role, one_time_password: true, added_at: now };
        self.enter(staff, &password).await?;
        Ok(password)
    }

    async fn enter(&self, staff: Staff, password: &str) -> Result<(), StaffError> {
        let hash = self.hash(password).await?;
        if self.store.add_staff(&staff, &hash).await? { Ok(()) } else { Err(StaffError::Exists(staff.login)) }
    }

    async fn hash(&self, password: &str) -> Result<String, StaffError> {
        if !(SHORTEST_PASSWORD..=LONGEST_SECRET).contains(&password.len()) {
            return Err(StaffError::PasswordForm);
        }
        Ok(self.hasher.hash(password).await?)
    }

    /// One's own password, by who knows the old one; it is a one-time password no longer.
    pub async fn change_password(
        &self,
        login: &str,
        old: &str,
        new: &str,
        now: Timestamp,
    ) -> Result<Staff, StaffError> {
        let staff = self.verify(login, old, now).await?;
        if old == new {
            return Err(StaffError::SamePassword);
        }
        let hash = self.hash(new).await?;
        self.store.change_staff_password(&staff.login, &hash).await?;
        Ok(staff)
    }

    /// By login.
    pub async fn list(&self) -> Result<Vec<Staff>, StoreError> {
        self.store.all_staff().await
    }

    /// Whose password this is, under the delay rules. Whether the login exists changes neither the answer nor its time.
    pub async fn verify(&self, login: &str, password: &str, now: Timestamp) -> Result<Staff, StaffError> {
        let found = self.store.staff(login).await?;
        let attempt = self.attempts.admit_anywhere(&subject(login), found.is_some(), now).await?;
        let hash = found.as_ref().map(|(_, hash)| hash.as_str());
        let right = match self.hasher.verify(password, hash).await {
            Err(SecretError::TooLong) => false,
            verdict => verdict?,
        };
        match found {
            Some((staff, _)) if right => {
                attempt.was_right().await?;
                Ok(staff)
            }
            _ => Err(StaffError::Failed),
        }
    }
}

/// Whatever was typed, as a tally's subject of bounded length.
fn subject(typed: &str) -> String {
    match Login::parse(typed) {
        Ok(login) => format!("staff:{login}"),
        Err(_) => format!("staff?{}", hex(&digest(typed))),
    }
}
