//! The doors: terminal port, staff port, metrics port. Accepts, shakes hands, and gives each connection to the leg that serves it.
//!
//! Invariants: the number of connections is bounded in all and per terminal (`share`), that of handshakes too (`handshakes`);
//! an accept that fails (no descriptors left, say) backs off instead of spinning; every handshake has a deadline.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use passerelle_policy::Reason;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::console::Console;
use crate::identifier::TerminalId;
use crate::metrics::{self, Handshake, Port};
use crate::proxy::body::{self, Body};
use crate::proxy::leg::{self, Leg};
use crate::proxy::refusal::{Reader, Refusal};
use crate::strict_http1::StrictIo;
use crate::terminal::Terminal;
use crate::tls::fingerprint;
use crate::turns::Turns;
use crate::{Gateway, tls};

/// How long a connection without a terminal may last.
const UNENROLLED_LIMIT: Duration = Duration::from_secs(30);
/// First and longest pause after an accept that failed.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// At which addresses terminals were seen since the start, the latest of each; clones share it.
#[derive(Clone, Default)]
pub struct TerminalAddresses(Arc<Mutex<HashMap<IpAddr, TerminalId>>>);

/// More than any establishment has terminals; beyond it new addresses are not remembered.
const ADDRESSES_LIMIT: usize = 4096;

impl TerminalAddresses {
    fn note(&self, address: IpAddr, terminal: &TerminalId) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // On the gateway itself there are only tests and demos.
        if !address.is_loopback() && (seen.len() < ADDRESSES_LIMIT || seen.contains_key(&address)) {
            seen.insert(address, terminal.clone());
        }
    }

    /// The terminal that was seen there last.
    pub fn terminal_at(&self, address: IpAddr) -> Option<TerminalId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned()
    }
}

/// Accepts terminals until the gateway stops.
pub async fn terminals(gateway: Arc<Gateway>, listener: TcpListener, config: ServerConfig) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    accept(gateway, listener, Port::Terminal, move |gateway, stream| {
        let acceptor = acceptor.clone();
        async move {
            let peer = stream.peer_addr();
            let Some(stream) = shake_hands(&gateway, &acceptor, stream).await else { return };
            let Ok(terminal) = terminal_of(&gateway, &stream) else { return };
            let share = gateway.shares.of(terminal.as_ref().map(|terminal| &terminal.name));
            let Some(_place) = share.connection() else { return gateway.metrics.crowded() };
            if let (Ok(peer), Some(terminal)) = (peer, &terminal) {
                gateway.terminal_addresses.note(peer.ip(), &terminal.name);
            }
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
            let is_enrolled = terminal.is_some();
            let stream = Turns::new(stream);
            // Below the default level: a span costs an allocation and its lines, which only a search for a fault is worth.
            let span = match &terminal {
                Some(terminal) => tracing::debug_span!("connection", terminal = %terminal.name),
                None => tracing::debug_span!("connection"),
            };
            let leg = Leg { gateway, terminal, share, place: leg::Place::Outer, verdict: None, span };
            let served = async {
                match is_http2 {
                    true => leg.serve_http2(stream).await,
                    false => leg.serve_http1(stream).await,
                }
            };
            match is_enrolled {
                true => served.await,
                // An enrolment is one call; whoever stays longer wants something else.
                false => drop(timeout(UNENROLLED_LIMIT, served).await),
            }
        }
    })
    .await;
}

/// `None` when it failed, took too long, or had to make room.
async fn shake_hands(
    gateway: &Gateway,
    acceptor: &TlsAcceptor,
    stream: TcpStream,
) -> Option<TlsStream<TcpStream>> {
    let handshake = gateway.handshakes.begin();
    let accepted = gateway.handshakes.in_turns(acceptor.accept(stream));
    let (outcome, stream) = tokio::select! {
        shaken = timeout(gateway.config.limits.head(), accepted) => {
            (Handshake::of(&shaken), shaken.ok().and_then(Result::ok))
        }
        () = handshake.displaced() => (Handshake::Displaced, None),
    };
    gateway.metrics.handshake(Port::Terminal, outcome);
    stream
}

/// The terminal of the client certificate, `None` without one. The handshake let only enrolled ones through.
fn terminal_of(gateway: &Gateway, stream: &TlsStream<TcpStream>) -> Result<Option<Arc<Terminal>>, Reason> {
    match stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()) {
        None => Ok(None),
        Some(certificate) => {
            gateway.terminals.by_fingerprint(&fingerprint(certificate)).map(Some).ok_or(Reason::NoTerminal)
        }
    }
}

/// The staff port: the console, and the journal's public files.
pub async fn staff(gateway: Arc<Gateway>, listener: TcpListener, config: ServerConfig) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let console = Console::new(&gateway);
    accept(gateway, listener, Port::Staff, move |gateway, stream| {
        let (acceptor, console) = (acceptor.clone(), console.clone());
        async move {
            let Ok(peer) = stream.peer_addr() else { return };
            let shaken = timeout(gateway.config.limits.head(), acceptor.accept(stream)).await;
            gateway.metrics.handshake(Port::Staff, Handshake::of(&shaken));
            if let Ok(Ok(stream)) = shaken {
                serve_plain(gateway, stream, move |_, request| console.clone().answer(request, peer.ip()))
                    .await;
            }
        }
    })
    .await;
}

/// Health, readiness and figures, on the loopback.
pub async fn metrics(gateway: Arc<Gateway>, listener: TcpListener) {
    accept(gateway, listener, Port::Metrics, |gateway, stream| serve_plain(gateway, stream, metrics_answer))
        .await;
}

async fn metrics_answer(gateway: Arc<Gateway>, request: Request<Incoming>) -> Response<Body> {
    match request.uri().path() {
        "/health" => text("alive\n".into()),
        "/ready" => {
            let troubles = gateway.readiness.look(&gateway).await;
            let mut response = text(troubles.to_string());
            if !troubles.is_none() {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            response
        }
        "/metrics" => {
            let mut response = text(metrics::page(&gateway));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
            response
        }
        _ => Refusal::from(Reason::NotFound).respond(Reader::Program),
    }
}

fn text(text: String) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// HTTP/1.1 behind the strict judge, for the ports that no terminal reaches.
async fn serve_plain<S, F>(
    gateway: Arc<Gateway>,
    stream: S,
    answer: impl Fn(Arc<Gateway>, Request<Incoming>) -> F,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (strict, verdict) = StrictIo::server(stream, gateway.config.limits.strict());
    let service = service_fn(move |request| {
        let answered = answer(gateway.clone(), request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(strict), service)
    );
    tokio::select! {
        _ = connection.as_mut() => return,
        refused = verdict.refused() => {
            let refusal = Refusal::from(crate::proxy::leg::reason(refused.fault));
            verdict.farewell(refusal.raw_http1().into());
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// The accept loop: a place for each connection, a pause after each failure, an end when the gateway stops.
async fn accept<F>(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    port: Port,
    serve: impl Fn(Arc<Gateway>, TcpStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    // A monitor is told that we stop for as long as we do.
    let closing = if port == Port::Metrics { &gateway.stopped } else { &gateway.stopping };
    let places = Arc::new(Semaphore::new(gateway.config.limits.connections));
    let (mut pause, longest) = BACK_OFF;
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let accepted: std::io::Result<(TcpStream, SocketAddr)> = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                sleep(pause).await;
                pause = (pause * 2).min(longest);
                continue;
            }
        };
        pause = BACK_OFF.0;
        let _ = stream.set_nodelay(true);
        let served = serve(gateway.clone(), stream);
        let gateway = gateway.clone();
        tokio::spawn(async move {
            let _place = place;
            let _open = gateway.metrics.connection(port);
            tokio::select! {
                () = served => {}
                () = gateway.stopped.cancelled() => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn terminals_are_known_by_their_addresses() {
        let (seen, name) = (TerminalAddresses::default(), |name| TerminalId::parse(name).unwrap());
        let address = |last| IpAddr::from([192, 0, 2, last]);
        seen.note(address(1), &name("a"));
        seen.note(address(1), &name("b"));
        seen.note(IpAddr::from([127, 0, 0, 1]), &name("a"));
        for (at, expected) in
            [(address(1), Some(name("b"))), (address(2), None), (IpAddr::from([127, 0, 0, 1]), None)]
        {
            assert_eq!(seen.terminal_at(at), expected, "{at}");
        }
    }
}
