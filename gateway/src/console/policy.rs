//! The policy: what is in force, what waits for a signature, every version there was, and the emergency refusal.
//!
//! `draft` is where a proposal is written, checked and tried; `explain` says what the policy does with one request. Invariants: who
//! changes the policy gives their password again, as the verbs ask for it; whoever signs has the differences and the findings
//! above the button; the domain decides who may sign, these pages only don't offer what it would refuse.

pub mod draft;
pub mod explain;

mod differences;
pub mod findings;
mod replay;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use maud::{Markup, html};
use passerelle_policy::{Finding, Policy};

use self::differences::Differences;
use super::call::{Answer, Failure, StaffCall};
use super::page;
use super::route::DECIDES;
use super::trouble::told;
use crate::policy_store::{Version, VersionState, aside};
use crate::verbs::{VerbError, policy};

/// In bytes: a longer text is neither shown whole nor edited on a page.
pub const PAGE_TEXT_LIMIT: usize = 1024 * 1024;

pub async fn show(call: StaffCall) -> Answer {
    let current = call.gateway.policies.current();
    let text = call.gateway.policies.text(current.version).await?;
    let history = call.gateway.policies.history().await?;
    let waiting: Vec<_> = history.iter().filter(|version| version.state == VersionState::Proposed).collect();
    let body = html! {
        (ways(&call))
        @if !waiting.is_empty() {
            h2 { (call.say("policy-waiting")) }
            (versions(&call, &call.say("policy-waiting"), waiting))
        }
        h2 { (call.say_with("policy-in-force", &[("version", current.version.into())])) }
        (rules::policy(&call, &current.policy))
        (source(&call, &text))
    };
    call.page("policy-title", body)
}

pub async fn history(call: StaffCall) -> Answer {
    let history = call.gateway.policies.history().await?;
    let body = html! {
        (ways(&call))
        (versions(&call, &call.say("policy-history"), history.iter()))
    };
    call.page("policy-history", body)
}

pub async fn version(call: StaffCall) -> Answer {
    let version = asked(&call).await?;
    let body = described(&call, &version).await?;
    let title = call.say_with("policy-version-title", &[("version", version.version.into())]);
    call.titled(&title, body)
}

pub async fn sign(call: StaffCall) -> Answer {
    let version = asked(&call).await?;
    let signed = async {
        let staff = call.confirm().await?;
        policy::sign_by(&call.gateway, version.version, &staff).await
    };
    match signed.await {
        Ok(signed) if signed.state == VersionState::Published => {
            call.done("/policy", "done-policy-published")
        }
        Ok(_) => call.done(&call.path.replace("/sign", ""), "done-policy-signed"),
        Err(error) => again(&call, &version, error).await,
    }
}

/// Back to an older version: its text is proposed again, and signed like any other.
pub async fn propose_again(call: StaffCall) -> Answer {
    let version = asked(&call).await?;
    let comment = call.say_with("policy-again-comment", &[("version", version.version.into())]);
    let proposed = async {
        let staff = call.confirm().await?;
        let text = call.gateway.policies.text(version.version).await?;
        policy::propose_by(&call.gateway, text, &comment, &staff).await
    };
    match proposed.await {
        Ok(proposed) => proposed_now(&call, &proposed),
        Err(error) => again(&call, &version, error).await,
    }
}

pub async fn ask_refusal(call: StaffCall) -> Answer {
    call.page("policy-refuse", refusal_form(&call))
}

pub async fn refuse(call: StaffCall) -> Answer {
    let refused = async {
        let staff = call.confirm().await?;
        policy::refuse_by(&call.gateway, call.field("host"), &staff).await
    };
    match refused.await {
        Ok(_) => call.done("/policy", "done-policy-refused"),
        Err(error) => call.wrong("policy-refuse", &told(&call, error)?, refusal_form(&call)),
    }
}

/// After a proposal: to its page, or to the policy where one signature was enough.
fn proposed_now(call: &StaffCall, version: &Version) -> Answer {
    match version.state {
        VersionState::Published => call.done("/policy", "done-policy-published"),
        _ => call.done(&path(version.version), "done-policy-proposed"),
    }
}

async fn again(call: &StaffCall, version: &Version, error: VerbError) -> Answer {
    call.wrong("policy-version", &told(call, error)?, described(call, version).await?)
}

/// The version that the path names.
async fn asked(call: &StaffCall) -> Result<Version, Failure> {
    let number = call.parameter("version").parse().map_err(|_| Failure::NotFound)?;
    call.gateway.policies.show(Some(number)).await.map_err(|_| Failure::NotFound)
}

fn path(version: u64) -> String {
    format!("/policy/versions/{version}")
}

/// What leads on from here.
fn ways(call: &StaffCall) -> Markup {
    let ways = [
        ("/policy/draft", "policy-draft", "button"),
        ("/policy/explain", "policy-explain", "button second"),
        ("/policy/history", "policy-history", "button second"),
        ("/policy/refuse", "policy-refuse", "button danger"),
    ];
    html! {
        p.row {
            @for (path, key, class) in ways.into_iter().filter(|(path, ..)| call.may(&http::Method::GET, path)) {
                a class=(class) href=(path) { (call.say(key)) }
            }
        }
    }
}

fn versions<'a>(call: &StaffCall, caption: &str, versions: impl IntoIterator<Item = &'a Version>) -> Markup {
    let columns = ["policy-version", "policy-state", "policy-when", "policy-by", "policy-comment"];
    let columns = columns.map(|key| call.say(key));
    html! {
        (page::table(caption, &columns, html! {
            @for version in versions { tr {
                td { a href=(path(version.version)) { (version.version) } }
                td { (state(call, version.state)) }
                td { (call.time(version.published_at.unwrap_or(version.proposed_at))) }
                td { (signers(version)) }
                td.wide { (version.comment) }
            } }
        }))
    }
}

fn signers(version: &Version) -> String {
    version.signatures.iter().map(|signature| signature.by.as_str()).collect::<Vec<_>>().join(", ")
}

fn state(call: &StaffCall, state: VersionState) -> Markup {
    let (class, key) = match state {
        VersionState::Proposed => ("tag warn", "policy-state-proposed"),
        VersionState::Published => ("tag good", "policy-state-published"),
        VersionState::Superseded => ("tag", "policy-state-superseded"),
    };
    html! { span class=(class) { (call.say(key)) } }
}

/// Everything whoever signs should have seen, and the way to sign or to go back.
async fn described(call: &StaffCall, version: &Version) -> Result<Markup, Failure> {
    let other = compared(call, version).await?;
    let texts = &call.gateway.policies;
    let text = texts.text(version.version).await?;
    let other_text = match &other {
        Some(other) => Some(texts.text(other.version).await?),
        None => None,
    };
    let Reading { text, findings, policy, against } = read(text, other_text).await?;
    let replayed = match (call.query("days"), &policy) {
        ("", _) | (_, None) => None,
        (days, Some(policy)) => Some(replay::shown(call, policy.clone(), days).await?),
    };
    Ok(html! {
        dl.facts {
            dt { (call.say("policy-state")) } dd { (state(call, version.state)) }
            dt { (call.say("policy-proposed")) } dd { (call.time(version.proposed_at)) " · " (version.proposer) }
            @if let Some(at) = version.published_at { dt { (call.say("policy-published")) } dd { (call.time(at)) } }
            dt { (call.say("policy-signatures")) }
            dd { (signers(version)) " (" (version.signatures.len()) "/" (version.signatures_needed) ")" }
            @if !version.comment.is_empty() { dt { (call.say("policy-comment")) } dd { (version.comment) } }
        }
        @if let (Some(other), Some(against)) = (&other, &against) {
            h2 { (call.say_with("policy-differences", &[("version", other.version.into())])) }
            (differences::shown(call, &against.differences))
        }
        (comparing(call, version, other.as_ref()))
        h2 { (call.say("policy-findings")) }
        (findings::compared(call, &text, &findings, against.as_ref().map_or(&[], |against| &against.findings)))
        h2 { (call.say("replay-title")) }
        (replay::form(call))
        @if let Some(replayed) = replayed { (replayed) }
        (act(call, version))
        h2 { (call.say("policy-rules")) }
        @if let Some(policy) = &policy { (rules::policy(call, policy)) }
        (source(call, &text))
    })
}

/// The version to compare with: what the query names, else what is in force, else what was published before.
async fn compared(call: &StaffCall, version: &Version) -> Result<Option<Version>, Failure> {
    let policies = &call.gateway.policies;
    if let Ok(number) = call.query("against").parse::<u64>() {
        return policies.show(Some(number)).await.map(Some).map_err(|_| Failure::NotFound);
    }
    if version.state == VersionState::Proposed {
        return Ok(policies.show(None).await.ok());
    }
    let history = policies.history().await?;
    Ok(history.into_iter().find(|other| other.published_at.is_some() && other.version < version.version))
}

/// The choice of another version to compare with.
fn comparing(call: &StaffCall, version: &Version, other: Option<&Version>) -> Markup {
    let current = call.gateway.policies.current().version;
    let shown = other.map_or(current, |other| other.version);
    html! {
        form.row method="get" action=(path(version.version)) {
            div.field {
                label for="against" { (call.say("policy-against")) }
                input id="against" name="against" inputmode="numeric" value=(shown) autocomplete="off" size="6";
            }
            div.field { button.second { (call.say("policy-compare")) } }
        }
    }
}

/// Signing a proposal, or going back to an older version.
fn act(call: &StaffCall, version: &Version) -> Markup {
    let has_signed = version.signatures.iter().any(|signature| signature.by == call.staff.login);
    let form = |verb: &str, words: &str, button: &str| {
        html! {
            section.card {
                form method="post" action=(format!("{}/{verb}", path(version.version))) {
                    (call.token())
                    p { (words) }
                    (page::password(call))
                    button { (button) }
                }
            }
        }
    };
    html! {
        @match version.state {
            _ if !DECIDES.contains(&call.role()) => {}
            VersionState::Proposed if has_signed => { p.notice { (call.say("policy-another-signs")) } }
            VersionState::Proposed => (form("sign", &call.say("policy-sign-help"), &call.say("policy-sign"))),
            VersionState::Superseded => (form("again", &call.say("policy-again-help"), &call.say("policy-again"))),
            VersionState::Published => {}
        }
    }
}

fn refusal_form(call: &StaffCall) -> Markup {
    html! {
        div.narrow {
            p { (call.say("policy-refuse-help")) }
            form method="post" action="/policy/refuse" {
                (call.token())
                div.field {
                    label for="host" { (call.say("policy-host")) }
                    p.hint id="host-hint" { (call.say("policy-host-hint")) }
                    input id="host" name="host" value=(call.field("host")) autocomplete="off" autocapitalize="none"
                        spellcheck="false" aria-describedby="host-hint" required;
                }
                (page::password(call))
                button.danger { (call.say("policy-refuse-now")) }
            }
        }
    }
}

fn source(call: &StaffCall, text: &str) -> Markup {
    let shown = &text[..text.floor_char_boundary(PAGE_TEXT_LIMIT)];
    html! {
        details {
            summary { (call.say("policy-text")) }
            pre tabindex="0" { (shown) }
            @if shown.len() < text.len() { p.hint { (call.say("policy-text-cut")) } }
        }
    }
}

/// A text as pages tell of it.
pub struct Reading {
    pub text: String,
    pub findings: Vec<Finding>,
    /// Nothing of a text with mistakes.
    pub policy: Option<Arc<Policy>>,
    pub against: Option<Against>,
}

/// Another text, and what the first one changes in it.
pub struct Against {
    pub findings: Vec<Finding>,
    pub differences: Differences,
}

/// Reads a text, and another one to compare it with, off the async threads: either may have a million hosts.
pub async fn read(text: String, against: Option<String>) -> Result<Reading, Failure> {
    let read = aside(move || {
        let against = against.map(|against| Against {
            findings: Policy::parse(&against).map_or_else(|findings| findings, |checked| checked.warnings),
            differences: Differences::between(&against, &text),
        });
        let (policy, findings) = match Policy::parse(&text) {
            Ok(checked) => (Some(Arc::new(checked.policy)), checked.warnings),
            Err(findings) => (None, findings),
        };
        Reading { text, findings, policy, against }
    });
    Ok(read.await?)
}

/// [`read`], against the policy in force; beside it that version's number.
pub async fn read_against_published(call: &StaffCall, text: String) -> Result<(Reading, u64), Failure> {
    let published = call.gateway.policies.current().version;
    let in_force = call.gateway.policies.text(published).await?;
    Ok((read(text, Some(in_force)).await?, published))
}
