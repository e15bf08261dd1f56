//! `access stop|resume`: everybody's access, or one group's.

use jiff::Timestamp;
use passerelle_audit::{Kind, Sealed};
use serde_json::json;

use super::{Answer, Credentials, Outcome, staff};
use crate::Gateway;
use crate::identifier::GroupId;
use crate::journal_keys::Subject;

/// In force before it is recorded: stopping must not wait for a disk. Sessions stay, what they do is refused.
pub async fn stop(gateway: &Gateway, group: Option<&str>, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let group = group.map(GroupId::parse).transpose()?;
    gateway.access_stop.stop(group.as_ref(), &staff.login, Timestamp::now()).await?;
    record(gateway, Kind::AccessStopped, &staff.login, group.as_ref()).await?;
    Ok(answer("stopped", group.as_ref()).by(&staff))
}

/// Recorded before it is in force.
pub async fn resume(gateway: &Gateway, group: Option<&str>, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let group = group.map(GroupId::parse).transpose()?;
    record(gateway, Kind::AccessResumed, &staff.login, group.as_ref()).await?;
    gateway.access_stop.resume(group.as_ref()).await?;
    Ok(answer("resumed", group.as_ref()).by(&staff))
}

async fn record(
    gateway: &Gateway,
    kind: Kind,
    by: &crate::identifier::Login,
    group: Option<&GroupId>,
) -> Result<(), super::VerbError> {
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
