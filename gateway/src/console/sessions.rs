//! Sessions, live and past, each as its story; and the end of one.
//!
//! A guard sees security facts of their people: who is signed in where, sign-ins, refusals with their host. Pages, services and items
//! are not for them.

use std::collections::HashMap;

use maud::{Markup, html};
use passerelle_audit::{Kind, Query, Record};

use super::call::{Answer, Failure, StaffCall};
use super::page;
use super::reading::walk;
use super::records::escaped;
use super::story::{self, Event, Load, Page, Visit};
use crate::identifier::PersonId;
use crate::person::Person;
use crate::session::{LiveSession, PastSession};
use crate::staff::Role;
use crate::text::Language;

/// Past sessions on one page.
const SHOWN: usize = 50;
/// How many a guard's page looks through for those of their people, at most.
const LOOKED_THROUGH: i64 = 1000;
/// Records of one session that are told: a long afternoon of a page that polls.
const STORY_LIMIT: usize = 20_000;

type People = HashMap<PersonId, Person>;

async fn people(call: &StaffCall) -> Result<People, Failure> {
    let people = call.gateway.people.list().await?.into_iter().filter(|person| call.may_see(person));
    Ok(people.map(|person| (person.id.clone(), person)).collect())
}

pub async fn list(call: StaffCall) -> Answer {
    let people = people(&call).await?;
    let typed = call.query("person").to_owned();
    let asked = PersonId::parse(&typed).ok();
    let before = call.query("before").parse().unwrap_or(call.now);
    call.looked(asked.as_ref(), "sessions").await?;
    // A name that is none has no sessions.
    let found = match (&asked, typed.is_empty()) {
        (None, false) => Vec::new(),
        _ => call.gateway.sessions.history(asked.as_ref(), before, LOOKED_THROUGH).await?,
    };
    let mut past: Vec<PastSession> = found
        .into_iter()
        .filter(|session| session.ended.is_some() && people.contains_key(&session.person))
        .take(SHOWN + 1)
        .collect();
    let more = past.len() > SHOWN;
    past.truncate(SHOWN);
    let older = past.last().filter(|_| more).map(|last| last.started);
    let body = html! {
        (live(&call, &people))
        h2 { (call.say("sessions-past")) }
        form method="get" class="row" role="search" {
            (page::input(&call.say("person"), "person", &typed))
            div.field { button.second { (call.say("search")) } }
        }
        @if past.is_empty() { (page::empty(&call.say("sessions-none"))) }
        @else { (past_table(&call, &people, &past)) }
        @if let Some(older) = older {
            div.pages { a href={ "/sessions?person=" (escaped(&typed)) "&before=" (older) } { (call.say("older")) } }
        }
    };
    call.page("sessions-title", body)
}

fn live(call: &StaffCall, people: &People) -> Markup {
    let mut live = call.gateway.sessions.live();
    live.retain(|session| people.contains_key(&session.person));
    live.sort_by_key(|session| std::cmp::Reverse(session.started));
    let may_end = call.may(&http::Method::POST, "/sessions/{id}/end");
    html! {
        h2 { (call.say("sessions-live")) }
        @if live.is_empty() { (page::empty(&call.say("sessions-nobody"))) }
        @else {
            @let is_told = call.role() != Role::Guard;
            @let columns = ["person", "terminal", "since", "until", "services", "actions"];
            @let columns: Vec<_> = columns.into_iter().filter(|key| is_told || *key != "services").map(|key| call.say(key)).collect();
            (page::table(
                &call.say_with("sessions-live-count", &[("count", live.len().into())]),
                &columns,
                html! {
                    @for session in &live { tr {
                        td { (who(people, &session.person)) }
                        td { (session.terminal) }
                        td { (call.time(session.started)) }
                        td { (call.time(session.expires_at)) }
                        @if is_told { td { (services(call, session)) } }
                        td { div.row {
                            a href={ "/sessions/" (session.id) } { (call.say("story")) }
                            @if may_end { (end_button(call, session.id.as_str())) }
                        } }
                    } }
                },
            ))
        }
    }
}

/// What a session opened, by name; nothing confidential.
fn services(call: &StaffCall, session: &LiveSession) -> String {
    let policy = call.gateway.policies.current().policy.clone();
    let is_told = |id: &str| !policy.service(id).is_some_and(|service| service.is_confidential());
    let pages = session.pages();
    let told = pages.iter().filter(|(id, _)| is_told(id)).map(|(id, _)| service_words(call, id));
    told.collect::<Vec<_>>().join(", ")
}

/// A service's name in the reader's language, as the policy of today has it; its id where that knows it no more.
fn service_words(call: &StaffCall, id: &str) -> String {
    let policy = call.gateway.policies.current().policy.clone();
    let name = |language: Language| policy.service(id)?.name().get(language.code()).cloned();
    match id {
        "" => call.say("service-none"),
        "grant" => call.say("service-grant"),
        id => name(call.language).or_else(|| name(Language::French)).unwrap_or_else(|| id.to_owned()),
    }
}

fn past_table(call: &StaffCall, people: &People, past: &[PastSession]) -> Markup {
    let columns = ["person", "terminal", "since", "ended", "why", "actions"].map(|key| call.say(key));
    page::table(
        &call.say("sessions-past-caption"),
        &columns,
        html! {
            @for session in past { tr {
                td { (who(people, &session.person)) }
                td { (session.terminal) }
                td { (call.time(session.started)) }
                td { @if let Some((at, _)) = session.ended { (call.time(at)) } }
                td { @if let Some((_, reason)) = session.ended { (call.say(&format!("end-{}", reason.code()))) } }
                td { a href={ "/sessions/" (session.id) } { (call.say("story")) } }
            } }
        },
    )
}

fn who(people: &People, id: &PersonId) -> Markup {
    html! { (people.get(id).map_or("", |person| person.name.as_str())) " " span.soft { (id) } }
}

fn end_button(call: &StaffCall, id: &str) -> Markup {
    html! {
        form method="post" action={ "/sessions/" (id) "/end" } {
            (call.token()) button.danger { (call.say("session-end")) }
        }
    }
}

pub async fn end(call: StaffCall) -> Answer {
    match call.gateway.end_session(call.parameter("id"), &call.staff.login).await? {
        true => call.done("/sessions", "done-session-ended"),
        false => call.done("/sessions", "done-session-over"),
    }
}

pub async fn show(call: StaffCall) -> Answer {
    let session = call.gateway.sessions.get(call.parameter("id")).await?.ok_or(Failure::NotFound)?;
    let person = call.person(session.person.as_str()).await?;
    call.looked(Some(&person.id), &format!("session {}", session.id)).await?;
    let query = Query {
        session: Some(session.id.clone()),
        from: Some(session.started - jiff::SignedDuration::from_secs(1)),
        limit: Some(STORY_LIMIT),
        ..Query::default()
    };
    let records = walk(&call.gateway, query, Vec::new(), Vec::push).await?;
    let is_cut = records.len() >= STORY_LIMIT;
    let body = html! {
        (facts(&call, &session, &person))
        @if session.ended.is_none() && call.may(&http::Method::POST, "/sessions/{id}/end") { (end_button(&call, &session.id)) }
        h2 { (call.say("story")) }
        @if is_cut { (page::alert(&call.say_with("story-cut", &[("count", STORY_LIMIT.into())]))) }
        @match call.role() {
            Role::Guard => (security_facts(&call, &records)),
            _ => (told(&call, records)),
        }
    };
    call.page("session-title", body)
}

fn facts(call: &StaffCall, session: &PastSession, person: &Person) -> Markup {
    html! {
        dl.facts {
            dt { (call.say("person")) } dd { (person.name) " " span.soft { (person.id) } }
            dt { (call.say("terminal")) } dd { (session.terminal) }
            dt { (call.say("since")) } dd { (call.time(session.started)) }
            @match session.ended {
                Some((at, reason)) => {
                    dt { (call.say("ended")) }
                    dd { (call.time(at)) " · " (call.say(&format!("end-{}", reason.code()))) }
                }
                None => { dt { (call.say("state")) } dd { span.tag.good { (call.say("session-live")) } } }
            }
            dt { (call.say("session")) } dd { code { (session.id) } }
        }
    }
}

fn told(call: &StaffCall, records: Vec<Record>) -> Markup {
    let events = story::tell(records);
    html! {
        @if events.is_empty() { (page::empty(&call.say("story-empty"))) }
        @else {
            ol.story { @for event in &events { li {
                @match event { Event::Mark(record) => (mark(call, record, true)), Event::Visit(visit) => (visited(call, visit)) }
            } } }
        }
    }
}

/// Sign-ins, ends and refusals, these with their host only.
fn security_facts(call: &StaffCall, records: &[Record]) -> Markup {
    let is_fact = |record: &&Record| {
        matches!(record.header.kind, Kind::SignedIn | Kind::SignedOut | Kind::SignInFailed | Kind::Refused)
    };
    html! { ol.story { @for record in records.iter().filter(is_fact) { li { (mark(call, record, false)) } } } }
}

fn mark(call: &StaffCall, record: &Record, whole: bool) -> Markup {
    let header = &record.header;
    let url = record.sealed.url.as_deref().map(|url| if whole { url } else { story::host(url) });
    let is_bad = matches!(header.kind, Kind::Refused | Kind::SignInFailed);
    html! {
        (call.time(header.time)) " "
        span.tag.bad[is_bad] { (kind_words(call, header.kind)) } " "
        @if let Some(url) = url { code { (url) } " " }
        @if let Some(reason) = &header.reason { (reason_words(call, header.kind, reason)) " " }
        @if let Some(count) = header.count.filter(|count| *count > 1) { "× " (count) " " }
        @if let (true, Some(detail)) = (whole, &record.sealed.detail) { span.soft { (detail) } }
    }
}

fn visited(call: &StaffCall, visit: &Visit) -> Markup {
    html! {
        h3 { (service_words(call, &visit.service)) }
        ul { @for page in &visit.pages { li { (page_line(call, page)) } } }
    }
}

fn page_line(call: &StaffCall, page: &Page) -> Markup {
    html! {
        (call.time(page.time)) " " (load_line(call, &page.load))
        @if !page.parts.is_empty() {
            details {
                summary { (call.say_with("story-parts", &[("count", page.parts.len().into())])) }
                ul { @for part in &page.parts { li { (load_line(call, part)) } } }
            }
        }
    }
}

fn load_line(call: &StaffCall, load: &Load) -> Markup {
    html! {
        @if load.method != "GET" { strong { (load.method) } " " }
        code { (load.url) } " "
        @if let Some(status) = load.status { span.soft { (status) " " } }
        @if load.received_bytes > 0 { span.soft { (size(call, load.received_bytes)) " " } }
        @if load.open { span.tag { (call.say("story-open")) } }
        @if let Some(reason) = &load.reason { span.tag.warn { (reason_words(call, Kind::Closed, reason)) } }
    }
}

/// Bytes as people read them.
pub fn size(call: &StaffCall, bytes: u64) -> String {
    let (value, key) = match bytes {
        0..1024 => (bytes, "size-bytes"),
        1024..1_048_576 => (bytes >> 10, "size-kib"),
        1_048_576..10_737_418_240 => (bytes >> 20, "size-mib"),
        _ => (bytes >> 30, "size-gib"),
    };
    call.say_with(key, &[("count", value.into())])
}

pub fn kind_words(call: &StaffCall, kind: Kind) -> String {
    call.say(&format!("kind-{}", word(&kind)))
}

/// A refusal in the words of refusals, an end in those of ends; a code without words as it is.
pub fn reason_words(call: &StaffCall, kind: Kind, code: &str) -> String {
    let ends = matches!(kind, Kind::Closed | Kind::SignedOut);
    let keys = if ends { ["end", "refusal"] } else { ["refusal", "end"] };
    let words = keys.iter().map(|family| format!("{family}-{code}")).find_map(|key| {
        let words = call.say(&key);
        (words != key).then_some(words)
    });
    words.unwrap_or_else(|| code.to_owned())
}

/// The contract's word of a kind or decision.
pub fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
