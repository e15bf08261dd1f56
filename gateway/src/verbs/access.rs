//! `access stop|resume`: everybody's access, or one group's.

use jiff::Timestamp;
use passerelle_audit::{Kind, Sealed};
use serde_json::json;

use super::{Answer, Credentials, Outcome, VerbError, staff};
use crate::Gateway;
use crate::identifier::{GroupId, Login};
use crate::journal_keys::Subject;

pub async fn stop(gateway: &Gateway, group: Option<&str>, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let group = group.map(GroupId::parse).transpose()?;
    stop_by(gateway, group.as_ref(), &staff.login).await?;
    Ok(answer("stopped", group.as_ref()).by(&staff))
}

pub async fn resume(gateway: &Gateway, group: Option<&str>, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let group = group.map(GroupId::parse).transpose()?;
    resume_by(gateway, group.as_ref(), &staff.login).await?;
    Ok(answer("resumed", group.as_ref()).by(&staff))
}

/// In force before it is recorded: stopping must not wait for a disk. Sessions stay, what they do is refused. The caller has seen
/// that `by` may; the console calls this too.
pub async fn stop_by(gateway: &Gateway, group: Option<&GroupId>, by: &Login) -> Result<(), VerbError> {
    gateway.access_stop.stop(group, by, Timestamp::now()).await?;
    record(gateway, Kind::AccessStopped, by, group).await
}

/// Recorded before it is in force.
pub async fn resume_by(gateway: &Gateway, group: Option<&GroupId>, by: &Login) -> Result<(), VerbError> {
    record(gateway, Kind::AccessResumed, by, group).await?;
    Ok(gateway.access_stop.resume(group).await?)
}

async fn record(gateway: &Gateway, kind: Kind, by: &Login, group: Option<&GroupId>) -> Result<(), VerbError> {
    let whose = group.map_or("everybody".to_owned(), |group| format!("group {group}"));
    let sealed = Sealed { detail: Some(format!("{whose}, by {by}")), ..Sealed::default() };
    gateway.record(kind, &Subject::Staff(by.clone()), None, sealed).await?;
    Ok(())
}

fn answer(state: &str, group: Option<&GroupId>) -> Answer {
    let whose = group.map_or("everybody".to_owned(), |group| format!("group {group}"));
    let json = json!({ "access": state, "group": group.map(GroupId::as_str) });
    Answer::done(format!("Access is {state} for {whose}."), json)
}
