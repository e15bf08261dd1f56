//! Adding to the catalogue: a form with files, then a page that follows what becomes of them.
//!
//! The script `adding.js` shows how much was sent and keeps the page of an intake up to date; without it the browser's own bar and
//! a refresh do the same. An intake goes on whoever looks at it: leaving its page, or a session that ends, stops nothing.

use std::sync::Arc;

use maud::{Markup, html};
use passerelle_catalogue::shelf::Said;
use passerelle_catalogue::{IngestError, ShelfError};

use super::super::call::{Answer, Failure, Fields, StaffCall, see_other};
use super::super::page;
use super::super::sessions::size;
use super::upload::{Trouble, Upload};
use crate::catalogue::CatalogueError;
use crate::catalogue::intake::{ArrivalError, Arrived, FILES_LIMIT, Fate, Intake, Stage, free_bytes};
use crate::verbs::sentence;

/// Languages of a prison's books, each in its own words; a source mostly says its own.
const LANGUAGES: &[(&str, &str)] = &[
    ("fr", "français"),
    ("en", "English"),
    ("ar", "العربية"),
    ("es", "español"),
    ("pt", "português"),
    ("it", "italiano"),
    ("de", "Deutsch"),
    ("ro", "română"),
    ("sq", "shqip"),
    ("tr", "Türkçe"),
    ("uk", "українська"),
    ("ru", "русский"),
];
/// In characters: lists show it in one line.
const LONGEST_TITLE: usize = 200;
const LONGEST_LEVEL: usize = 40;
/// A ROME code is a letter and four digits.
const TRADE_FORM: &str = "[A-Na-n][0-9]{4}";
/// In seconds, where the script does not run.
const REFRESH: u32 = 3;

pub async fn ask(call: StaffCall) -> Answer {
    let body = form(&call);
    call.page("add-item-title", body)
}

/// Reads the files to disk and answers where their taking in is shown.
pub async fn add(mut call: StaffCall, mut upload: Upload) -> Answer {
    let gateway = call.gateway.clone();
    let (by, now, length) = (call.staff.login.clone(), call.now, upload.length);
    let begin = |texts: &Fields| {
        said(texts)?;
        let (limit, stop) = (gateway.config.limits.upload_bytes, gateway.stopping.child_token());
        Ok(gateway.intakes.begin(&gateway.catalogue, &by, length, limit, stop, now)?)
    };
    let mut texts = std::mem::take(&mut call.call.form);
    let received = upload.receive(&mut texts, begin).await;
    call.call.form = texts;
    let arrival = match received {
        Ok(Some(arrival)) => arrival,
        Ok(None) => return again(&call, &call.say("add-item-no-file")),
        Err(Trouble::CutOff) => return Err(Failure::Malformed),
        Err(Trouble::Said(key)) => return again(&call, &call.say(key)),
        Err(Trouble::Arrival(error)) => return again(&call, &not_kept(&call, &error)),
    };
    let Ok(said) = said(&call.form) else { return Err(Failure::Malformed) };
    if said.title.is_some() && arrival.sources() > 1 {
        arrival.forget();
        return again(&call, &call.say("add-item-one-title"));
    }
    let intake = arrival.take_in(call.gateway.catalogue.clone(), said);
    Ok(see_other(&format!("/add-item/{}", intake.id)))
}

pub async fn follow(call: StaffCall) -> Answer {
    let intake = asked(&call)?;
    let body = followed(&call, &intake);
    call.page("add-item-followed", body)
}

pub async fn cancel(call: StaffCall) -> Answer {
    let intake = asked(&call)?;
    intake.cancel();
    Ok(see_other(&format!("/add-item/{}", intake.id)))
}

fn asked(call: &StaffCall) -> Result<Arc<Intake>, Failure> {
    call.gateway.intakes.find(call.parameter("intake")).ok_or(Failure::NotFound)
}

/// What staff say of the files; an empty field says nothing.
fn said(texts: &Fields) -> Result<Said, Trouble> {
    let given = |name: &str| Some(texts.get(name).to_owned()).filter(|text| !text.is_empty());
    let (title, language, level) = (given("title"), given("language"), given("level"));
    let trade = given("trade").map(|trade| trade.to_ascii_uppercase());
    let longer =
        |text: &Option<String>, limit| text.as_ref().is_some_and(|text| text.chars().count() > limit);
    if longer(&title, LONGEST_TITLE) || longer(&level, LONGEST_LEVEL) {
        return Err(Trouble::Said("add-item-long"));
    }
    if language.as_deref().is_some_and(|code| LANGUAGES.iter().all(|(known, _)| *known != code)) {
        return Err(Trouble::Said("add-item-language-wrong"));
    }
    let is_code = |trade: &[u8]| matches!(trade, [b'A'..=b'N', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit));
    if trade.as_ref().is_some_and(|trade| !is_code(trade.as_bytes())) {
        return Err(Trouble::Said("add-item-trade-wrong"));
    }
    Ok(Said { title, language, trade, level })
}

fn again(call: &StaffCall, wrong: &str) -> Answer {
    call.wrong("add-item-title", wrong, form(call))
}

/// Why nothing arrived, in words; a disk that fails is for the log too.
fn not_kept(call: &StaffCall, error: &ArrivalError) -> String {
    match error {
        ArrivalError::Busy => call.say("add-item-busy"),
        ArrivalError::Cancelled => call.say("add-item-cancelled"),
        ArrivalError::TooMany => call.say_with("add-item-many", &[("most", FILES_LIMIT.into())]),
        ArrivalError::Twice(name) => call.say_with("add-item-twice", &[("name", name.as_str().into())]),
        ArrivalError::TooLong => too_long(call),
        ArrivalError::Room(IngestError::Room { .. }) => no_room(call),
        ArrivalError::Room(_) | ArrivalError::Catalogue(_) | ArrivalError::File { .. } => {
            tracing::error!(error = sentence(error), "a file of the catalogue could not be kept");
            call.say("add-item-disk")
        }
    }
}

fn too_long(call: &StaffCall) -> String {
    let most = size(call, call.gateway.config.limits.upload_bytes);
    call.say_with("add-item-too-long", &[("most", most.into())])
}

fn no_room(call: &StaffCall) -> String {
    let free = size(call, free_bytes(&call.gateway.catalogue).unwrap_or(0));
    call.say_with("add-item-no-room", &[("free", free.into())])
}

fn form(call: &StaffCall) -> Markup {
    let limit = call.gateway.config.limits.upload_bytes;
    let free = free_bytes(&call.gateway.catalogue).unwrap_or(0);
    let source = ("", call.say("add-item-language-source"));
    let languages = LANGUAGES.iter().map(|(code, name)| (*code, (*name).to_owned()));
    let languages: Vec<_> = std::iter::once(source).chain(languages).collect();
    html! {
        script src="/assets/adding.js" defer {}
        p { (call.say("add-item-help")) }
        ul {
            li { (call.say("add-item-takes-zim")) }
            li { (call.say("add-item-takes-pdf")) }
        }
        p.hint { (call.say("add-item-takes-html")) }
        form.card method="post" action="/add-item" enctype="multipart/form-data" data-upload
            data-limit=(limit) data-room=(free) data-too-long=(too_long(call)) data-no-room=(no_room(call))
            data-none=(call.say("add-item-no-file")) data-cut-off=(call.say("add-item-cut-off"))
            data-cancelled=(call.say("add-item-cancelled")) data-sent=(call.say("add-item-sent")) {
            (call.token())
            div.field {
                label for="title" { (call.say("add-item-name")) }
                p.hint id="title-hint" { (call.say("add-item-name-hint")) }
                input id="title" name="title" value=(call.field("title")) maxlength=(LONGEST_TITLE) aria-describedby="title-hint" autocomplete="off";
            }
            div.filters {
                (page::choice(&call.say("catalogue-language"), "language", call.field("language"), &languages))
                div.field {
                    label for="trade" { (call.say("add-item-trade")) }
                    input id="trade" name="trade" value=(call.field("trade")) pattern=(TRADE_FORM) title=(call.say("add-item-trade-wrong")) autocomplete="off";
                }
                div.field {
                    label for="level" { (call.say("add-item-level")) }
                    input id="level" name="level" value=(call.field("level")) maxlength=(LONGEST_LEVEL) autocomplete="off";
                }
            }
            div.field {
                label for="files" { (call.say("add-item-files")) }
                p.hint id="files-hint" {
                    (call.say_with("add-item-files-hint", &[("most", size(call, limit).into()), ("free", size(call, free).into())]))
                }
                input id="files" name="files" type="file" multiple required aria-describedby="files-hint";
            }
            p.alert role="alert" data-wrong hidden {}
            div data-sending hidden {
                p { label for="sent" { (call.say("add-item-sending")) } " " span data-words {} }
                progress id="sent" max="1000" value="0" {}
                p { button.second type="button" data-abort { (call.say("add-item-cancel")) } }
            }
            div.row data-ready {
                button { (call.say("add-item-now")) }
                a.button.second href="/catalogue" { (call.say("cancel")) }
            }
        }
    }
}

/// Those that go on, and how the last ones ended; nothing where there is none.
pub fn intakes(call: &StaffCall) -> Markup {
    let intakes = call.gateway.intakes.list();
    html! {
        @if !intakes.is_empty() {
            h2 { (call.say("add-item-latest")) }
            (page::table(
                &call.say_with("add-item-count", &[("count", intakes.len().into())]),
                &["add-item-began", "add-item-by", "add-item-files-column", "state", "actions"].map(|key| call.say(key)),
                html! { @for intake in &intakes { (row(call, intake)) } },
            ))
        }
    }
}

fn row(call: &StaffCall, intake: &Intake) -> Markup {
    let state = intake.state();
    let names: Vec<&str> = state.files.iter().map(|file| file.name.as_str()).collect();
    html! {
        tr {
            td { (call.time(intake.begun_at)) }
            td { (intake.by) }
            td.wide { (names.join(", ")) }
            td { (stage(call, state.stage, &state.files)) }
            td { a href={ "/add-item/" (intake.id) } { (call.say("open")) } }
        }
    }
}

fn stage(call: &StaffCall, stage: Stage, files: &[Arrived]) -> Markup {
    let refused = files.iter().any(|file| matches!(file.fate, Fate::Refused(_)));
    let (class, key) = match stage {
        Stage::Arriving => ("tag warn", "add-item-stage-arriving"),
        Stage::TakingIn => ("tag warn", "add-item-stage-taking-in"),
        Stage::CutOff => ("tag bad", "add-item-stage-cut-off"),
        Stage::Cancelled => ("tag", "add-item-stage-cancelled"),
        Stage::Over if refused => ("tag bad", "add-item-stage-refused"),
        Stage::Over => ("tag good", "add-item-stage-added"),
    };
    html! { span class=(class) { (call.say(key)) } }
}

fn followed(call: &StaffCall, intake: &Intake) -> Markup {
    let state = intake.state();
    let is_live = intake.is_live();
    html! {
        @if is_live {
            script src="/assets/adding.js" defer {}
            noscript { meta http-equiv="refresh" content=(REFRESH); }
        }
        section data-follow[is_live] {
            p role="status" { (stage(call, state.stage, &state.files)) " " (ended(call, state.stage)) }
            @if state.stage == Stage::Arriving {
                @let arrived: u64 = state.files.iter().map(|file| file.bytes).sum();
                p { label for="arrived" { (size(call, arrived)) " / " (size(call, intake.announced_bytes)) } }
                progress id="arrived" max=(intake.announced_bytes) value=(arrived) {}
            }
            @for (number, file) in state.files.iter().enumerate() { (one(call, number, file)) }
        }
        div.row {
            @if is_live {
                form method="post" action={ "/add-item/" (intake.id) "/cancel" } {
                    (call.token())
                    button.danger { (call.say("add-item-cancel")) }
                }
            } @else {
                a.button href="/catalogue" { (call.say("add-item-back")) }
                a.button.second href="/add-item" { (call.say("add-item-more")) }
            }
        }
        @if is_live { p.hint { (call.say("add-item-goes-on")) } }
    }
}

fn ended(call: &StaffCall, stage: Stage) -> String {
    match stage {
        Stage::CutOff => call.say("add-item-cut-off"),
        Stage::Cancelled => call.say("add-item-cancelled"),
        _ => String::new(),
    }
}

/// A file and what became of it.
fn one(call: &StaffCall, number: usize, file: &Arrived) -> Markup {
    html! {
        div.card {
            p { strong { (file.name) } " " span.soft { (size(call, file.bytes)) } }
            @match &file.fate {
                Fate::Waiting => p { (call.say("add-item-waiting")) },
                Fate::Part => p { (call.say("add-item-part")) },
                Fate::Left => p { (call.say("add-item-left")) },
                Fate::Working(step) => {
                    @let id = format!("step-{number}");
                    p {
                        label for=(id) {
                            (call.say_with(&format!("add-item-step-{}", step.what), &[("done", step.done.into()), ("of", step.of.into())]))
                        }
                    }
                    progress id=(id) max=(step.of) value=(step.done) {}
                },
                Fate::Added(item) => {
                    p { span.tag.good { (call.say("add-item-added")) } " " strong { (item.title) } " " span.soft { (item.id) } }
                    p { (call.say_with("add-item-found", &[("count", item.pages.into())])) }
                },
                Fate::Refused(error) => {
                    p { span.tag.bad { (call.say("add-item-refused")) } " " (refused(call, error)) }
                    @if let Some(exactly) = exactly(error) { p.why { (exactly) } }
                },
            }
        }
    }
}

/// The words of the format, for whoever asks where the file came from. Places on the disk are for the log.
fn exactly(error: &CatalogueError) -> Option<String> {
    match error {
        CatalogueError::Shelf(ShelfError::Ingest(IngestError::Zim(error))) => Some(sentence(error)),
        CatalogueError::Shelf(ShelfError::Ingest(IngestError::Pdf(error))) => Some(sentence(error)),
        _ => None,
    }
}

/// Why a source was not taken in; the exact words of its format stand below.
fn refused(call: &StaffCall, error: &CatalogueError) -> String {
    let key = match error {
        CatalogueError::Shelf(ShelfError::Ingest(error)) => match error {
            IngestError::Room { .. } => return no_room(call),
            IngestError::UnknownKind { .. } => "add-item-unknown-kind",
            IngestError::Zim(_) => "add-item-broken-zim",
            IngestError::Pdf(_) => "add-item-broken-pdf",
            _ => "add-item-disk",
        },
        CatalogueError::Shelf(ShelfError::TooManyAlike) => "add-item-alike",
        CatalogueError::Text { .. } | CatalogueError::Shelf(ShelfError::Unreadable { .. }) => {
            "add-item-unreadable"
        }
        _ => "add-item-disk",
    };
    call.say(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_said_of_files_is_read() {
        let check = |texts: &[(&str, &str)], expected: Result<Said, &str>| {
            let fields = texts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let read = said(&Fields(fields.collect())).map_err(|trouble| match trouble {
                Trouble::Said(key) => key,
                _ => panic!("{texts:?}"),
            });
            assert_eq!(read, expected, "{texts:?}");
        };
        check(&[("title", " "), ("language", "")], Ok(Said::default()));
        let all = [("title", " Le pain "), ("language", "ar"), ("trade", "d1102"), ("level", "CAP")];
        let said = |text: &str| Some(text.to_owned());
        let expected =
            Said { title: said("Le pain"), language: said("ar"), trade: said("D1102"), level: said("CAP") };
        check(&all, Ok(expected));
        check(&[("title", &"a".repeat(LONGEST_TITLE + 1))], Err("add-item-long"));
        check(&[("level", &"a".repeat(LONGEST_LEVEL + 1))], Err("add-item-long"));
        check(&[("language", "xx")], Err("add-item-language-wrong"));
        for trade in ["D110", "D11023", "Z1102", "é1102", "D11O2"] {
            check(&[("trade", trade)], Err("add-item-trade-wrong"));
        }
    }
}
