#![allow(clippy::unwrap_used)]
//! What is signed is checked with webpki (what rustls uses) and by reading the certificates back.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::*;

use super::*;

fn authority() -> (tempfile::TempDir, Config, Authority) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data: folder.path().to_owned(), ..Config::default() };
    let authority = Authority::create(&config, &["gw.prison.example".into(), "10.1.1.1".into()]).unwrap();
    (folder, config, authority)
}

fn enrol(authority: &Authority, name: &str) -> CertificateDer<'static> {
    pem(&authority.issue_terminal(name, &TerminalKey::generate().unwrap().request).unwrap())
}

/// `Ok` when `leaf` chains to `issuer` for `usage` now.
fn chains(leaf: &CertificateDer<'_>, issuer: &str, usage: KeyUsage) -> Result<(), webpki::Error> {
    let issuer = CertificateDer::from_pem_slice(issuer.as_bytes()).unwrap();
    let anchors = [anchor_from_trusted_cert(&issuer).unwrap()];
    EndEntityCert::try_from(leaf)?
        .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &[], UnixTime::now(), usage, None, None)
        .map(|_| ())
}

fn pem(text: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(text.as_bytes()).unwrap()
}

#[test]
fn issuers_are_never_mixed() {
    let (_folder, _, authority) = authority();
    let terminals = files::certificate_pem(&authority.terminal_issuer());
    let terminal = enrol(&authority, "bloc-a-1");
    let server = authority.server_chain().0[0].clone();
    let leaf = authority.mint_leaf("www.caf.fr").unwrap().cert[0].clone();
    let made = [
        ("terminal", &terminal, [true, false, false], KeyUsage::client_auth as fn() -> KeyUsage),
        ("server", &server, [false, true, false], KeyUsage::server_auth),
        ("leaf", &leaf, [false, false, true], KeyUsage::server_auth),
    ];
    let issuers = [terminals, authority.trust_pem(), authority.inspection_pem()];
    for (name, certificate, expected, usage) in made {
        let found = issuers.each_ref().map(|issuer| chains(certificate, issuer, usage()).is_ok());
        assert_eq!(found, expected, "{name}");
    }
    assert!(chains(&terminal, &issuers[0], KeyUsage::server_auth()).is_err(), "a terminal is no server");
    assert!(chains(&server, &issuers[1], KeyUsage::client_auth()).is_err(), "a server is no terminal");
}

#[test]
fn issuers_sign_leaves_only() {
    let (_folder, _, authority) = authority();
    for text in [
        authority.trust_pem(),
        authority.inspection_pem(),
        files::certificate_pem(&authority.terminal_issuer()),
    ] {
        let der = pem(&text);
        let (_, issuer) = X509Certificate::from_der(&der).unwrap();
        let constraints = issuer.basic_constraints().unwrap().unwrap();
        assert!(constraints.critical && constraints.value.ca);
        assert_eq!(constraints.value.path_len_constraint, Some(0));
        assert!(issuer.key_usage().unwrap().unwrap().value.key_cert_sign());
    }
}

#[test]
fn the_server_answers_to_its_names() {
    let (_folder, _, authority) = authority();
    let expected = ["gw.prison.example", "10.1.1.1", "localhost", "127.0.0.1", "::1"];
    assert_eq!(authority.server_names(), expected);
    let server = &authority.server_chain().0[0];
    let certificate = EndEntityCert::try_from(server).unwrap();
    for (name, valid) in
        expected.into_iter().map(|name| (name, true)).chain([("caf.fr", false), ("10.1.1.2", false)])
    {
        let name = ServerName::try_from(name).unwrap();
        assert_eq!(certificate.verify_is_valid_for_subject_name(&name).is_ok(), valid, "{name:?}");
    }
}

#[test]
fn a_leaf_is_what_browsers_accept() {
    let (_folder, _, authority) = authority();
    let leaf = authority.mint_leaf("www.caf.fr").unwrap();
    let (_, certificate) = X509Certificate::from_der(&leaf.cert[0]).unwrap();
    let validity = certificate.validity();
    let life = validity.not_after.timestamp() - validity.not_before.timestamp();
    assert_eq!(life, 7 * 86_400 + 3600, "a week, backdated by an hour");
    let found =
        |oid: &x509_parser::oid_registry::Oid<'_>| certificate.get_extension_unique(oid).unwrap().is_some();
    use x509_parser::oid_registry::*;
    assert!(found(&OID_X509_EXT_SUBJECT_KEY_IDENTIFIER) && found(&OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER));
    assert!(!certificate.is_ca());
    let uses = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(uses.server_auth && !uses.client_auth && !uses.any);
    leaf.keys_match().unwrap();
    let name = EndEntityCert::try_from(&leaf.cert[0]).unwrap();
    let valid =
        |host: &str| name.verify_is_valid_for_subject_name(&ServerName::try_from(host.to_owned()).unwrap());
    assert!(valid("www.caf.fr").is_ok() && valid("caf.fr").is_err() && valid("x.www.caf.fr").is_err());
    let other = authority.mint_leaf("caf.fr").unwrap();
    let (_, other) = X509Certificate::from_der(&other.cert[0]).unwrap();
    assert_ne!(certificate.raw_serial(), other.raw_serial());
}

#[test]
fn leaves_are_kept_bounded_and_renewed() {
    let (_folder, _, authority) = authority();
    let leaves = Leaves::new(2, 7).unwrap();
    let now = SystemTime::now();
    let mint = |host: &str, now| leaves.mint(&authority.inspection, host, now).unwrap();
    let first = mint("a.fr", now);
    assert!(Arc::ptr_eq(&first, &mint("a.fr", now + Duration::from_secs(3 * 86_400))), "kept");
    assert!(
        !Arc::ptr_eq(&first, &mint("a.fr", now + Duration::from_secs(4 * 86_400))),
        "half its life is over"
    );
    let early = mint("a.fr", now - Duration::from_secs(86_400));
    assert!(!Arc::ptr_eq(&first, &early), "a clock that was set back gets no leaf from the future");
    let second = mint("b.fr", now);
    mint("c.fr", now);
    assert!(Arc::ptr_eq(&second, &mint("b.fr", now)), "two fit");
    mint("d.fr", now);
    mint("e.fr", now);
    assert!(!Arc::ptr_eq(&second, &mint("b.fr", now)), "the oldest went");
}

#[test]
fn names_that_can_not_be_certified_are_refused() {
    let (_folder, _, authority) = authority();
    for host in ["", "127.0.0.1", "::1", "*.caf.fr", "a b.fr", "caf.fr.", "é.fr", "-a.fr", &"a.".repeat(130)]
    {
        assert!(authority.mint_leaf(host).is_err(), "{host}");
    }
}

#[test]
fn a_request_proves_its_key() {
    let (_folder, _, authority) = authority();
    let key = sign::new_key("test").unwrap();
    let mut asked = rcgen::CertificateParams::new(vec!["www.caf.fr".to_owned()]).unwrap();
    asked.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let request = asked.serialize_request(&key).unwrap();
    let issued = pem(&authority.issue_terminal("bloc-a-1", &request.pem().unwrap()).unwrap());
    let (_, certificate) = X509Certificate::from_der(&issued).unwrap();
    assert!(!certificate.is_ca(), "only the key of a request is used");
    let names = &certificate.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert!(matches!(names[..], [GeneralName::URI("passerelle://terminal/bloc-a-1")]), "{names:?}");
    assert_eq!(certificate.subject().iter_common_name().next().unwrap().as_str().unwrap(), "bloc-a-1");

    let mut forged = request.der().to_vec();
    let at = forged.len() / 2;
    forged[at] ^= 1;
    let forged = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        data_encoding::BASE64.encode(&forged)
    );
    for wrong in [forged.as_str(), "", "not PEM", &authority.trust_pem()] {
        assert!(
            matches!(authority.issue_terminal("x", wrong), Err(AuthorityError::Request { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn keys_are_private_and_survive_a_restart() {
    let (_folder, config, first) = authority();
    let keys = config.path("keys");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    for entry in std::fs::read_dir(&keys).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let again = Authority::load(&config).unwrap();
    assert_eq!(first.trust_pem(), again.trust_pem());
    assert_eq!(first.server_chain().0, again.server_chain().0);
    assert_eq!(first.server_fingerprint(), again.server_fingerprint());
    assert_eq!(first.journal_key().seed(), again.journal_key().seed());
    let terminal = enrol(&again, "t");
    let issuer = files::certificate_pem(&first.terminal_issuer());
    assert!(chains(&terminal, &issuer, KeyUsage::client_auth()).is_ok(), "a reloaded issuer signs as before");
    assert!(Authority::create(&config, &[]).is_err(), "nothing is overwritten");
}

#[test]
fn a_server_certificate_near_its_end_is_renewed_for_the_same_names() {
    let (_folder, config, first) = authority();
    let path = config.path("keys").join(files::LISTENER);
    let ending = sign::listener_for(&first.server, &first.server_names(), RENEW_BEFORE_DAYS - 1).unwrap();
    files::replace(&path, &ending).unwrap();
    let renewed = Authority::load(&config).unwrap();
    assert_ne!(renewed.server_chain().0[0], ending.certificate);
    assert_eq!(renewed.server_names(), first.server_names());
    assert!(chains(&renewed.server_chain().0[0], &first.trust_pem(), KeyUsage::server_auth()).is_ok());
    let once_more = Authority::load(&config).unwrap();
    assert_eq!(renewed.server_chain().0, once_more.server_chain().0, "a fresh one is kept");
}

#[test]
fn the_staff_ports_own_certificate_is_read_from_one_file() {
    let (folder, config, authority) = authority();
    let (chain, _) = read_chain(&config.path("keys").join(files::LISTENER)).unwrap();
    assert_eq!(chain, authority.server_chain().0[..1]);
    let certificate_alone = authority.trust_pem();
    for (name, text) in [
        ("empty", ""),
        ("no-key", certificate_alone.as_str()),
        ("garbage", "-----BEGIN CERTIFICATE-----\n!!"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert!(matches!(read_chain(&path), Err(AuthorityError::Unreadable { .. })), "{name}");
    }
}
