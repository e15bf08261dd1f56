//! Sends a permitted request upstream and streams the answer back. Never follows a redirect, never caches, never repairs.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use passerelle_policy::{Reason, Terms, Url};
use tokio::time::sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tokio_util::task::AbortOnDropHandle;

use super::body::{Body, BoxError};
use super::headers;
use super::leg::reason;
use super::live::Exchange;
use super::permit::Permit;
use super::refusal::Reader;
use super::upstream::{self, Failure};
use crate::strict_http1::Fault;

/// Answers with the upstream's response, or with the refusal that kept it away.
pub async fn send(permit: Permit, request: Request<Incoming>, url: Url, terms: Terms) -> Response<Body> {
    let reader = Reader::of(request.headers());
    let method = request.method().clone();
    match attempt(&permit, request, &url, &terms).await {
        Ok(response) => stream(permit, response, &method, reader, &terms),
        Err((reason, address)) => {
            permit.refuse(reason, address).about(url.without_query_values()).respond(reader)
        }
    }
}

async fn attempt(
    permit: &Permit,
    request: Request<Incoming>,
    url: &Url,
    terms: &Terms,
) -> Result<Response<Incoming>, Failure> {
    let exchange = permit.exchange();
    let fault = Arc::new(OnceLock::new());
    let (mut parts, body) = request.into_parts();
    headers::clean_request(&mut parts.headers);
    let upload = Watched::upload(body, exchange.clone(), terms.upload_limit, fault.clone());
    let request = Request::from_parts(parts, upload.boxed_unsync());
    let sent =
        upstream::send(permit.gateway(), &exchange.session, url, request, |address| permit.reached(address));
    tokio::select! {
        biased;
        () = exchange.ended() => Err((exchange.why_ended().unwrap_or(Reason::ClientGone), None)),
        sent = sent => sent.map_err(|(reason, address)| (fault.get().copied().unwrap_or(reason), address)),
        () = no_answer(permit) => Err((Reason::Timeout, None)),
    }
}

/// Resolves when neither an answer nor a byte of the upload has moved for the limit.
async fn no_answer(permit: &Permit) {
    let mut before = permit.exchange().meter.totals();
    loop {
        sleep(permit.gateway().config.limits.answer()).await;
        let now = permit.exchange().meter.totals();
        if now == before {
            return;
        }
        before = now;
    }
}

fn stream(
    permit: Permit,
    response: Response<Incoming>,
    method: &Method,
    reader: Reader,
    terms: &Terms,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    headers::clean_response(&mut parts.headers);
    let has_body = !body.is_end_stream() && *method != Method::HEAD;
    let limit = permit.gateway().config.limits.download_bytes;
    let media_type = essence(&parts);
    let is_document = has_body && !is_bodiless(&parts) && !is_page_type(&media_type);
    let refused = if is_document && !terms.download_types.iter().any(|named| **named == *media_type) {
        Some(Reason::DownloadType)
    } else {
        body.size_hint().exact().filter(|bytes| *bytes > limit).map(|_| Reason::DownloadSize)
    };
    if let Some(reason) = refused {
        return permit.refuse(reason, None).respond(reader);
    }
    permit.answered(parts.status.as_u16());
    if is_document {
        permit.document(&media_type);
    }
    if !has_body {
        let response = Response::from_parts(parts, Watched::plain(body));
        permit.finish();
        return response;
    }
    Response::from_parts(parts, Watched::download(body, permit, limit).boxed_unsync())
}

/// An answer without a body has no type that matters.
fn is_bodiless(parts: &http::response::Parts) -> bool {
    parts.status == StatusCode::NO_CONTENT || parts.status == StatusCode::NOT_MODIFIED
}

/// The declared media type without its parameters; empty where the answer says none.
fn essence(parts: &http::response::Parts) -> String {
    let declared = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Text, styles, scripts, JSON, XML, fonts, images, media, WebAssembly.
fn is_page_type(essence: &str) -> bool {
    const WHOLE: [&str; 12] = [
        "application/javascript",
        "application/x-javascript",
        "application/ecmascript",
        "application/json",
        "application/xml",
        "application/wasm",
        "application/font-woff",
        "application/font-woff2",
        "application/x-font-ttf",
        "application/vnd.ms-fontobject",
        "application/x-mpegurl",
        "application/vnd.apple.mpegurl",
    ];
    let Some((kind, rest)) = essence.split_once('/') else { return false };
    match kind {
        "text" | "image" | "font" | "audio" | "video" => !rest.is_empty(),
        "application" => WHOLE.contains(&essence) || rest.ends_with("+json") || rest.ends_with("+xml"),
        _ => false,
    }
}

/// A body on its way: counted, limited, and cut when its exchange ends.
struct Watched {
    body: Incoming,
    way: Way,
    exchange: Arc<Exchange>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    limit_bytes: u64,
}

enum Way {
    /// Towards the upstream; what went wrong with it is told to whoever waits for the answer.
    Up(Arc<OnceLock<Reason>>),
    /// Towards the terminal, with the permit: the closing record is written when the body ends or is dropped.
    Down(Held),
}

/// The permit of an answer on its way. A body that its client does not read is not polled either, so a task of its own
/// closes the record when the exchange is ended; the body then only tells its end.
struct Held {
    permit: Arc<Mutex<Option<Permit>>>,
    _closer: AbortOnDropHandle<()>,
}

impl Held {
    fn new(permit: Permit) -> Held {
        let ended = permit.exchange().ended();
        let permit = Arc::new(Mutex::new(Some(permit)));
        let held = permit.clone();
        let closer = tokio::spawn(async move {
            ended.await;
            drop(take(&held));
        });
        Held { permit, _closer: AbortOnDropHandle::new(closer) }
    }
}

fn take(permit: &Mutex<Option<Permit>>) -> Option<Permit> {
    // A panic elsewhere leaves a permit that is still whole.
    permit.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Watched {
    fn upload(
        body: Incoming,
        exchange: Arc<Exchange>,
        limit_bytes: u64,
        fault: Arc<OnceLock<Reason>>,
    ) -> Watched {
        Watched { body, way: Way::Up(fault), ended: Box::pin(exchange.ended()), exchange, limit_bytes }
    }

    fn download(body: Incoming, permit: Permit, limit_bytes: u64) -> Watched {
        let exchange = permit.exchange().clone();
        Watched {
            body,
            way: Way::Down(Held::new(permit)),
            ended: Box::pin(exchange.ended()),
            exchange,
            limit_bytes,
        }
    }

    /// A body that has nothing to carry.
    fn plain(body: Incoming) -> Body {
        body.map_err(BoxError::from).boxed_unsync()
    }

    fn fail(&mut self, reason: Reason) -> Option<Result<Frame<Bytes>, BoxError>> {
        match &mut self.way {
            Way::Up(fault) => drop(fault.set(reason)),
            Way::Down(held) => {
                if let Some(permit) = take(&held.permit)
                    && self.exchange.why_ended().is_none()
                {
                    permit.failed(reason);
                }
            }
        }
        Some(Err(reason.as_str().into()))
    }

    fn complete(&mut self) {
        if let Way::Down(held) = &self.way
            && let Some(permit) = take(&held.permit)
        {
            permit.finish();
        }
    }

    fn count(&self, bytes: usize) -> u64 {
        match self.way {
            Way::Up(_) => self.exchange.meter.sent(bytes),
            Way::Down(_) => self.exchange.meter.received(bytes),
        }
    }

    /// The reason when a body breaks off.
    fn broken(&self, error: &hyper::Error) -> Reason {
        match (Fault::find(error), &self.way) {
            (Some(fault), _) => reason(fault),
            (None, Way::Up(_)) => Reason::ClientGone,
            (None, Way::Down(_)) => Reason::UpstreamGone,
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.ended.as_mut().poll(context).is_ready() {
            let reason = this.exchange.why_ended().unwrap_or(Reason::ClientGone);
            return Poll::Ready(this.fail(reason));
        }
        Poll::Ready(match ready!(Pin::new(&mut this.body).poll_frame(context)) {
            Some(Ok(frame)) => {
                let passed = this.count(frame.data_ref().map_or(0, Bytes::len));
                if passed <= this.limit_bytes {
                    // A body of known length is not asked again once its last byte is out.
                    if this.body.is_end_stream() {
                        this.complete();
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                let reason =
                    if matches!(this.way, Way::Up(_)) { Reason::Upload } else { Reason::DownloadSize };
                this.fail(reason)
            }
            Some(Err(error)) => {
                let reason = this.broken(&error);
                this.fail(reason)
            }
            None => {
                this.complete();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        // The end is told by the frame that ends it, so that the permit is closed by then.
        matches!(self.way, Way::Up(_)) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_made_of_these() {
        for (essence, expected) in [
            ("text/html", true),
            ("application/json", true),
            ("application/ld+json", true),
            ("image/svg+xml", true),
            ("font/woff2", true),
            ("application/pdf", false),
            ("application/octet-stream", false),
            ("application/zip", false),
            ("application/dns-message", false),
            ("", false),
            ("text/", false),
        ] {
            assert_eq!(is_page_type(essence), expected, "{essence}");
        }
    }
}
