//! `audit verify|search|export`: all read `DIR/audit` themselves, beside a running gateway.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use passerelle_audit::{FirstBad, KeyId, Query, SealingKey, VerifierKey, search, verify};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Answer, Request, sentence};
use crate::config::Overrides;
use crate::control::{self, ControlError, Turn};
use crate::journal_keys::JournalKeys;
use crate::store::Store;

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("could not read {path}")]
    File { path: std::path::PathBuf, source: io::Error },
    #[error("{0} holds no verifier key")]
    VerifierKey(std::path::PathBuf),
    #[error(transparent)]
    FirstBad(#[from] FirstBad),
    #[error("could not search the journal")]
    Search(#[from] passerelle_audit::SearchError),
    #[error("could not write the records")]
    Write(#[source] io::Error),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the sealing keys could not be read: {0}")]
    Keys(String),
    #[error(transparent)]
    Disclosure(#[from] super::disclosure::DisclosureError),
}

/// `verified N records, root …`, or `first bad index N: WHY` and exit 1. With a checkpoint seen before, the log must contain it.
/// No key is needed but the log's public one, and no lock.
pub fn check(data: &Path, checkpoint: Option<&Path>) -> Result<Answer, AuditError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| AuditError::File { path: path.to_owned(), source })
    };
    let folder = data.join("audit");
    let key_file = folder.join("log.vkey");
    let key: VerifierKey =
        read(&key_file)?.trim_end().parse().map_err(|_| AuditError::VerifierKey(key_file))?;
    let trusted = checkpoint.map(read).transpose()?;
    Ok(match verify(&folder, &key, trusted.as_deref()) {
        Ok(verified) => {
            let root = data_encoding::BASE64.encode(&verified.root);
            let text = format!("verified {} records, root {root}", verified.records);
            let json = json!({
                "verified": verified.records,
                "signed": verified.checkpoint.size,
                "minimum": verified.minimum,
                "root": root,
            });
            Answer::done(text, json)
        }
        Err(bad) => Answer {
            exit: 1,
            text: bad.to_string(),
            error: String::new(),
            json: json!({ "first_bad_index": bad.index, "why": bad.why }),
        },
    })
}

/// Prints every matching record, oldest first: with `as_json` one object a line, every readable field in the contract's
/// order. Records whose key is destroyed show their clear part.
pub async fn find(
    data: &Path,
    overrides: &Overrides,
    query: Query,
    as_json: bool,
    out: &mut impl Write,
) -> Result<(), AuditError> {
    let keys = sealing_keys(data, overrides).await?;
    let folder = data.join("audit");
    let records = search(&folder, |id: &KeyId| keys.get(id).cloned(), query)?;
    for record in records {
        let record = record?;
        let line = if as_json { record.canonical_line() } else { sentence_of(&record) };
        match writeln!(out, "{line}") {
            // A reader that has enough, `head` for example.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(AuditError::Write)?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        flushed => flushed.map_err(AuditError::Write),
    }
}

/// Writes one session's records to the file `out`, for somebody outside; see `disclosure`.
pub async fn export(
    data: &Path,
    overrides: &Overrides,
    session: &str,
    out: &Path,
) -> Result<Answer, AuditError> {
    let keys = sealing_keys(data, overrides).await?;
    Ok(super::disclosure::export(&data.join("audit"), &keys, session, out)?)
}

/// One record in one line for people: what the machine form says, names left out where they are empty.
fn sentence_of(record: &passerelle_audit::Record) -> String {
    let value: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&record.canonical_line()).unwrap_or_default();
    let word = |name: &str| value.get(name).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    let mut words = vec![
        word("index").unwrap_or_default(),
        word("time").unwrap_or_default(),
        word("kind").unwrap_or_default(),
    ];
    words.extend(word("decision"));
    words.extend(word("reason"));
    let rest =
        ["opened", "count", "terminal", "person", "session", "service", "rule", "policy", "method", "status"];
    let more = ["url", "page", "address", "sent_bytes", "received_bytes", "duration_ms", "detail"];
    words.extend(rest.into_iter().chain(more).filter_map(|name| Some(format!("{name}={}", word(name)?))));
    words.join(" ")
}

/// Every sealing key: from the running gateway, or from the store while the lock is ours. The journal itself is not opened, so
/// that a search changes nothing.
async fn sealing_keys(data: &Path, overrides: &Overrides) -> Result<HashMap<KeyId, SealingKey>, AuditError> {
    let failed = |error: &(dyn std::error::Error + 'static)| AuditError::Keys(sentence(error));
    let answer = match control::our_turn(data).await? {
        Turn::There(stream) => {
            control::ask(stream, &Request::JournalKeys).await.map_err(ControlError::Lost)?
        }
        Turn::Here(_lock) => {
            let config = crate::config::Config::load(data, overrides).map_err(|error| failed(&error))?;
            let store = Store::open(&config.store.url, data).await.map_err(|error| failed(&error))?;
            let answer = keys(&JournalKeys::open(store.clone()).await.map_err(|error| failed(&error))?);
            store.close().await;
            answer
        }
    };
    parse_keys(&answer).ok_or_else(|| AuditError::Keys(answer.error.clone()))
}

/// The answer to [`Request::JournalKeys`]: names and secrets in hex.
pub fn keys(keys: &JournalKeys) -> Answer {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let pairs: Vec<_> =
        keys.all().iter().map(|key| json!([key.id().to_string(), hex(key.secret())])).collect();
    Answer::done("", json!({ "keys": pairs }))
}

fn parse_keys(answer: &Answer) -> Option<HashMap<KeyId, SealingKey>> {
    let key = |pair: &serde_json::Value| {
        let id = data_encoding::HEXLOWER.decode(pair[0].as_str()?.as_bytes()).ok()?;
        let secret = Zeroizing::new(data_encoding::HEXLOWER.decode(pair[1].as_str()?.as_bytes()).ok()?);
        let id = KeyId(id.try_into().ok()?);
        Some((id, SealingKey::new(id, secret.as_slice().try_into().ok()?)))
    };
    answer.json["keys"].as_array()?.iter().map(key).collect()
}
