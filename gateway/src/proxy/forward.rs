//! Sends a permitted request upstream and streams the answer back. Never follows a redirect, never caches, never repairs.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use passerelle_policy::{Reason, Terms, Url};
use tokio::time::sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::answer::{self, Known, Watch};
use super::body::{self, Body, BoxError};
use super::headers;
use super::leg::reason;
use super::live::Exchange;
use super::permit::{HeldPermit, Permit};
use super::refusal::Reader;
use super::upload::{self, Upload};
use super::upstream::{self, Failure};
use crate::strict_http1::Fault;

/// Answers with the upstream's response, or with the refusal that kept it away.
pub async fn send(permit: Permit, request: Request<Upload>, url: Url, terms: Terms) -> Response<Body> {
    let reader = Reader::of(request.headers());
    let method = request.method().clone();
    match attempt(&permit, request, &url, &terms).await {
        Ok(response) => stream(permit, response, &method, reader, &terms).await,
        Err((reason, address)) => {
            permit.refuse(reason, address).about(url.without_query_values()).respond(reader)
        }
    }
}

async fn attempt(
    permit: &Permit,
    request: Request<Upload>,
    url: &Url,
    terms: &Terms,
) -> Result<Response<Incoming>, Failure> {
    let exchange = permit.exchange();
    let fault = Arc::new(OnceLock::new());
    let (mut parts, body) = request.into_parts();
    headers::clean_request(&mut parts.headers);
    let upload = match body.is_end_stream() {
        true => body::empty(),
        false => Watched::upload(body, exchange.clone(), terms.upload_limit, fault.clone()).boxed_unsync(),
    };
    let request = Request::from_parts(parts, upload);
    exchange.awaits_answer();
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

async fn stream(
    permit: Permit,
    response: Response<Incoming>,
    method: &Method,
    reader: Reader,
    terms: &Terms,
) -> Response<Body> {
    let (mut parts, mut body) = response.into_parts();
    headers::clean_response(&mut parts.headers);
    let has_body = !body.is_end_stream() && *method != Method::HEAD;
    let limit = permit.gateway().config.limits.download_bytes;
    let judged = match answer::judge_head(&parts, has_body, terms) {
        Ok(_) if body.size_hint().exact().is_some_and(|bytes| bytes > limit) => Err(Reason::DownloadSize),
        Ok(media) if !has_body => Ok((media, (None, None))),
        Ok(media) => tokio::select! {
            biased;
            () = permit.exchange().ended() => Err(permit.exchange().why_ended().unwrap_or(Reason::ClientGone)),
            begun = media.begin(&mut body, terms, upstream_broke) => begun.map(|begun| (media, begun)),
        },
        Err(reason) => Err(reason),
    };
    let (media, (begun, watch)) = match judged {
        Ok(judged) => judged,
        Err(reason) => return permit.refuse(reason, None).respond(reader),
    };
    permit.answered(parts.status.as_u16());
    permit.exchange().answered();
    if has_body && media.is_document() && !media.essence.is_empty() {
        permit.document(&media.essence);
    }
    if !has_body {
        let response = Response::from_parts(parts, Watched::plain(body));
        permit.finish();
        return response;
    }
    Response::from_parts(parts, Watched::download(begun, watch, body, permit, limit).boxed_unsync())
}

/// Why an answer broke off. An upstream that goes away is one thing, one that breaks the protocol another.
fn upstream_broke(error: &hyper::Error) -> Reason {
    match Fault::find(error) {
        Some(fault) => reason(fault),
        None if upload::is_protocol_error(error) => Reason::UpstreamProtocol,
        None => Reason::UpstreamGone,
    }
}

/// A body on its way: counted, limited, and cut when its exchange ends.
struct Watched {
    /// Read and judged already.
    begun: Option<Bytes>,
    body: Incoming,
    /// Over a beginning that trickles.
    watch: Option<Box<Watch>>,
    way: Way,
    exchange: Arc<Exchange>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    limit_bytes: u64,
}

enum Way {
    /// Towards the upstream; what went wrong with it is told to whoever waits for the answer.
    Up(Arc<OnceLock<Reason>>),
    /// Towards the terminal, with the permit: the closing record is written when the body ends or is dropped.
    Down(Arc<HeldPermit>),
}

impl Watched {
    fn upload(
        upload: Upload,
        exchange: Arc<Exchange>,
        limit_bytes: u64,
        fault: Arc<OnceLock<Reason>>,
    ) -> Watched {
        Watched {
            begun: upload.begun,
            body: upload.rest,
            watch: None,
            way: Way::Up(fault),
            ended: Box::pin(exchange.ended()),
            exchange,
            limit_bytes,
        }
    }

    fn download(
        begun: Option<Bytes>,
        watch: Option<Box<Watch>>,
        body: Incoming,
        permit: Permit,
        limit_bytes: u64,
    ) -> Watched {
        let exchange = permit.exchange().clone();
        Watched {
            begun,
            body,
            watch,
            way: Way::Down(HeldPermit::of(permit)),
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
                if let Some(permit) = held.take()
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
            && let Some(permit) = held.take()
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

    /// The next bytes. Trailers end here, on either way (RFC 9110, section 6.5.1): nobody looks at them, so nobody judged them.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Reason>>> {
        if let Some(begun) = self.begun.take() {
            return Poll::Ready(Some(Ok(begun)));
        }
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(self.broken(&error)))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(self.look(data)));
                    }
                }
            }
        }
    }

    fn look(&mut self, data: Bytes) -> Result<Bytes, Reason> {
        if let Some(watch) = &mut self.watch
            && watch.look(&data)? == Known::All
        {
            self.watch = None;
        }
        Ok(data)
    }

    /// The reason when a body breaks off.
    fn broken(&self, error: &hyper::Error) -> Reason {
        match self.way {
            Way::Up(_) => upload::broken(error),
            Way::Down(_) => upstream_broke(error),
        }
    }
}

impl Drop for Watched {
    /// A client that left: the closing says so.
    fn drop(&mut self) {
        if let Way::Down(held) = &self.way {
            drop(held.take());
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
        Poll::Ready(match ready!(this.poll_data(context)) {
            Some(Ok(data)) => {
                let passed = this.count(data.len());
                if passed <= this.limit_bytes {
                    // A body of known length is not asked again once its last byte is out.
                    if this.body.is_end_stream() {
                        this.complete();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                let reason =
                    if matches!(this.way, Way::Up(_)) { Reason::Upload } else { Reason::DownloadSize };
                this.fail(reason)
            }
            Some(Err(reason)) => this.fail(reason),
            None => {
                this.complete();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        // The end is told by the frame that ends it, so that the permit is closed by then.
        matches!(self.way, Way::Up(_)) && self.begun.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (begun, rest) = (self.begun.as_ref().map_or(0, Bytes::len) as u64, self.body.size_hint());
        match rest.exact() {
            Some(rest) => SizeHint::with_exact(begun + rest),
            None => rest,
        }
    }
}
