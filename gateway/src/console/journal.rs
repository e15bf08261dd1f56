//! The journal: its checkpoint, its health, and "verify now".

use maud::{Markup, html};
use tokio::sync::Semaphore;

use super::call::{Answer, Failure, StaffCall};
use super::page;
use crate::verbs::{audit, sentence};

/// One at a time: it reads and hashes everything.
static VERIFYING: Semaphore = Semaphore::const_new(1);

pub async fn show(call: StaffCall) -> Answer {
    let body = body(&call, html! {}).await?;
    call.page("journal-title", body)
}

/// The check of `audit verify`, here and now.
pub async fn verify(call: StaffCall) -> Answer {
    let Ok(_turn) = VERIFYING.try_acquire() else {
        let body = body(&call, html! {}).await?;
        return call.wrong("journal-title", &call.say("journal-busy"), body);
    };
    let data = call.gateway.config.data.clone();
    let checked = tokio::task::spawn_blocking(move || audit::check(&data, None)).await;
    let checked = checked
        .map_err(|error| Failure::Unavailable(error.to_string()))?
        .map_err(|error| Failure::Unavailable(sentence(&error)))?;
    let result = html! {
        @if checked.exit == 0 {
            p.notice role="status" {
                (call.say_with("journal-good", &[("count", checked.json["verified"].as_u64().unwrap_or_default().into())]))
            }
        } @else { (page::alert(&call.say("journal-bad"))) }
        p.why { (checked.text) }
    };
    let body = body(&call, result).await?;
    call.page("journal-title", body)
}

async fn body(call: &StaffCall, result: Markup) -> Result<Markup, Failure> {
    let gateway = &call.gateway;
    let health = gateway.journal.health();
    let checkpoint = tokio::fs::read_to_string(gateway.audit_folder().join("checkpoint")).await;
    Ok(html! {
        (result)
        dl.figures {
            div { dt { (call.say("home-records")) } dd { (health.records) } }
            div { dt { (call.say("journal-published")) } dd { (health.published) } }
            div { dt { (call.say("journal-queued")) } dd { (health.queued) } }
            div {
                dt { (call.say("home-journal")) }
                dd { (call.say(if health.failure.is_none() { "home-writable" } else { "home-broken" })) }
            }
        }
        @if call.may(&http::Method::POST, "/journal/verify") {
            form method="post" action="/journal/verify" { (call.token()) button { (call.say("journal-verify")) } }
            p.hint { (call.say("journal-verify-hint")) }
        }
        h2 { (call.say("journal-checkpoint")) }
        @match checkpoint {
            Ok(note) => { pre tabindex="0" { (note) } }
            Err(_) => (page::empty(&call.say("journal-no-checkpoint"))),
        }
        p { (call.say("journal-key")) " " code { (gateway.journal_key) } }
        p { a href="/checkpoint" { "/checkpoint" } }
    })
}
