//! A WebSocket that a rule allows (RFC 6455): the handshake goes upstream on a connection of its own, and nothing passes as a
//! tunnel before the origin's 101.

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use passerelle_policy::{Reason, Url};
use tokio::time::timeout;

use super::body::{self, Body, BoxError};
use super::headers;
use super::leg::{self, Leg};
use super::permit::Permit;
use super::refusal::Reader;
use super::tunnel;
use super::upstream;

/// Answers the handshake; after a 101, bytes pass until something ends the exchange.
pub async fn open(permit: Permit, leg: &Leg, mut request: Request<Incoming>, url: Url) -> Response<Body> {
    let reader = Reader::of(request.headers());
    let handshake = handshake(&request);
    let limit = permit.gateway().config.limits.answer();
    let sent = upstream::send_upgrade(permit.gateway(), &url, handshake, |address| permit.reached(address));
    let answer = tokio::select! {
        answer = timeout(limit, sent) => answer.unwrap_or(Err((Reason::Timeout, None))),
        () = permit.exchange().ended() => Err((permit.exchange().why_ended().unwrap_or(Reason::ClientGone), None)),
    };
    let mut answer = match answer {
        Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => answer,
        // An origin that does not want a WebSocket says so in words; they are not ours to carry as a page.
        Ok(_) => return permit.refuse(Reason::UpstreamProtocol, None).respond(reader),
        Err((reason, address)) => return permit.refuse(reason, address).respond(reader),
    };
    permit.answered(101);
    let upstream = hyper::upgrade::on(&mut answer);
    let client = leg::upgrade(leg, &mut request);
    let around = leg.tunnel().cloned();
    tokio::spawn(async move {
        let _around = around;
        if let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) {
            tunnel::splice(permit, TokioIo::new(client), TokioIo::new(upstream)).await;
        }
    });
    let (mut parts, body) = answer.into_parts();
    headers::clean_response(&mut parts.headers);
    switch(&mut parts.headers);
    Response::from_parts(parts, body.map_err(BoxError::from).boxed_unsync())
}

/// The handshake as it goes upstream: cleaned like any request, and an upgrade again.
fn handshake(request: &Request<Incoming>) -> Request<Body> {
    let mut handshake = Request::new(body::empty());
    *handshake.method_mut() = request.method().clone();
    *handshake.headers_mut() = request.headers().clone();
    headers::clean_request(handshake.headers_mut());
    switch(handshake.headers_mut());
    handshake
}

fn switch(headers: &mut http::HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
