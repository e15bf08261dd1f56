//! Secrets: hashing of PINs and passwords, tokens and one-use codes.
//!
//! Called by `person`, `staff`, `session`, `terminal`. A secret is stored only as an argon2id hash (what people choose) or a
//! SHA-256 digest (what we drew at random: 80 bits and more need no slow hash).

use std::sync::Arc;
use tokio::sync::Semaphore;

/// Cost of argon2id (RFC 9106).
#[derive(Clone, Copy, Debug)]
pub struct HashCost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("too many PIN and password checks are waiting")]
    Busy,
    #[error("argon2id failed: {0}")]
    Hashing(String),
}

/// Hashes and verifies, a bounded number at a time, off the async threads. Clones share the bound.
#[derive(Clone)]
pub struct Hasher {
    _cost: HashCost,
    _slots: Arc<Semaphore>,
}

impl Hasher {
    pub fn new(_cost: HashCost) -> Hasher {
        todo!()
    }
    pub async fn hash(&self, _secret: &str) -> Result<String, SecretError> {
        todo!()
    }
    /// Whether `secret` is what `stored` was made from. `None` (nobody of that name) costs the same and is false.
    pub async fn verify(&self, _secret: &str, _stored: Option<&str>) -> Result<bool, SecretError> {
        todo!()
    }
}

/// SHA-256 of a token or code.
pub type Digest = [u8; 32];

/// 32 random bytes in base64url without padding (RFC 4648 section 5).
pub fn new_token() -> String {
    todo!()
}

/// A one-use code of 16 characters (80 bits) without look-alikes.
pub fn new_code() -> String {
    todo!()
}

/// A one-time password for a first sign-in.
pub fn new_password() -> String {
    todo!()
}

pub fn digest(_token: &str) -> Digest {
    todo!()
}
