//! The first page: how things stand. And the choice of language.

use std::collections::HashSet;

use http::Method;
use maud::{Markup, html};

use super::call::{Answer, Call, Failure, StaffCall, see_other};
use super::guard::with_language;
use crate::text::Language;

pub async fn show(call: StaffCall) -> Answer {
    let health = call.gateway.journal.health();
    let live = call.gateway.sessions.live().len();
    let policy = call.gateway.policies.current().version;
    let waiting = waiting(&call).await?;
    let journal = if health.failure.is_none() { "home-writable" } else { "home-broken" };
    let left = call.gateway.second_factors.recovery_codes_left(&call.staff.login).await?;
    let body = html! {
        dl.figures {
            @if let Some(waiting) = waiting {
                div { dt { (call.say("home-requests")) } dd { a href="/requests" { (waiting) } } }
            }
            (figure(&call, "/records", "home-live", "/sessions", &live.to_string()))
            (figure(&call, "/policy", "home-policy", "/policy", &policy.to_string()))
            (figure(&call, "/records", "home-records", "/records", &health.records.to_string()))
            (figure(&call, "/journal", "home-journal", "/journal", &call.say(journal)))
        }
        p.hint { (call.say_with("home-recovery", &[("count", left.into())])) }
    };
    call.page("home-title", body)
}

/// A figure that leads to its page, for whom `asked` serves: the others have people of their own and no need of all.
fn figure(call: &StaffCall, asked: &str, key: &str, path: &str, value: &str) -> Markup {
    html! {
        @if call.may(&Method::GET, asked) {
            div { dt { (call.say(key)) } dd { a href=(path) { (value) } } }
        }
    }
}

/// How many requests wait for an answer, of the people this member of staff sees; nothing where requests are not for them.
async fn waiting(call: &StaffCall) -> Result<Option<usize>, Failure> {
    if !call.may(&Method::GET, "/requests") {
        return Ok(None);
    }
    let people = call.gateway.people.list().await?;
    let seen: HashSet<_> =
        people.iter().filter(|person| call.may_see(person)).map(|person| &person.id).collect();
    let waiting = call.gateway.requests.all(true).await?;
    Ok(Some(waiting.iter().filter(|asked| seen.contains(&asked.person)).count()))
}

pub async fn language(call: Call) -> Answer {
    let code = call.field("language");
    let language = Language::ALL.into_iter().find(|language| language.code() == code).unwrap_or_default();
    Ok(with_language(see_other(back(call.field("back"))), language))
}

/// A path of ours and nothing else: `//host` and `/\host` would lead away.
fn back(path: &str) -> &str {
    let is_ours = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    if is_ours { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::back;

    #[test]
    fn nobody_is_sent_away() {
        for (given, expected) in [
            ("/sessions", "/sessions"),
            ("//evil.test", "/"),
            ("/\\evil.test", "/"),
            ("https://evil.test", "/"),
            ("", "/"),
            ("/a\r\nset-cookie: x", "/"),
        ] {
            assert_eq!(back(given), expected, "{given:?}");
        }
    }
}
