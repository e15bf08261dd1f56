//! Terminals: let one in by a code, see which are alive, shut one out.
//!
//! Invariants: a code is in one answer and nowhere else; nothing is revoked by one click.

use std::sync::Arc;

use http::Method;
use jiff::SignedDuration;
use maud::{Markup, html};

use super::call::{Answer, Failure, StaffCall};
use super::page;
use super::trouble::told;
use crate::identifier::TerminalId;
use crate::terminal::{Terminal, TerminalState};
use crate::verbs::terminal::{self, Invitation};

/// A terminal that is on asks for something more often than this.
const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(15);

pub async fn list(call: StaffCall) -> Answer {
    let body = body(&call);
    call.page("terminals-title", body)
}

pub async fn invite(call: StaffCall) -> Answer {
    let invited = async {
        let name = TerminalId::parse(call.field("name"))?;
        terminal::invitation(&call.gateway, &name).await
    };
    match invited.await {
        Ok(invitation) => {
            let body = handed_over(&call, &invitation);
            call.page("terminal-code-title", body)
        }
        Err(error) => call.wrong("terminals-title", &told(&call, error)?, body(&call)),
    }
}

/// What revoking means, before it is done.
pub async fn ask_revocation(call: StaffCall) -> Answer {
    let terminal = asked(&call)?;
    let body = html! {
        div.narrow {
            p { strong { (terminal.name) } }
            p { (call.say("terminal-revoke-help")) }
            form method="post" action=(call.path) {
                (call.token())
                button.danger { (call.say("terminal-revoke-now")) }
                " " a.button.second href="/terminals" { (call.say("cancel")) }
            }
        }
    };
    call.page("terminal-revoke-title", body)
}

pub async fn revoke(call: StaffCall) -> Answer {
    let terminal = asked(&call)?;
    match terminal::revoke(&call.gateway, terminal.name.as_str(), Some(&call.staff.login)).await {
        Ok(_) => call.done("/terminals", "done-terminal-revoked"),
        Err(error) => call.wrong("terminals-title", &told(&call, error)?, body(&call)),
    }
}

fn asked(call: &StaffCall) -> Result<Arc<Terminal>, Failure> {
    let known = call.gateway.terminals.list();
    known
        .into_iter()
        .find(|terminal| terminal.name.as_str() == call.parameter("name"))
        .ok_or(Failure::NotFound)
}

fn body(call: &StaffCall) -> Markup {
    let terminals = call.gateway.terminals.list();
    html! {
        @if terminals.is_empty() { (page::empty(&call.say("terminals-none"))) } @else { (table(call, &terminals)) }
        @if call.may(&Method::POST, "/terminals/invite") {
            form.card method="post" action="/terminals/invite" {
                h2 { (call.say("terminal-invite")) }
                p.hint { (call.say("terminal-invite-hint")) }
                (call.token())
                (page::input(&call.say("terminal-name"), "name", call.field("name")))
                button { (call.say("terminal-invite")) }
            }
        }
    }
}

fn table(call: &StaffCall, terminals: &[Arc<Terminal>]) -> Markup {
    let columns =
        ["terminal-name", "state", "terminal-seen", "terminal-enrolled", "actions"].map(|key| call.say(key));
    let may_revoke = call.may(&Method::POST, "/terminals/{name}/revoke");
    page::table(
        &call.say_with("terminals-count", &[("count", terminals.len().into())]),
        &columns,
        html! {
            @for terminal in terminals { tr {
                td { (terminal.name) }
                td { (state(call, terminal)) }
                td { @match terminal.last_seen_at { Some(at) => (call.time(at)), None => (call.say("terminal-never-seen")) } }
                td { (call.time(terminal.enrolled_at)) }
                td {
                    @if may_revoke && terminal.state == TerminalState::Active {
                        a href={ "/terminals/" (terminal.name) "/revoke" } { (call.say("terminal-revoke")) }
                    }
                }
            } }
        },
    )
}

fn state(call: &StaffCall, terminal: &Terminal) -> Markup {
    let is_silent = terminal.last_seen_at.is_none_or(|at| call.now.duration_since(at) > SILENT_AFTER);
    let (class, key) = match terminal.state {
        TerminalState::Active if is_silent => ("tag warn", "terminal-silent"),
        TerminalState::Active => ("tag good", "terminal-active"),
        TerminalState::Revoked => ("tag bad", "terminal-revoked"),
        TerminalState::Replaced => ("tag", "terminal-replaced"),
    };
    html! { span class=(class) { (call.say(key)) } }
}

/// What whoever walks to the terminal copies, this once.
fn handed_over(call: &StaffCall, invitation: &Invitation) -> Markup {
    html! {
        (page::once(call, "terminal-code-help", &invitation.code, "/terminals"))
        dl.facts { dt { (call.say("terminal-gateway")) } dd { code { (invitation.gateway) } } }
        h2 { (call.say("terminal-command")) }
        pre tabindex="0" { (invitation.command) }
    }
}
