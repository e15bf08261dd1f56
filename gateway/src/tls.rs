//! Every TLS configuration of the gateway: the terminal port, the staff port, inspected leaves and upstreams.
//!
//! Called by the listeners and by the proxy. Invariants: the terminal port speaks TLS 1.3 only and never resumes a session,
//! so that a revocation takes hold at the next handshake; upstreams are always verified; leaves are only ever presented for
//! the host that was judged.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::authority::Authority;
use crate::secret::Digest;
use crate::terminal::{TerminalState, Terminals};

/// ALPN names (RFC 7301) of HTTP/2 and HTTP/1.1.
pub const H2: &[u8] = b"h2";
pub const HTTP1: &[u8] = b"http/1.1";

/// What went wrong while a TLS configuration was made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificates of the server can't be used")]
    Server(#[source] Error),
    #[error("the issuer of terminals can't be used")]
    Terminals(#[source] rustls::server::VerifierBuilderError),
    #[error("no authority to verify upstreams with: install ca-certificates or name [upstream] extra_roots")]
    NoRoots(#[source] rustls::client::VerifierBuilderError),
    #[error("{path} holds no certificate in PEM")]
    Empty { path: String },
    #[error("{path} can't be read as PEM certificates")]
    Pem {
        path: String,
        #[source]
        source: rustls_pki_types::pem::Error,
    },
}

/// The one cryptographic provider of the program.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

/// The terminal port: TLS 1.3, both ALPN names, a client certificate asked for but not required (enrolment comes without).
pub fn terminal_port(authority: &Authority, terminals: Terminals) -> Result<ServerConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.terminal_issuer()).map_err(TlsError::Server)?;
    let issued = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()
        .map_err(TlsError::Terminals)?;
    let mut config = server(authority.server_chain(), Arc::new(EnrolledOnly { issued, terminals }))?;
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    Ok(config)
}

/// Certificates, leaf first, and the key of the leaf.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The staff port: TLS 1.3 without client certificates; nothing a terminal holds opens anything there.
pub fn staff_port(identity: Identity) -> Result<ServerConfig, TlsError> {
    let mut config = server(identity, WebPkiClientVerifier::no_client_auth())?;
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(config)
}

fn server((chain, key): Identity, clients: Arc<dyn ClientCertVerifier>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Server)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(TlsError::Server)?;
    no_resumption(&mut config);
    Ok(config)
}

/// The client's side of an inspected tunnel: one leaf, for the one host that was judged.
pub fn inspected(leaf: Arc<CertifiedKey>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Server)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(OneLeaf(leaf)));
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    no_resumption(&mut config);
    Ok(config)
}

fn no_resumption(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
}

/// Towards upstreams: TLS 1.2 and 1.3, verified against the system's roots and those that the administrator adds.
/// ALPN is set by the caller, by what the exchange can speak.
pub fn upstream(
    extra_roots: &[impl AsRef<Path>],
    intermediates: &[impl AsRef<Path>],
) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(read_pem(extra_roots)?);
    let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(TlsError::NoRoots)?;
    let verifier = CompletedChain { webpki, known: read_pem(intermediates)? };
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Server)
        .map(|builder| {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        })
}

/// SHA-256 of a certificate in DER: how an enrolled terminal is known.
pub fn fingerprint(certificate: &[u8]) -> Digest {
    let mut fingerprint = Digest::default();
    fingerprint.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate).as_ref());
    fingerprint
}

fn read_pem(paths: &[impl AsRef<Path>]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let mut certificates = Vec::new();
    for path in paths {
        let unreadable = |source| TlsError::Pem { path: path.as_ref().display().to_string(), source };
        let before = certificates.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            certificates.push(certificate.map_err(unreadable)?);
        }
        // A file of which only half is left may have none: then what it stood for is not trusted, and nobody would know.
        if certificates.len() == before {
            return Err(TlsError::Empty { path: path.as_ref().display().to_string() });
        }
    }
    Ok(certificates)
}

#[derive(Debug)]
struct OneLeaf(Arc<CertifiedKey>);

impl ResolvesServerCert for OneLeaf {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Whoever adds to webpki's judgement of certificates leaves the handshake's signatures to it, in the field named.
macro_rules! signatures_judged_by {
    ($webpki:ident) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.$webpki.verify_tls12_signature(message, cert, dss)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.$webpki.verify_tls13_signature(message, cert, dss)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.$webpki.supported_verify_schemes()
        }
    };
}

/// webpki's judgement of a client certificate, and then ours: its terminal is enrolled with exactly this certificate.
struct EnrolledOnly {
    issued: Arc<dyn ClientCertVerifier>,
    terminals: Terminals,
}

impl std::fmt::Debug for EnrolledOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnrolledOnly")
    }
}

impl ClientCertVerifier for EnrolledOnly {
    fn client_auth_mandatory(&self) -> bool {
        self.issued.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.issued.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.issued.verify_client_cert(end_entity, intermediates, now)?;
        match self.terminals.by_fingerprint(&fingerprint(end_entity)) {
            Some(terminal) if terminal.state == TerminalState::Active => Ok(verified),
            _ => Err(CertificateError::Revoked.into()),
        }
    }

    signatures_judged_by!(issued);
}

/// webpki's judgement of an upstream, helped by intermediates that careless servers forget to send.
#[derive(Debug)]
struct CompletedChain {
    webpki: Arc<WebPkiServerVerifier>,
    known: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for CompletedChain {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<_> = intermediates.iter().chain(&self.known).cloned().collect();
        self.webpki.verify_server_cert(end_entity, &chain, server_name, ocsp_response, now)
    }

    signatures_judged_by!(webpki);
}
