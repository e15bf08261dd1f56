//! `person add|list|lock|unlock|release`.

use jiff::Timestamp;
use passerelle_audit::{Kind, Sealed};
use serde_json::json;

use super::{Answer, Outcome, Secret, VerbError, table};
use crate::Gateway;
use crate::identifier::{GroupId, Login, PersonId};
use crate::journal_keys::Subject;
use crate::session::EndReason;

pub async fn add(
    gateway: &Gateway,
    id: &str,
    name: &str,
    groups: &[String],
    trio: &[String],
    pin: &Secret,
) -> Outcome {
    let id = PersonId::parse(id)?;
    let groups = groups.iter().map(|group| GroupId::parse(group)).collect::<Result<Vec<_>, _>>()?;
    let trio = trio.iter().map(|login| Login::parse(login)).collect::<Result<Vec<_>, _>>()?;
    gateway.people.add(&id, name, &groups, &trio, pin.expose(), Timestamp::now()).await?;
    changed(gateway, &id, "added").await?;
    Ok(Answer::done(format!("Person {id} is added."), json!({ "person": id.as_str() })))
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

pub async fn lock(gateway: &Gateway, id: &str) -> Outcome {
    let id = PersonId::parse(id)?;
    gateway.people.lock(&id).await?;
    end(gateway, &id, "locked").await
}

pub async fn unlock(gateway: &Gateway, id: &str) -> Outcome {
    let id = PersonId::parse(id)?;
    gateway.people.unlock(&id).await?;
    changed(gateway, &id, "unlocked").await?;
    Ok(Answer::done(format!("Person {id} may sign in."), json!({ "person": id.as_str(), "state": "active" })))
}

/// The person leaves for good.
pub async fn release(gateway: &Gateway, id: &str) -> Outcome {
    let id = PersonId::parse(id)?;
    gateway.people.release(&id, Timestamp::now()).await?;
    let released = end(gateway, &id, "released").await?;
    gateway.progress.forget_person(&id).await?;
    Ok(released)
}

/// Ends what the person has open, before anything is recorded, then records both.
async fn end(gateway: &Gateway, id: &PersonId, state: &str) -> Outcome {
    let ended = gateway.sessions.end_for_person(id, EndReason::PersonLocked, Timestamp::now()).await;
    changed(gateway, id, state).await?;
    for session in &ended {
        gateway.record_end(session).await;
    }
    let text = format!("Person {id} is {state}; {} session(s) ended.", ended.len());
    Ok(Answer::done(text, json!({ "person": id.as_str(), "state": state, "sessions_ended": ended.len() })))
}

async fn changed(gateway: &Gateway, id: &PersonId, what: &str) -> Result<(), VerbError> {
    let sealed = Sealed { person: Some(id.to_string()), detail: Some(what.to_owned()), ..Sealed::default() };
    gateway.record(Kind::PersonChanged, &Subject::Person(id.clone()), None, sealed).await?;
    Ok(())
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
