//! The second factor of staff: six digits from a device of theirs (TOTP, RFC 6238), and one-use recovery codes.
//!
//! Called by the console's sign-in. Invariants: a code counts once, and so does every older one; tries meet the delays of
//! `attempts`, per address and in all; a factor is replaced only after a reset by an administrator. SHA-1 with 30 s and six
//! digits is what every authenticator knows; its collisions don't matter in an HMAC (RFC 4226, B.2).

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::attempts::{AttemptError, Attempts};
use crate::identifier::Login;
use crate::secret::{Digest, digest, new_code, normal_code, random};
use crate::store::{Store, StoreError};

/// What RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
/// Steps before and after now whose codes are taken: a phone's clock may be half a minute off.
const SKEW_STEPS: i64 = 1;
/// As many as fit on a slip of paper.
const RECOVERY_CODES: usize = 8;

/// The shared secret; wiped when dropped.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastStaffSignIn {
    pub at: Timestamp,
    pub address: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    #[error("wrong code, or one that was used already")]
    Failed,
    #[error("too many tries: wait {retry_after_seconds} s")]
    TooManyTries { retry_after_seconds: u64 },
    #[error("{0} has a second factor already")]
    Enrolled(Login),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AttemptError> for SecondFactorError {
    fn from(error: AttemptError) -> SecondFactorError {
        match error {
            AttemptError::TooMany { retry_after_seconds } => {
                SecondFactorError::TooManyTries { retry_after_seconds }
            }
            AttemptError::Store(error) => error.into(),
        }
    }
}

impl TotpSecret {
    pub fn new(bytes: [u8; SECRET_BYTES]) -> TotpSecret {
        TotpSecret(Zeroizing::new(bytes))
    }

    pub fn generate() -> TotpSecret {
        TotpSecret::new(random())
    }

    pub fn expose(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// For typing into an authenticator: base32 without padding.
    pub fn base32(&self) -> String {
        BASE32_NOPAD.encode(self.expose())
    }

    /// What the QR code holds (the `otpauth` key URI that authenticators read).
    pub fn uri(&self, login: &Login) -> String {
        format!("otpauth://totp/Passerelle:{login}?secret={}&issuer=Passerelle", self.base32())
    }

    /// The code of a step (RFC 4226, 5.3).
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let at = usize::from(tag[tag.len() - 1] & 0x0f);
        let word = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
        format!("{:0DIGITS$}", word % 10_u32.pow(DIGITS as u32))
    }

    /// The code of this moment, as a device shows it.
    pub fn code_at(&self, now: Timestamp) -> String {
        self.code(now.as_second() / STEP_SECONDS)
    }

    /// The step near `now` whose code this is.
    fn step_of(&self, typed: &str, now: Timestamp) -> Option<i64> {
        let middle = now.as_second() / STEP_SECONDS;
        let is_code =
            |step: &i64| verify_slices_are_equal(self.code(*step).as_bytes(), typed.as_bytes()).is_ok();
        (middle - SKEW_STEPS..=middle + SKEW_STEPS).find(is_code)
    }
}

#[derive(Clone)]
pub struct SecondFactors {
    store: Store,
    attempts: Attempts,
}

impl SecondFactors {
    pub fn new(store: Store) -> SecondFactors {
        let attempts = Attempts::new(store.clone());
        SecondFactors { store, attempts }
    }

    pub async fn is_enrolled(&self, login: &Login) -> Result<bool, StoreError> {
        Ok(self.store.second_factor(login).await?.is_some())
    }

    /// `typed` proves that the device has the secret. Answers recovery codes, shown once.
    pub async fn enrol(
        &self,
        login: &Login,
        secret: &TotpSecret,
        typed: &str,
        now: Timestamp,
    ) -> Result<Vec<Zeroizing<String>>, SecondFactorError> {
        let step = secret.step_of(&digits(typed), now).ok_or(SecondFactorError::Failed)?;
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| Zeroizing::new(new_code())).collect();
        let digests: Vec<_> = codes.iter().map(|code| recovery(login, code)).collect();
        if self.store.add_second_factor(login, secret, step, &digests, now).await? {
            Ok(codes)
        } else {
            Err(SecondFactorError::Enrolled(login.clone()))
        }
    }

    /// A code of the device, or a recovery code.
    pub async fn verify(
        &self,
        login: &Login,
        typed: &str,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(), SecondFactorError> {
        let attempt = self.attempts.admit(&format!("code:{login}"), &from.to_string(), true, now).await?;
        let (secret, _) = self.store.second_factor(login).await?.ok_or(SecondFactorError::Failed)?;
        let right = match secret.step_of(&digits(typed), now) {
            Some(step) => self.store.use_step(login, step).await?,
            None => self.store.use_recovery_code(&recovery(login, &normal_code(typed))).await?,
        };
        if !right {
            return Err(SecondFactorError::Failed);
        }
        Ok(attempt.was_right().await?)
    }

    pub async fn recovery_codes_left(&self, login: &Login) -> Result<u64, StoreError> {
        Ok(self.store.count_recovery_codes(login).await?.unsigned_abs())
    }

    /// The device is lost: the next sign-in enrols another.
    pub async fn reset(&self, login: &Login) -> Result<(), StoreError> {
        self.store.remove_second_factor(login).await
    }

    /// Notes a sign-in that is complete; answers the one before it.
    pub async fn signed_in(
        &self,
        login: &Login,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Option<LastStaffSignIn>, StoreError> {
        self.store.add_staff_sign_in(login, &from.to_string(), now).await
    }

    pub async fn last_sign_in(&self, login: &Login) -> Result<Option<LastStaffSignIn>, StoreError> {
        self.store.last_staff_sign_in(login).await
    }
}

/// Authenticators show the digits in groups.
fn digits(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace()).collect()
}

fn recovery(login: &Login, code: &str) -> Digest {
    digest(&format!("{login} {code}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 6238, appendix B, SHA-1, cut to six digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = TotpSecret::new(*b"12345678901234567890");
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_second(second).unwrap();
            assert_eq!(secret.code_at(now), code, "{second}");
            assert_eq!(secret.step_of(code, now), Some(second / STEP_SECONDS));
        }
    }
}
