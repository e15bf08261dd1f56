//! The records, with every filter of `audit search`, the latest first.

use std::collections::VecDeque;

use maud::{Markup, html};
use passerelle_audit::{Effect, Kind, Query, Record};

use super::call::{Answer, StaffCall};
use super::page;
use super::reading::{given, local_time, walk};
use super::sessions::{kind_words, reason_words, word};
use crate::identifier::PersonId;

/// On one page.
const SHOWN: usize = 50;

/// In the order in which staff look for them.
const KINDS: &[Kind] = &[
    Kind::Refused,
    Kind::Opened,
    Kind::Closed,
    Kind::SignedIn,
    Kind::SignedOut,
    Kind::SignInFailed,
    Kind::RequestMade,
    Kind::RequestAnswered,
    Kind::ItemOpened,
    Kind::DocumentStored,
    Kind::PersonChanged,
    Kind::PolicyProposed,
    Kind::PolicyPublished,
    Kind::AccessStopped,
    Kind::AccessResumed,
    Kind::StaffSignedIn,
    Kind::StaffSignInFailed,
    Kind::StaffLooked,
    Kind::TerminalEnrolled,
    Kind::TerminalRevoked,
    Kind::KeyDestroyed,
    Kind::GatewayStarted,
    Kind::GatewayStopped,
];

const FILTERS: &[&str] = &["person", "terminal", "session", "host", "decision", "kind", "text", "from", "to"];

pub async fn list(call: StaffCall) -> Answer {
    let zone = call.zone();
    let query = Query {
        person: given(call.query("person")),
        terminal: given(call.query("terminal")),
        session: given(call.query("session")),
        from: local_time(call.query("from"), &zone),
        to: local_time(call.query("to"), &zone),
        host: given(call.query("host")),
        decision: call.query("decision").parse::<Effect>().ok(),
        kind: call.query("kind").parse::<Kind>().ok(),
        text: given(call.query("text")),
        limit: None,
    };
    let person = query.person.as_deref().and_then(|id| PersonId::parse(id).ok());
    call.looked(person.as_ref(), "records").await?;
    let before: u64 = call.query("before").parse().unwrap_or(u64::MAX);
    // The walk goes from the oldest on: of all that match, the last ones are kept.
    let keep = move |kept: &mut VecDeque<Record>, record: Record| {
        if record.header.index < before {
            if kept.len() > SHOWN {
                kept.pop_front();
            }
            kept.push_back(record);
        }
    };
    let mut found = walk(&call.gateway, query, VecDeque::new(), keep).await?;
    let more = found.len() > SHOWN;
    if more {
        found.pop_front();
    }
    let older = found.front().filter(|_| more).map(|record| record.header.index);
    let body = html! {
        (filters(&call))
        @if found.is_empty() { (page::empty(&call.say("records-none"))) }
        @else { (table(&call, found.iter().rev())) }
        div.pages {
            @if before != u64::MAX { a href={ "/records?" (filter_query(&call)) } { (call.say("newest")) } }
            @if let Some(older) = older {
                a href={ "/records?" (filter_query(&call)) "&before=" (older) } { (call.say("older")) }
            }
        }
    };
    call.page("records-title", body)
}

fn filters(call: &StaffCall) -> Markup {
    let mut kinds = vec![("".to_owned(), call.say("any"))];
    kinds.extend(KINDS.iter().map(|kind| (word(kind), kind_words(call, *kind))));
    let kinds: Vec<(&str, String)> =
        kinds.iter().map(|(value, words)| (value.as_str(), words.clone())).collect();
    let decisions = [
        ("", call.say("any")),
        ("allow", call.say("decision-allow")),
        ("refuse", call.say("decision-refuse")),
    ];
    html! {
        form method="get" action="/records" role="search" {
            div.filters {
                @for name in ["person", "terminal", "session", "host", "text"] {
                    (page::input(&call.say(&format!("filter-{name}")), name, call.query(name)))
                }
                (page::choice(&call.say("filter-decision"), "decision", call.query("decision"), &decisions))
                (page::choice(&call.say("filter-kind"), "kind", call.query("kind"), &kinds))
                @for name in ["from", "to"] {
                    div.field {
                        label for=(name) { (call.say(&format!("filter-{name}"))) }
                        input id=(name) name=(name) type="datetime-local" value=(call.query(name));
                    }
                }
            }
            div.row { button { (call.say("search")) } a href="/records" { (call.say("no-filter")) } }
        }
    }
}

/// The filters of now, for links.
fn filter_query(call: &StaffCall) -> String {
    let set = FILTERS.iter().filter(|name| !call.query(name).is_empty());
    let pairs = set.map(|name| format!("{name}={}", escaped(call.query(name))));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-encodes all but unreserved characters (RFC 3986, 2.3).
pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let piece = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(piece).collect()
}

fn table<'a>(call: &StaffCall, records: impl Iterator<Item = &'a Record>) -> Markup {
    let columns = ["number", "time", "kind", "person", "terminal", "what"].map(|key| call.say(key));
    page::table(
        &call.say("records-caption"),
        &columns,
        html! { @for record in records { (row(call, record)) } },
    )
}

fn row(call: &StaffCall, record: &Record) -> Markup {
    let (header, sealed) = (&record.header, &record.sealed);
    let is_bad = header.decision == Some(Effect::Refuse) || header.kind == Kind::SignInFailed;
    html! {
        tr {
            td.number { (header.index) }
            td { (call.time(header.time)) }
            td { span.tag.bad[is_bad] { (kind_words(call, header.kind)) } }
            td { @if let Some(person) = &sealed.person { (person) } }
            td { @if let Some(terminal) = &sealed.terminal { (terminal) } }
            td.wide {
                @if let Some(url) = &sealed.url { code { (url) } " " }
                @if let Some(reason) = &header.reason { (reason_words(call, header.kind, reason)) " " }
                @if let Some(detail) = &sealed.detail { span.soft { (detail) } }
                details {
                    summary { (call.say("all-fields")) }
                    dl.facts { @for (name, value) in fields(record) { dt { (name) } dd { (value) } } }
                    @if let Some(session) = &sealed.session {
                        a href={ "/sessions/" (session) } { (call.say("story")) }
                    }
                }
            }
        }
    }
}

/// Every readable field under its name of the contract.
fn fields(record: &Record) -> Vec<(String, String)> {
    let value: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&record.canonical_line()).unwrap_or_default();
    let shown = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    value.into_iter().map(|(name, value)| (name, shown(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn links_carry_what_was_typed() {
        for (typed, expected) in [("a.b", "a.b"), ("a&b=c", "a%26b%3Dc"), ("é <", "%C3%A9%20%3C")] {
            assert_eq!(escaped(typed), expected);
        }
    }
}
