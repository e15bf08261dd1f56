//! What the policy does with one request, and why: the walk itself, as `policy explain` prints it.

use maud::{Markup, html};
use passerelle_policy::{Decision, Explanation, Methods, Reason, Step, Text};

use super::findings::words;
use crate::console::call::{Answer, Failure, StaffCall};
use crate::console::page;
use crate::console::reading::{given, local_time};
use crate::console::trouble::told;
use crate::policy_store::VersionState;
use crate::text::Language;
use crate::verbs::policy::{Explain, Explained, explanation};

/// What browsers fetch (Fetch, `Sec-Fetch-Dest`), and the handshake that has none.
const DESTINATIONS: [&str; 9] =
    ["document", "script", "style", "image", "font", "iframe", "empty", "worker", "websocket"];

/// The form, and below it the answer once an address was asked for.
pub async fn explain(call: StaffCall) -> Answer {
    let versions = waiting(&call).await?;
    let form = || form(&call, &versions);
    if call.query("url").is_empty() {
        return call.page("policy-explain", form());
    }
    let question = match question(&call).await {
        Ok(question) => question,
        Err(key) => return call.wrong("policy-explain", &call.say(key), form()),
    };
    if let Some(person) = &question.person {
        // Groups, grants and minutes of one person stand behind the answer.
        let person = match call.person(person).await {
            Ok(person) => person,
            Err(Failure::NotFound) => {
                return call.wrong("policy-explain", &call.say("person-unknown"), form());
            }
            Err(failure) => return Err(failure),
        };
        call.looked(Some(&person.id), "policy explain").await?;
    }
    match explanation(&call.gateway, question).await {
        Ok(explained) => call.page("policy-explain", html! { (form()) (answer(&call, &explained)) }),
        Err(error) => call.wrong("policy-explain", &told(&call, error)?, form()),
    }
}

/// The question of the form, or the key of what is wrong with it.
async fn question(call: &StaffCall) -> Result<Explain, &'static str> {
    let some = |name: &str| given(call.query(name));
    let at = match call.query("at") {
        "" => None,
        at => Some(local_time(at, &call.zone()).ok_or("explain-bad-time")?),
    };
    let policy = match call.query("version").parse() {
        Ok(version) => {
            let found = call.gateway.policies.text(version).await;
            Some(found.map_err(|_| "explain-bad-version")?)
        }
        Err(_) => None,
    };
    let groups = call.query("groups").split([',', ' ']).filter(|group| !group.is_empty());
    Ok(Explain {
        policy,
        url: call.query("url").to_owned(),
        method: some("method").unwrap_or_else(|| "GET".into()),
        person: some("person"),
        groups: groups.map(str::to_owned).collect(),
        at,
        destination: some("destination").unwrap_or_else(|| "document".into()),
        from_page: some("page"),
        english: call.language == Language::English,
    })
}

/// Numbers of the versions that wait for a signature.
async fn waiting(call: &StaffCall) -> Result<Vec<u64>, Failure> {
    let history = call.gateway.policies.history().await?.into_iter();
    let waiting = history.filter(|version| version.state == VersionState::Proposed);
    Ok(waiting.map(|version| version.version).collect())
}

fn form(call: &StaffCall, versions: &[u64]) -> Markup {
    let input = |key: &str, name: &str| page::input(&call.say(key), name, call.query(name));
    let methods = Methods::KNOWN.map(|method| (method, method.to_owned()));
    let destinations = DESTINATIONS.map(|name| (name, call.say(&format!("destination-{name}"))));
    let numbers: Vec<_> = versions.iter().map(ToString::to_string).collect();
    let mut policies = vec![("", call.say("explain-in-force"))];
    policies.extend(numbers.iter().map(|number| {
        (number.as_str(), call.say_with("policy-version-title", &[("version", number.as_str().into())]))
    }));
    html! {
        form.card method="get" action="/policy/explain" {
            div.field {
                label for="url" { (call.say("explain-url")) }
                input id="url" name="url" value=(call.query("url")) placeholder="https://" autocomplete="off"
                    autocapitalize="none" spellcheck="false" required;
            }
            div.filters {
                (page::choice(&call.say("explain-method"), "method", call.query("method"), &methods))
                (page::choice(&call.say("explain-destination"), "destination", call.query("destination"), &destinations))
                (input("explain-page", "page"))
                (input("explain-person", "person"))
                (input("explain-groups", "groups"))
                div.field {
                    label for="at" { (call.say("explain-at")) }
                    input id="at" name="at" type="datetime-local" value=(call.query("at"));
                }
                (page::choice(&call.say("explain-policy"), "version", call.query("version"), &policies))
            }
            button { (call.say("explain-ask")) }
        }
    }
}

fn answer(call: &StaffCall, explained: &Explained) -> Markup {
    let explanation = match explained {
        Explained::Judged(explanation) => explanation,
        Explained::Unread(error) => {
            let why = Text { fr: error.french(), en: error.to_string() };
            return html! {
                (verdict(call, Some(error.reason())))
                p { (words(call.language, &why)) }
            };
        }
    };
    let Explanation { decision, target, trace, nearest } = &**explanation;
    html! {
        h2 { (call.say("explain-answer")) }
        (verdict(call, decision.reason))
        dl.facts {
            dt { (call.say("explain-target")) } dd { code { (target) } }
            (named(call, decision))
        }
        h3 { (call.say("explain-walk")) }
        @if trace.is_empty() { (page::empty(&call.say("explain-no-rule"))) } @else { (steps(call, "explain-walk", trace)) }
        @if !nearest.is_empty() {
            h3 { (call.say("explain-nearest")) }
            (steps(call, "explain-nearest", nearest))
        }
    }
}

/// Allowed, or refused with what the person would be told.
fn verdict(call: &StaffCall, reason: Option<Reason>) -> Markup {
    html! {
        @match reason {
            None => p { span.tag.good { (call.say("explain-allowed")) } },
            Some(reason) => {
                p { span.tag.bad { (call.say("explain-refused")) } " " code { (reason) } }
                p { (call.say("explain-told")) " " q { (call.say(&format!("refusal-{reason}"))) } }
            }
        }
    }
}

fn named(call: &StaffCall, decision: &Decision) -> Markup {
    html! {
        @if let Some(service) = &decision.service { dt { (call.say("explain-service")) } dd { (service) } }
        @if let Some(rule) = &decision.rule { dt { (call.say("explain-rule")) } dd { code { (rule) } } }
    }
}

fn steps(call: &StaffCall, title: &str, steps: &[Step]) -> Markup {
    let columns =
        ["explain-rule", "explain-reason", "explain-says", "explain-passed"].map(|key| call.say(key));
    page::table(
        &call.say(title),
        &columns,
        html! {
            @for step in steps {
                tr {
                    td { @if let Some(rule) = &step.rule { code { (rule) } } }
                    td { @match step.reason { Some(reason) => code { (reason) }, None => span.tag.good { (call.say("explain-allowed")) } } }
                    td.wide { (words(call.language, &step.text)) }
                    td.wide { (step.passed.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ")) }
                }
            }
        },
    )
}
