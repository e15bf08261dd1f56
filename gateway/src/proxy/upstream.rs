//! Connections to upstreams, pooled per session and never across persons.
//!
//! Called by `forward`. A connection was dialled to a judged address and verified for one host; it is only used again for that
//! scheme, host and port, by the session it was made for, and goes with that session.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use passerelle_policy::{Authority, Reason, Scheme, Url};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::Body;
use super::dial::Offer;
use super::leg::reason;
use crate::Gateway;
use crate::session::{LiveSession, SessionId};
use crate::strict_http1::{Expectation, Fault, StrictIo};
use crate::tls;

/// HTTP/1.1 connections kept to one host, those that carry an answer included. A browser asks us over HTTP/2, hence for a page's pictures at once, and an
/// upstream that speaks only HTTP/1.1 gets a connection for each: those that are not kept are dialled again, with a handshake.
const KEPT_TO_ONE_HOST: usize = 32;

/// What an upstream may send ahead of a terminal that does not read, on one HTTP/2 stream and on all of a connection together: eight
/// megabytes a second over thirty milliseconds of distance.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// The same of one session to all hosts: no page needs so many, and each is a descriptor.
const KEPT_IN_ALL: usize = 256;

type Key = (Scheme, Authority);

/// The pools of all sessions.
#[derive(Default)]
pub struct Pools {
    sessions: Mutex<HashMap<SessionId, Owned>>,
}

/// A pool and the session it goes with.
type Owned = (Weak<LiveSession>, Arc<Pool>);

#[derive(Default)]
struct Pool {
    connections: Mutex<HashMap<Key, Vec<Connection>>>,
}

/// One connection, which takes a request when it is ready.
struct Connection {
    sender: Sender,
    address: SocketAddr,
}

enum Sender {
    Http1(http1::SendRequest<Body>, Expectation),
    Http2(http2::SendRequest<Body>),
}

/// What went wrong on the way out, with the address where one was reached.
pub type Failure = (Reason, Option<SocketAddr>);

impl Pools {
    fn of(&self, session: &Arc<LiveSession>) -> Arc<Pool> {
        let mut sessions = lock(&self.sessions);
        let (_, pool) =
            sessions.entry(session.id.clone()).or_insert_with(|| (Arc::downgrade(session), Arc::default()));
        pool.clone()
    }

    /// Drops the connections of sessions that have ended.
    pub fn sweep(&self) {
        let lives =
            |session: &Weak<LiveSession>| session.upgrade().is_some_and(|session| session.ended().is_none());
        lock(&self.sessions).retain(|_, (session, _)| lives(session));
    }
}

/// Sends a request on a pooled connection, or on one that is dialled now.
///
/// `reached` is told the address as soon as it is known. Errors: what dialling can say, `tls-upstream`, `upstream-protocol`.
pub async fn send(
    gateway: &Gateway,
    session: &Arc<LiveSession>,
    url: &Url,
    mut request: Request<Body>,
    reached: impl Fn(SocketAddr),
) -> Result<Response<Incoming>, Failure> {
    let pool = gateway.pools.of(session);
    let key = (url.scheme(), url.authority().clone());
    while let Some(connection) = pool.take(&key) {
        reached(connection.address);
        match connection.send(request, url, &pool, &key).await {
            Ok(response) => return Ok(response),
            // The upstream had closed it before it took the request, which nobody has seen: try another.
            Err((_, Some(unsent))) => request = *unsent,
            Err((failure, None)) => return Err(failure),
        }
    }
    let connection = dial(gateway, url, Offer::Http2And1).await?;
    reached(connection.address);
    connection.send(request, url, &pool, &key).await.map_err(|(failure, _)| failure)
}

async fn dial(gateway: &Gateway, url: &Url, offer: Offer) -> Result<Connection, Failure> {
    let dialled = gateway.dialer.dial(url.host(), url.port()).await?;
    let address = dialled.address;
    let failed = |reason| (reason, Some(address));
    let sender = match url.scheme() {
        Scheme::Http => http1_over(gateway, dialled.stream).await.map_err(failed)?,
        Scheme::Https => {
            let stream = gateway.dialer.secure(url.host(), dialled.stream, offer).await.map_err(failed)?;
            match stream.get_ref().1.alpn_protocol() {
                Some(tls::H2) => http2_over(stream).await.map_err(failed)?,
                _ => http1_over(gateway, stream).await.map_err(failed)?,
            }
        }
    };
    Ok(Connection { sender, address })
}

/// A connection of its own for a WebSocket: HTTP/1.1, never pooled.
pub async fn send_upgrade(
    gateway: &Gateway,
    url: &Url,
    request: Request<Body>,
    reached: impl Fn(SocketAddr),
) -> Result<Response<Incoming>, Failure> {
    let connection = dial(gateway, url, Offer::Http1).await?;
    reached(connection.address);
    let failed = |reason| (reason, Some(connection.address));
    match connection.sender {
        Sender::Http2(_) => Err(failed(Reason::UpstreamProtocol)),
        Sender::Http1(mut sender, expectation) => {
            expectation.expect(request.method(), true);
            sender.send_request(origin_form(request, url)).await.map_err(|error| failed(fault(&error)))
        }
    }
}

async fn http1_over(
    gateway: &Gateway,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Sender, Reason> {
    let (strict, expectation) = StrictIo::client(stream, gateway.config.limits.strict());
    let (sender, connection) = http1::Builder::new()
        .max_headers(gateway.config.limits.headers)
        .max_buf_size(gateway.config.limits.head_bytes * 2)
        .handshake(TokioIo::new(strict))
        .await
        .map_err(|_| Reason::UpstreamProtocol)?;
    tokio::spawn(connection.with_upgrades());
    Ok(Sender::Http1(sender, expectation))
}

async fn http2_over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Sender, Reason> {
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Reason::UpstreamProtocol)?;
    tokio::spawn(connection);
    Ok(Sender::Http2(sender))
}

impl Connection {
    /// Errors carry the request where the upstream never saw it.
    async fn send(
        self,
        request: Request<Body>,
        url: &Url,
        pool: &Arc<Pool>,
        key: &Key,
    ) -> Result<Response<Incoming>, (Failure, Option<Box<Request<Body>>>)> {
        let address = self.address;
        match self.sender {
            Sender::Http2(mut sender) => {
                pool.put(key.clone(), Connection { sender: Sender::Http2(sender.clone()), address });
                sender
                    .try_send_request(absolute_form(request, url))
                    .await
                    .map_err(|error| unsent(error, address))
            }
            Sender::Http1(mut sender, expectation) => {
                expectation.expect(request.method(), false);
                let sent = sender.try_send_request(origin_form(request, url)).await;
                let response = sent.map_err(|error| unsent(error, address))?;
                // Usable again once the answer's body has been read.
                pool.put(key.clone(), Connection { sender: Sender::Http1(sender, expectation), address });
                Ok(response)
            }
        }
    }

    /// It can take a request now.
    fn is_ready(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender, _) => sender.is_ready(),
            Sender::Http2(sender) => sender.is_ready(),
        }
    }

    fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender, _) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }
}

impl Pool {
    /// A connection that is ready, the last used first; those that were closed meanwhile go.
    fn take(&self, key: &Key) -> Option<Connection> {
        let mut connections = lock(&self.connections);
        let connections = connections.get_mut(key)?;
        connections.retain(|connection| !connection.is_closed());
        let ready = connections.iter().rposition(Connection::is_ready)?;
        Some(connections.remove(ready))
    }

    /// Keeps a connection, busy or not, while there are few to its host and not too many in all.
    fn put(&self, key: Key, connection: Connection) {
        let mut connections = lock(&self.connections);
        let mut kept = 0;
        connections.retain(|_, to_host| {
            to_host.retain(|connection| !connection.is_closed());
            kept += to_host.len();
            !to_host.is_empty()
        });
        if kept >= KEPT_IN_ALL {
            return;
        }
        let to_host = connections.entry(key).or_default();
        if to_host.len() < KEPT_TO_ONE_HOST {
            to_host.push(connection);
        }
    }
}

fn unsent(
    mut error: hyper::client::conn::TrySendError<Request<Body>>,
    address: SocketAddr,
) -> (Failure, Option<Box<Request<Body>>>) {
    let request = error.take_message().map(Box::new);
    ((fault(error.error()), Some(address)), request)
}

/// The reason behind hyper's error: ours where our judge caused it. An origin that goes away in place of an answer has not kept
/// to the protocol either.
pub fn fault(error: &hyper::Error) -> Reason {
    Fault::find(error).map_or(Reason::UpstreamProtocol, reason)
}

fn origin_form(mut request: Request<Body>, url: &Url) -> Request<Body> {
    *request.version_mut() = http::Version::HTTP_11;
    // Both were read strictly and are visible ASCII, so neither conversion fails.
    *request.uri_mut() = url.path_and_query().parse().unwrap_or_default();
    if let Ok(host) = host_field(url).parse() {
        request.headers_mut().insert(http::header::HOST, host);
    }
    request
}

fn absolute_form(mut request: Request<Body>, url: &Url) -> Request<Body> {
    *request.version_mut() = http::Version::HTTP_2;
    *request.uri_mut() = url.to_string().parse().unwrap_or_default();
    request
}

/// The authority as a Host field writes it: without the scheme's own port.
fn host_field(url: &Url) -> String {
    match url.port() {
        port if port == url.scheme().default_port() => url.host().as_str().to_owned(),
        port => format!("{}:{port}", url.host().as_str()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves maps that are still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
