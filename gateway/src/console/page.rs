//! What all pages share: the frame, the menu, small pieces of forms and tables.

use axum::response::{Html, IntoResponse, Response};
use http::Method;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::call::{Call, Failure, StaffCall};
use super::route;
use super::session::Stage;
use crate::text::{Language, text};

/// The menu, in the order of use; who may not open a page doesn't see it.
const MENU: &[(&str, &str)] = &[
    ("/", "menu-home"),
    ("/sessions", "menu-sessions"),
    ("/requests", "menu-requests"),
    ("/people", "menu-people"),
    ("/policy", "menu-policy"),
    ("/learning", "menu-learning"),
    ("/catalogue", "menu-catalogue"),
    ("/records", "menu-records"),
    ("/journal", "menu-journal"),
    ("/terminals", "menu-terminals"),
    ("/staff", "menu-staff"),
    ("/access", "menu-access"),
];

/// Where access is stopped and resumed.
const STOP_PAGE: &str = "/access";

/// A page of whoever is signed in.
pub fn signed_in(call: &StaffCall, title: &str, body: Markup) -> Response {
    let done = call.query("done");
    let menu = html! {
        nav aria-label=(call.say("menu-label")) {
            ul {
                @for (path, key) in MENU.iter().filter(|(path, _)| route::allows(&Method::GET, path, call.role())) {
                    li { a href=(path) aria-current=[is_current(&call.path, path).then_some("page")] { (call.say(key)) } }
                }
            }
        }
    };
    let who = html! {
        p.who {
            strong { (call.staff.login) } " · " (call.say(&format!("role-{}", call.role().word())))
        }
        (language_form(call.language, &call.path))
        form method="post" action="/sign-out" { (call.token()) button.quiet { (call.say("sign-out")) } }
    };
    let body = html! {
        (stop_bar(call))
        @if done.starts_with("done-") && done.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
            p.notice role="status" { (call.say(done)) }
        }
        h1 { (title) }
        (body)
    };
    let foot = html! {
        @if let Stage::SignedIn(last) = &call.session.stage {
            p {
                @match last {
                    Some(last) => { (call.say("last-sign-in")) " " (call.time(last.at)) " · " (last.address) }
                    None => { (call.say("first-sign-in")) }
                }
                " · " (call.say("now-from")) " " (call.from)
            }
        }
    };
    frame(call.language, title, menu, who, body, foot)
}

/// A page of the sign-in.
pub fn signing_in(call: &Call, title: &str, body: Markup) -> Response {
    let body = html! { div.narrow { h1 { (title) } (body) } };
    frame(call.language, title, html! {}, language_form(call.language, &call.path), body, html! {})
}

/// The page that says why there is none. What the store or the disk said is for the log: anybody may read this page.
pub fn failure(language: Language, failure: &Failure) -> Response {
    let title = text(language, failure.key());
    let body = html! {
        div.narrow {
            h1 { (title) }
            p { (text(language, &format!("{}-help", failure.key()))) }
            @if let Failure::Refused(why) = failure { p.why { (why) } }
            p { a href="/" { (text(language, "back-home")) } }
        }
    };
    frame(language, &title, html! {}, html! {}, body, html! {})
}

fn frame(language: Language, title: &str, menu: Markup, who: Markup, body: Markup, foot: Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Passerelle" }
                link rel="stylesheet" href="/assets/console.css";
                link rel="icon" href="data:,";
            }
            body {
                a.skip href="#main" { (text(language, "skip")) }
                header {
                    div.top { a.brand href="/" { "Passerelle" } div.session { (who) } }
                    (menu)
                }
                main id="main" tabindex="-1" { (body) }
                footer { (foot) }
            }
        }
    };
    Html(page.into_string()).into_response()
}

fn is_current(path: &str, item: &str) -> bool {
    // Pages whose address would be one of a person or an item stand beside their family.
    let path = match path.split('/').nth(1) {
        Some("add-person") => "/people",
        Some("add-item") => "/catalogue",
        _ => path,
    };
    path == item || (item != "/" && path.strip_prefix(item).is_some_and(|rest| rest.starts_with('/')))
}

/// What is stopped, on every page; and the way to stop, for those who may.
fn stop_bar(call: &StaffCall) -> Markup {
    let stops = call.gateway.access_stop.subscribe().borrow().clone();
    let groups = stops.groups.iter().map(|group| group.as_str()).collect::<Vec<_>>().join(", ");
    let may = route::allows(&Method::GET, STOP_PAGE, call.role());
    html! {
        @if stops.all || !groups.is_empty() {
            div.stopped role="status" {
                p {
                    @if stops.all { (call.say("stopped-all")) }
                    @else { (call.say_with("stopped-groups", &[("groups", groups.as_str().into())])) }
                }
                @if may { a.button href=(STOP_PAGE) { (call.say("resume-access")) } }
            }
        } @else if may {
            p.stop { a.button.danger href=(STOP_PAGE) { (call.say("stop-access")) } }
        }
    }
}

fn language_form(language: Language, path: &str) -> Markup {
    let (other, name) = match language {
        Language::French => (Language::English, "English"),
        Language::English => (Language::French, "Français"),
    };
    html! {
        form method="post" action="/language" {
            input type="hidden" name="back" value=(path);
            button.quiet name="language" value=(other.code()) lang=(other.code()) { (name) }
        }
    }
}

/// Something went wrong with what was typed.
pub fn alert(words: &str) -> Markup {
    html! { p.alert role="alert" { (words) } }
}

/// Nothing to show, in a sentence.
pub fn empty(words: &str) -> Markup {
    html! { p.empty { (words) } }
}

/// A labelled line of text; `attributes` as maud writes them stay with the caller where more is needed.
pub fn input(label: &str, name: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) autocomplete="off";
        }
    }
}

/// A labelled choice: values with their words.
pub fn choice(label: &str, name: &str, chosen: &str, options: &[(&str, String)]) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (value, words) in options {
                    option value=(value) selected[*value == chosen] { (words) }
                }
            }
        }
    }
}

/// The password once more, for what an unattended desk must not do.
pub fn password(call: &Call) -> Markup {
    password_as(call, "password")
}

/// The same where a page has several: ids differ.
pub fn password_as(call: &Call, id: &str) -> Markup {
    let hint = format!("{id}-hint");
    html! {
        div.field {
            label for=(id) { (call.say("confirm-password")) }
            p.hint id=(hint) { (call.say("confirm-password-hint")) }
            input id=(id) name="password" type="password" autocomplete="current-password" aria-describedby=(hint);
        }
    }
}

/// Columns, and rows as `tr`. Where the screen is narrow each row is a block of lines, each with the words of its column.
pub fn table(caption: &str, columns: &[String], rows: Markup) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { (labelled(&rows.into_string(), columns)) }
            }
        }
    }
}

/// Gives each cell the words of its column, for the style of narrow screens. In what maud wrote `<td` and `<tr` are tags and nothing
/// else: text has its `<` escaped.
fn labelled(rows: &str, columns: &[String]) -> Markup {
    let mut labelled = String::with_capacity(rows.len() * 2);
    for row in rows.split_inclusive("<tr") {
        for (number, piece) in row.split("<td").enumerate() {
            if let Some(column) = number.checked_sub(1) {
                let label = columns.get(column).map_or("", String::as_str);
                labelled.push_str("<td data-label=\"");
                labelled.push_str(&html! { (label) }.into_string());
                labelled.push('"');
            }
            labelled.push_str(piece);
        }
    }
    PreEscaped(labelled)
}

/// A secret that is shown this once and never again; `back` is where to go when it is noted.
pub fn once(call: &Call, help: &str, secret: &str, back: &str) -> Markup {
    html! {
        div.card {
            p { (call.say(help)) }
            p { code.secret { (secret) } }
            p.hint { (call.say("shown-once")) }
            p { a.button href=(back) { (call.say("noted")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_bear_the_words_of_their_columns() {
        let rows = html! { tr { td { "<td>" } td.wide {} } tr { td { "b" } } };
        let expected = "<tr><td data-label=\"A &amp; &quot;\">&lt;td&gt;</td><td data-label=\"B\" class=\"wide\"></td></tr>\
            <tr><td data-label=\"A &amp; &quot;\">b</td></tr>";
        assert_eq!(labelled(&rows.into_string(), &["A & \"".into(), "B".into()]).into_string(), expected);
    }
}
