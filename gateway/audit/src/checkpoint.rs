//! Checkpoints: the size and root of the log, signed, as one small text.
//!
//! Pure. [Checkpoints](https://c2sp.org/tlog-checkpoint) are [signed notes](https://c2sp.org/signed-note) with an Ed25519
//! signature (type 1). The key's name is the log's origin.

use std::{fmt, io};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use aws_lc_rs::{digest, rand};
use data_encoding::{BASE64, HEXLOWER};
use zeroize::Zeroizing;

use crate::seal::HintKey;
use crate::tree::Hash;

/// The longest note read, in bytes: room for the 16 signatures that a verifier must accept, post-quantum ones included.
const NOTE_LIMIT_BYTES: usize = 100_000;
const ED25519_TYPE: u8 = 1;

/// What the log commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    /// How many records.
    pub size: u64,
    pub root: Hash,
}

/// Why a text is no checkpoint of this log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("the checkpoint is not a signed note of origin, size and root")]
    Malformed,
    #[error("the checkpoint is of another log: {0}")]
    Origin(String),
    #[error("the checkpoint has no signature of the log's key")]
    Unsigned,
    #[error("the signature of the checkpoint is wrong")]
    Signature,
    #[error("the verifier key is not NAME+HASH+BASE64 of an Ed25519 key")]
    VerifierKey,
}

impl Checkpoint {
    /// The signed note.
    pub fn sign(&self, key: &SigningKey) -> String {
        let body = format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root));
        let verifier = key.verifier_key(&self.origin);
        let mut signature = verifier.id.to_vec();
        signature.extend_from_slice(key.pair().sign(body.as_bytes()).as_ref());
        format!("{body}\n\u{2014} {} {}\n", self.origin, BASE64.encode(&signature))
    }

    /// Reads a note and checks that `key` signed it; signatures of other keys (witnesses) are ignored.
    pub fn verify(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let (checkpoint, body, signatures) = parse(note).ok_or(CheckpointError::Malformed)?;
        if checkpoint.origin != key.name {
            return Err(CheckpointError::Origin(checkpoint.origin));
        }
        let mut signed = false;
        for line in signatures.lines() {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|line| line.split_once(' '))
                .ok_or(CheckpointError::Malformed)?;
            let signature = BASE64.decode(signature.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
            if name != key.name || signature.get(..4) != Some(&key.id[..]) {
                continue;
            }
            UnparsedPublicKey::new(&ED25519, &key.public)
                .verify(body.as_bytes(), &signature[4..])
                .map_err(|_| CheckpointError::Signature)?;
            signed = true;
        }
        signed.then_some(checkpoint).ok_or(CheckpointError::Unsigned)
    }
}

/// The checkpoint, its signed text and its signature lines.
fn parse(note: &str) -> Option<(Checkpoint, &str, &str)> {
    if note.len() > NOTE_LIMIT_BYTES || note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return None;
    }
    let (text, signatures) = note.rsplit_once("\n\n")?;
    let body = &note[..=text.len()];
    if !signatures.ends_with('\n') {
        return None;
    }
    let mut lines = text.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    if origin.is_empty() || lines.any(str::is_empty) {
        return None;
    }
    let number: u64 = size.parse().ok()?;
    if number.to_string() != size {
        return None;
    }
    let root = BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?;
    Some((Checkpoint { origin: origin.to_owned(), size: number, root }, body, signatures))
}

/// The log's Ed25519 key, kept by its 32-byte seed.
#[derive(Clone)]
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
}

impl SigningKey {
    pub fn generate() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rand::fill(seed.as_mut_slice()).expect("the system's random source answers");
        SigningKey { seed }
    }

    /// The key that [`SigningKey::seed`] gave.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        SigningKey { seed: Zeroizing::new(seed) }
    }

    /// For the file or database that keeps it, and nobody else.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The key that checks this one's signatures, named `origin`.
    pub fn verifier_key(&self, origin: &str) -> VerifierKey {
        let public =
            self.pair().public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        VerifierKey::new(origin, public)
    }

    /// The key of the hints in this log: it needs no file of its own.
    pub fn hint_key(&self) -> HintKey {
        HintKey::of_seed(&self.seed)
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(self.seed.as_slice()).expect("32 bytes make an Ed25519 key")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Whoever holds this can check the log. Written `NAME+HASH+BASE64`, as in `audit/log.vkey`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

impl VerifierKey {
    fn new(name: &str, public: [u8; 32]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(name.as_bytes());
        context.update(&[b'\n', ED25519_TYPE]);
        context.update(&public);
        let mut id = [0; 4];
        id.copy_from_slice(&context.finish().as_ref()[..4]);
        VerifierKey { name: name.to_owned(), id, public }
    }

    /// The same key for notes of another name.
    pub(crate) fn renamed(&self, name: &str) -> Self {
        VerifierKey::new(name, self.public)
    }

    /// The log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_TYPE];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let key = text
            .splitn(3, '+')
            .nth(2)
            .and_then(|key| BASE64.decode(key.as_bytes()).ok())
            .filter(|key| key.len() == 33 && key[0] == ED25519_TYPE)
            .and_then(|key| key[1..].try_into().ok());
        let (name, _) = text.split_once('+').ok_or(CheckpointError::VerifierKey)?;
        let key = VerifierKey::new(name, key.ok_or(CheckpointError::VerifierKey)?);
        // The hash is derived, so a text that does not say it was mistyped.
        if name.is_empty() || name.contains(char::is_whitespace) || key.to_string() != text {
            return Err(CheckpointError::VerifierKey);
        }
        Ok(key)
    }
}

/// The size that a checkpoint states, its signature unread: for readers that verify nothing.
pub(crate) fn size(note: &[u8]) -> io::Result<u64> {
    std::str::from_utf8(note)
        .ok()
        .and_then(|note| Some(parse(note)?.0.size))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, CheckpointError::Malformed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const ORIGIN: &str = "passerelle.test/gw";

    fn note() -> (String, VerifierKey) {
        let key = SigningKey::from_seed([3; 32]);
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 70_000, root: [4; 32] };
        (checkpoint.sign(&key), key.verifier_key(ORIGIN))
    }

    #[test]
    fn a_signed_checkpoint_reads_back() {
        let (note, key) = note();
        assert!(note.starts_with("passerelle.test/gw\n70000\nBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\n\n\u{2014} passerelle.test/gw "));
        assert_eq!(Checkpoint::verify(&note, &key).unwrap().size, 70_000);
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    /// The example of the signed-note specification's Go implementation.
    #[test]
    fn a_known_verifier_key_reads_back() {
        let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(text.parse::<VerifierKey>().unwrap().to_string(), text);
    }

    #[test]
    fn what_is_not_signed_by_the_key_is_refused() {
        let (note, key) = note();
        let other = SigningKey::from_seed([5; 32]).verifier_key(ORIGIN);
        let elsewhere = SigningKey::from_seed([3; 32]).verifier_key("elsewhere");
        let check = |note: &str, key: &VerifierKey, expected: CheckpointError| {
            assert_eq!(Checkpoint::verify(note, key), Err(expected), "{note}");
        };
        check(&note, &other, CheckpointError::Unsigned);
        check(&note, &elsewhere, CheckpointError::Origin(ORIGIN.into()));
        check(&note.replace("70000", "70001"), &key, CheckpointError::Signature);
        check(&note.replace("70000", "070000"), &key, CheckpointError::Malformed);
        check(&note.replace("70000", "+70000"), &key, CheckpointError::Malformed);
        check(&note.replace("\n\n", "\n"), &key, CheckpointError::Malformed);
        check(note.trim_end(), &key, CheckpointError::Malformed);
        check("", &key, CheckpointError::Malformed);
    }

    #[test]
    fn a_witness_may_sign_too() {
        let (note, key) = note();
        let cosigned = format!("{note}\u{2014} witness.test AAAAAAAA\n");
        assert!(Checkpoint::verify(&cosigned, &key).is_ok());
    }

    #[test]
    fn mistyped_verifier_keys_are_refused() {
        let (_, key) = note();
        let text = key.to_string();
        for wrong in [
            "",
            "a",
            "a+b",
            "a+b+c",
            &text.replace("test", "tset"),
            &text[..text.len() - 4],
            &format!("{text} "),
        ] {
            assert_eq!(wrong.parse::<VerifierKey>(), Err(CheckpointError::VerifierKey), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_notes_never_verify(text: String) {
            prop_assert!(Checkpoint::verify(&text, &note().1).is_err());
            prop_assert!(text.parse::<VerifierKey>().is_err());
        }
    }
}
