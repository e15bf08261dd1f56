//! Staff: logins, roles, one-time passwords.
//!
//! Auditors and security read, the administrator changes. Invariants: whoever changes who may do what gives their password again,
//! so that nobody adds a second signature from a desk that was left open; a one-time password is in one answer and
//! nowhere else, and its owner must change it at their next sign-in.

use http::Method;
use maud::{Markup, html};

use super::call::{Answer, Failure, StaffCall};
use super::page;
use super::trouble::told;
use crate::identifier::Login;
use crate::staff::{Role, Staff};
use crate::verbs::{VerbError, staff};

pub async fn list(call: StaffCall) -> Answer {
    let body = body(&call).await?;
    call.page("staff-title", body)
}

pub async fn add(call: StaffCall) -> Answer {
    let added = async {
        let login = Login::parse(call.field("login"))?;
        let role = role(&call)?;
        call.confirm().await?;
        staff::add_by(&call.gateway, &login, role, &call.staff.login).await
    };
    match added.await {
        Ok(password) => handed_over(&call, &password, "/staff"),
        Err(error) => call.wrong("staff-title", &told(&call, error)?, body(&call).await?),
    }
}

pub async fn show(call: StaffCall) -> Answer {
    let member = asked(&call).await?;
    let body = described(&call, &member).await?;
    call.titled(member.login.as_str(), body)
}

pub async fn set_role(call: StaffCall) -> Answer {
    let member = asked(&call).await?;
    let set = async {
        let role = role(&call)?;
        call.confirm().await?;
        staff::set_role_by(&call.gateway, &member.login, role, &call.staff.login).await
    };
    match set.await {
        Ok(()) => call.done(&path(&member.login), "done-staff-role"),
        Err(error) => wrong(&call, &member, error).await,
    }
}

/// A new one-time password; where the device is lost too, a new second factor.
pub async fn reset(call: StaffCall) -> Answer {
    let member = asked(&call).await?;
    let second_factor = call.field("factor") == "yes";
    let set = async {
        call.confirm().await?;
        staff::reset_by(&call.gateway, &member.login, second_factor, &call.staff.login).await
    };
    match set.await {
        Ok(password) => handed_over(&call, &password, &path(&member.login)),
        Err(error) => wrong(&call, &member, error).await,
    }
}

fn role(call: &StaffCall) -> Result<Role, VerbError> {
    let word = call.field("role");
    Role::parse(word).ok_or_else(|| VerbError::Role(word.to_owned()))
}

async fn asked(call: &StaffCall) -> Result<Staff, Failure> {
    let login = Login::parse(call.parameter("login")).map_err(|_| Failure::NotFound)?;
    call.gateway.staff.get(&login).await?.ok_or(Failure::NotFound)
}

async fn wrong(call: &StaffCall, member: &Staff, error: VerbError) -> Answer {
    call.wrong("staff-member", &told(call, error)?, described(call, member).await?)
}

fn handed_over(call: &StaffCall, password: &str, back: &str) -> Answer {
    call.page("one-time-title", page::once(call, "one-time-help", password, back))
}

fn path(login: &Login) -> String {
    format!("/staff/{login}")
}

async fn body(call: &StaffCall) -> Result<Markup, Failure> {
    let staff = call.gateway.staff.list().await?;
    Ok(html! {
        (table(call, &staff).await?)
        @if call.may(&Method::POST, "/staff") {
            form.card method="post" action="/staff" {
                h2 { (call.say("staff-add")) }
                p.hint { (call.say("staff-add-hint")) }
                (call.token())
                (page::input(&call.say("login"), "login", call.field("login")))
                (roles(call, call.field("role")))
                (page::password(call))
                button { (call.say("staff-add")) }
            }
        }
    })
}

async fn table(call: &StaffCall, staff: &[Staff]) -> Result<Markup, Failure> {
    let signed_in = call.gateway.staff_sessions.signed_in(call.now);
    let may_change = call.may(&Method::GET, "/staff/{login}");
    let columns = ["login", "staff-role", "staff-last", "state"].map(|key| call.say(key));
    let mut rows = Vec::with_capacity(staff.len());
    for member in staff {
        let last = call.gateway.second_factors.last_sign_in(&member.login).await?;
        let is_here = signed_in.iter().any(|session| session.login == member.login);
        rows.push(html! { tr {
            td { @if may_change { a href=(path(&member.login)) { (member.login) } } @else { (member.login) } }
            td { (call.say(&format!("role-{}", member.role.word()))) }
            td { @match last { Some(last) => { (call.time(last.at)) " · " (last.address) } None => (call.say("staff-never")) } }
            td {
                @if is_here { span.tag.good { (call.say("person-signed-in")) } " " }
                @if member.one_time_password { span.tag.warn { (call.say("staff-one-time")) } }
            }
        } });
    }
    let caption = call.say_with("staff-count", &[("count", staff.len().into())]);
    Ok(page::table(&caption, &columns, html! { @for row in rows { (row) } }))
}

fn roles(call: &StaffCall, chosen: &str) -> Markup {
    let options = Role::ALL.map(|role| (role.word(), call.say(&format!("role-{}", role.word()))));
    page::choice(&call.say("staff-role"), "role", chosen, &options)
}

async fn described(call: &StaffCall, member: &Staff) -> Result<Markup, Failure> {
    let id = path(&member.login);
    let is_enrolled = call.gateway.second_factors.is_enrolled(&member.login).await?;
    Ok(html! {
        dl.facts {
            dt { (call.say("staff-role")) } dd { (call.say(&format!("role-{}", member.role.word()))) }
            dt { (call.say("person-added")) } dd { (call.time(member.added_at)) }
            dt { (call.say("staff-factor")) }
            dd { (call.say(if is_enrolled { "staff-factor-yes" } else { "staff-factor-no" })) }
            @if member.one_time_password { dt { (call.say("state")) } dd { span.tag.warn { (call.say("staff-one-time")) } } }
        }
        // Two forms on one page: each field has an id of its own.
        form.card method="post" action=(format!("{id}/role")) {
            h2 { (call.say("staff-change-role")) }
            p.hint { (call.say("staff-change-role-hint")) }
            (call.token())
            (roles(call, member.role.word()))
            (page::password(call))
            button { (call.say("staff-change-role")) }
        }
        form.card method="post" action=(format!("{id}/reset")) {
            h2 { (call.say("staff-reset")) }
            p.hint { (call.say("staff-reset-hint")) }
            (call.token())
            div.check {
                input type="checkbox" id="factor" name="factor" value="yes";
                label for="factor" { (call.say("staff-reset-factor")) }
            }
            (page::password_as(call, "password-reset"))
            button.danger { (call.say("staff-reset")) }
        }
    })
}
