//! An `inspect` CONNECT: answered 200 without DNS or dial; then the ClientHello is judged, a leaf for the judged host is minted,
//! and every request inside walks the whole path by itself.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use passerelle_policy::{Authority, Reason};
use tokio::io::{AsyncReadExt, join};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::body::{self, Body};
use super::identity::Caller;
use super::leg::{self, Leg, Place};
use super::permit::Permit;
use super::refusal::Reader;
use super::tunnel::{self, ClientStream};
use crate::metrics::{Handshake, Port};
use crate::tls;

/// Answers the CONNECT; the connection inside is served by a task of its own.
pub fn open(
    permit: Permit,
    leg: &Leg,
    mut request: Request<Incoming>,
    authority: Authority,
    caller: Caller,
) -> Response<Body> {
    if let Err(reason) = may_mint(leg, &authority) {
        return permit.refuse(reason, None).respond(Reader::Program);
    }
    permit.answered(200);
    let (terminal, share) = (leg.terminal.clone(), leg.share.clone());
    let upgrade = leg::upgrade(leg, &mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let permit = Arc::new(permit);
        let inner = Leg {
            gateway: permit.gateway().clone(),
            terminal,
            share,
            place: Place::Inspected { authority, caller, tunnel: permit.clone() },
            verdict: None,
            span: permit.span().clone(),
        };
        serve(permit, inner, TokioIo::new(upgraded)).await;
    });
    Response::new(body::empty())
}

/// A leaf costs a signature: a terminal that names ever new hosts of a wildcard is told to slow down.
fn may_mint(leg: &Leg, authority: &Authority) -> Result<(), Reason> {
    match leg.gateway.authority.has_leaf(authority.host().as_str()) {
        true => Ok(()),
        false => leg.share.leaf(Instant::now()),
    }
}

async fn serve(permit: Arc<Permit>, leg: Leg, mut client: impl ClientStream + 'static) {
    let Place::Inspected { authority, .. } = &leg.place else { return };
    let hello = match tunnel::judge_hello(&permit, authority.host(), &mut client).await {
        Ok(hello) => hello,
        Err(reason) => return tunnel::refuse(&permit, reason, client).await,
    };
    // The judged bytes first, then the rest of the stream: rustls reads what we read.
    let (rest, writer) = tokio::io::split(client);
    let stream = join(Cursor::new(hello).chain(rest), writer);
    let acceptor = match permit.gateway().inspected_tls(authority.host()) {
        Ok(config) => TlsAcceptor::from(config),
        Err(_) => return permit.failed(Reason::TlsUpstream),
    };
    // Boxed, as what the two protocols need: a task is as large as the largest thing it ever waits for.
    let gateway = permit.gateway();
    let accepted = gateway.handshakes.in_turns(acceptor.accept(stream));
    let handshake = Box::pin(timeout(gateway.config.limits.head(), accepted));
    let secured = tokio::select! {
        secured = handshake => secured,
        () = permit.exchange().ended() => return,
    };
    permit.gateway().metrics.handshake(Port::Inspected, Handshake::of(&secured));
    let Ok(Ok(secured)) = secured else { return permit.failed(Reason::ClientGone) };
    let is_http2 = secured.get_ref().1.alpn_protocol() == Some(tls::H2);
    match is_http2 {
        true => Box::pin(leg.serve_http2(secured)).await,
        false => leg.serve_http1(secured).await,
    }
    // A WebSocket that came through still holds the permit: its bytes pass inside this tunnel.
    permit.finished();
}
