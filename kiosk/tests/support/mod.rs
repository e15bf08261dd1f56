//! A stand-in for the gateway's terminal port and for one site behind it: enough TLS and HTTP/1.1 for a browser to open a page
//! through the relay. The real gateway is tested from outside, with the real kiosk.

use std::sync::{Arc, Mutex};

use passerelle_kiosk::enrolment::Enrolment;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The sites that are let through; they have the same pages.
pub const SITE: &str = "site.example";
pub const OTHER_SITE: &str = "other.example";

/// By path; the others are not found, without a word.
const PAGES: &[(&str, &str)] = &[
    (
        "/",
        "<!doctype html><title>Accueil</title><input autofocus oninput='document.title = value'>\
        <script>fetch('https://chat.example/').catch(() => 0)</script>",
    ),
    // Does what its address says when it is clicked below its field.
    (
        "/doer",
        "<!doctype html><title>Prêt</title><input autofocus oninput='document.title = value'>\
        <p style='height:500px' onclick='eval(decodeURIComponent(location.hash.slice(1)))'>",
    ),
    (
        "/window",
        "<!doctype html><title>Fenêtre</title><p style='height:500px' onclick='window.close()'>Fermer",
    ),
];

pub struct StandIn {
    pub enrolment: Enrolment,
    /// Heads of what the relay asked.
    pub asked: Arc<Mutex<Vec<String>>>,
}

struct Issued {
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaf: String,
    key: String,
}

fn issue(issuer: &str, names: &[&str]) -> Issued {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, issuer);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names.iter().map(|name| name.to_string()).collect::<Vec<_>>())
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    Issued { leaf: leaf.pem(), key: key.serialize_pem(), issuer }
}

impl Issued {
    fn chain(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_slice_iter(self.leaf.as_bytes()).map(Result::unwrap).collect();
        (chain, PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap())
    }
}

impl StandIn {
    pub async fn start() -> StandIn {
        let (server, terminal, site) = (
            issue("server", &["localhost"]),
            issue("terminals", &["t1"]),
            issue("leaves", &[SITE, OTHER_SITE]),
        );
        let mut terminals = rustls::RootCertStore::empty();
        terminals.add(terminal.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(terminals.into(), provider.clone()).build().unwrap();
        let builder = || {
            ServerConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .unwrap()
        };
        let (chain, key) = server.chain();
        let port = builder().with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap();
        let (chain, key) = site.chain();
        let site_tls = builder().with_no_client_auth().with_single_cert(chain, key).unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (port, site_tls) = (TlsAcceptor::from(Arc::new(port)), TlsAcceptor::from(Arc::new(site_tls)));
        tokio::spawn(serve(listener, port, site_tls, asked.clone()));
        let enrolment = Enrolment {
            gateway,
            server_name: "localhost".into(),
            terminal: "t1".into(),
            journal_key: String::new(),
            certificate: terminal.leaf.clone(),
            key: terminal.key.clone(),
            trust: server.issuer.pem(),
            inspection: site.issuer.pem(),
        };
        StandIn { enrolment, asked }
    }
}

async fn serve(listener: TcpListener, port: TlsAcceptor, site: TlsAcceptor, asked: Arc<Mutex<Vec<String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (port, site, asked) = (port.clone(), site.clone(), asked.clone());
        tokio::spawn(async move {
            let _ = connection(stream, port, site, asked).await;
        });
    }
}

async fn connection(
    stream: TcpStream,
    port: TlsAcceptor,
    site: TlsAcceptor,
    asked: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut stream = port.accept(stream).await?;
    let head = read_head(&mut stream).await?;
    asked.lock().unwrap().push(head.clone());
    let is_for = |site: &&str| head.starts_with(&format!("CONNECT {site}:443 "));
    if ![SITE, OTHER_SITE].iter().any(is_for) {
        return refuse(&mut stream, "no-rule", "application/problem+json").await;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut stream = site.accept(stream).await?;
    loop {
        let head = read_head(&mut stream).await?;
        let path = head.split(' ').nth(1).unwrap_or_default();
        let html = "Content-Type: text/html; charset=utf-8\r\n";
        match PAGES.iter().find(|(of, _)| *of == path) {
            Some((_, page)) => answer(&mut stream, "200 OK", html, page).await?,
            None if path == "/refused" => refuse(&mut stream, "path", "text/html").await?,
            None => answer(&mut stream, "404 Not Found", "", "").await?,
        }
    }
}

async fn refuse(stream: &mut (impl AsyncWrite + Unpin), reason: &str, kind: &str) -> std::io::Result<()> {
    let fields = format!(
        "Content-Type: {kind}\r\nProxy-Status: passerelle; error=http_request_denied; details=\"{reason}\"\r\n"
    );
    let problem = format!(r#"{{"status":403,"title":"refused","code":"{reason}"}}"#);
    answer(stream, "403 Forbidden", &fields, &problem).await
}

async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    status: &str,
    fields: &str,
    body: &str,
) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
