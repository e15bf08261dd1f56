//! Learning a step: recording runs of staff's test persons, and the draft that comes of each.
//!
//! Invariants: a run opens hosts, so whoever begins one gives their password again; a draft is in the answer to its stop and kept
//! nowhere, and goes on from there as the text of a proposal ([`draft`]), which is checked and signed like any other.

use maud::{Markup, html};
use passerelle_audit::Kind;
use passerelle_policy::Reason;

use super::call::{Answer, Failure, StaffCall};
use super::page;
use super::policy::{Reading, draft, findings, read_against_published};
use super::sessions::reason_words;
use super::trouble::told;
use crate::identifier::PersonId;
use crate::learning::{self, HOSTS_LIMIT, LONGEST_MINUTES, Learnt, Run, TEST_GROUP};
use crate::verbs::VerbError;
use crate::verbs::learn::Learn;

/// Requests that a draft would still refuse, shown at once; more of them are more of the same.
const STILL_REFUSED_LIMIT: usize = 100;

pub async fn list(call: StaffCall) -> Answer {
    let body = body(&call);
    call.page("learning-title", body)
}

pub async fn start(call: StaffCall) -> Answer {
    let started = async {
        let staff = call.confirm().await?;
        Ok::<_, VerbError>(learning::start(&call.gateway, typed(&call).read(staff.login)?, call.now).await?)
    };
    match started.await {
        Ok(_) => call.done("/learning", "done-learning-started"),
        Err(VerbError::Url(host, _)) => {
            let words = call.say_with("learning-host-wrong", &[("host", host.into())]);
            call.wrong("learning-title", &words, body(&call))
        }
        Err(error) => call.wrong("learning-title", &told(&call, error)?, body(&call)),
    }
}

/// Ends the run; the answer is the only place where its draft is.
pub async fn stop(call: StaffCall) -> Answer {
    let person = PersonId::parse(call.parameter("person")).map_err(|_| Failure::NotFound)?;
    match learning::stop(&call.gateway, &person, &call.staff.login, call.now).await {
        Ok(learnt) => {
            let (read, _) = read_against_published(&call, learnt.policy.clone()).await?;
            let body = drafted(&call, &learnt, &read);
            call.page("learning-draft", body)
        }
        Err(error) => call.wrong("learning-title", &told(&call, error.into())?, body(&call)),
    }
}

fn typed(call: &StaffCall) -> Learn {
    let hosts = call.form.get_raw("hosts").lines().map(str::trim).filter(|host| !host.is_empty());
    let field = |name| call.field(name).to_owned();
    Learn {
        person: field("person"),
        hosts: hosts.map(str::to_owned).collect(),
        // What is no number is no number of minutes either: the domain says how many there may be.
        minutes: call.field("minutes").parse().unwrap_or(0),
        service: field("service"),
        name: field("name"),
        category: field("category"),
    }
}

fn body(call: &StaffCall) -> Markup {
    let runs = call.gateway.learning.runs();
    html! {
        p { (call.say_with("learning-help", &[("most", LONGEST_MINUTES.into())])) }
        @if runs.is_empty() { (page::empty(&call.say("learning-none"))) } @else { (table(call, &runs)) }
        (form(call))
    }
}

fn table(call: &StaffCall, runs: &[Run]) -> Markup {
    let columns = [
        "learning-step",
        "learning-person",
        "learning-open",
        "learning-until",
        "learning-passed",
        "learning-refused",
        "actions",
    ];
    page::table(
        &call.say_with("learning-count", &[("count", runs.len().into())]),
        &columns.map(|key| call.say(key)),
        html! {
            @for run in runs { tr {
                td.wide { (run.step.name) " " span.soft { (run.step.id) } }
                td { (run.person) " · " (run.by) }
                td.wide { @for host in &run.hosts { code { (host.to_string()) } " " } }
                td {
                    (call.time(run.ends_at))
                    @if run.ends_at <= call.now { " " span.tag.warn { (call.say("learning-over")) } }
                }
                td.number { (run.passed) }
                td.number { (run.refused) }
                td {
                    form method="post" action={ "/learning/" (run.person) "/stop" } {
                        (call.token())
                        button { (call.say("learning-stop")) }
                    }
                }
            } }
        },
    )
}

fn form(call: &StaffCall) -> Markup {
    let categories = [
        ("administrative", call.say("learning-administrative")),
        ("training", call.say("learning-training")),
    ];
    let minutes = match call.field("minutes") {
        "" => "30",
        typed => typed,
    };
    html! {
        form.card method="post" action="/learning" {
            h2 { (call.say("learning-start")) }
            (call.token())
            (input(call, "person", call.field("person"), "learning-person-hint"))
            div.field {
                label for="hosts" { (call.say("learning-hosts")) }
                p.hint id="hosts-hint" { (call.say_with("learning-hosts-hint", &[("most", HOSTS_LIMIT.into())])) }
                textarea id="hosts" name="hosts" spellcheck="false" autocapitalize="none" aria-describedby="hosts-hint" required {
                    "\n" (call.form.get_raw("hosts"))
                }
            }
            (page::input(&call.say_with("learning-minutes", &[("most", LONGEST_MINUTES.into())]), "minutes", minutes))
            (input(call, "service", call.field("service"), "learning-service-hint"))
            (page::input(&call.say("learning-name"), "name", call.field("name")))
            (page::choice(&call.say("learning-category"), "category", call.field("category"), &categories))
            (page::password(call))
            button { (call.say("learning-start")) }
        }
    }
}

/// A line with the hint below its label.
fn input(call: &StaffCall, name: &str, value: &str, hint: &str) -> Markup {
    let id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (call.say(&format!("learning-{name}"))) }
            p.hint id=(id) { (call.say_with(hint, &[("group", TEST_GROUP.into())])) }
            input id=(name) name=(name) value=(value) aria-describedby=(id) autocomplete="off" autocapitalize="none"
                spellcheck="false" required;
        }
    }
}

/// Everything whoever proposes it should have seen, then the form of a proposal.
fn drafted(call: &StaffCall, learnt: &Learnt, read: &Reading) -> Markup {
    let known = read.against.as_ref().map_or(&[][..], |against| &against.findings);
    html! {
        p.notice role="status" { (call.say("learning-draft-help")) }
        @if learnt.unseen > 0 {
            p.alert role="alert" { (call.say_with("learning-unseen", &[("count", learnt.unseen.into())])) }
        }
        h2 { (call.say("learning-learnt")) }
        pre tabindex="0" { (learnt.draft.text.trim()) }
        h2 { (call.say("learning-left-out")) }
        @if learnt.draft.left_out.is_empty() { (page::empty(&call.say("learning-left-out-none"))) }
        @else { (left_out(call, learnt)) }
        h2 { (call.say("learning-still-refused")) }
        @if learnt.still_refused.is_empty() { (page::empty(&call.say("learning-still-refused-none"))) }
        @else { (still_refused(call, learnt)) }
        h2 { (call.say("policy-findings")) }
        (findings::compared(call, &learnt.policy, &learnt.findings, known))
        h2 { (call.say("policy-draft")) }
        (draft::form(call, &learnt.policy))
    }
}

fn left_out(call: &StaffCall, learnt: &Learnt) -> Markup {
    let columns = ["learning-host", "learning-why", "learning-times", "learning-example"];
    page::table(
        &call.say("learning-left-out"),
        &columns.map(|key| call.say(key)),
        html! {
            @for left in &learnt.draft.left_out { tr {
                td.wide { (left.host) }
                td.wide { (why(call, left.reason)) }
                td.number { (left.count) }
                td.wide { code { (left.example) } }
            } }
        },
    )
}

fn still_refused(call: &StaffCall, learnt: &Learnt) -> Markup {
    let more = learnt.still_refused.len().saturating_sub(STILL_REFUSED_LIMIT);
    html! {
        (page::table(
            &call.say("learning-still-refused"),
            &["learning-request", "learning-why"].map(|key| call.say(key)),
            html! {
                @for (seen, reason) in learnt.still_refused.iter().take(STILL_REFUSED_LIMIT) { tr {
                    td.wide { code { (seen.method) " " (seen.url.without_query_values()) } }
                    td.wide { (why(call, *reason)) }
                } }
            },
        ))
        @if more > 0 { p.hint { (call.say_with("finding-more", &[("count", more.into())])) } }
    }
}

fn why(call: &StaffCall, reason: Reason) -> String {
    reason_words(call, Kind::Refused, reason.as_str())
}
