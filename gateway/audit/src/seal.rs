//! Sealing: one key per person and month, one derived key per entry, and a commitment to it.
//!
//! Pure. From the secret, HKDF-Expand (RFC 5869, SHA-256; the secret is uniformly random and so serves as the pseudorandom
//! key) derives the entry's key over key id, index and the hash of the head; from that one come a commitment and the AES-256-GCM
//! key. Sealed bytes are `commitment (32) || nonce (12) || ciphertext || tag (16)` with the head as associated data. The head is
//! the header line, a newline and the hint: the key's id under a mask that is another one in every entry, so that only who
//! holds the log's [`HintKey`] can tell which entries are one person's.
//! The commitment makes the construction key-committing: nobody can show two keys that open one entry to different texts, so
//! a disclosed entry key proves what its entry says, and says nothing of any other entry.

use std::fmt;
use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, digest, hkdf, hmac, rand};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::record::{self, EntryError, Sealed};

const ENTRY_LABEL: &[u8] = b"passerelle journal entry v1";
const COMMITMENT_LABEL: &[u8] = b"passerelle journal commitment v1";
const CIPHER_LABEL: &[u8] = b"passerelle journal cipher v1";
const HINT_LABEL: &[u8] = b"passerelle journal hint v1";

const COMMITMENT_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// What sealing adds to a plaintext, in bytes.
pub(crate) const OVERHEAD_BYTES: usize = HINT_BYTES + COMMITMENT_BYTES + NONCE_BYTES + TAG_BYTES;
pub(crate) const HINT_BYTES: usize = 16;

/// The name of a sealing key: random, and never in clear in the log, where it would group what one person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// The key of one person and month. Destroying every copy erases what it sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey {
    id: KeyId,
    secret: Zeroizing<[u8; 32]>,
}

impl SealingKey {
    /// `secret` must come from a cryptographic random source.
    pub fn new(id: KeyId, secret: [u8; 32]) -> Self {
        SealingKey { id, secret: Zeroizing::new(secret) }
    }

    /// A fresh key under a fresh random name.
    pub fn generate() -> Self {
        let mut id = [0; 16];
        let mut secret = [0; 32];
        rand::fill(&mut id).expect("the system's random source answers");
        rand::fill(&mut secret).expect("the system's random source answers");
        SealingKey::new(KeyId(id), secret)
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    /// For the database that keeps it, and nobody else.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

/// Finds the keys of a log's entries, which tells what is one person's and nothing else. One a log; it outlives the sealing
/// keys, so it stays with the keys of the gateway and its readers.
#[derive(Clone)]
pub struct HintKey {
    secret: Zeroizing<[u8; 32]>,
    mask: hmac::Key,
}

impl HintKey {
    /// `secret` must be unknown to whoever has the log.
    pub fn new(secret: [u8; 32]) -> Self {
        HintKey { mask: hmac::Key::new(hmac::HMAC_SHA256, &secret), secret: Zeroizing::new(secret) }
    }

    /// That of the log whose signing key has this seed.
    pub(crate) fn of_seed(seed: &[u8; 32]) -> Self {
        HintKey::new(*expand(seed, &[HINT_LABEL]))
    }

    /// For readers elsewhere that have the sealing keys too.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The id of the key that sealed `entry`, if one did.
    pub fn key_id(&self, entry: &[u8]) -> Result<Option<KeyId>, EntryError> {
        record::decode(entry).map(|entry| entry.key_id(self))
    }

    /// The hint: the id under a mask of index and nonce, since an index can be written twice.
    pub(crate) fn hide(
        &self,
        KeyId(mut id): KeyId,
        index: u64,
        nonce: &[u8; NONCE_BYTES],
    ) -> [u8; HINT_BYTES] {
        let mut context = hmac::Context::with_key(&self.mask);
        context.update(&index.to_be_bytes());
        context.update(nonce);
        id.iter_mut().zip(context.sign().as_ref()).for_each(|(byte, mask)| *byte ^= mask);
        id
    }

    pub(crate) fn reveal(&self, hint: &[u8; HINT_BYTES], index: u64, nonce: &[u8; NONCE_BYTES]) -> KeyId {
        KeyId(self.hide(KeyId(*hint), index, nonce))
    }
}

impl fmt::Debug for HintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HintKey(…)")
    }
}

/// The key of one entry: revealing it discloses that entry and no other.
#[derive(Clone, PartialEq, Eq)]
pub struct EntryKey(Zeroizing<[u8; 32]>);

impl EntryKey {
    /// As handed to whoever may read that one entry.
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(self.0.as_slice())
    }

    /// `None` unless these are 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str) -> Option<Self> {
        HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok().map(|key| EntryKey(Zeroizing::new(key)))
    }

    fn commitment(&self) -> Zeroizing<[u8; 32]> {
        expand(&self.0, &[COMMITMENT_LABEL])
    }

    fn cipher(&self) -> LessSafeKey {
        let key = expand(&self.0, &[CIPHER_LABEL]);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).expect("32 bytes make an AES-256 key"))
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntryKey(…)")
    }
}

/// The key that discloses `entry` alone. Errs if `key` did not seal it.
pub fn disclose(entry: &[u8], key: &SealingKey) -> Result<EntryKey, EntryError> {
    let entry = record::decode(entry)?;
    let entry_key = entry_key(entry.head, entry.header.index, key);
    open(entry.head, entry.sealed, &entry_key)?;
    Ok(entry_key)
}

/// Reads the sealed part of `entry` with its disclosed key.
pub fn open_with_entry_key(entry: &[u8], entry_key: &EntryKey) -> Result<Sealed, EntryError> {
    record::decode(entry)?.open(entry_key)
}

pub(crate) fn entry_key(head: &[u8], index: u64, key: &SealingKey) -> EntryKey {
    let head_hash = digest::digest(&digest::SHA256, head);
    EntryKey(expand(&key.secret, &[ENTRY_LABEL, &key.id.0, &index.to_be_bytes(), head_hash.as_ref()]))
}

/// Appends the sealed `plaintext` to `out`, whose range `head` is the entry's head.
pub(crate) fn seal(out: &mut Vec<u8>, head: Range<usize>, key: &EntryKey, nonce: [u8; 12], plaintext: &[u8]) {
    out.extend_from_slice(key.commitment().as_slice());
    out.extend_from_slice(&nonce);
    let start = out.len();
    out.extend_from_slice(plaintext);
    let (before, text) = out.split_at_mut(start);
    let tag = key
        .cipher()
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&before[head]), text)
        .expect("an entry is far below the cipher's limit");
    out.extend_from_slice(tag.as_ref());
}

/// The nonce of what is sealed.
pub(crate) fn nonce(sealed: &[u8]) -> Option<&[u8; NONCE_BYTES]> {
    sealed.get(COMMITMENT_BYTES..)?.first_chunk()
}

pub(crate) fn open(head: &[u8], sealed: &[u8], key: &EntryKey) -> Result<Vec<u8>, EntryError> {
    if sealed.len() < OVERHEAD_BYTES - HINT_BYTES {
        return Err(EntryError::Damaged);
    }
    let (commitment, rest) = sealed.split_at(COMMITMENT_BYTES);
    let (nonce, ciphertext) = rest.split_at(NONCE_BYTES);
    constant_time::verify_slices_are_equal(commitment, key.commitment().as_slice())
        .map_err(|_| EntryError::WrongKey)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| EntryError::Damaged)?;
    let mut text = ciphertext.to_vec();
    let length =
        key.cipher().open_in_place(nonce, Aad::from(head), &mut text).map_err(|_| EntryError::Damaged)?.len();
    text.truncate(length);
    Ok(text)
}

/// HKDF-Expand to 32 bytes.
fn expand(secret: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    struct Length;
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut key = Zeroizing::new([0; 32]);
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret)
        .expand(info, Length)
        .and_then(|output| output.fill(key.as_mut_slice()))
        .expect("32 bytes are below HKDF's limit");
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::record::{Header, Kind, Record};

    fn hints() -> HintKey {
        HintKey::new([8; 32])
    }

    fn entry(index: u64, key: &SealingKey, sealed: &Sealed) -> (Header, Vec<u8>) {
        let header = Header {
            index,
            gateway: "gw".into(),
            time: "2026-01-01T00:00:00.123Z".parse().unwrap(),
            kind: Kind::Opened,
            decision: None,
            reason: Some("no-rule".into()),
            opened: Some(3),
            count: None,
        };
        let mut entry = Vec::new();
        let mut nonce = [0; 12];
        rand::fill(&mut nonce).unwrap();
        record::encode(&mut entry, &header, &sealed.to_bytes(), Some((key, &hints())), nonce);
        (header, entry)
    }

    fn sealed(url: &str) -> Sealed {
        Sealed { url: Some(url.into()), policy: Some(u64::MAX), status: Some(200), ..Sealed::default() }
    }

    #[test]
    fn only_the_right_key_opens() {
        let (key, other) = (SealingKey::generate(), SealingKey::generate());
        let renamed = SealingKey::new(other.id(), *key.secret());
        let (_, sealed_entry) = entry(4, &key, &sealed("a"));
        assert_eq!(record::read(&sealed_entry, Some(&key)).unwrap().sealed, sealed("a"));
        for wrong in [&other, &renamed] {
            assert!(matches!(record::read(&sealed_entry, Some(wrong)), Err(EntryError::WrongKey)));
            assert!(matches!(disclose(&sealed_entry, wrong), Err(EntryError::WrongKey)));
        }
    }

    #[test]
    fn a_disclosed_key_opens_its_entry_and_no_other() {
        let key = SealingKey::generate();
        let (_, first) = entry(4, &key, &sealed("a"));
        let (_, second) = entry(5, &key, &sealed("a"));
        let disclosed = EntryKey::from_hex(&disclose(&first, &key).unwrap().to_hex()).unwrap();
        assert_eq!(open_with_entry_key(&first, &disclosed).unwrap(), sealed("a"));
        assert!(matches!(open_with_entry_key(&second, &disclosed), Err(EntryError::WrongKey)));
    }

    #[test]
    fn only_the_hint_key_tells_whose_an_entry_is() {
        use std::collections::HashSet;

        let key = SealingKey::generate();
        // The same index twice, as after a failed write.
        let entries: Vec<_> = [4, 5, 5].map(|index| entry(index, &key, &sealed("a")).1).into();
        let stored = |entry: &[u8]| entry[entry.iter().position(|&byte| byte == b'\n').unwrap()..].to_vec();
        let mut seen = HashSet::new();
        for entry in &entries {
            assert_eq!(hints().key_id(entry).unwrap(), Some(key.id()));
            assert_ne!(HintKey::new([9; 32]).key_id(entry).unwrap(), Some(key.id()));
            // Sixteen bytes of one stand nowhere in another.
            for part in stored(entry).windows(HINT_BYTES) {
                assert!(seen.insert(part.to_vec()));
            }
        }
    }

    #[test]
    fn the_clear_header_has_the_fields_of_the_contract_alone() {
        let (mut header, _) = entry(4, &SealingKey::generate(), &sealed("a"));
        (header.decision, header.count) = (Some(crate::Effect::Allow), Some(2));
        insta::assert_snapshot!(serde_json::to_string(&header).unwrap(), @r#"{"index":4,"gateway":"gw","time":"2026-01-01T00:00:00.123Z","kind":"opened","decision":"allow","reason":"no-rule","opened":3,"count":2}"#);
    }

    #[test]
    fn secrets_are_not_printed() {
        let key = SealingKey::generate();
        let (_, first) = entry(4, &key, &sealed("a"));
        assert_eq!(format!("{key:?}"), format!("SealingKey({})", key.id()));
        assert_eq!(format!("{:?}", disclose(&first, &key).unwrap()), "EntryKey(…)");
        assert_eq!(format!("{:?}", hints()), "HintKey(…)");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_as_it_was(index: u64, url in any::<String>(), detail in any::<Option<String>>()) {
            let key = SealingKey::generate();
            let sealed = Sealed { detail, ..sealed(&url) };
            let (header, bytes) = entry(index, &key, &sealed);
            prop_assert_eq!(record::read(&bytes, Some(&key)).unwrap(), Record { header: header.clone(), sealed });
            prop_assert_eq!(record::read(&bytes, None).unwrap(), Record { header, sealed: Sealed::default() });
        }

        #[test]
        fn a_flipped_bit_never_opens(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let key = SealingKey::new(KeyId([1; 16]), [2; 32]);
            let (_, mut bytes) = entry(4, &key, &sealed("https://www.caf.fr/"));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let opened = record::read(&bytes, Some(&key)).is_ok_and(|record| record.sealed != Sealed::default());
            prop_assert!(!opened);
        }

        #[test]
        fn arbitrary_bytes_are_no_entry(bytes: Vec<u8>) {
            let _ = record::read(&bytes, Some(&SealingKey::new(KeyId([1; 16]), [2; 32])));
            let _ = hints().key_id(&bytes);
        }
    }
}
