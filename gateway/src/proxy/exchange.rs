//! THE PATH of a request, outside and inside an inspected tunnel. It reads top to bottom:
//! identity → target → decide → record (synced) → charge → dial → stream → closing record.

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use jiff::Timestamp;
use passerelle_policy::{Decision, Mode, Reason, Target};
use tokio::time::Instant;
use tracing::Span;

use super::body::Body;
use super::identity::Caller;
use super::leg::Leg;
use super::permit::Permit;
use super::refusal::{Reader, Refusal};
use super::refusals::{Asked, Refused};
use super::upload::{self, Upload};
use super::{forward, inspect, live, tunnel, websocket};
use crate::Gateway;
use crate::catalogue::origin;

/// Answers one request. A refusal is noted for the journal before it is told (see `refusals`).
///
/// Its span names terminal (the connection's), session and opening, so that a fault can be followed to the journal; who and what
/// stand there alone.
#[tracing::instrument(level = "debug", skip_all, fields(session, opening))]
pub async fn exchange(leg: &Leg, mut request: Request<Incoming>) -> Response<Body> {
    let reader = Reader::of(request.headers());
    match judge(leg, &mut request).await {
        Ok(passed) => pass(leg, request, passed).await,
        Err(refused) => {
            let Refused { asked, refusal } = *refused;
            let refusal = leg.gateway.refusals.record(&leg.gateway, asked, refusal).await;
            upload::drain(request).await;
            refusal.respond(reader)
        }
    }
}

/// What may pass, on record.
struct Passed {
    permit: Permit,
    caller: Caller,
    decision: Decision,
    target: Target,
    is_websocket: bool,
    /// The beginning of its body.
    begun: Option<Bytes>,
    asked: (Timestamp, Instant),
}

/// From the question to the opening record.
async fn judge(leg: &Leg, request: &mut Request<Incoming>) -> Result<Passed, Box<Refused>> {
    let gateway = &leg.gateway;
    let (now, asked_at) = (Timestamp::now(), Instant::now());
    let asked = || Asked::of(leg, request);
    let caller = leg.caller(request, now).map_err(|reason| asked().refused(reason))?;
    Span::current().record("session", caller.session.id.as_str());
    let question = leg.question(request, now).map_err(|reason| asked().by(&caller).refused(reason))?;
    let published = gateway.policies.current();
    let decision = question.ask(gateway, &published.policy, &caller.session, now);
    gateway.learning.judged(&caller.session, &question, &decision);
    let judged = || Asked::judged(&caller, &question, &decision, &published);
    may_pass(gateway, &caller, &decision).map_err(|refusal| judged().refused(refusal))?;

    let target = question.target.clone();
    let is_websocket = question.websocket;
    let place = leg.share.exchange().map_err(|reason| judged().refused(reason))?;
    // What is wrong in a short body keeps its first byte from leaving; an item of the catalogue reads its own.
    let begun = match &target {
        Target::Http(url) if url.host().item().is_none() => {
            upload::begin(request.body_mut()).await.map_err(|reason| judged().refused(reason))?
        }
        _ => None,
    };
    let permit = Permit::record(leg, place, &caller, question, &decision, &published).await?;
    Ok(Passed { permit, caller, decision, target, is_websocket, begun, asked: (now, asked_at) })
}

/// From the opening record to the answer; whatever fails here is the reason of the closing record.
async fn pass(leg: &Leg, request: Request<Incoming>, passed: Passed) -> Response<Body> {
    let Passed { permit, caller, decision, target, is_websocket, begun, asked: (now, asked_at) } = passed;
    let gateway = &leg.gateway;
    let allowed = match live::still_allowed(gateway, permit.exchange(), asked_at) {
        Ok(()) => charge(gateway, &caller, &decision, now).await,
        refused => refused,
    };
    if let Err(reason) = allowed {
        return permit.refuse(reason, None).respond(Reader::of(request.headers()));
    }
    match target {
        Target::Tunnel(authority) if decision.mode == Mode::Tunnel => {
            tunnel::open(permit, leg, request, authority).await
        }
        Target::Tunnel(authority) => inspect::open(permit, leg, request, authority, caller),
        Target::Http(url) if is_websocket => websocket::open(permit, leg, request, url).await,
        // A catalogue item is served here: nothing is dialled, all else is the same.
        Target::Http(url) if url.host().item().is_some() => origin::answer(permit, request, url).await,
        Target::Http(url) => {
            let request = request.map(|rest| Upload { begun, rest });
            Box::pin(forward::send(permit, request, url, decision.terms)).await
        }
    }
}

/// The policy's answer, and the one that stands above it: the staff's stop.
fn may_pass(gateway: &Gateway, caller: &Caller, decision: &Decision) -> Result<(), Refusal> {
    if gateway.access_stop.is_stopped(&caller.session.groups) {
        return Err(Reason::AccessStopped.into());
    }
    let Some(reason) = decision.reason else { return Ok(()) };
    let allowed = decision.allow_methods.iter().map(str::to_owned).collect();
    Err(Refusal::from(reason).allowing(allowed))
}

/// A page request counts: as a minute of its service, and for the resources that follow. Only once it is on record, so that a
/// journal that takes nothing costs nobody a minute; the store has the last word on the minute, and the closing tells it.
async fn charge(
    gateway: &Gateway,
    caller: &Caller,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), Reason> {
    if let Some(service) = decision.service.as_ref().filter(|_| decision.terms.page) {
        gateway.charge_minute(&caller.session.person, service, now).await?;
        caller.session.opened_page(service, now);
    }
    Ok(())
}
