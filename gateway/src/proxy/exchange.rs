//! THE PATH of a request, outside and inside an inspected tunnel. It reads top to bottom:
//! identity → target → decide → record (synced) → dial → stream → closing record.

use http::{Request, Response};
use hyper::body::Incoming;
use jiff::Timestamp;
use passerelle_policy::{Decision, Mode, Reason, Target};

use super::body::Body;
use super::identity::Caller;
use super::leg::Leg;
use super::permit::Permit;
use super::refusal::{Reader, Refusal};
use super::refusals::Asked;
use super::{forward, inspect, tunnel, websocket};
use crate::Gateway;
use crate::catalogue::origin;

/// Answers one request. A refusal is noted for the journal before it is told (see `refusals`).
pub async fn exchange(leg: &Leg, request: Request<Incoming>) -> Response<Body> {
    let reader = Reader::of(request.headers());
    let mut asked = Asked::of(leg, &request);
    match path(leg, request, &mut asked).await {
        Ok(response) => response,
        Err(refusal) => leg.gateway.refusals.record(&leg.gateway, asked, refusal).await.respond(reader),
    }
}

async fn path(leg: &Leg, request: Request<Incoming>, asked: &mut Asked) -> Result<Response<Body>, Refusal> {
    let gateway = &leg.gateway;
    let now = Timestamp::now();
    let caller = leg.caller(&request, now)?;
    asked.by(&caller);
    let question = leg.question(&request, now)?;
    let published = gateway.policies.current();
    let decision = question.ask(gateway, &published.policy, &caller.session, now);
    asked.judged(&caller, &question, &decision, &published);
    may_pass(gateway, &caller, &decision, now).await?;

    let target = question.target.clone();
    let is_websocket = question.websocket;
    let permit = Permit::record(leg, &caller, question, &decision, &published).await?;
    Ok(match target {
        Target::Tunnel(authority) if decision.mode == Mode::Tunnel => {
            tunnel::open(permit, leg, request, authority).await
        }
        Target::Tunnel(authority) => inspect::open(permit, leg, request, authority, caller),
        Target::Http(url) if is_websocket => websocket::open(permit, leg, request, url).await,
        // A catalogue item is served here: nothing is dialled, all else is the same.
        Target::Http(url) if url.host().item().is_some() => origin::answer(permit, request, url).await,
        Target::Http(url) => forward::send(permit, request, url, decision.terms).await,
    })
}

/// The policy's answer, and the two that stand above and beside it: the staff's stop, and a minute to charge.
async fn may_pass(
    gateway: &Gateway,
    caller: &Caller,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), Refusal> {
    if gateway.access_stop.is_stopped(&caller.session.groups) {
        return Err(Reason::AccessStopped.into());
    }
    if let Some(reason) = decision.reason {
        let allowed = decision.allow_methods.iter().map(str::to_owned).collect();
        return Err(Refusal::from(reason).allowing(allowed));
    }
    if let Some(service) = decision.service.as_ref().filter(|_| decision.terms.page) {
        gateway.charge_minute(&caller.session.person, service, now).await?;
        caller.session.opened_page(service, now);
    }
    Ok(())
}
