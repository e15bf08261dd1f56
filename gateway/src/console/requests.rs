//! Requests for access, and their answers: a personal grant until a time, or a refusal, always with words for the person.
//!
//! Counsellor and referent see and answer those of their people; the administrator answers all; security and auditor read.

use std::collections::HashMap;

use http::Method;
use jiff::{SignedDuration, Timestamp, Zoned};
use maud::{Markup, html};
use passerelle_policy::{PathGlob, Url};

use super::call::{Answer, Failure, StaffCall};
use super::page;
use crate::identifier::PersonId;
use crate::person::{GrantScope, NewGrant, Person};
use crate::request::{self, AnswerError, Asked, LONGEST_REASON, RequestError};
use crate::text::Language;
use crate::verbs::{policy, sentence};

/// How long a grant may last, by the value of its choice.
const SPANS: &[(&str, Span)] = &[
    ("hour", Span::Hours(1)),
    ("today", Span::Today),
    ("week", Span::Hours(7 * 24)),
    ("month", Span::Hours(30 * 24)),
    ("quarter", Span::Hours(90 * 24)),
];

#[derive(Clone, Copy)]
enum Span {
    Hours(i64),
    /// To the next local midnight.
    Today,
}

impl Span {
    fn end(self, now: &Zoned) -> Option<Timestamp> {
        match self {
            Span::Hours(hours) => now.timestamp().checked_add(SignedDuration::from_hours(hours)).ok(),
            Span::Today => Some(now.tomorrow().ok()?.start_of_day().ok()?.timestamp()),
        }
    }
}

pub async fn list(call: StaffCall) -> Answer {
    call.looked(None, "requests").await?;
    let people: HashMap<PersonId, Person> = call
        .gateway
        .people
        .list()
        .await?
        .into_iter()
        .filter(|person| call.may_see(person))
        .map(|person| (person.id.clone(), person))
        .collect();
    let seen = |mut asked: Vec<Asked>| {
        asked.retain(|asked| people.contains_key(&asked.person));
        asked
    };
    let waiting = seen(call.gateway.requests.all(true).await?);
    let answered = seen(call.gateway.requests.all(false).await?);
    let body = html! {
        h2 { (call.say("requests-waiting")) }
        @if waiting.is_empty() { (page::empty(&call.say("requests-none"))) }
        @else { (table(&call, &people, &waiting)) }
        h2 { (call.say("requests-answered")) }
        @if answered.is_empty() { (page::empty(&call.say("requests-none-answered"))) }
        @else { (table(&call, &people, &answered)) }
    };
    call.page("requests-title", body)
}

fn table(call: &StaffCall, people: &HashMap<PersonId, Person>, requests: &[Asked]) -> Markup {
    let columns = ["person", "asked", "address", "state", "actions"].map(|key| call.say(key));
    page::table(
        &call.say_with("requests-count", &[("count", requests.len().into())]),
        &columns,
        html! {
            @for asked in requests { tr {
                td { (people.get(&asked.person).map_or("", |person| person.name.as_str())) " " span.soft { (asked.person) } }
                td { (call.time(asked.request.asked_at)) }
                td.wide { code { (asked.request.url) } }
                td { (state(call, &asked.request.state)) }
                td { a href={ "/requests/" (asked.request.id) } { (call.say("open")) } }
            } }
        },
    )
}

fn state(call: &StaffCall, state: &str) -> Markup {
    html! {
        span.tag.good[state == "granted"].bad[state == "declined"].warn[state == "open"] {
            (call.say(&format!("request-{state}")))
        }
    }
}

pub async fn show(call: StaffCall) -> Answer {
    let (asked, person) = asked(&call).await?;
    call.looked(Some(&person.id), &format!("request {}", asked.request.id)).await?;
    let body = body(&call, &asked, &person).await?;
    call.page("request-title", body)
}

pub async fn grant(call: StaffCall) -> Answer {
    let (asked, person) = asked(&call).await?;
    let new = match read(&call, &asked) {
        Ok(new) => new,
        Err(key) => return wrong(&call, &asked, &person, &call.say(key)).await,
    };
    let granted = request::grant(&call.gateway, &asked.request.id, &new, call.now).await;
    answered(&call, &asked, &person, granted, "done-request-granted").await
}

pub async fn decline(call: StaffCall) -> Answer {
    let (asked, person) = asked(&call).await?;
    let words = call.field("words");
    if words.is_empty() {
        return wrong(&call, &asked, &person, &call.say("request-words-missing")).await;
    }
    let declined =
        request::decline(&call.gateway, &asked.request.id, words, &call.staff.login, call.now).await;
    answered(&call, &asked, &person, declined, "done-request-declined").await
}

async fn answered(
    call: &StaffCall,
    asked: &Asked,
    person: &Person,
    outcome: Result<(), AnswerError>,
    done: &str,
) -> Answer {
    match outcome {
        Ok(()) => call.done("/requests", done),
        Err(AnswerError::Request(RequestError::Unknown)) => {
            call.done("/requests", "done-request-was-answered")
        }
        Err(AnswerError::Request(RequestError::Reason)) => {
            wrong(call, asked, person, &call.say("request-words-long")).await
        }
        Err(AnswerError::Person(error)) => wrong(call, asked, person, &sentence(&error)).await,
        Err(error) => Err(Failure::Unavailable(sentence(&error))),
    }
}

/// The request of the path, and whose it is; those of other counsellors' people don't exist.
async fn asked(call: &StaffCall) -> Result<(Asked, Person), Failure> {
    let asked = call.gateway.requests.get(call.parameter("id")).await?.ok_or(Failure::NotFound)?;
    let person = call.person(asked.person.as_str()).await?;
    Ok((asked, person))
}

/// The grant as the form says. Host and port are those that were asked for: nobody is given what they did not ask.
fn read(call: &StaffCall, asked: &Asked) -> Result<NewGrant, &'static str> {
    let url = Url::parse_written(&asked.request.url).map_err(|_| "request-url-wrong")?;
    let path = PathGlob::parse(call.field("path")).map_err(|_| "request-path-wrong")?;
    let span = SPANS.iter().find(|(value, _)| *value == call.field("span")).ok_or("request-span-missing")?;
    let until = span.1.end(&call.now.to_zoned(call.zone())).ok_or("request-span-missing")?;
    let words = call.field("words");
    if words.is_empty() {
        return Err("request-words-missing");
    }
    Ok(NewGrant {
        host: url.host().clone(),
        port: url.port(),
        scope: GrantScope::Pages(path),
        until,
        granter: call.staff.login.clone(),
        reason: words.to_owned(),
    })
}

async fn wrong(call: &StaffCall, asked: &Asked, person: &Person, words: &str) -> Answer {
    let body = body(call, asked, person).await?;
    call.wrong("request-title", words, body)
}

async fn body(call: &StaffCall, asked: &Asked, person: &Person) -> Result<Markup, Failure> {
    let request = &asked.request;
    let may_answer = call.may(&Method::POST, "/requests/{id}/grant") && request.state == "open";
    let grants = call.gateway.people.grants(&person.id, call.now).await?;
    let now = if request.state == "open" { Some(explained(call, asked).await?) } else { None };
    Ok(html! {
        dl.facts {
            dt { (call.say("person")) } dd { (person.name) " " span.soft { (person.id) } }
            dt { (call.say("asked")) } dd { (call.time(request.asked_at)) }
            dt { (call.say("address")) } dd { code { (request.url) } }
            dt { (call.say("request-why")) } dd { @if request.reason.is_empty() { "—" } @else { (request.reason) } }
            dt { (call.say("state")) } dd { (state(call, &request.state)) }
            @if let Some(by) = &asked.answered_by { dt { (call.say("answered-by")) } dd { (by) } }
            @if let Some(at) = request.answered_at { dt { (call.say("answered-at")) } dd { (call.time(at)) } }
            @if let Some(until) = request.granted_until {
                dt { (call.say("until")) }
                dd { (call.time(until)) @if until <= call.now { " " span.tag.warn { (call.say("request-over")) } } }
            }
            @if let Some(answer) = &request.answer { dt { (call.say("answer")) } dd { (answer) } }
        }
        @if let Some(now) = now {
            section.card aria-labelledby="today" {
                h2 id="today" { (call.say("request-today")) }
                (now)
            }
        }
        @if may_answer { (forms(call, asked)) }
        h2 { (call.say("grants-title")) }
        @if grants.is_empty() { p.soft { (call.say("grants-none")) } }
        @else {
            ul { @for grant in &grants { li {
                @for host in grant.rule.hosts().iter() { code { (host) } " " }
                (call.say("until")) " " (call.time(grant.until)) " · " (grant.granter) " · " (grant.reason)
            } } }
        }
    })
}

/// What the policy says of this address for this person now, by the walk that judges live traffic.
async fn explained(call: &StaffCall, asked: &Asked) -> Result<Markup, Failure> {
    let question = policy::Explain {
        policy: None,
        url: asked.request.url.clone(),
        method: "GET".into(),
        person: Some(asked.person.to_string()),
        groups: Vec::new(),
        at: None,
        destination: "document".into(),
        from_page: None,
        english: call.language == Language::English,
    };
    let answer = policy::explain(&call.gateway, question).await?;
    let is_allowed = answer.exit == 0;
    Ok(html! {
        p {
            span.tag.good[is_allowed].bad[!is_allowed] {
                (call.say(if is_allowed { "decision-allow" } else { "decision-refuse" }))
            }
            @if let Some(reason) = answer.json["reason"].as_str() { " " (call.say(&format!("refusal-{reason}"))) }
        }
        details { summary { (call.say("request-trace")) } p.why { (answer.text) } }
    })
}

fn forms(call: &StaffCall, asked: &Asked) -> Markup {
    let url = Url::parse_written(&asked.request.url).ok();
    let typed = |name: &str, otherwise: &str| match call.field(name) {
        "" => otherwise.to_owned(),
        typed => typed.to_owned(),
    };
    let spans: Vec<(&str, String)> =
        SPANS.iter().map(|(value, _)| (*value, call.say(&format!("span-{value}")))).collect();
    html! {
        @if let Some(url) = &url {
            section.card aria-labelledby="grant" {
                h2 id="grant" { (call.say("request-grant")) }
                form method="post" action={ "/requests/" (asked.request.id) "/grant" } {
                    (call.token())
                    p { (call.say("request-host")) " " code { (url.host()) ":" (url.port()) } }
                    div.field {
                        label for="path" { (call.say("request-path")) }
                        p.hint id="path-hint" { (call.say("request-path-hint")) }
                        input id="path" name="path" value=(typed("path", url.path_form())) aria-describedby="path-hint" required autocomplete="off";
                    }
                    (page::choice(&call.say("request-span"), "span", &typed("span", "today"), &spans))
                    (words(call, "grant-words"))
                    button { (call.say("request-grant")) }
                }
            }
        } @else { p { (call.say("request-url-wrong")) } }
        section.card aria-labelledby="decline" {
            h2 id="decline" { (call.say("request-decline")) }
            form method="post" action={ "/requests/" (asked.request.id) "/decline" } {
                (call.token())
                (words(call, "decline-words"))
                button.danger { (call.say("request-decline")) }
            }
        }
    }
}

fn words(call: &StaffCall, id: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { (call.say("request-words")) }
            textarea id=(id) name="words" maxlength=(LONGEST_REASON) required { (call.field("words")) }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn spans_end_in_local_time() {
        let now: Zoned = "2026-10-25T01:30:00+02:00[Europe/Paris]".parse().unwrap();
        for (span, end) in [
            (Span::Hours(1), "2026-10-25T00:30:00Z"),
            (Span::Today, "2026-10-25T23:00:00Z"), // a day of 25 hours
        ] {
            assert_eq!(span.end(&now), Some(end.parse().unwrap()));
        }
    }
}
