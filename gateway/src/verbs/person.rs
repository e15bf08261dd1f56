//! `person add|list|pin|lock|unlock|release`, and what the console does with people besides.
//!
//! `by` is the login of whoever does it at the console; nobody's where a verb is run on this machine.

use std::str::FromStr;

use jiff::Timestamp;
use passerelle_audit::{Kind, Sealed};
use serde_json::json;

use super::{Answer, Outcome, Secret, VerbError, done_by, table};
use crate::Gateway;
use crate::identifier::{BadIdentifier, GroupId, Login, PersonId};
use crate::journal_keys::Subject;
use crate::session::EndReason;

pub async fn add(
    gateway: &Gateway,
    id: &str,
    name: &str,
    groups: &[String],
    trio: &[String],
    pin: &Secret,
    by: Option<&Login>,
) -> Outcome {
    let id = PersonId::parse(id)?;
    let (groups, trio) = (parsed(groups)?, parsed(trio)?);
    gateway.people.add(&id, name, &groups, &trio, pin.expose(), Timestamp::now()).await?;
    changed(gateway, &id, "added", by).await?;
    Ok(Answer::done(format!("Person {id} is added."), json!({ "person": id.as_str() })))
}

/// Another PIN for whoever forgot theirs, or gave it away: an open session ends.
pub async fn pin(gateway: &Gateway, id: &str, pin: &Secret, by: Option<&Login>) -> Outcome {
    let id = PersonId::parse(id)?;
    gateway.people.set_pin(&id, pin.expose()).await?;
    end(gateway, &id, EndReason::SignedOut, "PIN set", by).await?;
    Ok(Answer::done(format!("Person {id} has a new PIN."), json!({ "person": id.as_str() })))
}

/// Other groups, another trio. A session that has other groups ends, so that the new ones hold at once.
pub async fn assign(
    gateway: &Gateway,
    id: &PersonId,
    groups: &[String],
    trio: &[String],
    by: &Login,
) -> Result<(), VerbError> {
    let (groups, trio) = (parsed(groups)?, parsed(trio)?);
    let known = gateway.people.get(id).await?;
    gateway.people.assign(id, &groups, &trio).await?;
    let what = format!("groups {}; trio {}", joined(&groups), joined(&trio));
    match known.is_some_and(|known| known.groups == groups) {
        true => changed(gateway, id, &what, Some(by)).await,
        false => end(gateway, id, EndReason::SignedOut, &what, Some(by)).await.map(drop),
    }
}

fn parsed<T: FromStr<Err = BadIdentifier>>(words: &[String]) -> Result<Vec<T>, BadIdentifier> {
    words.iter().map(|word| word.parse()).collect()
}

pub async fn list(gateway: &Gateway) -> Outcome {
    let people = gateway.people.list().await?;
    let state = |person: &crate::person::Person| match (person.released_at, person.locked) {
        (Some(_), _) => "released",
        (None, true) => "locked",
        (None, false) => "active",
    };
    let rows: Vec<_> = people
        .iter()
        .map(|p| {
            vec![p.id.to_string(), state(p).to_owned(), joined(&p.groups), joined(&p.trio), p.name.clone()]
        })
        .collect();
    let json = json!({ "people": people.iter().map(|p| json!({
        "id": p.id.as_str(),
        "name": p.name,
        "groups": p.groups.iter().map(GroupId::as_str).collect::<Vec<_>>(),
        "trio": p.trio.iter().map(Login::as_str).collect::<Vec<_>>(),
        "state": state(p),
        "added_at": p.added_at,
        "released_at": p.released_at,
    })).collect::<Vec<_>>() });
    Ok(Answer::done(table(&rows), json))
}

pub async fn lock(gateway: &Gateway, id: &str, by: Option<&Login>) -> Outcome {
    let id = PersonId::parse(id)?;
    gateway.people.lock(&id).await?;
    shut_out(gateway, &id, "locked", by).await
}

pub async fn unlock(gateway: &Gateway, id: &str, by: Option<&Login>) -> Outcome {
    let id = PersonId::parse(id)?;
    gateway.people.unlock(&id).await?;
    changed(gateway, &id, "unlocked", by).await?;
    Ok(Answer::done(format!("Person {id} may sign in."), json!({ "person": id.as_str(), "state": "active" })))
}

/// The person leaves for good.
pub async fn release(gateway: &Gateway, id: &str, by: Option<&Login>) -> Outcome {
    let id = PersonId::parse(id)?;
    gateway.people.release(&id, Timestamp::now()).await?;
    let released = shut_out(gateway, &id, "released", by).await?;
    gateway.progress.forget_person(&id).await?;
    Ok(released)
}

async fn shut_out(gateway: &Gateway, id: &PersonId, state: &str, by: Option<&Login>) -> Outcome {
    let ended = end(gateway, id, EndReason::PersonLocked, state, by).await?;
    let text = format!("Person {id} is {state}; {ended} session(s) ended.");
    Ok(Answer::done(text, json!({ "person": id.as_str(), "state": state, "sessions_ended": ended })))
}

/// Ends what the person has open, before anything is recorded, then records both. Answers how much it was.
async fn end(
    gateway: &Gateway,
    id: &PersonId,
    reason: EndReason,
    what: &str,
    by: Option<&Login>,
) -> Result<usize, VerbError> {
    let ended = gateway.sessions.end_for_person(id, reason, Timestamp::now()).await;
    changed(gateway, id, what, by).await?;
    for session in &ended {
        gateway.record_end(session).await;
    }
    Ok(ended.len())
}

async fn changed(gateway: &Gateway, id: &PersonId, what: &str, by: Option<&Login>) -> Result<(), VerbError> {
    let detail = Some(done_by(what, by));
    let sealed = Sealed { person: Some(id.to_string()), detail, ..Sealed::default() };
    gateway.record(Kind::PersonChanged, &Subject::Person(id.clone()), None, sealed).await?;
    Ok(())
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
