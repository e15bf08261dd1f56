//! Signing in: password, then the second factor (enrolled at the first sign-in), then a new password where it was one-time.
//!
//! Each step begins a session of its own stage with a token of its own; only the last one opens pages. What fails is recorded
//! as `staff-sign-in-failed` with the login as it was typed and the address.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, PreEscaped, html};
use passerelle_audit::{Kind, Sealed};
use qrcode::QrCode;
use qrcode::render::svg;

use super::call::{Answer, Call, Failure, see_other};
use super::guard::{with_session, without_session};
use super::page;
use super::session::{StaffSession, Stage};
use crate::identifier::LONGEST;
use crate::journal_keys::Subject;
use crate::second_factor::{SecondFactorError, TotpSecret};
use crate::staff::{SHORTEST_PASSWORD, Staff, StaffError};
use crate::verbs::staff::record_changed;

/// In pixels, before the page scales it.
const QR_SIZE: u32 = 220;

pub async fn ask(call: Call) -> Answer {
    Ok(page::signing_in(&call, &call.say("sign-in-title"), password_form(&call, "")))
}

pub async fn password(call: Call) -> Answer {
    let (login, password) = (call.field("login"), call.form.get_raw("password"));
    match call.gateway.staff.verify_from(login, password, call.from, call.now).await {
        Ok(staff) => {
            let stage = match call.gateway.second_factors.is_enrolled(&staff.login).await? {
                true => Stage::Code,
                false => Stage::Enrol(TotpSecret::generate()),
            };
            go_on(&call, &staff, stage, None)
        }
        Err(StaffError::Failed) => {
            failed(&call, login, "password").await?;
            wrong(&call, "sign-in-title", call.say("sign-in-failed"), password_form(&call, login))
        }
        Err(StaffError::TooManyTries { retry_after_seconds }) => {
            wrong(&call, "sign-in-title", wait(&call, retry_after_seconds), password_form(&call, login))
        }
        Err(error) => Err(Failure::Unavailable(error.to_string())),
    }
}

pub async fn ask_code(call: Call, session: Arc<StaffSession>) -> Answer {
    match session.stage {
        Stage::Code => {
            Ok(page::signing_in(&call, &call.say("code-title"), code_form(&call, &session, "code-hint")))
        }
        _ => Ok(see_other(session.stage.path())),
    }
}

pub async fn code(call: Call, session: Arc<StaffSession>) -> Answer {
    if !matches!(session.stage, Stage::Code) {
        return Ok(see_other(session.stage.path()));
    }
    let (login, form) = (&session.login, || code_form(&call, &session, "code-hint"));
    match call.gateway.second_factors.verify(login, call.field("code"), call.from, call.now).await {
        Ok(()) => admit(&call, &session).await,
        Err(SecondFactorError::Failed) => {
            failed(&call, login.as_str(), "second factor").await?;
            wrong(&call, "code-title", call.say("code-failed"), form())
        }
        Err(SecondFactorError::TooManyTries { retry_after_seconds }) => {
            wrong(&call, "code-title", wait(&call, retry_after_seconds), form())
        }
        Err(error) => Err(Failure::Unavailable(error.to_string())),
    }
}

pub async fn show_secret(call: Call, session: Arc<StaffSession>) -> Answer {
    match &session.stage {
        Stage::Enrol(secret) => {
            let body = enrol_form(&call, &session, secret)?;
            Ok(page::signing_in(&call, &call.say("enrol-title"), body))
        }
        stage => Ok(see_other(stage.path())),
    }
}

pub async fn enrol(call: Call, session: Arc<StaffSession>) -> Answer {
    let Stage::Enrol(secret) = &session.stage else { return Ok(see_other(session.stage.path())) };
    let factors = &call.gateway.second_factors;
    match factors.enrol(&session.login, secret, call.field("code"), call.now).await {
        Ok(codes) => {
            let what = format!("staff {} enrolled a second factor from {}", session.login, place(&call));
            record_changed(&call.gateway, &session.login, what).await?;
            let (next, token) = advance(&call, &session).await?;
            let body = html! {
                p { (call.say("recovery-hint")) }
                ul.codes { @for code in &codes { li { code { (in_fours(code)) } } } }
                p { a.button href=(next) { (call.say("recovery-noted")) } }
            };
            Ok(with_session(page::signing_in(&call, &call.say("recovery-title"), body), &token))
        }
        Err(SecondFactorError::Failed) => {
            let form = enrol_form(&call, &session, secret)?;
            wrong(&call, "enrol-title", call.say("code-failed"), form)
        }
        // Somebody with the same password was faster.
        Err(SecondFactorError::Enrolled(_)) => {
            failed(&call, session.login.as_str(), "second factor").await?;
            call.gateway.staff_sessions.end(&session);
            Err(Failure::SignedOut)
        }
        Err(error) => Err(Failure::Unavailable(error.to_string())),
    }
}

pub async fn ask_new_password(call: Call, session: Arc<StaffSession>) -> Answer {
    match session.stage {
        Stage::NewPassword => {
            let form = new_password_form(&call, &session);
            Ok(page::signing_in(&call, &call.say("new-password-title"), form))
        }
        _ => Ok(see_other(session.stage.path())),
    }
}

pub async fn new_password(call: Call, session: Arc<StaffSession>) -> Answer {
    if !matches!(session.stage, Stage::NewPassword) {
        return Ok(see_other(session.stage.path()));
    }
    let (first, second) = (call.form.get_raw("password"), call.form.get_raw("again"));
    let refuse =
        |key: &str| wrong(&call, "new-password-title", call.say(key), new_password_form(&call, &session));
    if first != second {
        return refuse("new-password-differs");
    }
    // The one-time password itself is no new one.
    if call.gateway.staff.is_password(&session.login, first).await.is_ok_and(|same| same) {
        return refuse("new-password-same");
    }
    match call.gateway.staff.set_password(&session.login, first, false).await {
        Err(StaffError::PasswordForm) => return refuse("new-password-short"),
        set => set.map_err(|error| Failure::Unavailable(error.to_string()))?,
    }
    call.gateway.staff_sessions.end_of(&session.login);
    let what = format!("staff {} changed the password", session.login);
    record_changed(&call.gateway, &session.login, what).await?;
    admit(&call, &session).await
}

pub async fn sign_out(call: Call, session: Arc<StaffSession>) -> Answer {
    call.gateway.staff_sessions.end(&session);
    Ok(without_session(see_other("/sign-in")))
}

/// The next stage, in the browser.
async fn admit(call: &Call, session: &StaffSession) -> Answer {
    let (next, token) = advance(call, session).await?;
    Ok(with_session(see_other(next), &token))
}

/// The second factor was right: a new password if one is due, else signed in. Answers where to go, and the token.
async fn advance(call: &Call, session: &StaffSession) -> Result<(&'static str, String), Failure> {
    let gateway = &call.gateway;
    let staff = gateway.staff.get(&session.login).await?.ok_or(Failure::SignedOut)?;
    let stage = match staff.one_time_password {
        true => Stage::NewPassword,
        false => {
            let detail = Some(format!("{} from {}", staff.login, place(call)));
            let sealed = Sealed { detail, ..Sealed::default() };
            let subject = Subject::Staff(staff.login.clone());
            gateway.record(Kind::StaffSignedIn, &subject, None, sealed).await?;
            let last = gateway.second_factors.signed_in(&staff.login, call.from, call.now).await?;
            Stage::SignedIn(last)
        }
    };
    let next = stage.path();
    let begun = gateway.staff_sessions.begin(&staff.login, call.from, stage, Some(session), call.now);
    let (token, _) = begun.ok_or_else(|| Failure::Unavailable("too many sessions".into()))?;
    Ok((next, token))
}

fn go_on(call: &Call, staff: &Staff, stage: Stage, earlier: Option<&StaffSession>) -> Answer {
    let next = stage.path();
    let begun = call.gateway.staff_sessions.begin(&staff.login, call.from, stage, earlier, call.now);
    let (token, _) = begun.ok_or_else(|| Failure::Unavailable("too many sessions".into()))?;
    Ok(with_session(see_other(next), &token))
}

async fn failed(call: &Call, typed: &str, what: &str) -> Result<(), Failure> {
    let typed: String = typed.chars().take(LONGEST).collect();
    let sealed =
        Sealed { detail: Some(format!("{typed} from {}: {what}", place(call))), ..Sealed::default() };
    call.gateway.record(Kind::StaffSignInFailed, &Subject::Gateway, None, sealed).await?;
    Ok(())
}

/// Where a sign-in came from; staff credentials in use where a terminal stands are to be seen.
fn place(call: &Call) -> String {
    match call.gateway.terminal_addresses.terminal_at(call.from) {
        Some(terminal) => format!("{}, where terminal {terminal} was seen", call.from),
        None => call.from.to_string(),
    }
}

fn wait(call: &Call, seconds: u64) -> String {
    call.say_with("sign-in-wait", &[("seconds", seconds.into())])
}

fn wrong(call: &Call, title: &str, words: String, form: Markup) -> Answer {
    let body = html! { (page::alert(&words)) (form) };
    let response: Response = page::signing_in(call, &call.say(title), body);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, response).into_response())
}

fn password_form(call: &Call, login: &str) -> Markup {
    html! {
        form method="post" action="/sign-in" {
            div.field {
                label for="login" { (call.say("login")) }
                input id="login" name="login" value=(login) autocomplete="username" autocapitalize="none" required;
            }
            div.field {
                label for="password" { (call.say("password")) }
                input id="password" name="password" type="password" autocomplete="current-password" required;
            }
            button { (call.say("go-on")) }
        }
    }
}

fn code_input(call: &Call, hint: &str) -> Markup {
    html! {
        div.field {
            label for="code" { (call.say("code")) }
            p.hint id="code-hint" { (call.say(hint)) }
            input id="code" name="code" autocomplete="one-time-code" inputmode="text" aria-describedby="code-hint" required autofocus;
        }
    }
}

fn token(session: &StaffSession) -> Markup {
    html! { input type="hidden" name="csrf" value=(session.csrf()); }
}

fn code_form(call: &Call, session: &StaffSession, hint: &str) -> Markup {
    html! {
        form method="post" action="/sign-in/code" {
            (token(session)) (code_input(call, hint)) button { (call.say("go-on")) }
        }
        (leave(call, session))
    }
}

fn enrol_form(call: &Call, session: &StaffSession, secret: &TotpSecret) -> Result<Markup, Failure> {
    let uri = secret.uri(&session.login);
    let code = QrCode::new(uri.as_bytes()).map_err(|error| Failure::Unavailable(error.to_string()))?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(QR_SIZE, QR_SIZE).build();
    // Without the XML declaration, which has no place inside a page.
    let drawn = drawn.find("<svg").map(|start| drawn[start..].to_owned()).unwrap_or_default();
    Ok(html! {
        p { (call.say("enrol-hint")) }
        div.qr role="img" aria-label=(call.say("enrol-picture")) { (PreEscaped(drawn)) }
        p { (call.say("enrol-typed")) br; code.secret { (in_fours(&secret.base32())) } }
        form method="post" action="/sign-in/enrol" {
            (token(session)) (code_input(call, "enrol-code-hint")) button { (call.say("go-on")) }
        }
        (leave(call, session))
    })
}

fn new_password_form(call: &Call, session: &StaffSession) -> Markup {
    html! {
        form method="post" action="/sign-in/password" {
            (token(session))
            p id="password-hint" { (call.say_with("new-password-hint", &[("least", SHORTEST_PASSWORD.into())])) }
            div.field {
                label for="password" { (call.say("new-password")) }
                input id="password" name="password" type="password" autocomplete="new-password"
                    minlength=(SHORTEST_PASSWORD) aria-describedby="password-hint" required;
            }
            div.field {
                label for="again" { (call.say("new-password-again")) }
                input id="again" name="again" type="password" autocomplete="new-password" required;
            }
            button { (call.say("go-on")) }
        }
        (leave(call, session))
    }
}

fn leave(call: &Call, session: &StaffSession) -> Markup {
    html! {
        form method="post" action="/sign-out" { (token(session)) button.quiet { (call.say("sign-in-leave")) } }
    }
}

/// As people copy it.
fn in_fours(text: &str) -> String {
    let fours: Vec<&str> =
        text.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    fours.join(" ")
}
