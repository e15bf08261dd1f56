//! A policy as people read it: steps, and under each what its rules open.

use maud::{Markup, html};
use passerelle_policy::{AccessKind, Category, Inspect, Policy, Rule, Service, Window};

use crate::console::call::StaffCall;
use crate::console::page;
use crate::console::sessions::size;

/// Hosts and patterns of one cell that are shown; lists of thousands are for the text.
const CELL_LIMIT: usize = 40;
/// Services and refusals that are shown: more than anybody scrolls through.
const ROWS_LIMIT: usize = 1000;

pub fn policy(call: &StaffCall, policy: &Policy) -> Markup {
    let of =
        |category: Category| policy.services().iter().filter(move |service| service.category() == category);
    html! {
        @for (category, title) in [(Category::Administrative, "rules-administrative"), (Category::Training, "rules-training")] {
            h3 { (call.say(title)) }
            @if of(category).next().is_none() { (page::empty(&call.say("rules-none"))) }
            @for found in of(category).take(ROWS_LIMIT) { (service(call, policy, found)) }
            (more(call, of(category).count()))
        }
        h3 { (call.say("rules-refused")) }
        @if policy.refusals().is_empty() { (page::empty(&call.say("rules-none"))) }
        @else {
            (page::table(&call.say("rules-refused"), &["rules-hosts", "rules-why"].map(|key| call.say(key)), html! {
                @for refuse in policy.refusals().iter().take(ROWS_LIMIT) {
                    tr { td.wide { (listed(call, refuse.hosts().iter())) } td.wide { (refuse.reason()) } }
                }
            }))
            (more(call, policy.refusals().len()))
        }
        h3 { (call.say("rules-windows")) }
        @if policy.windows().is_empty() { (page::empty(&call.say("rules-none"))) }
        ul { @for window in policy.windows() { li { strong { (window.id()) } " · " (hours(call, window)) } } }
    }
}

fn service(call: &StaffCall, policy: &Policy, service: &Service) -> Markup {
    let code = call.language.code();
    let name = service.name().get(code).or_else(|| service.name().values().next());
    let windows = service.windows().iter().filter_map(|position| policy.windows().get(*position));
    let windows: Vec<_> = windows.map(Window::id).collect();
    html! {
        details.card {
            summary {
                strong { (name.map_or(&**service.id(), String::as_str)) } " · " code { (service.id()) }
                @if service.is_confidential() { " " span.tag.warn { (call.say("rules-confidential")) } }
                @if let Some(day) = service.expires() { " " span.tag { (call.say_with("rules-until", &[("day", day.to_string().into())])) } }
            }
            dl.facts {
                @if let Some(start) = service.start() { dt { (call.say("rules-start")) } dd { code { (start.to_string()) } } }
                dt { (call.say("rules-groups")) } dd { (service.groups().join(", ")) }
                dt { (call.say("rules-hours")) }
                dd { @if windows.is_empty() { (call.say("rules-always")) } @else { (windows.join(", ")) } }
                @if let Some(minutes) = service.minutes_per_day() {
                    dt { (call.say("rules-minutes")) } dd { (minutes) }
                }
            }
            @if !service.rules().is_empty() {
                @let columns = ["rules-number", "rules-hosts", "rules-paths", "rules-methods", "rules-queries", "rules-besides"];
                (page::table(&call.say("policy-rules"), &columns.map(|key| call.say(key)), html! {
                    @for (number, rule) in (1..).zip(service.rules()) { (row(call, number, rule)) }
                }))
            }
        }
    }
}

fn row(call: &StaffCall, number: usize, rule: &Rule) -> Markup {
    let other_ports = rule.ports() != [443];
    html! {
        tr {
            td { (number) }
            td.wide {
                (listed(call, rule.hosts().iter()))
                @if other_ports { br; (call.say("rules-ports")) " " (rule.ports().iter().map(u16::to_string).collect::<Vec<_>>().join(", ")) }
            }
            @match rule.inspect() {
                Some(inspect) => {
                    td.wide {
                        @if inspect.paths().is_empty() && inspect.path_regex().is_empty() { (call.say("rules-any")) }
                        (listed(call, inspect.paths().iter()))
                        @if !inspect.path_regex().is_empty() { br; (listed(call, inspect.path_regex().iter())) }
                    }
                    td { (inspect.methods().to_string()) }
                    td {
                        @match inspect.queries() {
                            None => (call.say("rules-any")),
                            Some([]) => (call.say("rules-no-query")),
                            Some(names) => (listed(call, names.iter())),
                        }
                    }
                    td { (besides(call, inspect)) }
                }
                None => td colspan="4" { (call.say("rules-tunnel")) },
            }
        }
    }
}

/// What the rule says beyond hosts, paths and methods.
fn besides(call: &StaffCall, inspect: &Inspect) -> Markup {
    html! {
        @if inspect.kind() == AccessKind::Resource { span.tag { (call.say("rules-resource")) } " " }
        @if inspect.upload_limit() > 0 {
            (call.say_with("rules-upload", &[("size", size(call, inspect.upload_limit()).into())])) " "
        }
        @if inspect.websocket() { (call.say("rules-websocket")) " " }
        @if inspect.record_query() { (call.say("rules-record-query")) " " }
        @if !inspect.download_types().is_empty() { (call.say("rules-downloads")) " " (listed(call, inspect.download_types().iter())) }
    }
}

fn hours(call: &StaffCall, window: &Window) -> Markup {
    const DAYS: [&str; 7] = ["day-mon", "day-tue", "day-wed", "day-thu", "day-fri", "day-sat", "day-sun"];
    let days = DAYS.iter().zip(window.days()).filter(|(_, open)| *open).map(|(key, _)| call.say(key));
    let (from, to) = window.hours();
    let closed: Vec<_> = window.closed().iter().map(ToString::to_string).collect();
    html! {
        (days.collect::<Vec<_>>().join(", ")) " · " (from) "–" (to)
        @if !closed.is_empty() { " · " (call.say("rules-closed")) " " (closed.join(", ")) }
    }
}

/// Names and patterns, comma by comma.
fn listed<T: ToString>(call: &StaffCall, items: impl ExactSizeIterator<Item = T>) -> Markup {
    let count = items.len();
    html! {
        @for (position, item) in items.take(CELL_LIMIT).enumerate() {
            @if position > 0 { ", " } code { (item.to_string()) }
        }
        @if let Some(more) = count.checked_sub(CELL_LIMIT).filter(|more| *more > 0) {
            " " (call.say_with("rules-more", &[("count", more.into())]))
        }
    }
}

fn more(call: &StaffCall, count: usize) -> Markup {
    html! {
        @if count > ROWS_LIMIT { p.hint { (call.say_with("rules-more", &[("count", (count - ROWS_LIMIT).into())])) } }
    }
}
