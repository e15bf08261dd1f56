//! The client of the kiosk API: HTTPS to the gateway, and nowhere else.
//!
//! TLS 1.3 only, trusted by `trust.pem` only, this terminal's certificate shown. A call is a connection: calls are rare, and
//! a revocation is noticed at the next handshake. Used by [`crate::app`] (calls) and [`crate::browser::relay`] (dial).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use passerelle_api as api;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::enrolment::Enrolment;

/// From dialling to the end of the handshake; a gateway on the same premises answers in milliseconds.
pub const DIAL_LIMIT: Duration = Duration::from_secs(10);
/// From the request to the whole answer: the gateway's own slowest call hashes a PIN.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// Between two lines: a gateway that ends each at once is not to be asked without a rest.
const LINE_PAUSE: Duration = Duration::from_secs(1);
/// Bytes of an answer; a list of services takes some tens of KiB.
const ANSWER_LIMIT_BYTES: usize = 4 << 20;

#[derive(Clone, Debug, thiserror::Error)]
pub enum GatewayError {
    /// No answer: the network, the gateway, or a handshake that was cut.
    #[error("reaching the gateway: {0}")]
    Unreachable(String),
    /// The handshake says that this terminal's certificate is not, or no longer, accepted.
    #[error("the gateway does not know this terminal: {0}")]
    TerminalRefused(String),
    /// The gateway's own answer.
    #[error("the gateway refused: {}", .0.code)]
    Refused(api::Problem),
    #[error("an answer of the gateway could not be read: {0}")]
    Unreadable(String),
}

/// How to reach the gateway. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    address: Arc<str>,
    server_name: ServerName<'static>,
    tls: TlsConnector,
}

impl Gateway {
    pub fn new(enrolment: &Enrolment) -> Result<Gateway, GatewayError> {
        let unreadable =
            |what: &str, error: &dyn std::fmt::Display| GatewayError::Unreadable(format!("{what}: {error}"));
        let mut roots = rustls::RootCertStore::empty();
        for issuer in CertificateDer::pem_slice_iter(enrolment.trust.as_bytes()) {
            let issuer = issuer.map_err(|error| unreadable("trust.pem", &error))?;
            roots.add(issuer).map_err(|error| unreadable("trust.pem", &error))?;
        }
        let chain =
            CertificateDer::pem_slice_iter(enrolment.certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| unreadable("terminal.pem", &error))?;
        let key = PrivateKeyDer::from_pem_slice(enrolment.key.as_bytes())
            .map_err(|error| unreadable("terminal.key", &error))?;
        let mut tls = tls_1_3()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|error| unreadable("terminal.pem", &error))?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // The port resumes nothing, and a ticket would tie one session's connections together.
        tls.resumption = rustls::client::Resumption::disabled();
        let server_name = ServerName::try_from(enrolment.server_name.clone())
            .map_err(|error| unreadable("server_name", &error))?;
        Ok(Gateway {
            address: enrolment.gateway.as_str().into(),
            server_name,
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    /// A fresh connection to the terminal port.
    pub async fn dial(&self) -> Result<TlsStream<TcpStream>, GatewayError> {
        dial(&self.address, self.server_name.clone(), &self.tls).await
    }

    pub async fn sign_in(&self, person: String, pin: String) -> Result<api::Session, GatewayError> {
        self.call(Method::POST, "/v1/sessions", None, Some(&api::SignIn { person, pin })).await
    }

    pub async fn sign_out(&self, token: &str) -> Result<(), GatewayError> {
        self.send(Method::DELETE, "/v1/sessions/current", Some(token), None::<&()>).await.map(drop)
    }

    pub async fn session(&self, token: &str) -> Result<api::Session, GatewayError> {
        self.call(Method::GET, "/v1/sessions/current", Some(token), None::<&()>).await
    }

    pub async fn services(&self, token: &str) -> Result<api::ServiceList, GatewayError> {
        self.call(Method::GET, "/v1/services", Some(token), None::<&()>).await
    }

    pub async fn requests(&self, token: &str) -> Result<api::RequestList, GatewayError> {
        self.call(Method::GET, "/v1/requests", Some(token), None::<&()>).await
    }

    pub async fn request_access(
        &self,
        token: &str,
        request: api::NewAccessRequest,
    ) -> Result<(), GatewayError> {
        self.send(Method::POST, "/v1/requests", Some(token), Some(&request)).await.map(drop)
    }

    /// A new PIN for who knows the old one; a wrong one counts as a try.
    pub async fn change_pin(&self, token: &str, change: api::PinChange) -> Result<(), GatewayError> {
        self.send(Method::PUT, "/v1/pin", Some(token), Some(&change)).await.map(drop)
    }

    /// What the catalogue has, and what this person began in it.
    pub async fn items(&self, token: &str) -> Result<api::ItemList, GatewayError> {
        self.call(Method::GET, "/v1/catalogue/items", Some(token), None::<&()>).await
    }

    pub async fn search(&self, token: &str, question: Question) -> Result<api::SearchResults, GatewayError> {
        self.call(Method::GET, &question.path(), Some(token), None::<&()>).await
    }

    pub async fn suggest(&self, token: &str, typed: &str) -> Result<api::Suggestions, GatewayError> {
        let path = path_with("/v1/catalogue/suggest", &[("q", typed)]);
        self.call(Method::GET, &path, Some(token), None::<&()>).await
    }

    /// Where a person is in an item, for whatever terminal they sit at next.
    pub async fn save_progress(&self, token: &str, progress: &api::Progress) -> Result<(), GatewayError> {
        let path = format!("/v1/progress/{}", progress.item);
        self.send(Method::PUT, &path, Some(token), Some(progress)).await.map(drop)
    }

    /// Whether the gateway answers at all, whatever it says to this terminal.
    pub async fn knock(&self) -> Result<(), GatewayError> {
        match self.send(Method::GET, "/v1/sessions/current", None, None::<&()>).await {
            Err(GatewayError::Refused(problem)) if problem.code != "no-terminal" => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Holds a quiet connection to the gateway for as long as there is one to be had, and answers why there is none any more. So
    /// a gateway that stops, or shuts this terminal out, is noticed at once, though nobody touches anything.
    pub async fn hold_line(&self) -> GatewayError {
        loop {
            if let Err(lost) = self.one_line().await {
                return lost;
            }
            tokio::time::sleep(LINE_PAUSE).await;
        }
    }

    /// Asks what [`Gateway::knock`] asks, then waits for the gateway to end the connection, as it does with each after a while.
    async fn one_line(&self) -> Result<(), GatewayError> {
        let stream = self.dial().await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| cut(&error))?;
        let mut connection = std::pin::pin!(connection);
        let request = Request::builder()
            .uri("/v1/sessions/current")
            .header(header::HOST, &*self.address)
            .body(Full::new(Bytes::new()))
            .map_err(|error| GatewayError::Unreadable(error.to_string()))?;
        let answered = tokio::time::timeout(ANSWER_LIMIT, async {
            let answer = sender.send_request(request).await.map_err(|error| cut(&error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_LIMIT_BYTES).collect().await;
            let body = body.map_err(|error| GatewayError::Unreachable(error.to_string()))?.to_bytes();
            judge(status, body)
        });
        let answered = tokio::select! {
            answered = answered => answered,
            ended = &mut connection => return ended.map_err(|error| cut(&error)),
        };
        match answered.unwrap_or_else(|_| Err(GatewayError::Unreachable("no answer".into()))) {
            Err(GatewayError::Refused(problem)) if problem.code != "no-terminal" => {}
            answer => drop(answer?),
        }
        // However it ends, the next dial says whether the gateway is there.
        let _ = connection.await;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&impl serde::Serialize>,
    ) -> Result<T, GatewayError> {
        let answer = self.send(method, path, token, body).await?;
        serde_json::from_slice(&answer).map_err(|error| GatewayError::Unreadable(format!("{path}: {error}")))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&impl serde::Serialize>,
    ) -> Result<Bytes, GatewayError> {
        let stream = self.dial().await?;
        exchange(stream, &self.address, method, path, token, body).await
    }
}

/// What is looked for in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    pub query: String,
    /// Only items of this kind, of this language.
    pub kind: Option<String>,
    pub language: Option<String>,
    /// From 1.
    pub page: u32,
}

impl Question {
    fn path(&self) -> String {
        let page = self.page.to_string();
        let mut parameters = vec![("q", self.query.as_str()), ("page", page.as_str())];
        parameters.extend(self.kind.as_deref().map(|kind| ("kind", kind)));
        parameters.extend(self.language.as_deref().map(|language| ("language", language)));
        path_with("/v1/catalogue/search", &parameters)
    }
}

fn path_with(path: &str, parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{path}?{query}")
}

/// The start of every TLS configuration of the kiosk.
pub fn tls_1_3() -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has the suites of TLS 1.3")
}

pub async fn dial(
    address: &str,
    server_name: ServerName<'static>,
    tls: &TlsConnector,
) -> Result<TlsStream<TcpStream>, GatewayError> {
    let handshake = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        tls.connect(server_name, stream).await
    };
    match tokio::time::timeout(DIAL_LIMIT, handshake).await {
        Ok(stream) => stream.map_err(|error| cut(&error)),
        Err(_) => Err(GatewayError::Unreachable(format!("no answer of {address} within {DIAL_LIMIT:?}"))),
    }
}

/// One request on a connection of its own.
pub async fn exchange<S>(
    stream: S,
    host: &str,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&impl serde::Serialize>,
) -> Result<Bytes, GatewayError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let body = body.map(|body| serde_json::to_vec(body).expect("wire types are JSON")).unwrap_or_default();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| GatewayError::Unreadable(format!("a request for {path}: {error}")))?;

    let answered = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| cut(&error))?;
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| cut(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT_BYTES).collect().await;
        let body = body.map_err(|error| GatewayError::Unreachable(error.to_string()))?.to_bytes();
        driver.abort();
        judge(status, body)
    };
    tokio::time::timeout(ANSWER_LIMIT, answered).await.unwrap_or_else(|_| {
        Err(GatewayError::Unreachable(format!("no answer to {path} within {ANSWER_LIMIT:?}")))
    })
}

fn judge(status: StatusCode, body: Bytes) -> Result<Bytes, GatewayError> {
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_slice(&body) {
        Ok(problem) => Err(GatewayError::Refused(problem)),
        Err(_) => Err(GatewayError::Unreadable(format!("status {status} without problem details"))),
    }
}

/// With TLS 1.3 a client may learn only at its first read that its certificate was refused.
pub fn cut(error: &(dyn std::error::Error + 'static)) -> GatewayError {
    use rustls::{AlertDescription as Alert, Error::AlertReceived};
    let mut cause = Some(error);
    while let Some(error) = cause {
        let tls = error
            .downcast_ref::<rustls::Error>()
            .or_else(|| error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>());
        if let Some(AlertReceived(
            Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired,
        )) = tls
        {
            return GatewayError::TerminalRefused(error.to_string());
        }
        cause = error.source();
    }
    GatewayError::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_an_address() {
        let check = |query: &str, kind: Option<&str>, page, expected: &str| {
            let (query, kind) = (query.to_owned(), kind.map(String::from));
            let question = Question { query, kind, language: None, page };
            assert_eq!(question.path(), format!("/v1/catalogue/search?{expected}"));
        };
        check("l’été & moi", None, 1, "q=l%E2%80%99%C3%A9t%C3%A9+%26+moi&page=1");
        check("a#b?c=d", Some("pdf"), 2, "q=a%23b%3Fc%3Dd&page=2&kind=pdf");
    }
}
