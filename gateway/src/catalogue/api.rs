//! The kiosk API's part about the catalogue: what there is, and where a person is in it.
//!
//! Called by `kiosk_api`, which knows the terminal by then. Invariants: a session is needed; what there is is told to whom the
//! policy lets open the catalogue now; a person's places are theirs alone and need no window.

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use passerelle_api as api;
use passerelle_catalogue::ItemId;
use passerelle_policy::Reason;

use super::progress::ProgressError;
use super::{described, may_open, search};
use crate::kiosk_api::{Answer, caller, json, read};
use crate::proxy::leg::Leg;
use crate::proxy::refusal::Refusal;

const SEARCH: &str = "/v1/catalogue/search";
const SUGGEST: &str = "/v1/catalogue/suggest";
const ITEMS: &str = "/v1/catalogue/items";
const ITEM: &str = "/v1/catalogue/items/";
const PROGRESS: &str = "/v1/progress/";

/// What a path of ours takes; nothing for another's path.
pub fn allowed(path: &str) -> &'static [&'static str] {
    match path {
        ITEMS | SEARCH | SUGGEST => &["GET"],
        item if item.starts_with(ITEM) => &["GET"],
        item if item.starts_with(PROGRESS) => &["GET", "PUT"],
        _ => &[],
    }
}

/// Answers a call whose method [`allowed`] names.
pub async fn answer(leg: &Leg, request: Request<Incoming>, now: Timestamp) -> Answer {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        ITEMS => return items(leg, &request, now).await,
        SEARCH => return find(leg, &request, now).await,
        SUGGEST => return suggest(leg, &request, now).await,
        _ => {}
    }
    let item = |prefix: &str| path.strip_prefix(prefix).and_then(|id| ItemId::parse(id).ok());
    if let Some(id) = item(ITEM) {
        return one(leg, &request, &id, now);
    }
    match item(PROGRESS) {
        Some(id) if request.method() == Method::PUT => keep(leg, request, &id, now).await,
        Some(id) => progress(leg, &request, &id, now).await,
        None => Err(Reason::NotFound.into()),
    }
}

async fn items(leg: &Leg, request: &Request<Incoming>, now: Timestamp) -> Answer {
    let (gateway, caller) = (&leg.gateway, caller(leg, request, now)?);
    may_open(gateway, &caller, now)?;
    let items = gateway.catalogue.list().iter().map(described).collect();
    let begun = gateway.progress.begun(&caller.session.person).await.map_err(|_| Reason::Busy)?;
    json(StatusCode::OK, &api::ItemList { items, begun })
}

async fn find(leg: &Leg, request: &Request<Incoming>, now: Timestamp) -> Answer {
    may_open(&leg.gateway, &caller(leg, request, now)?, now)?;
    json(StatusCode::OK, &search::search(&leg.gateway.catalogue, request.uri()).await?)
}

async fn suggest(leg: &Leg, request: &Request<Incoming>, now: Timestamp) -> Answer {
    may_open(&leg.gateway, &caller(leg, request, now)?, now)?;
    json(StatusCode::OK, &search::suggest(&leg.gateway.catalogue, request.uri()).await?)
}

fn one(leg: &Leg, request: &Request<Incoming>, id: &ItemId, now: Timestamp) -> Answer {
    let caller = caller(leg, request, now)?;
    may_open(&leg.gateway, &caller, now)?;
    let item = leg.gateway.catalogue.item(id).ok_or(Reason::NotFound)?;
    json(StatusCode::OK, &described(&item))
}

async fn progress(leg: &Leg, request: &Request<Incoming>, id: &ItemId, now: Timestamp) -> Answer {
    let caller = caller(leg, request, now)?;
    let progress = leg.gateway.progress.of(&caller.session.person, id).await.map_err(refusal)?;
    json(StatusCode::OK, &progress)
}

async fn keep(leg: &Leg, request: Request<Incoming>, id: &ItemId, now: Timestamp) -> Answer {
    let caller = caller(leg, &request, now)?;
    let asked: api::Progress = read(&leg.gateway, request).await?;
    if asked.item != id.as_str() {
        return Err(Reason::Invalid.into());
    }
    let person = &caller.session.person;
    let kept = leg.gateway.progress.keep(person, id, &asked.position, now).await.map_err(refusal)?;
    json(StatusCode::OK, &kept)
}

fn refusal(error: ProgressError) -> Refusal {
    match error {
        ProgressError::NoItem => Reason::NotFound.into(),
        ProgressError::Address => Reason::Invalid.into(),
        ProgressError::Store(error) => {
            tracing::error!(%error, "the store does not answer");
            Reason::Busy.into()
        }
    }
}
