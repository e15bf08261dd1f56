//! The three issuers of a gateway and what they sign.
//!
//! `DIR/keys/` is owned here, mode 0700: `terminals.pem`, `server.pem` and `inspection.pem` hold an issuer's key and
//! certificate, `listener.pem` the server's own, `journal.seed` the key that signs checkpoints, `checkpoint` the last of
//! them; each is 0600. Called by `init`, by the terminal port, by enrolment and, after the decision, by inspection.
//!
//! Invariants: the three issuers are never mixed (one trusted for terminals can't make a site, one trusted for sites can't
//! make a terminal: apart from separate keys, each certificate names its one use); every issuer has path length 0, so
//! nothing it signed can sign; private keys leave this module only for the listener and the journal that prove them. The inspection issuer carries no name constraints: the policy decides which hosts are
//! inspected and changes daily, and a leaf is minted only for a host that a decision just allowed.

mod files;
mod leaves;
mod sign;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::config::Config;
use files::KeyFile;
use leaves::Leaves;
use sign::Issuer;

/// Days a terminal's certificate lives: about as long as the machine. Nothing rests on its end, since revocation is
/// asked at each handshake and request.
const TERMINAL_DAYS: u64 = 5 * 365;
/// Days the server's certificate lives: what browsers accept of a private issuer, with margin.
const SERVER_DAYS: u64 = 365;
/// With fewer days left, the server's certificate is renewed at start.
const RENEW_BEFORE_DAYS: u64 = 30;

/// Issuers and keys of one gateway.
pub struct Authority {
    terminals: Issuer,
    server: Issuer,
    inspection: Issuer,
    listener: KeyFile,
    journal: passerelle_audit::SigningKey,
    leaves: Leaves,
}

/// A key made on a terminal's behalf and the request for its certificate, both in PEM.
pub struct TerminalKey {
    pub key: zeroize::Zeroizing<String>,
    pub request: String,
}

impl TerminalKey {
    /// For `terminal enrol`: the key is made by whoever runs the verb and is never sent.
    pub fn generate() -> Result<TerminalKey, AuthorityError> {
        sign::terminal_key()
    }
}

/// Why keys could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("could not {action} {path}")]
    File { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} does not hold {what}")]
    Unreadable { path: PathBuf, what: &'static str },
    #[error("{path} can be read by others than its owner: chmod 600 {path}, once it is clear who read it")]
    Open { path: PathBuf },
    #[error("could not sign a certificate for {subject}")]
    Sign { subject: String, source: rcgen::Error },
    #[error("the certificate request is refused: {why}")]
    Request { why: &'static str },
    #[error("`{name}` can't name {what}")]
    Name { name: String, what: &'static str },
    #[error("could not use a new key")]
    Key(#[source] rustls::Error),
}

impl Authority {
    /// Makes all keys of a new gateway under `config.data`; the server answers to `names` (hosts or addresses),
    /// `localhost`, `127.0.0.1` and `::1`. Nothing is overwritten: existing keys are an error.
    pub fn create(config: &Config, names: &[String]) -> Result<Authority, AuthorityError> {
        let folder = files::create_folder(&config.data)?;
        let organisation = names.first().map_or("Passerelle", String::as_str);
        let issuer = |file: &str, purpose: &str| -> Result<Issuer, AuthorityError> {
            let made = sign::issuer(organisation, purpose)?;
            files::create(&folder.join(file), &made)?;
            Issuer::new(made)
        };
        let terminals = issuer(files::TERMINALS, "terminals")?;
        let server = issuer(files::SERVER, "server")?;
        let inspection = issuer(files::INSPECTION, "inspection")?;
        let listener = sign::listener(&server, &server_names(names))?;
        files::create(&folder.join(files::LISTENER), &listener)?;
        let journal = passerelle_audit::SigningKey::generate();
        files::create_seed(&folder.join(files::JOURNAL), &journal)?;
        let path = folder.join(files::ANCHOR);
        passerelle_audit::create_anchor(&path, &config.journal.gateway, &journal)
            .map_err(|source| AuthorityError::File { action: "create", path, source })?;
        Authority::new(config, [terminals, server, inspection], listener, journal)
    }

    /// Reads the keys of an existing gateway and renews the server's certificate when it is about to end, for the same
    /// names. Only who holds `DIR/lock` may call this.
    pub fn load(config: &Config) -> Result<Authority, AuthorityError> {
        let folder = files::folder(&config.data);
        let issuer = |file: &str| Issuer::new(files::read(&folder.join(file), None)?);
        let (terminals, server) = (issuer(files::TERMINALS)?, issuer(files::SERVER)?);
        let path = folder.join(files::LISTENER);
        let mut listener = files::read(&path, Some(server.certificate()))?;
        if listener.days_left(SystemTime::now()) < RENEW_BEFORE_DAYS {
            listener = sign::listener(&server, &listener.names())?;
            files::replace(&path, &listener)?;
        }
        let journal = files::read_seed(&folder.join(files::JOURNAL))?;
        Authority::new(config, [terminals, server, issuer(files::INSPECTION)?], listener, journal)
    }

    fn new(
        config: &Config,
        [terminals, server, inspection]: [Issuer; 3],
        listener: KeyFile,
        journal: passerelle_audit::SigningKey,
    ) -> Result<Authority, AuthorityError> {
        let leaves = Leaves::new(config.limits.leaves, config.limits.leaf_days)?;
        Ok(Authority { terminals, server, inspection, listener, journal, leaves })
    }

    /// What the terminal port shows: leaf first, then its issuer (which lets a client that pinned the issuer's
    /// fingerprint verify it).
    pub fn server_chain(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = vec![self.listener.certificate.clone(), self.server.certificate().clone()];
        (chain, PrivatePkcs8KeyDer::from(self.listener.key.serialize_der()).into())
    }

    /// Whom client certificates must come from.
    pub fn terminal_issuer(&self) -> CertificateDer<'static> {
        self.terminals.certificate().clone()
    }

    /// Issuer of this server's certificate (`trust.pem`).
    pub fn trust_pem(&self) -> String {
        self.server.certificate_pem()
    }

    /// Issuer of inspected leaves (`inspection.pem`).
    pub fn inspection_pem(&self) -> String {
        self.inspection.certificate_pem()
    }

    /// SHA-256 of the server issuer's certificate (DER): what an invitation carries.
    pub fn server_fingerprint(&self) -> [u8; 32] {
        let mut fingerprint = [0; 32];
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.server.certificate());
        fingerprint.copy_from_slice(digest.as_ref());
        fingerprint
    }

    /// Names and addresses the server's certificate answers to.
    pub fn server_names(&self) -> Vec<String> {
        self.listener.names()
    }

    /// A certificate, in PEM, for the public key of a PKCS #10 request (RFC 2986) that proves its possession. Whatever else
    /// the request asks for is ignored: the gateway names the terminal.
    pub fn issue_terminal(&self, terminal: &str, csr_pem: &str) -> Result<String, AuthorityError> {
        let key = sign::requested_key(csr_pem)?;
        Ok(sign::terminal(&self.terminals, terminal, &key)?.pem())
    }

    /// Whether a request could be signed, before a one-use code is spent on it.
    pub fn check_request(&self, csr_pem: &str) -> Result<(), AuthorityError> {
        sign::requested_key(csr_pem).map(drop)
    }

    /// The key that signs the journal's checkpoints.
    pub fn journal_key(&self) -> passerelle_audit::SigningKey {
        self.journal.clone()
    }

    /// Whether [`Authority::mint_leaf`] would sign nothing new for this host.
    pub fn has_leaf(&self, host: &str) -> bool {
        self.leaves.get(host, SystemTime::now()).is_some()
    }

    /// The certificate shown for an inspected `host` (a name in lower-case ASCII, no address). Call it only once a
    /// decision allowed the host: minting on demand would sign for whatever a client names.
    pub fn mint_leaf(&self, host: &str) -> Result<Arc<rustls::sign::CertifiedKey>, AuthorityError> {
        self.leaves.mint(&self.inspection, host, SystemTime::now())
    }
}

/// The key that signs the checkpoints of the gateway of `data`, for readers of its journal.
pub fn journal_key(data: &Path) -> Result<passerelle_audit::SigningKey, AuthorityError> {
    files::read_seed(&files::folder(data).join(files::JOURNAL))
}

/// Where the gateway of `data` keeps its journal's last checkpoint, outside the journal.
pub fn journal_anchor(data: &Path) -> PathBuf {
    files::folder(data).join(files::ANCHOR)
}

/// Chain and key of a PEM file that holds both, for the staff port.
pub fn read_chain(
    path: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
    files::read_chain(path)
}

/// The given names and those every gateway answers to, each once.
fn server_names(names: &[String]) -> Vec<String> {
    let mut all = names.to_vec();
    all.extend(["localhost", "127.0.0.1", "::1"].map(String::from));
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    all
}

/// True when `name` can stand in a server certificate: a DNS name (RFC 1123 letters, digits, hyphens) or an address.
pub fn is_server_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label))
}

#[cfg(test)]
mod tests;
