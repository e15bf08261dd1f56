//! `terminal invite|enrol|revoke|list`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use passerelle_api::EnrolmentAnswer;
use passerelle_audit::{Kind, Sealed};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::{Answer, Outcome, VerbError, table};
use crate::Gateway;
use crate::authority::TerminalKey;
use crate::identifier::{Login, TerminalId};
use crate::journal_keys::Subject;
use crate::session::EndReason;
use crate::terminal::TerminalState;
use crate::tls::fingerprint;

/// The code that a terminal is enrolled with: `SECRET.FINGERPRINT`, the fingerprint being SHA-256 of the server's issuer in
/// base64url, so that the terminal knows whom it talks to before it knows anything else.
pub async fn invite(gateway: &Gateway, name: &str) -> Outcome {
    let name = TerminalId::parse(name)?;
    let Invitation { code, gateway: address, command } = invitation(gateway, &name).await?;
    let text = format!("{code}\nGood once, for 24 hours. On the terminal:\n  {command}");
    Ok(Answer::done(text, json!({ "terminal": name.as_str(), "code": code, "gateway": address })))
}

/// What whoever stands at a new terminal needs.
pub struct Invitation {
    pub code: String,
    /// `host:port` of the terminal port.
    pub gateway: String,
    /// Both in one line to type.
    pub command: String,
}

/// A new code for `name`; an earlier one is void.
pub async fn invitation(gateway: &Gateway, name: &TerminalId) -> Result<Invitation, VerbError> {
    let secret = gateway.terminals.invite(name, Timestamp::now()).await?;
    let code = format!("{secret}.{}", BASE64URL_NOPAD.encode(&gateway.authority.server_fingerprint()));
    let (gateway, _) = reached_at(gateway);
    let command = format!("passerelle-kiosk enrol --gateway {gateway} --code {code} --out FOLDER");
    Ok(Invitation { code, gateway, command })
}

/// Certifies a terminal's key, records it and makes the certificate the terminal's only one.
pub async fn enrol(gateway: &Gateway, name: &TerminalId, csr: &str) -> Result<EnrolmentAnswer, VerbError> {
    let certificate = gateway.authority.issue_terminal(name.as_str(), csr)?;
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("issued certificates are PEM");
    let fingerprint = fingerprint(&der);
    // Recorded before it is let in.
    let sealed = Sealed { terminal: Some(name.to_string()), ..Sealed::default() };
    gateway.record(Kind::TerminalEnrolled, &Subject::Gateway, None, sealed).await?;
    gateway.terminals.enrolled(name, fingerprint, Timestamp::now()).await?;
    Ok(EnrolmentAnswer {
        terminal: name.to_string(),
        certificate,
        trust: gateway.authority.trust_pem(),
        inspection: gateway.authority.inspection_pem(),
        journal_key: gateway.journal_key.clone(),
    })
}

/// [`enrol`] for the command line: says besides where the gateway is reached.
pub async fn enrol_locally(gateway: &Gateway, name: &str, csr: &str) -> Outcome {
    let answer = enrol(gateway, &TerminalId::parse(name)?, csr).await?;
    let (address, server_name) = reached_at(gateway);
    let mut json = serde_json::to_value(answer).expect("an enrolment is JSON");
    json["gateway"] = json!(address);
    json["server_name"] = json!(server_name);
    Ok(Answer::done("", json))
}

/// `by` is the login of whoever does it at the console.
pub async fn revoke(gateway: &Gateway, name: &str, by: Option<&Login>) -> Outcome {
    let name = TerminalId::parse(name)?;
    let now = Timestamp::now();
    gateway.terminals.revoke(&name, now).await?;
    let ended = gateway.sessions.end_for_terminal(&name, EndReason::TerminalRevoked, now).await;
    let detail = by.map(|by| format!("by {by}"));
    let sealed = Sealed { terminal: Some(name.to_string()), detail, ..Sealed::default() };
    gateway.record(Kind::TerminalRevoked, &Subject::Gateway, None, sealed).await?;
    for session in &ended {
        gateway.record_end(session).await;
    }
    Ok(Answer::done(
        format!("Terminal {name} is revoked."),
        json!({ "terminal": name.as_str(), "state": "revoked" }),
    ))
}

pub fn list(gateway: &Gateway) -> Outcome {
    let state = |state| match state {
        TerminalState::Active => "active",
        TerminalState::Revoked => "revoked",
        TerminalState::Replaced => "replaced",
    };
    let terminals = gateway.terminals.list();
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let rows: Vec<_> = terminals
        .iter()
        .map(|t| {
            vec![
                t.name.to_string(),
                state(t.state).to_owned(),
                t.enrolled_at.to_string(),
                time(t.last_seen_at),
            ]
        })
        .collect();
    let json = json!({ "terminals": terminals.iter().map(|t| json!({
        "name": t.name.as_str(),
        "state": state(t.state),
        "enrolled_at": t.enrolled_at,
        "ended_at": t.ended_at,
        "last_seen_at": t.last_seen_at,
    })).collect::<Vec<_>>() });
    Ok(Answer::done(table(&rows), json))
}

/// `host:port` of the terminal port for terminals, and the name they expect there. A gateway that listens on loopback only
/// is reached there, any other by the first name of its certificate.
fn reached_at(gateway: &Gateway) -> (String, String) {
    let address: SocketAddr = gateway.terminal_address();
    if address.ip().is_loopback() {
        return (address.to_string(), "localhost".into());
    }
    let name = gateway.authority.server_names().into_iter().next().unwrap_or_else(|| "localhost".into());
    let host = if name.contains(':') { format!("[{name}]") } else { name.clone() };
    (format!("{host}:{}", address.port()), name)
}

/// Makes the enrolment folder, for its owner alone, unless it is there.
pub fn create_folder(out: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(out)
}

/// Fills the enrolment folder from the answer of [`enrol_locally`]; `enrolment.toml` comes last, since a folder with it is
/// complete.
pub fn write_enrolment(out: &Path, key: &TerminalKey, answer: &serde_json::Value) -> io::Result<()> {
    let field = |name: &str| answer[name].as_str().unwrap_or_default();
    let settings = format!(
        "# Who this terminal is and where its gateway is.\n\n\
         # host:port of the terminal port\ngateway = {:?}\n\
         # the name in the gateway's certificate\nserver_name = {:?}\n\
         terminal = {:?}\n\
         # checks the journal's checkpoints (C2SP signed note)\njournal_key = {:?}\n",
        field("gateway"),
        field("server_name"),
        field("terminal"),
        field("journal_key"),
    );
    let files: [(&str, u32, &str); 5] = [
        ("terminal.key", 0o600, &key.key),
        ("terminal.pem", 0o644, field("certificate")),
        ("trust.pem", 0o644, field("trust")),
        ("inspection.pem", 0o644, field("inspection")),
        ("enrolment.toml", 0o644, &settings),
    ];
    files.into_iter().try_for_each(|(name, mode, text)| write(&out.join(name), mode, text))
}

/// A new file in the place of an older one, so that its mode is ours.
fn write(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
