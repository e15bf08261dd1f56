//! The certification authority of the pretended Internet: signs the upstreams of tests and demo.
//!
//! Made anew for each Stand; the gateway trusts it through `[upstream] extra_roots` only.

use std::sync::Arc;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, both PEM.
pub struct Leaf {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Result<Authority> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Ok(Authority { certificate, issuer: Issuer::new(params, key) })
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    fn sign(&self, names: &[&str], expired: bool) -> Result<(rcgen::Certificate, KeyPair)> {
        let key = KeyPair::generate()?;
        let mut params =
            CertificateParams::new(names.iter().map(|name| name.to_string()).collect::<Vec<_>>())?;
        params.use_authority_key_identifier_extension = true;
        if expired {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate, key))
    }

    /// A browser that trusts this authority alone: what a terminal uses behind a tunnel.
    pub fn browser(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone())?;
        Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
    }

    /// For servers that read files, nginx for example.
    pub fn leaf(&self, names: &[&str]) -> Result<Leaf> {
        let (certificate, key) = self.sign(names, false)?;
        Ok(Leaf { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// A server for `names` that offers `protocols` by ALPN.
    pub fn server(&self, names: &[&str], protocols: &[&str]) -> Result<Arc<ServerConfig>> {
        server(self.sign(names, false)?, protocols)
    }

    /// The same with a certificate of which the time is over.
    pub fn expired_server(&self, names: &[&str], protocols: &[&str]) -> Result<Arc<ServerConfig>> {
        server(self.sign(names, true)?, protocols)
    }
}

fn server(
    (certificate, key): (rcgen::Certificate, KeyPair),
    protocols: &[&str],
) -> Result<Arc<ServerConfig>> {
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}
