//! The kiosk API of the terminal port: enrolment, sign-in, services, requests, and the journal's public files.
//!
//! Called by `proxy::leg` for whatever is addressed to the gateway itself. Errors are problem details whose `code` is the reason.
//! Invariants: without a client certificate only enrolment is answered; whatever changes something is recorded before it is
//! answered.

use std::sync::Arc;
use std::time::Instant;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use passerelle_api as api;
use passerelle_audit::{Kind, Sealed};
use passerelle_policy::Reason;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::SemaphorePermit;

use crate::clock::LocalMinute;
use crate::journal_keys::Subject;
use crate::learning::Run;
use crate::person::PinError;
use crate::proxy::body::{self, Body};
use crate::proxy::identity::{self, Caller};
use crate::proxy::leg::{self, Leg};
use crate::proxy::question;
use crate::proxy::refusal::{Reader, Refusal};
use crate::proxy::refusals::Asked;
use crate::request::RequestError;
use crate::terminal::{Terminal, TerminalError};
use crate::{Gateway, catalogue, public_log, verbs};

pub(crate) type Answer = Result<Response<Body>, Refusal>;

/// Answers one call, to its end even when the client goes away meanwhile: what it changed must be recorded.
pub async fn serve(leg: Arc<Leg>, request: Request<Incoming>) -> Response<Body> {
    let answered = tokio::spawn(async move { answer(&leg, request).await }).await;
    answered.unwrap_or_else(|_| Refusal::from(Reason::Busy).respond(Reader::Program))
}

/// Refusals that concern the connection itself are recorded.
async fn answer(leg: &Leg, request: Request<Incoming>) -> Response<Body> {
    let gateway = &leg.gateway;
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let is_ours = gateway.is_our_host(request.headers(), request.uri());
    if is_ours && (&method, path.as_str()) == (&Method::POST, "/v1/enrolment") {
        return told(enrol(gateway, request).await);
    }
    let Ok(terminal) = identity::terminal(gateway, leg.terminal.as_ref()) else {
        return leg::refuse(leg, &request, Reason::NoTerminal).await;
    };
    if !is_ours {
        return leg::refuse(leg, &request, Reason::Authority).await;
    }
    let now = Timestamp::now();
    // Last seen is for staff's eyes; it never stands in the way of a call.
    let _ = gateway.terminals.seen(&terminal.name, now).await;
    told(match (method.as_str(), path.as_str()) {
        ("GET", "/checkpoint") => public_log::checkpoint(gateway).await,
        ("GET", tile) if tile.starts_with("/tile/") => {
            public_log::tile(gateway, tile, public_log::Reader::Terminal).await
        }
        ("POST", "/v1/sessions") => sign_in(leg, request, now).await,
        ("GET", "/v1/sessions/current") => with(leg, &request, now, current).await,
        ("DELETE", "/v1/sessions/current") => sign_out(leg, request, now).await,
        ("PUT", "/v1/pin") => change_pin(leg, request, now).await,
        ("GET", "/v1/services") => with(leg, &request, now, services).await,
        ("GET", "/v1/requests") => requests(leg, request, now).await,
        ("POST", "/v1/requests") => ask(leg, request, now).await,
        (method, path) if catalogue::api::allowed(path).contains(&method) => {
            catalogue::api::answer(leg, request, now).await
        }
        (_, path) => Err(match allowed(path) {
            [] => Reason::NotFound.into(),
            methods => {
                Refusal::from(Reason::Method).allowing(methods.iter().map(|m| (*m).to_owned()).collect())
            }
        }),
    })
}

/// What each path takes, for a 405.
fn allowed(path: &str) -> &'static [&'static str] {
    match path {
        "/v1/enrolment" | "/v1/sessions" => &["POST"],
        "/v1/sessions/current" => &["GET", "DELETE"],
        "/v1/pin" => &["PUT"],
        "/v1/services" | "/checkpoint" => &["GET"],
        "/v1/requests" => &["GET", "POST"],
        path => catalogue::api::allowed(path),
    }
}

async fn enrol(gateway: &Gateway, request: Request<Incoming>) -> Answer {
    let asked: api::Enrolment = read(gateway, request).await?;
    let now = Timestamp::now();
    // The whole code also carries the fingerprint by which the kiosk knew us; only the secret before it is ours to check.
    let secret = asked.code.split('.').next().unwrap_or_default();
    // A request that can't be signed must not use up the code.
    gateway.authority.check_request(&asked.csr).map_err(|_| Reason::Invalid)?;
    let terminal = gateway.terminals.redeem(secret, now).await.map_err(|error| match error {
        TerminalError::InvalidCode => Refusal::from(Reason::InvalidCode),
        _ => Reason::Busy.into(),
    })?;
    let answer = verbs::terminal::enrol(gateway, &terminal, &asked.csr).await.map_err(|error| {
        tracing::error!(%error, %terminal, "a terminal could not be enrolled");
        Reason::Busy
    })?;
    json(StatusCode::CREATED, &answer)
}

async fn sign_in(leg: &Leg, request: Request<Incoming>, now: Timestamp) -> Answer {
    let gateway = &leg.gateway;
    let asked: api::SignIn = read(gateway, request).await?;
    let terminal = identity::terminal(gateway, leg.terminal.as_ref())?;
    // Until a wrong one is counted.
    let _turn = turn(leg, &terminal, &asked.person).await?;
    let signed_in = gateway.sessions.sign_in(&asked.person, &asked.pin, &terminal.name, now).await;
    let signed_in = match signed_in {
        Ok(signed_in) => signed_in,
        Err(error) => {
            let refusal = pin_refusal(&error);
            let tried = Sealed {
                terminal: Some(terminal.name.as_str().to_owned()),
                person: Some(asked.person.chars().take(64).collect()),
                ..Sealed::default()
            };
            if refusal.reason == Reason::TooManyTries {
                let asked = Asked::sign_in(&terminal, tried.person.unwrap_or_default());
                return Err(gateway.refusals.record(gateway, asked, refusal).await);
            }
            leg.share.wrong_pin(Instant::now());
            let reason = Some(refusal.reason.as_str());
            gateway
                .record(Kind::SignInFailed, &Subject::Gateway, reason, tried)
                .await
                .map_err(Reason::from)?;
            return Err(refusal);
        }
    };
    if let Some(replaced) = &signed_in.replaced {
        gateway.record_end(replaced).await;
    }
    let session = &signed_in.session;
    let subject = Subject::Person(session.person.clone());
    if let Err(error) = gateway.record(Kind::SignedIn, &subject, None, whose(session)).await {
        gateway.sessions.sign_out(&signed_in.token, now).await;
        return Err(Reason::from(error).into());
    }
    let policy = gateway.policies.current();
    let today = LocalMinute::of(now, policy.policy.time_zone()).day;
    if gateway.minutes.load(&session.person, today).await.is_err() {
        return Err(Reason::Busy.into());
    }
    let last = signed_in.last_sign_in.as_ref();
    let answer = api::Session {
        token: Some(signed_in.token.clone()),
        last_sign_in: last
            .map(|last| api::LastSignIn { at: last.at, terminal: last.terminal.as_str().to_owned() }),
        ..described(gateway, session)
    };
    json(StatusCode::CREATED, &answer)
}

/// This terminal's turn to have a PIN judged, or the refusal that tells it to wait. `person` is what was typed.
async fn turn<'l>(leg: &'l Leg, terminal: &Terminal, person: &str) -> Result<SemaphorePermit<'l>, Refusal> {
    let wait = match leg.share.pin(Instant::now()).await {
        Ok(turn) => return Ok(turn),
        Err(wait) => wait,
    };
    let refusal = Refusal::from(Reason::TooManyTries).retry_after(wait.as_secs() + 1);
    let asked = Asked::sign_in(terminal, person.chars().take(64).collect());
    Err(leg.gateway.refusals.record(&leg.gateway, asked, refusal).await)
}

fn pin_refusal(error: &PinError) -> Refusal {
    match error {
        PinError::Failed => Reason::SignInFailed.into(),
        PinError::TooManyTries { retry_after_seconds } => {
            Refusal::from(Reason::TooManyTries).retry_after(*retry_after_seconds)
        }
        PinError::PersonLocked => Reason::PersonLocked.into(),
        PinError::PinForm => Reason::Invalid.into(),
        PinError::Unavailable(_) => Reason::Busy.into(),
    }
}

async fn sign_out(leg: &Leg, request: Request<Incoming>, now: Timestamp) -> Answer {
    caller(leg, &request, now)?;
    let token = bearer(&request).ok_or_else(no_session)?;
    let ended = leg.gateway.sessions.sign_out(token, now).await.ok_or_else(no_session)?;
    leg.gateway.record_end(&ended).await;
    Ok(no_content())
}

async fn change_pin(leg: &Leg, request: Request<Incoming>, now: Timestamp) -> Answer {
    let caller = caller(leg, &request, now)?;
    let gateway = &leg.gateway;
    let change: api::PinChange = read(gateway, request).await?;
    let person = &caller.session.person;
    let _turn = turn(leg, &caller.terminal, person.as_str()).await?;
    let changed =
        gateway.people.change_pin(person, &change.old_pin, &change.new_pin, &caller.terminal.name, now).await;
    if let Err(error) = changed {
        let refusal = pin_refusal(&error);
        if refusal.reason == Reason::TooManyTries {
            let asked = Asked::sign_in(&caller.terminal, person.to_string());
            return Err(gateway.refusals.record(gateway, asked, refusal).await);
        }
        leg.share.wrong_pin(Instant::now());
        let (subject, reason) = (Subject::Person(person.clone()), Some(refusal.reason.as_str()));
        gateway
            .record(Kind::SignInFailed, &subject, reason, whose(&caller.session))
            .await
            .map_err(Reason::from)?;
        return Err(refusal);
    }
    let sealed = Sealed { detail: Some("pin".into()), ..whose(&caller.session) };
    gateway
        .record(Kind::PersonChanged, &Subject::Person(person.clone()), None, sealed)
        .await
        .map_err(Reason::from)?;
    Ok(no_content())
}

fn current(gateway: &Gateway, caller: &Caller, _: Timestamp) -> Answer {
    json(StatusCode::OK, &described(gateway, &caller.session))
}

fn services(gateway: &Gateway, caller: &Caller, now: Timestamp) -> Answer {
    let published = gateway.policies.current();
    let usage = question::usage(gateway, &published.policy, &caller.session, now);
    let person = passerelle_policy::Person { groups: &caller.session.groups, usage: &usage, now };
    let stopped = gateway.access_stop.is_stopped(&caller.session.groups);
    let services = published.policy.services_for(&person).into_iter().map(|view| {
        let unavailable = view
            .unavailable
            .map(|why| api::Unavailable { code: why.reason.as_str().into(), opens_at: why.opens_at })
            .or(stopped
                .then(|| api::Unavailable { code: Reason::AccessStopped.as_str().into(), opens_at: None }));
        api::Service {
            id: view.service.id().to_string(),
            category: view.service.category().as_str().into(),
            name: view
                .service
                .name()
                .iter()
                .map(|(language, text)| (language.to_string(), text.to_string()))
                .collect(),
            start: view.service.start().map(|start| start.to_string()),
            minutes_left: view.minutes_left,
            confidential: view.service.is_confidential(),
            unavailable,
        }
    });
    let learnt = gateway.learning.run_of(&caller.session.person, now).map(|run| to_learn(&run));
    json(StatusCode::OK, &api::ServiceList { services: learnt.into_iter().chain(services).collect() })
}

/// The step whose recording runs, as its test person sees it: a door to the first host that staff named.
fn to_learn(run: &Run) -> api::Service {
    let start = run.hosts.first().map(|host| match host.port() {
        443 => format!("https://{}/", host.host()),
        port => format!("https://{}:{port}/", host.host()),
    });
    api::Service {
        id: run.step.id.clone(),
        category: run.step.category.as_str().into(),
        name: [("fr".to_owned(), run.step.name.clone())].into(),
        start,
        minutes_left: None,
        confidential: false,
        unavailable: None,
    }
}

async fn requests(leg: &Leg, request: Request<Incoming>, now: Timestamp) -> Answer {
    let caller = caller(leg, &request, now)?;
    let requests = leg.gateway.requests.of(&caller.session.person).await.map_err(|_| Reason::Busy)?;
    json(StatusCode::OK, &api::RequestList { requests })
}

async fn ask(leg: &Leg, request: Request<Incoming>, now: Timestamp) -> Answer {
    let caller = caller(leg, &request, now)?;
    let gateway = &leg.gateway;
    let asked: api::NewAccessRequest = read(gateway, request).await?;
    let person = &caller.session.person;
    let made =
        gateway.requests.ask(person, &asked.url, &asked.reason, now).await.map_err(|error| match error {
            RequestError::Store(_) => Refusal::from(Reason::Busy),
            _ => Reason::Invalid.into(),
        })?;
    let sealed = Sealed { detail: Some(made.id.clone()), ..whose(&caller.session) };
    gateway
        .record(Kind::RequestMade, &Subject::Person(person.clone()), None, sealed)
        .await
        .map_err(Reason::from)?;
    json(StatusCode::CREATED, &made)
}

async fn with(
    leg: &Leg,
    request: &Request<Incoming>,
    now: Timestamp,
    answer: fn(&Gateway, &Caller, Timestamp) -> Answer,
) -> Answer {
    answer(&leg.gateway, &caller(leg, request, now)?, now)
}

/// Who calls: the terminal of the connection and the session of the bearer token.
pub(crate) fn caller(leg: &Leg, request: &Request<Incoming>, now: Timestamp) -> Result<Caller, Refusal> {
    let terminal = identity::terminal(&leg.gateway, leg.terminal.as_ref())?;
    let session =
        bearer(request).and_then(|token| leg.gateway.sessions.find(token, now)).ok_or_else(no_session)?;
    if session.terminal != terminal.name {
        return Err(no_session());
    }
    Ok(Caller { terminal, session })
}

fn bearer(request: &Request<Incoming>) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn no_session() -> Refusal {
    Refusal::from(Reason::NoSession).with_status(401)
}

fn described(gateway: &Gateway, session: &crate::session::LiveSession) -> api::Session {
    api::Session {
        token: None,
        session: session.id.as_str().to_owned(),
        person: session.person.as_str().to_owned(),
        name: session.name.clone(),
        terminal: session.terminal.as_str().to_owned(),
        expires_at: session.expires_at,
        idle_limit_seconds: gateway.sessions.limits().idle_limit_seconds,
        last_sign_in: None,
    }
}

/// The sealed part of records about a session.
pub fn whose(session: &crate::session::LiveSession) -> Sealed {
    Sealed {
        terminal: Some(session.terminal.as_str().to_owned()),
        person: Some(session.person.as_str().to_owned()),
        session: Some(session.id.as_str().to_owned()),
        ..Sealed::default()
    }
}

/// Reads a JSON body. Errors: `invalid`.
pub(crate) async fn read<T: DeserializeOwned>(
    gateway: &Gateway,
    request: Request<Incoming>,
) -> Result<T, Refusal> {
    let limit = gateway.config.limits.api_body_bytes;
    let body = tokio::time::timeout(
        gateway.config.limits.idle_body(),
        Limited::new(request.into_body(), limit).collect(),
    );
    let bytes = body.await.map_err(|_| Reason::Timeout)?.map_err(|_| Reason::Invalid)?.to_bytes();
    serde_json::from_slice(&bytes).map_err(|_| Reason::Invalid.into())
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let bytes = serde_json::to_vec(value).map_err(|_| Reason::Busy)?;
    let mut response = Response::new(body::full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn no_content() -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn told(answer: Answer) -> Response<Body> {
    answer.unwrap_or_else(|refusal| refusal.respond(Reader::Program))
}
