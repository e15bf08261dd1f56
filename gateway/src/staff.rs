//! Staff: logins, roles, passwords.

use crate::identifier::Login;
use crate::secret::{Hasher, SecretError};
use crate::store::{Store, StoreError};
use jiff::Timestamp;

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
    #[error("a password has 8 to 1024 bytes")]
    PasswordForm,
    /// Wrong password and unknown login alike.
    #[error("wrong login or password")]
    Failed,
    #[error("too many tries: wait {retry_after_seconds} s")]
    TooManyTries { retry_after_seconds: u64 },
    #[error("password checks are unavailable")]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct StaffRoll {
    _store: Store,
    _hasher: Hasher,
}

impl StaffRoll {
    pub fn new(_store: Store, _hasher: Hasher) -> StaffRoll {
        todo!()
    }
    pub async fn add(
        &self,
        _login: &Login,
        _role: Role,
        _password: &str,
        _now: Timestamp,
    ) -> Result<(), StaffError> {
        todo!()
    }
    /// The administrator of a new establishment; answers the one-time password.
    pub async fn add_first(&self, _login: &Login, _now: Timestamp) -> Result<String, StaffError> {
        todo!()
    }
    pub async fn list(&self) -> Result<Vec<Staff>, StoreError> {
        todo!()
    }
    pub async fn verify(&self, _login: &str, _password: &str, _now: Timestamp) -> Result<Staff, StaffError> {
        todo!()
    }
}
