//! A staff member's authenticator application: the code of a key at this moment (RFC 6238, SHA-1, six digits, 30 s).

use anyhow::Result;
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;

/// `key` as the console shows it: base32, in groups.
pub fn code(key: &str, now: Timestamp) -> Result<String> {
    let secret = BASE32_NOPAD.decode(key.replace(' ', "").as_bytes())?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &(now.as_second() / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let word = u32::from_be_bytes([tag[at] & 0x7f, tag[at + 1], tag[at + 2], tag[at + 3]]);
    Ok(format!("{:06}", word % 1_000_000))
}
