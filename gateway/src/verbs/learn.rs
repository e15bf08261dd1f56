//! `policy learn` and `policy learnt`: a recording run of a test person, and the service drafted from it.

use std::fmt::Write as _;

use jiff::Timestamp;
use passerelle_policy::learn::Step;
use passerelle_policy::{Authority, Category, Scheme};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answer, Credentials, Outcome, VerbError, staff};
use crate::Gateway;
use crate::identifier::{Login, PersonId, ServiceId};
use crate::learning::{self, NewRun};

/// What `policy learn` asks for, as it was typed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Learn {
    pub person: String,
    /// `host` or `host:port`.
    pub hosts: Vec<String>,
    pub minutes: u32,
    /// Id of the service to be.
    pub service: String,
    pub name: String,
    /// `administrative` or `training`.
    pub category: String,
}

impl Learn {
    /// Reads the form; what may be learnt is judged by [`learning::start`].
    pub fn read(&self, by: Login) -> Result<NewRun, VerbError> {
        let authority = |host: &String| {
            Authority::parse_with_default(host, Scheme::Https)
                .map_err(|error| VerbError::Url(host.clone(), error))
        };
        let category = match self.category.as_str() {
            "training" => Category::Training,
            _ => Category::Administrative,
        };
        Ok(NewRun {
            person: PersonId::parse(&self.person)?,
            hosts: self.hosts.iter().map(authority).collect::<Result<_, _>>()?,
            minutes: self.minutes,
            step: Step {
                id: ServiceId::parse(&self.service)?.to_string(),
                category,
                name: self.name.clone(),
            },
            by,
        })
    }
}

pub async fn start(gateway: &Gateway, asked: &Learn, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let run = learning::start(gateway, asked.read(staff.login.clone())?, Timestamp::now()).await?;
    let text = format!("What {} does is recorded until {}.", run.person, run.ends_at);
    Ok(Answer::done(text, json!({ "person": run.person.as_str(), "until": run.ends_at })).by(&staff))
}

pub async fn stop(gateway: &Gateway, person: &str, by: &Credentials) -> Outcome {
    let staff = staff::publisher(gateway, by).await?;
    let learnt = learning::stop(gateway, &PersonId::parse(person)?, &staff.login, Timestamp::now()).await?;
    let mut notes = String::new();
    // A `String` takes every word.
    for left in &learnt.draft.left_out {
        let _ =
            writeln!(notes, "left out: {} ({}, {}): {}", left.host, left.count, left.reason, left.example);
    }
    for (seen, reason) in &learnt.still_refused {
        let _ = writeln!(
            notes,
            "would still be refused ({reason}): {} {}",
            seen.method,
            seen.url.without_query_values()
        );
    }
    if learnt.unseen > 0 {
        let _ = writeln!(notes, "{} more requests were not kept", learnt.unseen);
    }
    let json = json!({
        "service": learnt.draft.text,
        "policy": learnt.policy,
        "left_out": learnt.draft.left_out.iter().map(|left| json!({
            "host": left.host, "reason": left.reason.as_str(), "count": left.count, "example": left.example,
        })).collect::<Vec<_>>(),
        "still_refused": learnt.still_refused.len(),
        "findings": learnt.findings,
    });
    let mut answer = Answer::done(learnt.policy, json).by(&staff);
    answer.error = format!("{notes}{}", std::mem::take(&mut answer.error));
    Ok(answer)
}
