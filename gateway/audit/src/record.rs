//! What one entry says: a clear header that every verifier may read, and a sealed part that only a key opens.
//!
//! Pure. An entry is one line of JSON (the [`Header`]), a newline, then the hint of its key and the sealed bytes (see
//! `seal`), or nothing; those bytes are what is stored and hashed. The order of the fields is the order of the outside
//! contract.

use jiff::Timestamp;
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

use crate::seal::{self, EntryKey, HINT_BYTES, HintKey, KeyId, SealingKey};

/// The longest entry, in bytes: tlog-tiles prefixes each with a 16-bit length.
pub const ENTRY_LIMIT_BYTES: usize = 65_535;
/// The longest `url` or `page`, in bytes: what a request target may measure.
pub const URL_LIMIT_BYTES: usize = 8 * 1024;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An access was allowed and is about to begin.
    Opened,
    /// It ended; `opened` names its opening record.
    Closed,
    /// An access was refused before anything left.
    Refused,
    SignedIn,
    SignedOut,
    SignInFailed,
    TerminalEnrolled,
    TerminalRevoked,
    PersonChanged,
    StaffSignedIn,
    StaffSignInFailed,
    /// A member of staff read something personal.
    StaffLooked,
    PolicyProposed,
    PolicyPublished,
    AccessStopped,
    AccessResumed,
    RequestMade,
    RequestAnswered,
    ItemOpened,
    DocumentStored,
    /// A sealing key was destroyed: what it sealed is erased, the log still verifies.
    KeyDestroyed,
    GatewayStarted,
    GatewayStopped,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    Allow,
    Refuse,
}

/// A word that is no kind or effect.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownWord(String);

/// Reads the word of the contract, `kebab-case`; the error lists them all.
macro_rules! from_word {
    ($($name:ident),*) => {$(
        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
                $name::deserialize(word).map_err(|error| UnknownWord(error.to_string()))
            }
        }
    )*};
}

from_word!(Kind, Effect);

/// What the caller knows of a record; the writer adds `index`, `gateway` and `time`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub kind: Kind,
    pub decision: Option<Effect>,
    /// A reason code of the outside contract.
    pub reason: Option<String>,
    /// For a closing: the index of its opening. [`Opening::close`](crate::Opening::close) sets it.
    pub opened: Option<u64>,
    /// How many identical events this record stands for.
    pub count: Option<u64>,
    pub sealed: Sealed,
}

impl Draft {
    /// A draft of this kind that says nothing else yet.
    pub fn new(kind: Kind) -> Self {
        Draft { kind, decision: None, reason: None, opened: None, count: None, sealed: Sealed::default() }
    }
}

/// The personal part, encrypted under the key of one person and month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sealed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `SERVICE/N`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The version of the policy that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// At most 8 KiB, without the values of its query unless the rule records them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The page that asked, at most 8 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The address that was judged and dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// A sentence for staff: what failed, who was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Sealed {
    /// Who and what: the fields that a closing shares with its opening.
    pub(crate) fn identity(&self) -> Sealed {
        let Sealed { terminal, person, session, service, rule, policy, method, url, .. } = self.clone();
        Sealed { terminal, person, session, service, rule, policy, method, url, ..Sealed::default() }
    }

    /// Fills who and what from `identity` where they are left out.
    pub(crate) fn complete(&mut self, identity: Sealed) {
        let Sealed { terminal, person, session, service, rule, policy, method, url, .. } = identity;
        self.terminal = self.terminal.take().or(terminal);
        self.person = self.person.take().or(person);
        self.session = self.session.take().or(session);
        self.service = self.service.take().or(service);
        self.rule = self.rule.take().or(rule);
        self.policy = self.policy.or(policy);
        self.method = self.method.take().or(method);
        self.url = self.url.take().or(url);
    }

    /// The compact JSON that is encrypted.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }
}

/// The clear part of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The position in the log, from 0.
    pub index: u64,
    /// The gateway that wrote it.
    pub gateway: String,
    /// What the gateway's clock said when the record was written, in milliseconds: it may step back where that clock did.
    #[serde(with = "milliseconds")]
    pub time: Timestamp,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Effect>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// A record as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub header: Header,
    /// Empty where the key is destroyed or was never ours.
    pub sealed: Sealed,
}

impl Record {
    /// One JSON object, without newline: every readable field, in the contract's order.
    pub fn canonical_line(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            index: u64,
            gateway: &'a str,
            #[serde(with = "milliseconds")]
            time: Timestamp,
            kind: Kind,
            #[serde(skip_serializing_if = "Option::is_none")]
            decision: Option<Effect>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            opened: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            count: Option<u64>,
            #[serde(flatten)]
            sealed: &'a Sealed,
        }
        let Header { index, ref gateway, time, kind, decision, ref reason, opened, count } = self.header;
        let line = Line {
            index,
            gateway,
            time,
            kind,
            decision,
            reason: reason.as_deref(),
            opened,
            count,
            sealed: &self.sealed,
        };
        serde_json::to_string(&line).expect("strings and numbers always serialise")
    }
}

/// Why bytes are no entry, or do not open.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error("the entry has no header line")]
    NoHeader,
    #[error("the header of the entry is not readable")]
    Header(#[source] serde_json::Error),
    #[error("the entry was sealed under another key")]
    WrongKey,
    #[error("the sealed part of the entry is damaged")]
    Damaged,
    #[error("what the entry sealed is not readable")]
    Sealed(#[source] serde_json::Error),
}

/// Appends the entry of `header` and `plaintext` to `out`. The nonce must be random: an index can be written twice (a failed
/// write, a torn tail), so the derived key alone does not make a message unique.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    header: &Header,
    plaintext: &[u8],
    key: Option<(&SealingKey, &HintKey)>,
    nonce: [u8; 12],
) {
    let start = out.len();
    serde_json::to_writer(&mut *out, header).expect("a Vec takes every byte");
    out.push(b'\n');
    if let Some((key, hints)) = key {
        out.extend_from_slice(&hints.hide(key.id(), header.index, &nonce));
        let end = out.len();
        let entry_key = seal::entry_key(&out[start..end], header.index, key);
        seal::seal(out, start..end, &entry_key, nonce, plaintext);
    }
}

/// An entry, taken apart.
pub(crate) struct Entry<'a> {
    pub(crate) header: Header,
    /// Header line, newline and hint: what the sealed part is bound to.
    pub(crate) head: &'a [u8],
    /// Empty if nothing was sealed.
    pub(crate) sealed: &'a [u8],
}

impl Entry<'_> {
    /// The key that sealed it, if one did.
    pub(crate) fn key_id(&self, hints: &HintKey) -> Option<KeyId> {
        let hint = self.head.last_chunk().filter(|_| !self.sealed.is_empty())?;
        Some(hints.reveal(hint, self.header.index, seal::nonce(self.sealed)?))
    }

    pub(crate) fn open(&self, entry_key: &EntryKey) -> Result<Sealed, EntryError> {
        let plaintext = seal::open(self.head, self.sealed, entry_key)?;
        serde_json::from_slice(&plaintext).map_err(EntryError::Sealed)
    }
}

/// Takes an entry apart, its sealed bytes as they are.
pub(crate) fn decode(entry: &[u8]) -> Result<Entry<'_>, EntryError> {
    let newline = entry.iter().position(|&byte| byte == b'\n').ok_or(EntryError::NoHeader)?;
    let header = serde_json::from_slice(&entry[..newline]).map_err(EntryError::Header)?;
    let rest = entry.len() - (newline + 1);
    if (1..=HINT_BYTES).contains(&rest) {
        return Err(EntryError::Damaged);
    }
    let (head, sealed) = entry.split_at(newline + 1 + rest.min(HINT_BYTES));
    Ok(Entry { header, head, sealed })
}

/// What the entry says in clear. Errs if it is none.
pub fn header(entry: &[u8]) -> Result<Header, EntryError> {
    decode(entry).map(|entry| entry.header)
}

/// Reads an entry; its sealed part stays empty without a key.
pub(crate) fn read(entry: &[u8], key: Option<&SealingKey>) -> Result<Record, EntryError> {
    let entry = decode(entry)?;
    let sealed = match key {
        Some(key) if !entry.sealed.is_empty() => {
            entry.open(&seal::entry_key(entry.head, entry.header.index, key))?
        }
        _ => Sealed::default(),
    };
    Ok(Record { header: entry.header, sealed })
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) mod milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_contracts_fields_in_its_order() {
        const CONTRACT: [&str; 22] = [
            "index",
            "gateway",
            "time",
            "kind",
            "decision",
            "reason",
            "opened",
            "count",
            "terminal",
            "person",
            "session",
            "service",
            "rule",
            "policy",
            "method",
            "url",
            "page",
            "address",
            "status",
            "sent_bytes",
            "received_bytes",
            "duration_ms",
        ];
        let said = || Some("said".to_owned());
        let header = Header {
            index: 1,
            gateway: "gw".into(),
            time: Timestamp::UNIX_EPOCH,
            kind: Kind::Closed,
            decision: Some(Effect::Allow),
            reason: said(),
            opened: Some(0),
            count: Some(1),
        };
        let sealed = Sealed {
            terminal: said(),
            person: said(),
            session: said(),
            service: said(),
            rule: said(),
            policy: Some(1),
            method: said(),
            url: said(),
            page: said(),
            address: said(),
            status: Some(200),
            sent_bytes: Some(1),
            received_bytes: Some(1),
            duration_ms: Some(1),
            detail: said(),
        };
        let line = Record { header, sealed }.canonical_line();
        // No value holds a comma.
        let names: Vec<_> =
            line.split(',').filter_map(|field| field.trim_start_matches('{').split('"').nth(1)).collect();
        assert_eq!(names, [&CONTRACT[..], &["detail"]].concat());
    }

    #[test]
    fn words_are_those_of_the_contract() {
        assert_eq!("staff-sign-in-failed".parse(), Ok(Kind::StaffSignInFailed));
        assert_eq!("refuse".parse(), Ok(Effect::Refuse));
        let error = "refused".parse::<Effect>().map_err(|error| error.to_string());
        assert_eq!(error, Err("unknown variant `refused`, expected `allow` or `refuse`".to_owned()));
    }
}
