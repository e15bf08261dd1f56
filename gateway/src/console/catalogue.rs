//! The local catalogue: what is in it, what people would find, and taking an item out.
//!
//! Everybody reads, the administrator adds and removes.

pub mod adding;
#[cfg(test)]
mod tests;
pub mod upload;

use http::Method;
use maud::{Markup, html};
use passerelle_catalogue::{Item, ItemId, Query};

use super::call::{Answer, Failure, StaffCall};
use super::page;
use super::sessions::size;
use crate::catalogue::search;
use crate::verbs::{VerbError, catalogue};

pub async fn list(call: StaffCall) -> Answer {
    let sought = call.query("q");
    let found = if sought.is_empty() { None } else { Some(results(&call, sought).await?) };
    let items = call.gateway.catalogue.list();
    let may_add = call.may(&Method::GET, "/add-item");
    let body = html! {
        form.row method="get" action="/catalogue" role="search" {
            (page::input(&call.say("catalogue-try"), "q", sought))
            div.field { button.second { (call.say("search")) } }
        }
        @if let Some(found) = found { (found) }
        h2 { (call.say("catalogue-items")) }
        @if may_add { p { a.button href="/add-item" { (call.say("catalogue-add")) } } }
        @if items.is_empty() { (page::empty(&call.say("catalogue-none"))) } @else { (table(&call, &items)) }
        @if may_add { (adding::intakes(&call)) }
    };
    call.page("catalogue-title", body)
}

/// What removal means, before it is done.
pub async fn ask_removal(call: StaffCall) -> Answer {
    let item = asked(&call)?;
    let body = html! {
        div.narrow {
            p { strong { (item.title) } " · " (item.id) }
            p { (call.say("catalogue-remove-help")) }
            form method="post" action=(call.path) {
                (call.token())
                button.danger { (call.say("catalogue-remove-now")) }
                " " a.button.second href="/catalogue" { (call.say("cancel")) }
            }
        }
    };
    call.page("catalogue-remove-title", body)
}

pub async fn remove(call: StaffCall) -> Answer {
    let item = asked(&call)?;
    catalogue::remove(&call.gateway, item.id.as_str()).await?;
    call.done("/catalogue", "done-catalogue-removed")
}

fn asked(call: &StaffCall) -> Result<Item, Failure> {
    let id = ItemId::parse(call.parameter("item")).map_err(|_| Failure::NotFound)?;
    call.gateway.catalogue.list().into_iter().find(|item| item.id == id).ok_or(Failure::NotFound)
}

/// The first page of results, as people see them.
async fn results(call: &StaffCall, sought: &str) -> Result<Markup, Failure> {
    let query = Query { text: sought.to_owned(), page: 1, ..Query::default() };
    let found = search::results(&call.gateway.catalogue, query).await.map_err(VerbError::from)?;
    Ok(html! {
        h2 { (call.say_with("catalogue-found", &[("count", found.total.into())])) }
        @if let Some(spelt) = &found.spelt { p { (call.say("catalogue-spelt")) " " strong { (spelt) } } }
        @if found.results.is_empty() { (page::empty(&call.say("catalogue-nothing"))) }
        ol.findings {
            @for result in &found.results {
                li {
                    strong { (result.title) } " " span.soft { (result.item_title) }
                    @if !result.heading.is_empty() { " › " (result.heading) }
                    br;
                    @for part in &result.snippet { @if part.found { mark { (part.text) } } @else { (part.text) } }
                }
            }
        }
    })
}

fn table(call: &StaffCall, items: &[Item]) -> Markup {
    let may_remove = call.may(&Method::GET, "/catalogue/{item}/remove");
    let columns = [
        "catalogue-item",
        "kind",
        "catalogue-language",
        "catalogue-pages",
        "catalogue-size",
        "catalogue-added",
        "actions",
    ];
    let caption = call.say_with("catalogue-count", &[("count", items.len().into())]);
    page::table(
        &caption,
        &columns.map(|key| call.say(key)),
        html! {
            @for item in items { tr {
                td.wide {
                    (item.title) " " span.soft { (item.id) }
                    @for said in [&item.trade, &item.level].into_iter().flatten() { " " span.tag { (said) } }
                }
                td { (call.say(&format!("catalogue-kind-{}", item.kind.word()))) }
                td { (item.language) }
                td.number { (item.pages) }
                td.number { (size(call, item.bytes)) }
                td { (call.time(item.added_at)) }
                td { @if may_remove { a href={ "/catalogue/" (item.id) "/remove" } { (call.say("catalogue-remove")) } } }
            } }
        },
    )
}
