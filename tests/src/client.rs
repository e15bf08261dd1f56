//! A terminal as a program: mutual TLS to the terminal port, exact bytes or helpers for CONNECT and the kiosk API.
//!
//! Nothing here repairs or checks what a test sends; that is the gateway's work. Every wait has the one deadline
//! [`ANSWER_LIMIT`].

use std::{fs, future::Future, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    time_provider::{DefaultTimeProvider, TimeProvider},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::sample::Person;

/// For one answer; above the gateway's own ten-second limits, so that its 504 is seen rather than ours.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// Answers of tests are small; a download is read by the test itself.
const BODY_LIMIT_BYTES: usize = 8 << 20;
const HEAD_LIMIT_BYTES: usize = 128 << 10;

/// A connection to the terminal port.
pub type Outer = TlsStream<TcpStream>;

/// One terminal's client, perhaps with a session.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    outer: Arc<ClientConfig>,
    inspection: Arc<ClientConfig>,
    token: Option<String>,
}

impl Client {
    /// From the folder that `terminal enrol` wrote.
    pub fn new(address: SocketAddr, enrolment: &Path) -> Result<Client> {
        Client::with_clock(address, enrolment, Arc::new(DefaultTimeProvider))
    }

    /// The same, with certificates judged by another clock than the machine's.
    pub fn with_clock(address: SocketAddr, enrolment: &Path, clock: Arc<dyn TimeProvider>) -> Result<Client> {
        let builder = || {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            ClientConfig::builder_with_details(provider, clock.clone()).with_safe_default_protocol_versions()
        };
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_file_iter(enrolment.join("terminal.pem"))?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(enrolment.join("terminal.key"))?;
        let outer = builder()?
            .with_root_certificates(roots(&enrolment.join("trust.pem"))?)
            .with_client_auth_cert(chain, key)?;
        let inspection = builder()?
            .with_root_certificates(roots(&enrolment.join("inspection.pem"))?)
            .with_no_client_auth();
        Ok(Client { address, outer: Arc::new(outer), inspection: Arc::new(inspection), token: None })
    }

    /// The same machine without a client certificate: a stranger on the terminals' network.
    pub fn stranger(address: SocketAddr, enrolment: &Path) -> Result<Client> {
        let mut client = Client::new(address, enrolment)?;
        let outer = ClientConfig::builder()
            .with_root_certificates(roots(&enrolment.join("trust.pem"))?)
            .with_no_client_auth();
        client.outer = Arc::new(outer);
        Ok(client)
    }

    pub fn with_token(&self, token: &str) -> Client {
        Client { token: Some(token.into()), ..self.clone() }
    }

    /// The terminal port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Signs in and answers the client that carries the session.
    pub async fn sign_in(&self, person: &Person) -> Result<Client> {
        let body = serde_json::json!({ "person": person.id, "pin": person.pin });
        let answer = self.api("POST", "/v1/sessions", Some(body)).await?;
        if answer.status != 201 {
            bail!("sign-in of {}: {answer:?}", person.id);
        }
        let answer = answer.json()?;
        Ok(self.with_token(answer["token"].as_str().context("a session has a token")?))
    }

    /// A TLS connection to the terminal port that offers `protocols` by ALPN.
    pub async fn open(&self, protocols: &[&str]) -> Result<Outer> {
        let mut config = (*self.outer).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // Each connection of a test stands alone: a resumed one would prove nothing about certificates.
        config.resumption = rustls::client::Resumption::disabled();
        let tcp = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost")?;
        Ok(within(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await??)
    }

    /// Sends exactly `bytes` on a new connection and reads one answer.
    pub async fn exact(&self, bytes: &[u8]) -> Result<Answer> {
        let mut stream = self.open(&["http/1.1"]).await?;
        stream.write_all(bytes).await?;
        read_answer(&mut stream, false).await
    }

    /// The TLS of a program behind the tunnel that trusts `inspection.pem`, without ALPN.
    pub fn inspection(&self) -> Arc<ClientConfig> {
        self.inspection.clone()
    }

    /// The header line that names the session to the proxy, or nothing.
    pub fn proxy_authorization(&self) -> String {
        self.token
            .as_ref()
            .map(|token| format!("Proxy-Authorization: Bearer {token}\r\n"))
            .unwrap_or_default()
    }

    /// `token` as the user name of Basic, the way of clients that know no Bearer.
    pub fn basic_authorization(&self) -> String {
        let pair = format!("{}:", self.token.as_deref().unwrap_or_default());
        format!("Proxy-Authorization: Basic {}\r\n", BASE64.encode(pair.as_bytes()))
    }

    /// One call of the kiosk API.
    pub async fn api(&self, method: &str, path: &str, body: Option<Value>) -> Result<Answer> {
        let authorization = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.exact(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\n{}Content-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                self.address.port(),
                authorization.unwrap_or_default(),
                body.len(),
            )
            .as_bytes(),
        )
        .await
    }

    /// What the kiosk is told of a service with a limit.
    pub async fn minutes_left(&self, service: &str) -> Result<u64> {
        let answer = self.api("GET", "/v1/services", None).await?.json()?;
        let services = answer["services"].as_array().context("no list of services")?;
        let found = services.iter().find(|found| found["id"] == service).context("no such service")?;
        found["minutes_left"].as_u64().context("a service without limit")
    }

    /// CONNECT over HTTP/1.1: the open tunnel, or the answer that refused it.
    pub async fn connect(&self, host_port: &str) -> Result<Result<Outer, Answer>> {
        let mut stream = self.open(&["http/1.1"]).await?;
        let head = format!(
            "CONNECT {host_port} HTTP/1.1\r\nHost: {host_port}\r\n{}\r\n",
            self.proxy_authorization()
        );
        stream.write_all(head.as_bytes()).await?;
        let answer = read_answer(&mut stream, true).await?;
        Ok(if answer.status == 200 { Ok(stream) } else { Err(answer) })
    }

    /// CONNECT over HTTP/2, on a connection of its own.
    pub async fn connect_h2(
        &self,
        host_port: &str,
    ) -> Result<Result<TokioIo<hyper::upgrade::Upgraded>, Answer>> {
        let stream = self.open(&["h2"]).await?;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = http::Request::connect(host_port);
        if let Some(token) = &self.token {
            request = request.header("proxy-authorization", format!("Bearer {token}"));
        }
        let answer = within(sender.send_request(request.body(Empty::<Bytes>::new())?)).await??;
        if answer.status() == 200 {
            return Ok(Ok(TokioIo::new(hyper::upgrade::on(answer).await?)));
        }
        Ok(Err(Answer::collect(answer).await?))
    }

    /// TLS inside an open tunnel, trusting `inspection.pem`.
    pub async fn inner<S>(&self, tunnel: S, host: &str, protocols: &[&str]) -> Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut config = (*self.inspection).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        handshake(tunnel, host, config.into()).await
    }

    /// A connection to an inspected `host` on port 443, ready for requests; the tunnel must be granted.
    pub async fn inspected(&self, host: &str) -> Result<TlsStream<Outer>> {
        match self.connect(&format!("{host}:443")).await? {
            Ok(tunnel) => self.inner(tunnel, host, &["http/1.1"]).await,
            Err(answer) => bail!("CONNECT to {host}: {answer:?}"),
        }
    }

    /// One GET through CONNECT and inspection; a refused CONNECT is an answer like any other.
    pub async fn get(&self, host: &str, target: &str) -> Result<Answer> {
        let tunnel = match self.connect(&format!("{host}:443")).await? {
            Ok(tunnel) => tunnel,
            Err(answer) => return Ok(answer),
        };
        let mut stream = self.inner(tunnel, host, &["http/1.1"]).await?;
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        read_answer(&mut stream, false).await
    }
}

/// TLS as `config` says, over whatever carries it.
pub async fn handshake<S>(stream: S, host: &str, config: Arc<ClientConfig>) -> Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(host.to_string())?;
    Ok(within(TlsConnector::from(config).connect(name, stream)).await??)
}

fn roots(file: &Path) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        store.add(certificate?)?;
    }
    Ok(store)
}

/// `work`, or an error after [`ANSWER_LIMIT`].
pub async fn within<F: Future>(work: F) -> Result<F::Output> {
    tokio::time::timeout(ANSWER_LIMIT, work).await.with_context(|| format!("nothing within {ANSWER_LIMIT:?}"))
}

/// One HTTP answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The reason code that `Proxy-Status` carries, when it is ours.
    pub fn reason(&self) -> Option<String> {
        passerelle_api::ProxyStatus::parse(self.header("proxy-status")?).map(|status| status.reason)
    }

    /// RFC 9209's error word beside the reason.
    pub fn error(&self) -> Option<String> {
        passerelle_api::ProxyStatus::parse(self.header("proxy-status")?).map(|status| status.error)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    async fn collect(answer: http::Response<hyper::body::Incoming>) -> Result<Answer> {
        let (parts, body) = answer.into_parts();
        let body = within(http_body_util::BodyExt::collect(body)).await??.to_bytes().to_vec();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok(Answer { status: parts.status.as_u16(), headers, body })
    }
}

/// Reads one HTTP/1 answer; after `connect` a 2xx has no body (RFC 9110, section 9.3.6).
pub async fn read_answer<S: AsyncRead + Unpin>(stream: &mut S, connect: bool) -> Result<Answer> {
    within(answer_from(stream, connect)).await?
}

async fn answer_from<S: AsyncRead + Unpin>(stream: &mut S, connect: bool) -> Result<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // Byte by byte, so that nothing behind the head is taken from the stream.
        let byte = stream.read_u8().await.with_context(|| {
            format!("the connection ended in the answer's head: {:?}", String::from_utf8_lossy(&head))
        })?;
        head.push(byte);
        if head.len() > HEAD_LIMIT_BYTES {
            bail!("an endless head");
        }
    }
    let mut answer = parse_head(&String::from_utf8_lossy(&head))?;
    let bodyless = (connect && answer.status / 100 == 2) || matches!(answer.status, 101 | 204 | 304);
    if bodyless {
        return Ok(answer);
    }
    if answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        answer.body = read_chunks(stream).await?;
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse()?;
        if length > BODY_LIMIT_BYTES {
            bail!("a body of {length} bytes");
        }
        answer.body = vec![0; length];
        stream.read_exact(&mut answer.body).await.context("the connection ended in the answer's body")?;
    } else {
        let mut body = stream.take(BODY_LIMIT_BYTES as u64);
        // A peer that closes without close_notify still gave us what it gave us.
        let _ = body.read_to_end(&mut answer.body).await;
    }
    Ok(answer)
}

fn parse_head(head: &str) -> Result<Answer> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_string(), value.trim().to_string()))
        .collect();
    Ok(Answer {
        status: status.with_context(|| format!("no status line: {head:?}"))?,
        headers,
        body: Vec::new(),
    })
}

async fn read_chunks<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await?);
        }
        let size = usize::from_str_radix(std::str::from_utf8(&line)?.trim(), 16)?;
        if body.len() + size > BODY_LIMIT_BYTES {
            bail!("a body above {BODY_LIMIT_BYTES} bytes");
        }
        let from = body.len();
        body.resize(from + size, 0);
        stream.read_exact(&mut body[from..]).await?;
        let mut end = [0; 2];
        stream.read_exact(&mut end).await?;
        if size == 0 {
            return Ok(body);
        }
    }
}
