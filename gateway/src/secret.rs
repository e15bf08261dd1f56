//! Secrets: hashing of PINs and passwords, tokens, one-use codes.
//!
//! Called by `person`, `staff`, `session`, `terminal`. Invariant: a secret is stored only as an argon2id hash (what people
//! choose) or as a SHA-256 digest (what we drew at random: from 80 bits on, no slow hash is needed).

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64URL_NOPAD;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Cost of argon2id (RFC 9106).
#[derive(Clone, Copy, Debug)]
pub struct HashCost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

impl HashCost {
    /// 19 MiB and 2 passes, the least that OWASP recommends: some 20 ms of one core. More would not save a PIN of 6 digits
    /// from whoever stole the database, and would let fewer people sign in at opening time. What protects PINs are the
    /// delays of `attempts`.
    pub const STATED: HashCost = HashCost { memory_kib: 19 * 1024, passes: 2, lanes: 1 };
    /// For tests of anything but hashing.
    pub const LEAST: HashCost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };

    fn argon2(self) -> Result<Argon2<'static>, SecretError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None).map_err(hashing)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// The longest PIN or password we hash, in bytes: more is no safer and would be work for us.
pub const LONGEST_SECRET: usize = 1024;
/// Checks that may run or wait at a time; at 20 ms each the last one waits about a second, the rest are told to come back.
const QUEUE_LIMIT: usize = 128;
/// Checks that may run at a time (each takes a core and 19 MiB).
const RUNNING_LIMIT: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("{QUEUE_LIMIT} PIN and password checks are waiting already")]
    Busy,
    #[error("a secret has at most {LONGEST_SECRET} bytes")]
    TooLong,
    #[error("hashing with argon2id: {0}")]
    Hashing(String),
}

fn hashing(error: impl std::fmt::Display) -> SecretError {
    SecretError::Hashing(error.to_string())
}

/// Hashes and verifies off the async threads, a bounded number at a time. Clones share the bounds.
#[derive(Clone)]
pub struct Hasher {
    cost: HashCost,
    queue: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Hasher {
    pub fn new(cost: HashCost) -> Hasher {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let running = Arc::new(Semaphore::new(cores.min(RUNNING_LIMIT)));
        Hasher { cost, queue: Arc::new(Semaphore::new(QUEUE_LIMIT)), running }
    }

    /// A PHC string with a fresh salt of 16 bytes.
    pub async fn hash(&self, secret: &str) -> Result<String, SecretError> {
        let cost = self.cost;
        self.run(secret, move |secret| {
            let hash = cost.argon2()?.hash_password_with_salt(secret, &random::<16>()).map_err(hashing)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `secret` is what `stored` was made from. `None` (nobody of that name) costs the same and is false.
    pub async fn verify(&self, secret: &str, stored: Option<&str>) -> Result<bool, SecretError> {
        let Some(stored) = stored.map(str::to_owned) else {
            return self.hash(secret).await.map(|_| false);
        };
        self.run(secret, move |secret| {
            let stored = PasswordHash::new(&stored).map_err(hashing)?;
            Ok(Argon2::default().verify_password(secret, &stored).is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        secret: &str,
        work: impl FnOnce(&[u8]) -> Result<T, SecretError> + Send + 'static,
    ) -> Result<T, SecretError> {
        if secret.len() > LONGEST_SECRET {
            return Err(SecretError::TooLong);
        }
        let secret = Zeroizing::new(secret.as_bytes().to_vec());
        let queued = self.queue.clone().try_acquire_owned().map_err(|_| SecretError::Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(hashing)?;
        // The places go into the closure: a caller that gives up doesn't free them before the work is done.
        let work = move || {
            let _places = (queued, running);
            let done = work(&secret);
            passerelle_memory::give_back(); // the 19 MiB
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(hashing)?
    }
}

/// SHA-256 of a token or code.
pub type Digest = [u8; 32];

pub fn digest(token: &str) -> Digest {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// 32 random bytes in base64url without padding (RFC 4648 section 5).
pub fn new_token() -> String {
    BASE64URL_NOPAD.encode(&random::<32>())
}

/// Crockford's base 32: no I, L, O, U that somebody could misread.
const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A one-use code: 16 characters without look-alikes, 80 random bits.
pub fn new_code() -> String {
    random::<16>().iter().map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)])).collect()
}

/// What somebody typed as a code: case, spaces, hyphens and look-alikes don't matter.
pub fn normal_code(typed: &str) -> String {
    let kept = typed.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-');
    kept.map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    })
    .collect()
}

/// A one-time password: a code in four groups.
pub fn new_password() -> String {
    let code = new_code();
    [&code[..4], &code[4..8], &code[8..12], &code[12..]].join("-")
}

/// A PIN that nobody chose: six digits, as many as people must remember.
pub fn new_pin() -> String {
    // 2^64 is so much more than a million that no PIN is likelier than another by more than one in 10^13.
    format!("{:06}", u64::from_le_bytes(random()) % 1_000_000)
}

/// # Panics
/// When the system's random source fails: nothing safe could follow.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source works");
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_one_secret_and_of_the_stated_cost() {
        let hasher = Hasher::new(HashCost::STATED);
        let hash = hasher.hash("314159").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("314159", Some(&hash)).await.unwrap());
        assert!(!hasher.verify("314158", Some(&hash)).await.unwrap());
        assert!(!hasher.verify("314159", None).await.unwrap());
        assert_ne!(hash, hasher.hash("314159").await.unwrap(), "the salt is fresh");
    }

    #[tokio::test]
    async fn what_cannot_be_judged_is_an_error_and_not_a_no() {
        let hasher = Hasher::new(HashCost::LEAST);
        assert!(matches!(hasher.verify("1", Some("not a hash")).await, Err(SecretError::Hashing(_))));
        assert!(matches!(hasher.hash(&"1".repeat(LONGEST_SECRET + 1)).await, Err(SecretError::TooLong)));
        let _all = hasher.queue.acquire_many(QUEUE_LIMIT as u32).await.unwrap();
        assert!(matches!(hasher.hash("1").await, Err(SecretError::Busy)));
    }

    #[test]
    fn codes_survive_being_copied_by_hand() {
        for (typed, meant) in [("abcd-efgh", "ABCDEFGH"), ("o0 Il-1", "00111"), (" 7K ", "7K")] {
            assert_eq!(normal_code(typed), meant);
        }
        let code = new_code();
        assert_eq!(code.len(), 16);
        assert_eq!(normal_code(&code.to_lowercase()), code);
        assert_ne!(new_token(), new_token());
    }
}
