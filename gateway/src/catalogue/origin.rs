//! An item's own origin, `https://ITEM-passerelle.internal/`: the last step of the path of a request whose upstream is ourselves.
//!
//! Called by `proxy::exchange` with a permit, as `forward` is: identity, decision and opening record are behind it, and the permit
//! closes the record when the answer is over. Nothing is dialled, so that it works with the uplink cut.
//! Invariants: one item's pages reach nothing of another's: each has a host of its own (a site of its own for browsers, since
//! `internal` is no registrable name), its answers say so in their headers, and what another site embeds is refused. An item's first
//! page in a session is recorded (`item-opened`) before it is answered.

use std::ops::RangeInclusive;

use bytes::Bytes;
use futures_util::stream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE,
    LOCATION, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use maud::{DOCTYPE, html};
use passerelle_audit::{Draft, Kind, Sealed};
use passerelle_catalogue::content::{Content, Found};
use passerelle_catalogue::{Item, ItemId, ReadError};
use passerelle_policy::{CATALOGUE, Reason, Url};
use tokio::sync::mpsc;

use super::range::{self, Asked};
use super::{Catalogue, address};
use crate::journal_keys::Subject;
use crate::kiosk_api::whose;
use crate::proxy::body::{self, Body, BoxError};
use crate::proxy::permit::Permit;
use crate::proxy::refusal::{Reader, Refusal};
use crate::text::text;

/// Read and sent at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks read ahead of a client that is slow to take them.
const CHUNKS_AHEAD: usize = 1;

/// What every answer says. The page may use its own origin, inline script and style, and data of its own making; it may be
/// framed by itself alone, and is told to nobody.
const WALLS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'self' 'unsafe-inline' data: blob:; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; \
         object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), display-capture=(), usb=(), serial=()"),
    ("x-robots-tag", "noindex"),
];

/// Answers from the catalogue, or says why not.
pub async fn answer(permit: Permit, request: Request<Incoming>, url: Url) -> Response<Body> {
    let reader = Reader::of(request.headers());
    let about = url.without_query_values();
    match find(&permit, &request, &url).await {
        Ok((item, Found::Content(content))) => {
            if let Err(reason) = record_opening(&permit, &request, &item, &content, &about).await {
                return permit.refuse(reason, None).about(about).respond(reader);
            }
            send(permit, &request, content)
        }
        Ok((item, Found::Redirect(path))) => {
            let mut response = Response::new(body::empty());
            *response.status_mut() = StatusCode::FOUND;
            let to = HeaderValue::try_from(address(&item.id, &path));
            response.headers_mut().extend(to.ok().map(|to| (LOCATION, to)));
            done(permit, response)
        }
        Err(Missing::Page(item)) => {
            let page = missing_page(&item, reader);
            done(permit, page)
        }
        Err(Missing::Refused(refusal)) => {
            let reason = refusal.reason;
            let _ = permit.refuse(reason, None);
            refusal.about(about).respond(reader)
        }
    }
}

/// Why there is no content.
enum Missing {
    /// The item has no such page: an answer of the item, not a refusal.
    Page(Box<Item>),
    Refused(Refusal),
}

impl From<Reason> for Missing {
    fn from(reason: Reason) -> Missing {
        Missing::Refused(reason.into())
    }
}

async fn find(permit: &Permit, request: &Request<Incoming>, url: &Url) -> Result<(Item, Found), Missing> {
    let catalogue = &permit.gateway().catalogue;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allowed = vec!["GET".to_owned(), "HEAD".to_owned()];
        return Err(Missing::Refused(Refusal::from(Reason::Method).allowing(allowed)));
    }
    if is_embedded_elsewhere(request.headers()) {
        return Err(Reason::NotThisService.into());
    }
    let id = url.host().item().and_then(|id| ItemId::parse(id).ok()).ok_or(Reason::NotFound)?;
    let item = catalogue.item(&id).ok_or(Reason::NotFound)?;
    match catalogue.read(&id, url.path()).await {
        Ok(found) => Ok((item, found)),
        Err(ReadError::NoPage) => Err(Missing::Page(Box::new(item))),
        Err(ReadError::NoItem) => Err(Reason::NotFound.into()),
        Err(error) => {
            tracing::error!(%error, item = %id, "a page of an item could not be read");
            Err(Reason::UpstreamProtocol.into())
        }
    }
}

/// A page of another site asks for a part of this item; opening its pages is fine.
fn is_embedded_elsewhere(headers: &HeaderMap) -> bool {
    let field = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let is_own = matches!(field("sec-fetch-site"), None | Some(b"same-origin" | b"none"));
    !is_own && field("sec-fetch-dest") != Some(b"document")
}

/// Records that this session opens the item, the first time that it is answered a page of it.
async fn record_opening(
    permit: &Permit,
    request: &Request<Incoming>,
    item: &Item,
    content: &Content,
    about: &str,
) -> Result<(), Reason> {
    let (gateway, session) = (permit.gateway(), &permit.exchange().session);
    if *request.method() != Method::GET
        || !is_html(content)
        || !gateway.catalogue.is_first_opening(session.id.as_str(), &item.id)
    {
        return Ok(());
    }
    let sealed = Sealed {
        service: Some(CATALOGUE.to_owned()),
        url: Some(about.to_owned()),
        detail: Some(item.id.to_string()),
        ..whose(session)
    };
    let draft = Draft { sealed, ..Draft::new(Kind::ItemOpened) };
    let recorded = gateway.append(&Subject::Person(session.person.clone()), draft).await;
    recorded.map(drop).map_err(|error| {
        gateway.catalogue.forget_opening(session.id.as_str(), &item.id);
        error.into()
    })
}

fn send(permit: Permit, request: &Request<Incoming>, content: Content) -> Response<Body> {
    let length = content.length();
    // There are no validators, so that what a client has kept can't be told to be the same.
    let field = request.headers().get(RANGE).filter(|_| !request.headers().contains_key(IF_RANGE));
    let asked = range::asked(field.and_then(|field| field.to_str().ok()), length);
    let mut response = Response::new(body::empty());
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (status, part) = match asked {
        Asked::Whole => (StatusCode::OK, (length > 0).then(|| 0..=length - 1)),
        Asked::Part(part) => {
            let range = format!("bytes {}-{}/{length}", part.start(), part.end());
            headers.extend(HeaderValue::try_from(range).ok().map(|range| (CONTENT_RANGE, range)));
            (StatusCode::PARTIAL_CONTENT, Some(part))
        }
        Asked::Outside => {
            let range = HeaderValue::try_from(format!("bytes */{length}")).ok();
            headers.extend(range.map(|range| (CONTENT_RANGE, range)));
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return done(permit, response);
        }
    };
    let bytes = part.as_ref().map_or(0, |part| part.end() - part.start() + 1);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    let mime = HeaderValue::try_from(&content.mime);
    headers.insert(CONTENT_TYPE, mime.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    // Each look at a page is asked for, decided and recorded; the pictures in it are not fetched again with each.
    let kept = if is_html(&content) { "no-store" } else { "private, max-age=600" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    *response.status_mut() = status;
    match part.filter(|_| *request.method() != Method::HEAD) {
        None => done(permit, response),
        Some(part) => {
            let catalogue = permit.gateway().catalogue.clone();
            permit.answered(status.as_u16());
            *response.body_mut() = streamed(permit, catalogue, content, part);
            walled(response)
        }
    }
}

fn is_html(content: &Content) -> bool {
    content.mime.starts_with("text/html") || content.mime.starts_with("application/xhtml+xml")
}

/// A body that a task of its own fills. The task holds the permit: it closes the record when the last byte is handed over, the
/// client is gone, or the exchange is ended, even while nobody reads.
fn streamed(permit: Permit, catalogue: Catalogue, content: Content, part: RangeInclusive<u64>) -> Body {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::spawn(async move {
        let exchange = permit.exchange().clone();
        let passed = tokio::select! {
            biased;
            () = exchange.ended() => Err(exchange.why_ended().unwrap_or(Reason::ClientGone)),
            passed = pass(&permit, &catalogue, content, part, &sender) => passed,
        };
        match passed {
            Ok(()) => permit.finish(),
            Err(reason) => {
                if exchange.why_ended().is_none() && reason != Reason::ClientGone {
                    permit.failed(reason);
                }
                drop(permit);
                // A client that does not read learns of it by the end of the body, which is short.
                let _ = sender.try_send(Err(reason.as_str().into()));
            }
        }
    });
    let frames = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    StreamBody::new(frames).boxed_unsync()
}

type Frames = mpsc::Sender<Result<Frame<Bytes>, BoxError>>;

async fn pass(
    permit: &Permit,
    catalogue: &Catalogue,
    content: Content,
    part: RangeInclusive<u64>,
    sender: &Frames,
) -> Result<(), Reason> {
    let (mut at, end) = (*part.start(), part.end() + 1);
    while at < end {
        let take = CHUNK_BYTES.min(usize::try_from(end - at).unwrap_or(CHUNK_BYTES));
        let chunk = catalogue.bytes(content.clone(), at, take).await.map_err(|error| {
            tracing::error!(%error, "the content of an item broke off");
            Reason::UpstreamGone
        })?;
        at += chunk.len() as u64;
        permit.exchange().meter.received(chunk.len());
        sender.send(Ok(Frame::data(chunk.into()))).await.map_err(|_| Reason::ClientGone)?;
    }
    Ok(())
}

/// An answer that is whole: its record is closed now.
fn done(permit: Permit, response: Response<Body>) -> Response<Body> {
    permit.answered(response.status().as_u16());
    permit.finish();
    walled(response)
}

fn walled(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in WALLS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// In words for a person who followed a link; empty for a script or an image.
fn missing_page(item: &Item, reader: Reader) -> Response<Body> {
    let Reader::Person(language) = reader else {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let words = text(language, "item-page-missing");
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head { meta charset="utf-8"; title { (words) } style { "body{font:1.4rem/1.6 sans-serif;margin:3rem}" } }
            body { h1 { (words) } p { a href=(item.start) { (text(language, "item-page-start")) } } }
        }
    };
    let mut response = Response::new(body::full(page.into_string()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_another_site_embeds() {
        let check = |site: Option<&str>, destination: Option<&str>, expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("sec-fetch-dest", destination)] {
                headers.extend(
                    value.map(|value| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())),
                );
            }
            assert_eq!(is_embedded_elsewhere(&headers), expected, "{site:?} {destination:?}");
        };
        check(None, None, false);
        check(Some("same-origin"), Some("script"), false);
        check(Some("none"), Some("document"), false);
        check(Some("cross-site"), Some("document"), false);
        check(Some("cross-site"), Some("iframe"), true);
        check(Some("cross-site"), Some("script"), true);
        check(Some("same-site"), Some("empty"), true);
        check(Some("cross-site"), None, true);
    }
}
