//! `DIR/keys/`: one PEM file a key and its certificate, readable by the gateway's user alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use passerelle_audit::SigningKey;
use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::AuthorityError;

pub const TERMINALS: &str = "terminals.pem";
pub const SERVER: &str = "server.pem";
pub const INSPECTION: &str = "inspection.pem";
pub const LISTENER: &str = "listener.pem";
pub const JOURNAL: &str = "journal.seed";
/// The journal's last checkpoint, kept outside the journal.
pub const ANCHOR: &str = "checkpoint";

/// A key and the certificate made for it.
pub struct KeyFile {
    pub certificate: CertificateDer<'static>,
    pub key: KeyPair,
}

impl KeyFile {
    /// Whole days until the certificate ends; 0 when it ended, has not begun (it was made by a clock that was ahead) or can't be
    /// read, which renews it.
    pub fn days_left(&self, now: SystemTime) -> u64 {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Ok((_, certificate)) = X509Certificate::from_der(&self.certificate) else { return 0 };
        let [begin, end] = [certificate.validity().not_before, certificate.validity().not_after]
            .map(|time| u64::try_from(time.timestamp()).unwrap_or(0));
        if now < begin { 0 } else { end.saturating_sub(now) / 86_400 }
    }

    /// Hosts and addresses of the certificate's subjectAltName.
    pub fn names(&self) -> Vec<String> {
        let Ok((_, certificate)) = X509Certificate::from_der(&self.certificate) else { return Vec::new() };
        let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
        let name = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(host) => Some((*host).to_owned()),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok().map(|four| std::net::Ipv4Addr::from(four).to_string()),
                _ => <[u8; 16]>::try_from(*bytes).ok().map(|all| std::net::Ipv6Addr::from(all).to_string()),
            },
            _ => None,
        };
        names.value.general_names.iter().filter_map(name).collect()
    }
}

pub fn folder(data: &Path) -> PathBuf {
    data.join("keys")
}

pub fn create_folder(data: &Path) -> Result<PathBuf, AuthorityError> {
    let path = folder(data);
    DirBuilder::new().mode(0o700).create(&path).map_err(file("create", &path))?;
    Ok(path)
}

/// Writes a file that must not exist yet, synced to disk.
pub fn create(path: &Path, content: &KeyFile) -> Result<(), AuthorityError> {
    create_text(path, &Zeroizing::new(content.key.serialize_pem() + &certificate_pem(&content.certificate)))
}

/// The journal's Ed25519 seed, in hex.
pub fn create_seed(path: &Path, key: &SigningKey) -> Result<(), AuthorityError> {
    create_text(path, &Zeroizing::new(HEXLOWER.encode(key.seed()) + "\n"))
}

pub fn read_seed(path: &Path) -> Result<SigningKey, AuthorityError> {
    check_private(path)?;
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(file("read", path))?);
    let decoded = HEXLOWER.decode(text.trim_end().as_bytes()).map(Zeroizing::new).ok();
    match decoded.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()).map(Zeroizing::new) {
        Some(seed) => Ok(SigningKey::from_seed(*seed)),
        None => Err(AuthorityError::Unreadable { path: path.to_owned(), what: "32 bytes in hex" }),
    }
}

fn create_text(path: &Path, text: &str) -> Result<(), AuthorityError> {
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(file("create", path))?;
    to.write_all(text.as_bytes()).and_then(|()| to.sync_all()).map_err(file("write", path))?;
    sync_folder(path)
}

/// Puts a new content in place of `path` at once: a crash leaves the old file or the new one.
pub fn replace(path: &Path, content: &KeyFile) -> Result<(), AuthorityError> {
    let fresh = path.with_extension("new");
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file("remove", &fresh)(error));
        }
        _ => create(&fresh, content)?,
    }
    std::fs::rename(&fresh, path).map_err(file("replace", path))?;
    sync_folder(path)
}

/// Damage is found here, before anything is served: a key that is not the certificate's, a certificate that `issuer` (itself, for
/// an issuer) did not sign as it stands.
pub fn read(path: &Path, issuer: Option<&CertificateDer<'_>>) -> Result<KeyFile, AuthorityError> {
    check_private(path)?;
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(file("read", path))?);
    let unreadable = |what| AuthorityError::Unreadable { path: path.to_owned(), what };
    let certificate =
        CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| unreadable("a certificate in PEM"))?;
    let key =
        PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| unreadable("a private key in PEM"))?;
    let key = KeyPair::try_from(&key).map_err(|_| unreadable("a usable private key"))?;
    if !is_of(&certificate, &key).unwrap_or(false) {
        return Err(unreadable("a key and the certificate made for it"));
    }
    if !is_signed_by(&certificate, issuer.unwrap_or(&certificate)).unwrap_or(false) {
        return Err(unreadable("a certificate as its issuer signed it"));
    }
    Ok(KeyFile { certificate, key })
}

fn is_of(certificate: &CertificateDer<'_>, key: &KeyPair) -> Option<bool> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.public_key().raw == key.subject_public_key_info())
}

fn is_signed_by(certificate: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> Option<bool> {
    let (rest, certificate) = X509Certificate::from_der(certificate).ok()?;
    let (_, issuer) = X509Certificate::from_der(issuer).ok()?;
    Some(rest.is_empty() && certificate.verify_signature(Some(issuer.public_key())).is_ok())
}

/// A key that others may read is no secret any more: who runs the gateway decides what that means, so nothing starts.
fn check_private(path: &Path) -> Result<(), AuthorityError> {
    let found = std::fs::metadata(path).map_err(file("read", path))?;
    match found.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(AuthorityError::Open { path: path.to_owned() }),
    }
}

pub fn read_chain(
    path: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
    let text = Zeroizing::new(std::fs::read(path).map_err(file("read", path))?);
    let unreadable = |what| AuthorityError::Unreadable { path: path.to_owned(), what };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable("certificates in PEM"))?;
    if chain.is_empty() {
        return Err(unreadable("a certificate in PEM"));
    }
    Ok((chain, PrivateKeyDer::from_pem_slice(&text).map_err(|_| unreadable("a private key in PEM"))?))
}

/// RFC 7468, lines of 64 characters.
pub fn certificate_pem(certificate: &CertificateDer<'_>) -> String {
    let base64 = data_encoding::BASE64.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for start in (0..base64.len()).step_by(64) {
        text += &base64[start..base64.len().min(start + 64)];
        text += "\n";
    }
    text + "-----END CERTIFICATE-----\n"
}

fn sync_folder(path: &Path) -> Result<(), AuthorityError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file("sync", folder))
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> AuthorityError + use<> {
    let path = path.to_owned();
    move |source| AuthorityError::File { action, path, source }
}
