//! Staff: logins, roles, passwords.
//!
//! Called by the verbs that name who acts (`--by LOGIN`) and by the console. Wrong passwords meet the delays of `attempts`
//! under one tally a login: the wait stays under 30 s, so that nobody can lock an administrator out of the stop button.

use std::net::IpAddr;

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
    #[error("there is no login {0}")]
    Unknown(Login),
    #[error("{0} is the only administrator")]
    LastAdministrator(Login),
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
        self.add_one_time(login, Role::Administrator, now).await
    }

    /// Answers a password that the console will ask to change.
    pub async fn add_one_time(
        &self,
        login: &Login,
        role: Role,
        now: Timestamp,
    ) -> Result<String, StaffError> {
        let password = new_password();
        let staff = Staff { login: login.clone(), role, one_time_password: true, added_at: now };
        self.enter(staff, &password).await?;
        Ok(password)
    }

    /// For whoever forgot theirs; answers a password that the console will ask to change.
    pub async fn reset_password(&self, login: &Login) -> Result<String, StaffError> {
        self.get(login).await?.ok_or_else(|| StaffError::Unknown(login.clone()))?;
        let password = new_password();
        self.set_password(login, &password, true).await?;
        Ok(password)
    }

    /// There is always an administrator: the last one stays.
    pub async fn set_role(&self, login: &Login, role: Role) -> Result<(), StaffError> {
        self.get(login).await?.ok_or_else(|| StaffError::Unknown(login.clone()))?;
        match self.store.set_staff_role(login, role).await? {
            true => Ok(()),
            false => Err(StaffError::LastAdministrator(login.clone())),
        }
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
        self.store.set_password_hash(&staff.login, &hash, false).await?;
        Ok(staff)
    }

    /// `one_time`: somebody else chose it, and the console asks its owner for another.
    pub async fn set_password(
        &self,
        login: &Login,
        password: &str,
        one_time: bool,
    ) -> Result<(), StaffError> {
        let hash = self.hash(password).await?;
        Ok(self.store.set_password_hash(login, &hash, one_time).await?)
    }

    /// As the store has it now: whoever holds a role may lose it meanwhile.
    pub async fn get(&self, login: &Login) -> Result<Option<Staff>, StoreError> {
        Ok(self.store.staff(login.as_str()).await?.map(|(staff, _)| staff))
    }

    /// By login.
    pub async fn list(&self) -> Result<Vec<Staff>, StoreError> {
        self.store.all_staff().await
    }

    /// The same at the console: wrong tries from one address meet delays too, so that unknown logins can't be tried without end
    /// (and fill the journal).
    pub async fn verify_from(
        &self,
        login: &str,
        password: &str,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Staff, StaffError> {
        let attempt = self.attempts.admit_anywhere(&format!("staff-at:{from}"), false, now).await?;
        let staff = self.verify(login, password, now).await?;
        attempt.was_right().await?;
        Ok(staff)
    }

    /// Whether this is the password of now. Without delays: only for whoever has just signed in with it.
    pub(crate) async fn is_password(&self, login: &Login, password: &str) -> Result<bool, StaffError> {
        let hash = self.store.staff(login.as_str()).await?.map(|(_, hash)| hash);
        Ok(self.hasher.verify(password, hash.as_deref()).await?)
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
