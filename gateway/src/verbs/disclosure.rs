//! `audit export`: one session's records for somebody outside, each proved and opened by itself.
//!
//! The file is JSON: `log` (verifier key) and `checkpoint` (signed note) of the log, and for each record `entry` (the bytes that
//! were stored and hashed, base64), `proof` (RFC 6962 audit path to the checkpoint's root, base64, leaf's sibling first),
//! `key` (opens this entry and no other, hex) and `record` (what it says). Who holds the file needs nothing else: the
//! checkpoint is signed, the proof leads from `SHA-256(0x00 || entry)` to its root, the key's commitment stands in the
//! entry. Records younger than the last checkpoint, a second old at most, are not in it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use passerelle_audit::{
    Checkpoint, CheckpointError, EntryError, FolderNodes, InclusionProof, ProofError, Record, VerifierKey,
    disclose, entries, header, open_with_entry_key,
};
use serde_json::{Value, json};

use super::Answer;
use super::audit::Keyring;

#[derive(Debug, thiserror::Error)]
pub enum DisclosureError {
    #[error("could not {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the log's checkpoint does not hold")]
    Checkpoint(#[from] CheckpointError),
    #[error("could not read the journal's entries")]
    Entries(#[source] io::Error),
    #[error("record {index} could not be disclosed")]
    Entry { index: u64, source: EntryError },
    #[error("record {index} could not be proved")]
    Proof { index: u64, source: ProofError },
    #[error("no record of session {0} can be read")]
    Nothing(String),
}

/// Writes the disclosure of `session` to the new file `out`, readable by its owner.
pub fn export(folder: &Path, keys: &Keyring, session: &str, out: &Path) -> Result<Answer, DisclosureError> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|source| DisclosureError::File {
            action: "read",
            path,
            source,
        })
    };
    let (log, note) = (read("log.vkey")?, read("checkpoint")?);
    let checkpoint = Checkpoint::verify(&note, &log.parse::<VerifierKey>()?)?;
    let mut records = Vec::new();
    for entry in entries(folder, checkpoint.size).map_err(DisclosureError::Entries)? {
        let (index, entry) = entry.map_err(DisclosureError::Entries)?;
        if let Some(record) = disclosed(&entry, index, keys, session)? {
            let nodes = FolderNodes::new(folder, checkpoint.size);
            let proof = InclusionProof::make(&nodes, index, checkpoint.size)
                .map_err(|source| DisclosureError::Proof { index, source })?;
            let path: Vec<String> = proof.path.iter().map(|hash| BASE64.encode(hash)).collect();
            let (key, record) = record;
            records.push(
                json!({ "index": index, "entry": BASE64.encode(&entry), "key": key, "proof": path, "record": record }),
            );
        }
    }
    if records.is_empty() {
        return Err(DisclosureError::Nothing(session.to_owned()));
    }
    let count = records.len();
    let file = json!({ "log": log.trim_end(), "checkpoint": note, "session": session, "records": records });
    write(out, &file).map_err(|source| DisclosureError::File {
        action: "write",
        path: out.to_owned(),
        source,
    })?;
    let text = format!("{count} records of session {session} are in {}.", out.display());
    Ok(Answer::done(text, json!({ "session": session, "records": count, "file": out.display().to_string() })))
}

/// The entry's own key in hex and what the entry says, if it belongs to `session` and can be read.
fn disclosed(
    entry: &[u8],
    index: u64,
    keys: &Keyring,
    session: &str,
) -> Result<Option<(String, Value)>, DisclosureError> {
    let failed = |source| DisclosureError::Entry { index, source };
    let header = header(entry).map_err(failed)?;
    let id = keys.hints.key_id(entry).map_err(failed)?;
    let Some(key) = id.and_then(|id| keys.sealing.get(&id)) else { return Ok(None) };
    let key = disclose(entry, key).map_err(failed)?;
    let sealed = open_with_entry_key(entry, &key).map_err(failed)?;
    if sealed.session.as_deref() != Some(session) {
        return Ok(None);
    }
    let record = Record { header, sealed }.canonical_line();
    Ok(Some((
        key.to_hex(),
        serde_json::from_str(&record).map_err(|error| failed(EntryError::Sealed(error)))?,
    )))
}

fn write(out: &Path, file: &Value) -> io::Result<()> {
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out)?;
    writeln!(to, "{file}")?;
    to.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;
    use std::sync::Arc;

    use jiff::Timestamp;
    use passerelle_audit::{
        Draft, EntryKey, Journal, JournalConfig, Kind, Limits, Sealed, SealingKey, SigningKey, create_anchor,
        leaf_hash,
    };

    use super::*;

    /// A journal with two sessions' records, three each.
    async fn journal(folder: &Path) -> Keyring {
        let (anchor, signing_key) = (folder.with_file_name("checkpoint"), SigningKey::generate());
        let hints = signing_key.hint_key();
        create_anchor(&anchor, "test", &signing_key).unwrap();
        let config = JournalConfig {
            folder: folder.to_owned(),
            anchor,
            gateway: "test".into(),
            origin: "test".into(),
            signing_key,
            limits: Limits::default(),
        };
        let (journal, _) = Journal::start(config, Arc::new(Timestamp::now), |_| None).unwrap();
        let key = Arc::new(SealingKey::generate());
        for n in 0..6 {
            let session = Some(["mine", "other"][n % 2].to_owned());
            let sealed = Sealed { session, detail: Some(n.to_string()), ..Sealed::default() };
            journal.append(Draft { sealed, ..Draft::new(Kind::SignedIn) }, key.clone()).await.unwrap();
        }
        journal.stop().await;
        Keyring { hints, sealing: HashMap::from([(key.id(), SealingKey::clone(&key))]) }
    }

    #[tokio::test]
    async fn an_export_proves_itself_and_tells_of_one_session() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("audit");
        let keys = journal(&folder).await;
        let out = root.path().join("export.json");
        export(&folder, &keys, "mine", &out).unwrap();

        let file: Value = serde_json::from_str(&std::fs::read_to_string(&out).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let log: VerifierKey = text(&file["log"]).parse().unwrap();
        let checkpoint = Checkpoint::verify(&text(&file["checkpoint"]), &log).unwrap();
        let mut details = Vec::new();
        for record in file["records"].as_array().unwrap() {
            let entry = BASE64.decode(text(&record["entry"]).as_bytes()).unwrap();
            let hash = |hash: &Value| BASE64.decode(text(hash).as_bytes()).unwrap().try_into().unwrap();
            let path = record["proof"].as_array().unwrap().iter().map(hash).collect();
            let proof =
                InclusionProof { index: record["index"].as_u64().unwrap(), size: checkpoint.size, path };
            proof.check(&leaf_hash(&entry), &checkpoint.root).unwrap();
            let sealed =
                open_with_entry_key(&entry, &EntryKey::from_hex(&text(&record["key"])).unwrap()).unwrap();
            assert_eq!(sealed.session.as_deref(), Some("mine"));
            assert_eq!(sealed.detail, record["record"]["detail"].as_str().map(str::to_owned));
            details.extend(sealed.detail);
        }
        assert_eq!(details, ["0", "2", "4"]);

        assert!(matches!(export(&folder, &keys, "mine", &out), Err(DisclosureError::File { .. })), "kept");
        let other = root.path().join("other.json");
        let unread = Keyring { sealing: HashMap::new(), ..keys.clone() };
        assert!(matches!(export(&folder, &unread, "mine", &other), Err(DisclosureError::Nothing(_))));
        assert!(matches!(export(&folder, &keys, "none", &other), Err(DisclosureError::Nothing(_))));
        assert!(!other.exists());
    }
}
