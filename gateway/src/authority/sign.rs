//! What each certificate says. RFC 5280 throughout; ECDSA P-256 keys of our own.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    PKCS_RSA_SHA256, PublicKeyData, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::files::KeyFile;
use super::{AuthorityError, SERVER_DAYS, TERMINAL_DAYS, TerminalKey};

/// Days an issuer lives: the life of an installation.
const ISSUER_DAYS: u64 = 10 * 365;
/// A peer's clock may be late; terminals without a battery are.
const BACKDATED: Duration = Duration::from_secs(3600);
/// DER bytes of an RSA public key of 2048 bits: fewer are refused.
const SMALLEST_RSA_KEY: usize = 270;
const DAY: Duration = Duration::from_secs(86_400);

/// An issuer ready to sign.
pub struct Issuer {
    file_certificate: CertificateDer<'static>,
    signer: rcgen::Issuer<'static, KeyPair>,
}

impl Issuer {
    pub fn new(file: KeyFile) -> Result<Issuer, AuthorityError> {
        let signer = rcgen::Issuer::from_ca_cert_der(&file.certificate, file.key)
            .map_err(|source| AuthorityError::Sign { subject: "the issuers' own use".into(), source })?;
        Ok(Issuer { file_certificate: file.certificate, signer })
    }

    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.file_certificate
    }

    pub fn certificate_pem(&self) -> String {
        super::files::certificate_pem(&self.file_certificate)
    }
}

pub fn new_key(subject: &str) -> Result<KeyPair, AuthorityError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(signing(subject))
}

/// A terminal's new key and its request; the request names nothing, since the gateway does.
pub fn terminal_key() -> Result<TerminalKey, AuthorityError> {
    let key = new_key("a terminal")?;
    let mut empty = CertificateParams::default();
    empty.distinguished_name = DistinguishedName::new();
    let request =
        empty.serialize_request(&key).and_then(|request| request.pem()).map_err(signing("a terminal"))?;
    Ok(TerminalKey { key: key.serialize_pem().into(), request })
}

/// A self-signed issuer. Its name ends in random letters, so that two gateways' issuers are never taken for each other.
pub fn issuer(organisation: &str, purpose: &str) -> Result<KeyFile, AuthorityError> {
    let tag = data_encoding::HEXLOWER.encode(&random::<4>(purpose)?);
    let mut params =
        template(organisation, &format!("Passerelle {purpose} {tag}"), ISSUER_DAYS, SystemTime::now())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = new_key(purpose)?;
    let certificate = params.self_signed(&key).map_err(signing(purpose))?;
    Ok(KeyFile { certificate: certificate.into(), key })
}

/// The server's own certificate, with a new key.
pub fn listener(issuer: &Issuer, names: &[String]) -> Result<KeyFile, AuthorityError> {
    listener_for(issuer, names, SERVER_DAYS)
}

pub fn listener_for(issuer: &Issuer, names: &[String], days: u64) -> Result<KeyFile, AuthorityError> {
    let mut params = template("Passerelle", "Passerelle gateway", days, SystemTime::now())?;
    params.subject_alt_names = names.iter().map(|name| server_name(name)).collect::<Result<_, _>>()?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = new_key("the server")?;
    let certificate = params.signed_by(&key, &issuer.signer).map_err(signing("the server"))?;
    Ok(KeyFile { certificate: certificate.into(), key })
}

/// A terminal's certificate: the name is in CN for people and in a URI for programs.
pub fn terminal(
    issuer: &Issuer,
    name: &str,
    key: &impl PublicKeyData,
) -> Result<Certificate, AuthorityError> {
    let mut params = template("Passerelle", name, TERMINAL_DAYS, SystemTime::now())?;
    let uri = format!("passerelle://terminal/{name}");
    let uri = uri.try_into().map_err(|_| AuthorityError::Name { name: name.into(), what: "a terminal" })?;
    params.subject_alt_names = vec![SanType::URI(uri)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.signed_by(key, &issuer.signer).map_err(signing(name))
}

/// The certificate of an inspected host. The name stands in the SAN only: CN is too short for many hosts, and unread.
pub fn leaf(
    issuer: &Issuer,
    host: &str,
    key: &KeyPair,
    days: u64,
    now: SystemTime,
) -> Result<Certificate, AuthorityError> {
    let mut params = template("Passerelle", "inspected", days, now)?;
    params.subject_alt_names = vec![match server_name(host)? {
        SanType::IpAddress(_) => {
            return Err(AuthorityError::Name { name: host.into(), what: "an inspected host" });
        }
        name => name,
    }];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.signed_by(key, &issuer.signer).map_err(signing(host))
}

/// The public key of a PKCS #10 request whose own signature holds.
pub fn requested_key(csr_pem: &str) -> Result<SubjectPublicKeyInfo, AuthorityError> {
    let refused = |why| AuthorityError::Request { why };
    let (_, pem) =
        x509_parser::pem::parse_x509_pem(csr_pem.as_bytes()).map_err(|_| refused("it is not PEM"))?;
    let (rest, request) = X509CertificationRequest::from_der(&pem.contents)
        .map_err(|_| refused("it is not a PKCS #10 request"))?;
    if !rest.is_empty() {
        return Err(refused("bytes follow it"));
    }
    request.verify_signature().map_err(|_| refused("its signature does not hold"))?;
    let key = SubjectPublicKeyInfo::from_der(request.certification_request_info.subject_pki.raw)
        .map_err(|_| refused("its key is of an unknown kind"))?;
    let accepted = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519, &PKCS_RSA_SHA256];
    if !accepted.contains(&key.algorithm()) {
        return Err(refused("its key is not P-256, P-384, Ed25519 or RSA"));
    }
    if key.algorithm() == &PKCS_RSA_SHA256 && key.der_bytes().len() < SMALLEST_RSA_KEY {
        return Err(refused("its RSA key has fewer than 2048 bits"));
    }
    Ok(key)
}

/// What every certificate shares: no authority to sign, key identifiers, a random serial, backdated by an hour.
fn template(
    organisation: &str,
    name: &str,
    days: u64,
    now: SystemTime,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, organisation);
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_1970.saturating_sub(BACKDATED);
    params.not_after = epoch + since_1970 + DAY * u32::try_from(days).unwrap_or(u32::MAX);
    // RFC 5280 4.1.2.2: positive, at most 20 octets; 127 random bits can't collide.
    let mut serial = random::<16>(name)?;
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn server_name(name: &str) -> Result<SanType, AuthorityError> {
    let wrong = || AuthorityError::Name { name: name.into(), what: "a server" };
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) if super::is_server_name(name) => Ok(SanType::DnsName(name.try_into().map_err(|_| wrong())?)),
        Err(_) => Err(wrong()),
    }
}

fn random<const N: usize>(subject: &str) -> Result<[u8; N], AuthorityError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| signing(subject)(rcgen::Error::RingUnspecified))?;
    Ok(bytes)
}

fn signing(subject: &str) -> impl Fn(rcgen::Error) -> AuthorityError + use<> {
    let subject = subject.to_owned();
    move |source| AuthorityError::Sign { subject: subject.clone(), source }
}
