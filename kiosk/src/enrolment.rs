//! The enrolment folder: who this terminal is and whom it trusts. Made once with a one-use code, read at every start.
//!
//! The code is `SECRET.FINGERPRINT`: a secret for the gateway, and the SHA-256 of its server issuer for us, so that even the
//! first connection knows whom it talks to. Invariants: the key never leaves the terminal (PKCS #10 goes out, RFC 2986)
//! and is readable by its owner only; nothing is written before everything was received.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use passerelle_api as api;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

use crate::gateway::{self, GatewayError};

/// What the kiosk knows once enrolled.
#[derive(Clone)]
pub struct Enrolment {
    /// `host:port` of the terminal port.
    pub gateway: String,
    pub server_name: String,
    pub terminal: String,
    /// Verifier key of the journal, a C2SP signed-note key line.
    pub journal_key: String,
    /// PEM: ours, our key, the server's issuer, the issuer of inspected leaves.
    pub certificate: String,
    pub key: String,
    pub trust: String,
    pub inspection: String,
}

/// `enrolment.toml`.
#[derive(Serialize, Deserialize)]
struct Settings {
    gateway: String,
    server_name: String,
    terminal: String,
    journal_key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    #[error("{what} {}", path.display())]
    File { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("reading {}", path.display())]
    Settings { path: PathBuf, source: toml::de::Error },
    #[error("the code is not SECRET.FINGERPRINT with a SHA-256 fingerprint")]
    Code,
    #[error("`{0}` is not HOST:PORT")]
    Address(String),
    #[error("making this terminal's key")]
    Key(#[from] rcgen::Error),
    #[error("asking the gateway for a certificate")]
    Gateway(#[from] GatewayError),
}

impl Enrolment {
    /// `None` where there is no enrolment yet.
    pub fn load(folder: &Path) -> Result<Option<Enrolment>, EnrolmentError> {
        let path = folder.join("enrolment.toml");
        if !path.exists() {
            return Ok(None);
        }
        let settings: Settings = toml::from_str(&read(folder, "enrolment.toml")?)
            .map_err(|source| EnrolmentError::Settings { path, source })?;
        Ok(Some(Enrolment {
            gateway: settings.gateway,
            server_name: settings.server_name,
            terminal: settings.terminal,
            journal_key: settings.journal_key,
            certificate: read(folder, "terminal.pem")?,
            key: read(folder, "terminal.key")?,
            trust: read(folder, "trust.pem")?,
            inspection: read(folder, "inspection.pem")?,
        }))
    }

    fn save(&self, folder: &Path) -> Result<(), EnrolmentError> {
        let failed = |what| move |source| EnrolmentError::File { what, path: folder.into(), source };
        fs::create_dir_all(folder).map_err(failed("making"))?;
        let settings = Settings {
            gateway: self.gateway.clone(),
            server_name: self.server_name.clone(),
            terminal: self.terminal.clone(),
            journal_key: self.journal_key.clone(),
        };
        let settings = toml::to_string(&settings).expect("four strings are TOML");
        // The settings come last: a folder with them is complete.
        for (name, mode, text) in [
            ("terminal.key", 0o600, &self.key),
            ("terminal.pem", 0o644, &self.certificate),
            ("trust.pem", 0o644, &self.trust),
            ("inspection.pem", 0o644, &self.inspection),
            ("enrolment.toml", 0o644, &settings),
        ] {
            write(&folder.join(name), mode, text)?;
        }
        Ok(())
    }

    /// DER, in base64, of both issuers that a page may be signed by: inspected leaves.
    pub fn page_issuers(&self) -> Vec<String> {
        use rustls::pki_types::pem::PemObject as _;
        CertificateDer::pem_slice_iter(self.inspection.as_bytes())
            .flatten()
            .map(|issuer| data_encoding::BASE64.encode(&issuer))
            .collect()
    }
}

fn read(folder: &Path, name: &str) -> Result<String, EnrolmentError> {
    let path = folder.join(name);
    fs::read_to_string(&path).map_err(|source| EnrolmentError::File { what: "reading", path, source })
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), EnrolmentError> {
    let failed = |source| EnrolmentError::File { what: "writing", path: path.into(), source };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// A one-use code, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    secret: String,
    issuer: [u8; 32],
}

impl Code {
    pub fn parse(text: &str) -> Result<Code, EnrolmentError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (secret, fingerprint) = text.rsplit_once('.').ok_or(EnrolmentError::Code)?;
        let issuer = data_encoding::HEXLOWER_PERMISSIVE
            .decode(fingerprint.as_bytes())
            .or_else(|_| data_encoding::BASE64URL_NOPAD.decode(fingerprint.as_bytes()))
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(EnrolmentError::Code)?;
        if secret.is_empty() {
            return Err(EnrolmentError::Code);
        }
        Ok(Code { secret: secret.to_owned(), issuer })
    }
}

/// Makes a key, asks the gateway for its certificate and writes the folder.
pub async fn enrol(address: &str, code: &str, folder: &Path) -> Result<Enrolment, EnrolmentError> {
    let code = Code::parse(code)?;
    let bad_address = || EnrolmentError::Address(address.to_owned());
    let (host, _) = address.rsplit_once(':').ok_or_else(bad_address)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let server_name = ServerName::try_from(host.clone()).map_err(|_| bad_address())?;

    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let csr = rcgen::CertificateParams::default().serialize_request(&key)?.pem()?;

    let mut tls = gateway::tls_1_3()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(IssuerInCode { issuer: code.issuer }))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = gateway::dial(address, server_name, &TlsConnector::from(Arc::new(tls))).await?;
    let question = api::Enrolment { code: code.secret, csr };
    let answer =
        gateway::exchange(stream, address, http::Method::POST, "/v1/enrolment", None, Some(&question))
            .await?;
    let answer: api::EnrolmentAnswer =
        serde_json::from_slice(&answer).map_err(|error| GatewayError::Unreadable(error.to_string()))?;

    let made = Enrolment {
        gateway: address.to_owned(),
        server_name: host,
        terminal: answer.terminal,
        journal_key: answer.journal_key,
        certificate: answer.certificate,
        key: key.serialize_pem(),
        trust: answer.trust,
        inspection: answer.inspection,
    };
    made.save(folder)?;
    Ok(made)
}

/// Accepts a chain only to the issuer whose SHA-256 is in the code; the issuer comes with the chain.
#[derive(Debug)]
struct IssuerInCode {
    issuer: [u8; 32],
}

impl ServerCertVerifier for IssuerInCode {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let issuer = intermediates.iter().find(|issuer| sha256(issuer) == self.issuer).ok_or_else(unknown)?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(issuer.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider().into())
            .build()
            .map_err(|_| unknown())?;
        verifier.verify_server_cert(leaf, intermediates, server_name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_is_a_secret_and_a_fingerprint() {
        let hex = "ab".repeat(32);
        let base64 = data_encoding::BASE64URL_NOPAD.encode(&[0xab; 32]);
        let check = |text: &str, secret: Option<&str>| {
            let expected = secret.map(|secret| Code { secret: secret.into(), issuer: [0xab; 32] });
            assert_eq!(Code::parse(text).ok(), expected, "{text}");
        };
        check(&format!("ABCD-EFGH-JKLM.{hex}"), Some("ABCD-EFGH-JKLM"));
        check(&format!(" ABCD-EFGH-JKLM.{} \n", hex.to_uppercase()), Some("ABCD-EFGH-JKLM"));
        check(&format!("ABCD-EFGH-JKLM.{base64}"), Some("ABCD-EFGH-JKLM"));
        check(&format!(".{hex}"), None);
        check("ABCD-EFGH-JKLM", None);
        check("ABCD-EFGH-JKLM.abcd", None);
        check("", None);
    }

    #[test]
    fn the_folder_reads_back_and_its_key_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        assert!(Enrolment::load(folder.path()).unwrap().is_none());
        let text = |name: &str| name.to_owned();
        let made = Enrolment {
            gateway: text("g:8443"),
            server_name: text("g"),
            terminal: text("t"),
            journal_key: text("k"),
            certificate: text("c"),
            key: text("secret"),
            trust: text("r"),
            inspection: text("i"),
        };
        made.save(folder.path()).unwrap();
        let read = Enrolment::load(folder.path()).unwrap().unwrap();
        assert_eq!((read.gateway, read.key, read.inspection), (made.gateway, made.key, made.inspection));
        let mode = fs::metadata(folder.path().join("terminal.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
