//! The replay of past days on a page.

use std::sync::Arc;

use jiff::tz::TimeZone;
use maud::{Markup, html};
use passerelle_policy::{Change, Policy};

use super::findings;
use crate::console::call::{Failure, StaffCall};
use crate::console::page;
use crate::text::Language;
use crate::verbs::policy_preview::{ASSUMED, Replayed, replayed, skipped};

/// Whole days that are replayed where nobody says how many.
const DAYS: u16 = 7;
/// The most: the retention of most establishments.
const DAYS_LIMIT: u16 = 366;
/// Lines of each list.
const LINES_LIMIT: usize = 200;

/// Asks for a replay; the page itself answers.
pub fn form(call: &StaffCall) -> Markup {
    html! {
        p.hint { (call.say("replay-help")) }
        form.row method="get" action=(call.path) { (days(call)) div.field { button.second { (call.say("replay")) } } }
    }
}

/// How many days.
pub fn days(call: &StaffCall) -> Markup {
    let asked = [call.query("days"), call.field("days")].concat();
    let shown = asked.parse().unwrap_or(DAYS);
    html! {
        div.field {
            label for="days" { (call.say("replay-days")) }
            input id="days" name="days" type="number" min="0" max=(DAYS_LIMIT) value=(shown);
        }
    }
}

/// Replays and shows. Whoever replays reads what everybody did: recorded.
pub async fn shown(call: &StaffCall, proposed: Arc<Policy>, days: &str) -> Result<Markup, Failure> {
    let days = days.parse().unwrap_or(DAYS).min(DAYS_LIMIT);
    call.looked(None, &format!("policy preview of {days} days")).await?;
    let replayed = replayed(&call.gateway, proposed, days).await?;
    Ok(told(call, &replayed))
}

fn told(call: &StaffCall, replayed: &Replayed) -> Markup {
    let Replayed { outcome, records, published, from } = replayed;
    let zone: TimeZone = call.zone();
    let day = from.to_zoned(zone).date().to_string();
    let unreplayed: u64 = outcome.not_replayed.values().sum();
    html! {
        section.card {
            p { (call.say_with("replay-summary", &[
                ("day", day.as_str().into()), ("version", (*published).into()), ("records", (*records).into()),
            ])) }
            (changes(call, "replay-newly-refused", &outcome.newly_refused))
            (changes(call, "replay-newly-allowed", &outcome.newly_allowed))
            @if outcome.further_changes > 0 {
                p { (call.say_with("replay-further", &[("count", outcome.further_changes.into())])) }
            }
            p { (call.say_with("replay-unchanged", &[
                ("allowed", outcome.still_allowed.into()), ("refused", outcome.still_refused.into()),
            ])) }
            @if unreplayed > 0 {
                details {
                    summary { (call.say_with("replay-left-out", &[("count", unreplayed.into())])) }
                    ul { @for (why, count) in &outcome.not_replayed { li { (count) " · " (pick(call, skipped(*why))) } } }
                }
            }
            details {
                summary { (call.say("replay-assumed")) }
                ul { @for assumed in ASSUMED { li { (pick(call, assumed)) } } }
            }
        }
    }
}

fn changes(call: &StaffCall, title: &str, changes: &[Change]) -> Markup {
    let title =
        call.say_with(title, &[("count", changes.iter().map(|change| change.count).sum::<u64>().into())]);
    if changes.is_empty() {
        return html! { p { (title) } };
    }
    html! {
        (page::table(&title, &["replay-count", "explain-service", "replay-host", "explain-reason", "replay-example"].map(|key| call.say(key)), html! {
            @for change in changes.iter().take(LINES_LIMIT) {
                tr {
                    td.number { (change.count) }
                    td { (change.service) }
                    td { code { (change.host) } }
                    td { code { (change.reason) } }
                    td.wide { code { (change.example) } }
                }
            }
        }))
        @if let Some(more) = changes.len().checked_sub(LINES_LIMIT).filter(|more| *more > 0) {
            p.hint { (call.say_with("policy-more-lines", &[("count", more.into())])) }
        }
    }
}

fn pick(call: &StaffCall, (french, english): (&'static str, &'static str)) -> &'static str {
    match call.language {
        Language::French => french,
        Language::English => english,
    }
}

/// A draft that has mistakes is not replayed; they are shown.
pub async fn of_text(call: &StaffCall, text: &str) -> Result<Markup, Failure> {
    match Policy::parse(text) {
        Ok(checked) => shown(call, Arc::new(checked.policy), call.field("days")).await,
        Err(found) => Ok(findings::listed(call, text, &found.iter().collect::<Vec<_>>())),
    }
}
