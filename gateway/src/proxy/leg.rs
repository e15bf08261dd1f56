//! A connection that speaks HTTP with a terminal: the terminal port itself, or the inside of an inspected tunnel.
//!
//! Called by `listener` and `inspect`. Every HTTP/1 byte passes `strict_http1` before hyper sees it, every HTTP/2 head passes
//! `strict_http2`; then each request walks `exchange` by itself, kept-alive ones and streams of one connection too.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jiff::Timestamp;
use passerelle_policy::{Authority, Reason, Scheme, TargetError, Url, Words};
use tracing::Instrument as _;

use super::body::Body;
use super::exchange::exchange;
use super::identity::{self, Caller};
use super::permit::Permit;
use super::question::Question;
use super::refusal::{Reader, Refusal};
use super::refusals::Asked;
use super::tunnel::ClientStream;
use crate::share::Share;
use crate::strict_http1::{Fault, Refused, StrictIo, Verdict};
use crate::strict_http2::{News, StrictHttp2};
use crate::terminal::Terminal;
use crate::{Gateway, kiosk_api, strict_http2};

/// How long the streams of an ended tunnel have to say that they ended.
const LAST_WORD: std::time::Duration = std::time::Duration::from_millis(200);
/// Of one HTTP/2 stream's answer, kept for a client that does not read: four frames.
const UNREAD_BYTES: usize = 64 << 10;
/// What a client may send ahead on one HTTP/2 stream, and on all streams of its connection together. On a local network, where
/// a round trip takes a millisecond, it is no brake.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;

/// Between the answer to a bad head over HTTP/2 and the word that the connection ends: some clients read nothing behind that.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);

pub struct Leg {
    pub gateway: Arc<Gateway>,
    /// The enrolled terminal at the other end; `None` before enrolment.
    pub terminal: Option<Arc<Terminal>>,
    /// What that terminal may hold.
    pub share: Arc<Share>,
    pub place: Place,
    /// The judge of an HTTP/1 connection, who is told when bytes stop being HTTP.
    pub verdict: Option<Verdict>,
    /// Of the connection, or of the tunnel around it: what each request's own span stands in.
    pub span: tracing::Span,
}

pub enum Place {
    /// The terminal port: the kiosk API, CONNECT, absolute-form.
    Outer,
    /// Inside an inspected tunnel: requests to its authority, by the caller who opened it.
    Inspected { authority: Authority, caller: Caller, tunnel: Arc<Permit> },
}

impl Leg {
    /// Serves HTTP/1.1 until the connection ends or its tunnel is ended.
    pub async fn serve_http1(mut self, stream: impl ClientStream + 'static) {
        let (strict, verdict) = StrictIo::server(stream, self.gateway.config.limits.strict());
        self.verdict = Some(verdict.clone());
        let leg = Arc::new(self);
        // Boxed: hyper keeps room for an answer under way as long as the connection lives.
        let service = service_fn(|request| Box::pin(answer(leg.clone(), request)));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_headers(leg.gateway.config.limits.headers)
            // Both ways: a whole head, and as much of an answer that its client does not read.
            .max_buf_size(leg.gateway.config.limits.head_bytes * 2);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(strict), service).with_upgrades());
        tokio::select! {
            _ = connection.as_mut() => return,
            () = leg.ended() => return,
            refused = verdict.refused() => {
                let refusal = leg.record_unread(refused).await;
                verdict.farewell(Bytes::from(refusal.raw_http1()));
            }
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection => {}
            () = leg.ended() => {}
        }
    }

    /// Serves HTTP/2 until the connection ends or its tunnel is ended.
    pub async fn serve_http2(self, stream: impl ClientStream + 'static) {
        let limits = &self.gateway.config.limits;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams_per_connection)
            .max_send_buf_size(UNREAD_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            // Twice our own limit, so that what is over ours is refused by us, in words and on record.
            .max_header_list_size(u32::try_from(limits.head_bytes * 2).unwrap_or(u32::MAX))
            // An unanswered ping after so long means that nobody is there.
            .keep_alive_interval(std::time::Duration::from_secs(limits.idle_body_seconds));
        if matches!(self.place, Place::Outer) {
            builder.enable_connect_protocol(); // only so that extended CONNECT can be told 501
        }
        let is_outer = matches!(self.place, Place::Outer);
        let (strict, mut news) = StrictHttp2::server(stream, self.gateway.config.limits.strict(), is_outer);
        let leg = Arc::new(self);
        // Boxed: hyper keeps room for an answer under way as long as the connection lives.
        let service = service_fn(|request| Box::pin(answer(leg.clone(), request)));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(strict), service));
        let mut farewell = pin!(tokio::time::sleep(FAREWELL));
        let mut ends = false;
        loop {
            tokio::select! {
                _ = connection.as_mut() => break,
                () = leg.ended() => {
                    // What is under way has ended too, and says so: a stream that stops without a word looks whole.
                    connection.as_mut().graceful_shutdown();
                    let _ = tokio::time::timeout(LAST_WORD, connection.as_mut()).await;
                    break;
                }
                () = farewell.as_mut(), if ends => {
                    ends = false;
                    connection.as_mut().graceful_shutdown();
                }
                Some(news) = news.recv() => match news {
                    News::Last => {
                        ends = true;
                        farewell.as_mut().reset(tokio::time::Instant::now() + FAREWELL);
                    }
                    News::Reset { fault, method, target } => {
                        leg.record_unread(Refused { fault, method, target }).await;
                    }
                },
            }
        }
        // What was told as the connection ended.
        while let Ok(news) = news.try_recv() {
            if let News::Reset { fault, method, target } = news {
                leg.record_unread(Refused { fault, method, target }).await;
            }
        }
    }

    /// The inspected tunnel around this leg.
    pub fn tunnel(&self) -> Option<&Arc<Permit>> {
        match &self.place {
            Place::Outer => None,
            Place::Inspected { tunnel, .. } => Some(tunnel),
        }
    }

    /// Resolves when the tunnel around this leg is ended; never for the terminal port, whose exchanges end one by one.
    async fn ended(&self) {
        match self.tunnel() {
            None => std::future::pending().await,
            Some(tunnel) => tunnel.exchange().ended().await,
        }
    }

    /// Who sends this request.
    pub fn caller(&self, request: &Request<Incoming>, now: Timestamp) -> Result<Caller, Reason> {
        match &self.place {
            Place::Outer => identity::identify(&self.gateway, self.terminal.as_ref(), request.headers(), now),
            Place::Inspected { caller, .. } => {
                identity::still(&self.gateway, caller, now)?;
                Ok(caller.clone())
            }
        }
    }

    /// The request as policy and journal read it, after the strict readers.
    pub fn question(&self, request: &Request<Incoming>, now: Timestamp) -> Result<Question, Reason> {
        if request.method() == Method::CONNECT {
            let authority = request.uri().authority().ok_or(Reason::Malformed)?;
            let authority = Authority::parse(authority.as_str()).map_err(|error| error.reason())?;
            return match self.place {
                Place::Outer => Ok(Question::tunnel(authority, now)),
                Place::Inspected { .. } => Err(Reason::Unsupported),
            };
        }
        let url = self.url(request).map_err(|error| error.reason())??;
        let streamed = !request.body().is_end_stream();
        let websocket = is_websocket(request.method(), request.headers());
        Ok(Question::http(url, request.method(), request.headers(), streamed, websocket, now))
    }

    fn url(&self, request: &Request<Incoming>) -> Result<Result<Url, Reason>, TargetError> {
        let uri = request.uri();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let Place::Inspected { authority, .. } = &self.place else {
            return Url::parse(&uri.to_string()).map(Ok);
        };
        let is_http1 = request.version() <= Version::HTTP_11;
        if let Some(named) = uri.authority() {
            let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
            if Authority::parse_with_default(named.as_str(), Scheme::Https)? != *authority {
                return Ok(Err(if is_http1 { Reason::Ambiguous } else { Reason::Authority }));
            }
            if scheme == Scheme::Http {
                return Ok(Err(Reason::PlainHttp));
            }
        }
        if let Some(host) = request.headers().get(HOST) {
            const NOT_ASCII: Words =
                Words::new("un Host qui n'est pas de l'ASCII", "a Host that is not ASCII");
            let host = host.to_str().map_err(|_| TargetError::Malformed(NOT_ASCII))?;
            if Authority::parse_with_default(host, Scheme::Https)? != *authority {
                return Ok(Err(Reason::Authority));
            }
        }
        Url::of_origin(Scheme::Https, authority.clone(), path).map(Ok)
    }

    /// Records the refusal of a head that hyper never saw.
    async fn record_unread(&self, refused: Refused) -> Refusal {
        let reason = reason(refused.fault);
        let asked = Asked::unread(self, refused.method, refused.target);
        self.gateway.refusals.record(&self.gateway, asked, reason.into()).await
    }
}

async fn answer(leg: Arc<Leg>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let asks_upgrade = request.method() == Method::CONNECT || request.headers().contains_key(UPGRADE);
    let is_connect = request.method() == Method::CONNECT;
    let response = route(&leg, request).instrument(leg.span.clone()).await;
    let switched =
        response.status() == StatusCode::SWITCHING_PROTOCOLS || is_connect && response.status().is_success();
    if let Some(verdict) = leg.verdict.as_ref().filter(|_| asks_upgrade && !switched) {
        verdict.resume(); // it stays HTTP: what follows is the next request
    }
    Ok(response)
}

/// Our own API, or the path of a request.
async fn route(leg: &Arc<Leg>, request: Request<Incoming>) -> Response<Body> {
    if leg.gateway.stopping.is_cancelled() {
        return refuse(leg, &request, Reason::Stopping).await;
    }
    if request.version() == Version::HTTP_2 {
        if let Some((reason, method, target)) = strict_http2::refused(request.headers()) {
            let asked = Asked::unread(leg, method, target);
            return leg
                .gateway
                .refusals
                .record(&leg.gateway, asked, reason.into())
                .await
                .respond(Reader::Program);
        }
        let outer = matches!(leg.place, Place::Outer);
        let side = if outer { strict_http2::Leg::Outer } else { strict_http2::Leg::Inner };
        let (parts, body) = request.into_parts();
        let judged = strict_http2::judge(&parts, side, &leg.gateway.config.limits.strict());
        let request = Request::from_parts(parts, body);
        return match judged {
            Err(fault) => refuse(leg, &request, reason(fault)).await,
            Ok(()) if outer && request.method() != Method::CONNECT => {
                kiosk_api::serve(leg.clone(), request).await
            }
            Ok(()) => exchange(leg, request).await,
        };
    }
    let origin_form = request.uri().authority().is_none();
    match leg.place {
        Place::Outer if origin_form => kiosk_api::serve(leg.clone(), request).await,
        _ => exchange(leg, request).await,
    }
}

/// Refuses before there is a question.
pub async fn refuse(leg: &Leg, request: &Request<Incoming>, reason: Reason) -> Response<Body> {
    let asked = Asked::of(leg, request);
    let refusal = leg.gateway.refusals.record(&leg.gateway, asked, reason.into()).await;
    refusal.respond(Reader::of(request.headers()))
}

/// The contract's reason of a judge's fault.
pub fn reason(fault: Fault) -> Reason {
    fault.code().parse().unwrap_or(Reason::Malformed)
}

/// A WebSocket handshake (RFC 6455, section 4.2.1); its other fields are the origin's to judge.
fn is_websocket(method: &Method, headers: &HeaderMap) -> bool {
    let names = |field: HeaderName, word: &str| {
        let values = headers.get_all(field).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(word))
    };
    method == Method::GET && names(UPGRADE, "websocket") && names(CONNECTION, "upgrade")
}

/// Tells the judge that this HTTP/1 connection becomes a tunnel, and waits for its bytes (HTTP/2: the stream's).
pub fn upgrade(leg: &Leg, request: &mut Request<Incoming>) -> hyper::upgrade::OnUpgrade {
    if let Some(verdict) = &leg.verdict {
        verdict.become_transparent();
    }
    hyper::upgrade::on(request)
}
