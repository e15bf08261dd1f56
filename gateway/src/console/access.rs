//! Stopping and resuming access, of everybody or of one group. Reached from every page.

use maud::{Markup, html};

use super::call::{Answer, Failure, StaffCall};
use super::page;
use crate::identifier::GroupId;
use crate::verbs::access;

pub async fn show(call: StaffCall) -> Answer {
    let body = body(&call).await?;
    call.page("access-title", body)
}

pub async fn stop(call: StaffCall) -> Answer {
    let Ok(group) = group(&call) else { return wrong_group(&call).await };
    access::stop_by(&call.gateway, group.as_ref(), &call.staff.login).await?;
    call.done("/access", "done-access-stopped")
}

pub async fn resume(call: StaffCall) -> Answer {
    let Ok(group) = group(&call) else { return wrong_group(&call).await };
    access::resume_by(&call.gateway, group.as_ref(), &call.staff.login).await?;
    call.done("/access", "done-access-resumed")
}

/// Nothing for everybody.
fn group(call: &StaffCall) -> Result<Option<GroupId>, crate::identifier::BadIdentifier> {
    match call.field("group") {
        "" => Ok(None),
        name => GroupId::parse(name).map(Some),
    }
}

async fn wrong_group(call: &StaffCall) -> Answer {
    let body = body(call).await?;
    call.wrong("access-title", &call.say("access-group-wrong"), body)
}

async fn body(call: &StaffCall) -> Result<Markup, Failure> {
    let stops = call.gateway.access_stop.subscribe().borrow().clone();
    let people = call.gateway.people.list().await?;
    let mut groups: Vec<&str> =
        people.iter().flat_map(|person| &person.groups).map(GroupId::as_str).collect();
    groups.sort_unstable();
    groups.dedup();
    Ok(html! {
        p { (call.say("access-hint")) }
        section.card aria-labelledby="all" {
            h2 id="all" { (call.say("access-all")) }
            @if stops.all {
                p { (call.say("stopped-all")) }
                (button(call, "/access/resume", "", "resume-access", false))
            } @else {
                (button(call, "/access/stop", "", "access-stop-all", true))
            }
        }
        section.card aria-labelledby="groups" {
            h2 id="groups" { (call.say("access-groups")) }
            @if stops.groups.is_empty() { p.soft { (call.say("access-no-group")) } }
            @for group in &stops.groups {
                div.row {
                    p { strong { (group) } }
                    (button(call, "/access/resume", group.as_str(), "resume-access", false))
                }
            }
            @if groups.is_empty() { (page::empty(&call.say("access-nobody"))) }
            @else {
                form method="post" action="/access/stop" {
                    (call.token())
                    div.field {
                        label for="group" { (call.say("access-group")) }
                        select id="group" name="group" required {
                            option value="" disabled selected { (call.say("access-choose")) }
                            @for group in groups { option value=(group) { (group) } }
                        }
                    }
                    button.danger { (call.say("access-stop-group")) }
                }
            }
        }
    })
}

fn button(call: &StaffCall, action: &str, group: &str, key: &str, danger: bool) -> Markup {
    html! {
        form method="post" action=(action) {
            (call.token())
            input type="hidden" name="group" value=(group);
            button.danger[danger] { (call.say(key)) }
        }
    }
}
