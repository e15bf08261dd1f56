//! `audit verify|search|export`: all read `DIR/audit` themselves, beside a running gateway.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use passerelle_audit::{
    FirstBad, HintKey, KeyId, Query, SealingKey, SigningKey, Trusted, Verified, search, verify,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Answer, Request, sentence};
use crate::authority;
use crate::config::Overrides;
use crate::control::{self, ControlError, Turn};
use crate::journal_keys::JournalKeys;
use crate::store::Store;

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("could not read {path}")]
    File { path: std::path::PathBuf, source: io::Error },
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

/// `verified N records, root …`, or `first bad index N: WHY` and exit 1. The log must contain the checkpoint that the gateway
/// keeps outside of it, and one seen before if given. No key is needed but the log's public one, and no lock.
pub fn check(data: &Path, checkpoint: Option<&Path>) -> Result<Answer, AuditError> {
    let given = checkpoint.map(|path| std::fs::read_to_string(path).map_err(unreadable(path))).transpose()?;
    let verified = match anchored(data)? {
        Ok(anchor) => {
            let seen = anchor.iter().map(|note| Trusted { what: "keys/checkpoint", note });
            let given = given.iter().map(|note| Trusted { what: "the given checkpoint", note });
            verify_log(&data.join("audit"), &seen.chain(given).collect::<Vec<_>>())
        }
        Err(bad) => Err(bad),
    };
    Ok(match verified {
        Ok(verified) => {
            let root = data_encoding::BASE64.encode(&verified.root);
            let mut text = format!("verified {} records, root {root}", verified.records);
            if verified.minimum > 0 {
                text += &format!(
                    "\nentries below index {} were pruned by retention; their hashes stand",
                    verified.minimum
                );
            }
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

/// The checkpoint kept outside the log. A folder without keys is a copy of the log, which has none.
fn anchored(data: &Path) -> Result<Result<Option<String>, FirstBad>, AuditError> {
    let path = authority::journal_anchor(data);
    match std::fs::read_to_string(&path) {
        Ok(note) => Ok(Ok(Some(note))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let gateway = path.parent().is_some_and(Path::is_dir);
            let bad = FirstBad { index: 0, why: "keys/checkpoint is missing".to_owned() };
            Ok(if gateway { Err(bad) } else { Ok(None) })
        }
        Err(source) => Err(unreadable(&path)(source)),
    }
}

fn verify_log(folder: &Path, trusted: &[Trusted<'_>]) -> Result<Verified, FirstBad> {
    let bad = |why: String| FirstBad { index: 0, why };
    let key = std::fs::read_to_string(folder.join("log.vkey")).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => bad("log.vkey is missing".to_owned()),
        _ => bad(format!("log.vkey: {error}")),
    })?;
    let key = key.trim_end().parse().map_err(|error| bad(format!("log.vkey: {error}")))?;
    verify(folder, &key, trusted)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> AuditError + use<> {
    let path = path.to_owned();
    move |source| AuditError::File { path, source }
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
    let keys = keyring(data, overrides).await?;
    let folder = data.join("audit");
    let Keyring { hints, sealing } = keys;
    let records = search(&folder, hints, |id: &KeyId| sealing.get(id).cloned(), query)?;
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
    let keys = keyring(data, overrides).await?;
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

/// What reads the sealed parts of a log.
#[derive(Clone)]
pub struct Keyring {
    pub hints: HintKey,
    pub sealing: HashMap<KeyId, SealingKey>,
}

/// Every key: from the running gateway, or from the store while the lock is ours. The journal itself is not opened, so
/// that a search changes nothing.
async fn keyring(data: &Path, overrides: &Overrides) -> Result<Keyring, AuditError> {
    let failed = |error: &(dyn std::error::Error + 'static)| AuditError::Keys(sentence(error));
    let answer = match control::our_turn(data).await? {
        Turn::There(stream) => {
            control::ask(stream, &Request::JournalKeys).await.map_err(ControlError::Lost)?
        }
        Turn::Here(_lock) => {
            let config = crate::config::Config::load(data, overrides).map_err(|error| failed(&error))?;
            let store = Store::open(&config.store.url, data).await.map_err(|error| failed(&error))?;
            let signing = authority::journal_key(data).map_err(|error| failed(&error))?;
            let sealing = JournalKeys::open(store.clone()).await.map_err(|error| failed(&error))?;
            let answer = keys(&sealing, &signing);
            store.close().await;
            answer
        }
    };
    parse_keys(&answer).ok_or_else(|| AuditError::Keys(answer.error.clone()))
}

/// The answer to [`Request::JournalKeys`]: names and secrets in hex.
pub fn keys(keys: &JournalKeys, signing: &SigningKey) -> Answer {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let pairs: Vec<_> =
        keys.all().iter().map(|key| json!([key.id().to_string(), hex(key.secret())])).collect();
    Answer::done("", json!({ "keys": pairs, "hints": hex(signing.hint_key().secret()) }))
}

fn parse_keys(answer: &Answer) -> Option<Keyring> {
    let secret = |hex: &serde_json::Value| {
        let bytes = Zeroizing::new(data_encoding::HEXLOWER.decode(hex.as_str()?.as_bytes()).ok()?);
        <[u8; 32]>::try_from(bytes.as_slice()).ok()
    };
    let key = |pair: &serde_json::Value| {
        let id = data_encoding::HEXLOWER.decode(pair[0].as_str()?.as_bytes()).ok()?;
        let id = KeyId(id.try_into().ok()?);
        Some((id, SealingKey::new(id, secret(&pair[1])?)))
    };
    let sealing = answer.json["keys"].as_array()?.iter().map(key).collect::<Option<_>>()?;
    Some(Keyring { hints: HintKey::new(secret(&answer.json["hints"])?), sealing })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::Gateway;

    /// Copies a folder of files.
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to)
            } else {
                _ = fs::copy(entry.path(), to).unwrap()
            }
        }
    }

    #[tokio::test]
    async fn a_journal_that_is_gone_or_rolled_back_is_told_and_serves_nobody() {
        let root = tempfile::tempdir().unwrap();
        let (data, kept) = (root.path().join("data"), root.path().join("kept"));
        let audit = data.join("audit");
        let overrides = Overrides::default();
        crate::init::init(&data, &["gateway.test".into()], &overrides).await.unwrap();
        copy(&audit, &kept);
        let gateway = Gateway::open(&data, &overrides).await.unwrap();
        let gone_on = gateway.record(
            passerelle_audit::Kind::GatewayStarted,
            &crate::journal_keys::Subject::Gateway,
            None,
            passerelle_audit::Sealed::default(),
        );
        assert_eq!(gone_on.await.unwrap(), 2);
        gateway.close().await;
        assert!(check(&data, None).unwrap().text.starts_with("verified 3 records, root "));

        let told = |expected: &str| {
            let answer = check(&data, None).unwrap();
            assert_eq!((answer.exit, answer.text.as_str()), (1, expected));
        };
        fs::remove_dir_all(&audit).unwrap();
        told("first bad index 0: log.vkey is missing");
        let error = Gateway::open(&data, &overrides).await.err().unwrap();
        assert!(sentence(&error).contains("holds 0 of the 3 records"), "{}", sentence(&error));
        copy(&kept, &audit);
        told("first bad index 2: the log ends here, keys/checkpoint had 3 records");
        let error = Gateway::open(&data, &overrides).await.err().unwrap();
        assert!(sentence(&error).contains("holds 2 of the 3 records"), "{}", sentence(&error));
        fs::remove_file(authority::journal_anchor(&data)).unwrap();
        told("first bad index 0: keys/checkpoint is missing");
        assert!(Gateway::open(&data, &overrides).await.is_err());
        // A copy of the log alone has nothing to compare with.
        let copied = root.path().join("copied");
        copy(&audit, &copied.join("audit"));
        assert_eq!(check(&copied, None).unwrap().exit, 0);
    }
}
