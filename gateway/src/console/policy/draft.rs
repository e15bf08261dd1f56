//! Where a proposal is written: checked, tried on past days, compared, proposed. Whatever is wrong, the text stays in the form.

use maud::{Markup, html};
use passerelle_policy::Policy;

use super::{PAGE_TEXT_LIMIT, Reading, differences, findings, proposed_now, read_against_published, replay};
use crate::console::call::{Answer, StaffCall};
use crate::console::page;
use crate::console::trouble::told;
use crate::verbs::policy;

/// The text in force, or of the version that the query `from` names, ready to be changed.
pub async fn ask(call: StaffCall) -> Answer {
    let policies = &call.gateway.policies;
    let text = match call.query("from").parse() {
        Ok(from) => policies.text(from).await.ok(),
        Err(_) => None,
    };
    let text = match text {
        Some(text) => text,
        None => policies.text(policies.current().version).await?,
    };
    call.page("policy-draft", form(&call, &text))
}

/// One form, three buttons.
pub async fn answer(call: StaffCall) -> Answer {
    let text = typed(&call);
    match call.field("do") {
        "propose" => propose(call, text).await,
        "preview" => {
            let replayed = replay::of_text(&call, &text).await?;
            call.page("policy-draft", html! { (replayed) (form(&call, &text)) })
        }
        _ => check(&call, text).await,
    }
}

async fn check(call: &StaffCall, text: String) -> Answer {
    let (Reading { text, findings, policy, against }, published) = read_against_published(call, text).await?;
    if policy.is_none() {
        let listed = findings::listed(call, &text, &findings.iter().collect::<Vec<_>>());
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        let words = call.say_with("draft-mistakes", &[("count", errors.into())]);
        return call.wrong("policy-draft", &words, html! { (listed) (form(call, &text)) });
    }
    let body = html! {
        p.notice role="status" { (call.say("draft-good")) }
        @if let Some(against) = &against {
            h2 { (call.say_with("policy-differences", &[("version", published.into())])) }
            (differences::shown(call, &against.differences))
            h2 { (call.say("policy-findings")) }
            (findings::compared(call, &text, &findings, &against.findings))
        }
        (form(call, &text))
    };
    call.page("policy-draft", body)
}

async fn propose(call: StaffCall, text: String) -> Answer {
    // Its mistakes first: nobody types a password for a text that can't be proposed.
    if Policy::parse_again(&text).is_err() {
        return check(&call, text).await;
    }
    let proposed = async {
        let staff = call.confirm().await?;
        policy::propose_by(&call.gateway, text.clone(), call.field("comment"), &staff).await
    };
    match proposed.await {
        Ok(version) => proposed_now(&call, &version),
        Err(error) => call.wrong("policy-draft", &told(&call, error)?, form(&call, &text)),
    }
}

/// Forms send lines ended by CR LF (WHATWG, form submission): a policy's lines end as in a file.
fn typed(call: &StaffCall) -> String {
    call.form.get_raw("text").replace("\r\n", "\n")
}

/// The text with its buttons; a draft made elsewhere goes on from here.
pub fn form(call: &StaffCall, text: &str) -> Markup {
    if text.len() > PAGE_TEXT_LIMIT {
        return html! { p.notice { (call.say("draft-too-long")) } };
    }
    html! {
        form method="post" action="/policy/draft" {
            (call.token())
            div.field {
                label for="text" { (call.say("draft-text")) }
                // Browsers drop one line end after the tag: it is ours, not the text's.
                textarea.code id="text" name="text" spellcheck="false" autocapitalize="none" wrap="off" { "\n" (text) }
            }
            div.row {
                div.field { button.second name="do" value="check" { (call.say("draft-check")) } }
                (replay::days(call))
                div.field { button.second name="do" value="preview" { (call.say("replay")) } }
            }
            fieldset {
                legend { (call.say("draft-propose-legend")) }
                p.hint { (call.say("draft-propose-help")) }
                (page::input(&call.say("policy-comment"), "comment", call.field("comment")))
                (page::password(call))
                button name="do" value="propose" { (call.say("draft-propose")) }
            }
        }
    }
}
