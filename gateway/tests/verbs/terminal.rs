use std::os::unix::fs::PermissionsExt;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::support::Folder;

#[test]
fn the_enrolment_folder_holds_all_a_terminal_needs() {
    let folder = Folder::new();
    folder.run("init --name gw.example").done();
    let out = folder.root.path().join("t1");
    folder.run(&format!("terminal enrol bloc-a-1 --out {}", out.display())).done();
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let mode = |name: &str| std::fs::metadata(out.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("terminal.key"), 0o600);
    let settings: toml::Table = read("enrolment.toml").parse().unwrap();
    let field = |name: &str| settings[name].as_str().unwrap().to_owned();
    let fields = ["gateway", "server_name", "terminal"].map(field);
    assert_eq!(fields, ["gw.example:8443", "gw.example", "bloc-a-1"]);
    assert_eq!(
        field("journal_key"),
        std::fs::read_to_string(folder.data.join("audit/log.vkey")).unwrap().trim()
    );

    let terminal = CertificateDer::from_pem_slice(read("terminal.pem").as_bytes()).unwrap();
    let issuer = std::fs::read(folder.data.join("keys/terminals.pem")).unwrap();
    let issuer = CertificateDer::from_pem_slice(&issuer).unwrap();
    let anchors = [webpki::anchor_from_trusted_cert(&issuer).unwrap()];
    let certificate = webpki::EndEntityCert::try_from(&terminal).unwrap();
    let usage = webpki::KeyUsage::client_auth();
    certificate
        .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &[], UnixTime::now(), usage, None, None)
        .unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(read("terminal.key").as_bytes()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_ecdsa_type(&key).unwrap();
    rustls::sign::CertifiedKey::new(vec![terminal], key).keys_match().unwrap();
    assert_ne!(read("trust.pem"), read("inspection.pem"));
}

#[test]
fn a_terminal_is_listed_replaced_and_revoked() {
    let folder = Folder::initialised();
    let out = folder.root.path().join("t1");
    let enrol = format!("terminal enrol bloc-a-1 --out {}", out.display());
    folder.run(&enrol).done();
    let first = std::fs::read(out.join("terminal.pem")).unwrap();
    folder.run(&enrol).done();
    assert_ne!(std::fs::read(out.join("terminal.pem")).unwrap(), first);
    let state = || folder.run("terminal list --json").done().json()["terminals"][0]["state"].clone();
    assert_eq!(state(), "active");
    folder.run("terminal revoke bloc-a-1").done();
    assert_eq!(state(), "revoked");
    folder.run("terminal revoke bloc-a-2").refused("there is no enrolled terminal bloc-a-2");
    let kinds: Vec<_> = folder.kinds().into_iter().filter(|kind| kind.starts_with("terminal-")).collect();
    assert_eq!(kinds, ["terminal-enrolled", "terminal-enrolled", "terminal-revoked"]);
}

#[test]
fn a_code_carries_the_issuers_fingerprint() {
    let folder = Folder::initialised();
    let serving = folder.serve();
    let invited = folder.run("terminal invite bloc-a-1 --json").done().json();
    assert_eq!(invited["gateway"], serving.terminal_address());
    let (secret, fingerprint) = invited["code"].as_str().unwrap().split_once('.').unwrap();
    assert_eq!(secret.len(), 16);
    let issuer = std::fs::read(folder.data.join("keys/server.pem")).unwrap();
    let issuer = CertificateDer::from_pem_slice(&issuer).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &issuer);
    assert_eq!(fingerprint, data_encoding::BASE64URL_NOPAD.encode(digest.as_ref()));
    let again = folder.run("terminal invite bloc-a-1 --json").done().json();
    assert_ne!(again["code"], invited["code"]);
}

#[test]
fn a_folder_that_can_not_be_made_costs_no_certificate() {
    let folder = Folder::initialised();
    let taken = folder.file("taken", "");
    folder.run(&format!("terminal enrol bloc-a-1 --out {taken}/t1")).refused("writing");
    assert_eq!(folder.run("terminal list --json").done().json()["terminals"], serde_json::json!([]));
}
