//! People: who they are, their groups and trio, their PIN, and what stands about them elsewhere in the console.
//!
//! Everybody reads here, each their own people; the administrator changes them, security locks and unlocks too. A guard sees security
//! facts: sessions, no requests. Invariants: a generated PIN is in one answer and nowhere else; opening somebody's page is
//! recorded; nobody is released by one click.

use http::Method;
use maud::{Markup, html};

use super::call::{Answer, Failure, StaffCall};
use super::page;
use super::trouble::told;
use crate::identifier::{GroupId, Login};
use crate::person::{LONGEST_PIN, Person, SHORTEST_PIN};
use crate::secret::new_pin;
use crate::staff::Role;
use crate::verbs::{Secret, VerbError, person};

/// Sessions and requests of one person that are shown, the latest.
const SHOWN: usize = 20;
/// Pages that open in other families.
const SESSION: &str = "/sessions/{id}";
const REQUEST: &str = "/requests/{id}";

pub async fn list(call: StaffCall) -> Answer {
    let people = call.gateway.people.list().await?.into_iter();
    let sought = call.query("q").to_lowercase();
    let found = |person: &Person| {
        let groups = person.groups.iter().map(GroupId::as_str);
        let mut words = [person.id.as_str(), &person.name].into_iter().chain(groups);
        call.may_see(person) && words.any(|word| word.to_lowercase().contains(&sought))
    };
    let (gone, here): (Vec<_>, Vec<_>) =
        people.filter(found).partition(|person| person.released_at.is_some());
    let body = html! {
        form.row method="get" action="/people" role="search" {
            (page::input(&call.say("people-search"), "q", call.query("q")))
            div.field { button.second { (call.say("search")) } }
            @if call.may(&Method::GET, "/add-person") {
                div.field { a.button href="/add-person" { (call.say("person-add")) } }
            }
        }
        @if here.is_empty() { (page::empty(&call.say("people-none"))) } @else { (table(&call, &here)) }
        @if !gone.is_empty() {
            details {
                summary { (call.say_with("people-gone", &[("count", gone.len().into())])) }
                (table(&call, &gone))
            }
        }
    };
    call.page("people-title", body)
}

pub async fn ask_new(call: StaffCall) -> Answer {
    let form = new_form(&call).await?;
    call.page("person-add", form)
}

pub async fn add(call: StaffCall) -> Answer {
    let (id, name) = (call.field("id"), call.field("name"));
    let pin = Pin::of(&call);
    let by = Some(&call.staff.login);
    let added = person::add(&call.gateway, id, name, &groups(&call), &trio(&call), &pin.secret, by).await;
    match added {
        Ok(_) => pin.handed_over(&call, &path(id), "done-person-added"),
        Err(error) => call.wrong("person-add", &told(&call, error)?, new_form(&call).await?),
    }
}

pub async fn show(call: StaffCall) -> Answer {
    let person = asked(&call).await?;
    call.looked(Some(&person.id), "person").await?;
    let body = described(&call, &person).await?;
    call.titled(&person.name, body)
}

pub async fn lock(call: StaffCall) -> Answer {
    let person = asked(&call).await?;
    let locked = person::lock(&call.gateway, person.id.as_str(), Some(&call.staff.login)).await;
    changed(&call, &person, locked.map(drop), "done-person-locked").await
}

pub async fn unlock(call: StaffCall) -> Answer {
    let person = asked(&call).await?;
    let unlocked = person::unlock(&call.gateway, person.id.as_str(), Some(&call.staff.login)).await;
    changed(&call, &person, unlocked.map(drop), "done-person-unlocked").await
}

pub async fn assign(call: StaffCall) -> Answer {
    let person = asked(&call).await?;
    let by = &call.staff.login;
    let assigned = person::assign(&call.gateway, &person.id, &groups(&call), &trio(&call), by).await;
    changed(&call, &person, assigned, "done-person-assigned").await
}

pub async fn set_pin(call: StaffCall) -> Answer {
    let person = asked(&call).await?;
    let pin = Pin::of(&call);
    match person::pin(&call.gateway, person.id.as_str(), &pin.secret, Some(&call.staff.login)).await {
        Ok(_) => pin.handed_over(&call, &path(person.id.as_str()), "done-person-pin"),
        Err(error) => wrong(&call, &person, error).await,
    }
}

/// What release means, before it is done.
pub async fn ask_release(call: StaffCall) -> Answer {
    let person = asked(&call).await?;
    let body = html! {
        div.narrow {
            p { strong { (person.name) } " · " (person.id) }
            p { (call.say("person-release-help")) }
            form method="post" action=(call.path) {
                (call.token())
                button.danger { (call.say("person-release-now")) }
                " " a.button.second href=(path(person.id.as_str())) { (call.say("cancel")) }
            }
        }
    };
    call.page("person-release-title", body)
}

pub async fn release(call: StaffCall) -> Answer {
    let person = asked(&call).await?;
    let released = person::release(&call.gateway, person.id.as_str(), Some(&call.staff.login)).await;
    changed(&call, &person, released.map(drop), "done-person-released").await
}

async fn asked(call: &StaffCall) -> Result<Person, Failure> {
    call.person(call.parameter("id")).await
}

async fn changed(call: &StaffCall, person: &Person, outcome: Result<(), VerbError>, done: &str) -> Answer {
    match outcome {
        Ok(()) => call.done(&path(person.id.as_str()), done),
        Err(error) => wrong(call, person, error).await,
    }
}

async fn wrong(call: &StaffCall, person: &Person, error: VerbError) -> Answer {
    call.wrong("person-page", &told(call, error)?, described(call, person).await?)
}

fn path(id: &str) -> String {
    format!("/people/{id}")
}

/// A PIN that was typed, or one that nobody chose.
struct Pin {
    secret: Secret,
    is_generated: bool,
}

impl Pin {
    fn of(call: &StaffCall) -> Pin {
        let typed = call.field("pin");
        let pin = if typed.is_empty() { new_pin() } else { typed.to_owned() };
        Pin { secret: Secret::new(pin), is_generated: typed.is_empty() }
    }

    /// A generated PIN is shown, this once.
    fn handed_over(&self, call: &StaffCall, back: &str, done: &str) -> Answer {
        if !self.is_generated {
            return call.done(back, done);
        }
        call.page("pin-title", page::once(call, "pin-help", self.secret.expose(), back))
    }
}

fn groups(call: &StaffCall) -> Vec<String> {
    let words = call.field("groups").split([',', ' ']).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

fn trio(call: &StaffCall) -> Vec<String> {
    call.form.all("trio").map(str::to_owned).collect()
}

fn table(call: &StaffCall, people: &[Person]) -> Markup {
    let columns =
        ["person-id", "person-name", "state", "person-groups", "person-trio"].map(|key| call.say(key));
    page::table(
        &call.say_with("people-count", &[("count", people.len().into())]),
        &columns,
        html! {
            @for person in people { tr {
                td { a href=(path(person.id.as_str())) { (person.id) } }
                td { (person.name) }
                td { (state(call, person)) }
                td { (joined(&person.groups)) }
                td { (joined(&person.trio)) }
            } }
        },
    )
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn state(call: &StaffCall, person: &Person) -> Markup {
    let (class, key) = match (person.released_at, person.locked) {
        (Some(_), _) => ("tag", "person-released"),
        (None, true) => ("tag bad", "person-locked"),
        (None, false) => ("tag good", "person-active"),
    };
    html! { span class=(class) { (call.say(key)) } }
}

async fn new_form(call: &StaffCall) -> Result<Markup, Failure> {
    let typed: Vec<Login> = trio(call).iter().filter_map(|login| Login::parse(login).ok()).collect();
    Ok(html! {
        form.card method="post" action="/add-person" {
            (call.token())
            div.field {
                label for="id" { (call.say("person-id")) }
                p.hint id="id-hint" { (call.say("person-id-hint")) }
                input id="id" name="id" value=(call.field("id")) autocomplete="off" aria-describedby="id-hint" required;
            }
            div.field {
                label for="name" { (call.say("person-name")) }
                input id="name" name="name" value=(call.field("name")) autocomplete="off" required;
            }
            (circle(call, call.field("groups"), &typed).await?)
            (pin_field(call))
            button { (call.say("person-add")) }
        }
    })
}

fn pin_field(call: &StaffCall) -> Markup {
    let limits = [("least", SHORTEST_PIN.into()), ("most", LONGEST_PIN.into())];
    html! {
        div.field {
            label for="pin" { (call.say("pin")) }
            p.hint id="pin-hint" { (call.say_with("pin-hint", &limits)) }
            input id="pin" name="pin" inputmode="numeric" autocomplete="off" aria-describedby="pin-hint";
        }
    }
}

/// Groups, and who of the staff stands by the person.
async fn circle(call: &StaffCall, groups: &str, chosen: &[Login]) -> Result<Markup, Failure> {
    let stands_by = |role: Role| matches!(role, Role::Guard | Role::Counsellor | Role::Referent);
    let staff = call.gateway.staff.list().await?;
    let mut offered: Vec<(Login, Option<Role>)> = staff
        .into_iter()
        .filter(|staff| stands_by(staff.role) || chosen.contains(&staff.login))
        .map(|staff| (staff.login, Some(staff.role)))
        .collect();
    // Whoever is in a trio without being staff of this gateway stays in it until somebody takes them out.
    let strangers = chosen.iter().filter(|login| !offered.iter().any(|(known, _)| known == *login));
    let strangers: Vec<_> = strangers.map(|login| (login.clone(), None)).collect();
    offered.extend(strangers);
    Ok(html! {
        div.field {
            label for="groups" { (call.say("person-groups")) }
            p.hint id="groups-hint" { (call.say("person-groups-hint")) }
            input id="groups" name="groups" value=(groups) autocomplete="off" aria-describedby="groups-hint";
        }
        fieldset {
            legend { (call.say("person-trio")) }
            @if offered.is_empty() { p.hint { (call.say("person-trio-none")) } }
            @for (login, role) in &offered {
                @let id = format!("trio-{login}");
                div.check {
                    input type="checkbox" id=(id) name="trio" value=(login) checked[chosen.contains(login)];
                    label for=(id) {
                        (login)
                        @if let Some(role) = role { " · " (call.say(&format!("role-{}", role.word()))) }
                    }
                }
            }
        }
    })
}

async fn described(call: &StaffCall, person: &Person) -> Result<Markup, Failure> {
    let id = path(person.id.as_str());
    let is_here = person.released_at.is_none();
    Ok(html! {
        dl.facts {
            dt { (call.say("person-id")) } dd { (person.id) }
            dt { (call.say("state")) } dd { (state(call, person)) }
            dt { (call.say("person-added")) } dd { (call.time(person.added_at)) }
            @if let Some(at) = person.released_at { dt { (call.say("person-released")) } dd { (call.time(at)) } }
            dt { (call.say("person-groups")) } dd { @if person.groups.is_empty() { "—" } @else { (joined(&person.groups)) } }
            dt { (call.say("person-trio")) } dd { @if person.trio.is_empty() { "—" } @else { (joined(&person.trio)) } }
        }
        @if is_here { (acts(call, person)) }
        @if call.may(&Method::GET, SESSION) { (sessions(call, person).await?) }
        @if call.may(&Method::GET, REQUEST) { (requests(call, person).await?) }
        @if is_here && call.may(&Method::POST, "/people/{id}/assign") {
            form.card method="post" action=(format!("{id}/assign")) {
                h2 { (call.say("person-assign")) }
                p.hint { (call.say("person-assign-hint")) }
                (call.token())
                (circle(call, &joined(&person.groups), &person.trio).await?)
                button { (call.say("save")) }
            }
            form.card method="post" action=(format!("{id}/pin")) {
                h2 { (call.say("person-pin")) }
                p.hint { (call.say("person-pin-hint")) }
                (call.token())
                (pin_field(call))
                button { (call.say("person-pin")) }
            }
        }
    })
}

/// Locking is one click, since it can be undone; release asks again.
fn acts(call: &StaffCall, person: &Person) -> Markup {
    let id = path(person.id.as_str());
    let (verb, key, class) =
        if person.locked { ("unlock", "person-unlock", "") } else { ("lock", "person-lock", "danger") };
    html! {
        div.row {
            @if call.may(&Method::POST, "/people/{id}/lock") {
                form method="post" action=(format!("{id}/{verb}")) { (call.token()) button class=(class) { (call.say(key)) } }
            }
            @if call.may(&Method::POST, "/people/{id}/release") {
                a.button.second href=(format!("{id}/release")) { (call.say("person-release")) }
            }
        }
    }
}

async fn sessions(call: &StaffCall, person: &Person) -> Result<Markup, Failure> {
    let history = call.gateway.sessions.history(Some(&person.id), call.now, SHOWN as i64).await?;
    let columns = ["since", "terminal", "ended", "why"].map(|key| call.say(key));
    Ok(html! {
        h2 { (call.say("person-sessions")) }
        @if history.is_empty() { (page::empty(&call.say("person-no-session"))) }
        @else {
            (page::table(&call.say("person-sessions"), &columns, html! {
                @for session in &history { tr {
                    td { a href={ "/sessions/" (session.id) } { (call.time(session.started)) } }
                    td { (session.terminal) }
                    @match session.ended {
                        Some((at, reason)) => {
                            td { (call.time(at)) } td { (call.say(&format!("end-{}", reason.code()))) }
                        }
                        None => { td { span.tag.good { (call.say("person-signed-in")) } } td {} }
                    }
                } }
            }))
        }
    })
}

async fn requests(call: &StaffCall, person: &Person) -> Result<Markup, Failure> {
    let requests = call.gateway.requests.of(&person.id).await?;
    let grants = call.gateway.people.grants(&person.id, call.now).await?;
    let asked = ["asked", "address", "state"].map(|key| call.say(key));
    let granted = ["address", "until", "policy-by", "person-grant-why"].map(|key| call.say(key));
    Ok(html! {
        h2 { (call.say("person-requests")) }
        @if requests.is_empty() { (page::empty(&call.say("person-no-request"))) }
        @else {
            (page::table(&call.say("person-requests"), &asked, html! {
                @for request in requests.iter().take(SHOWN) { tr {
                    td { a href={ "/requests/" (request.id) } { (call.time(request.asked_at)) } }
                    td.wide { code { (request.url) } }
                    td { (call.say(&format!("request-{}", request.state))) }
                } }
            }))
        }
        h2 { (call.say("grants-title")) }
        @if grants.is_empty() { (page::empty(&call.say("grants-none"))) }
        @else {
            (page::table(&call.say("grants-title"), &granted, html! {
                @for grant in &grants { tr {
                    td.wide { code { (joined(&grant.rule.hosts().iter().collect::<Vec<_>>())) " " (joined(grant.rule.inspect().map_or(&[], |inspect| inspect.paths()))) } }
                    td { (call.time(grant.until)) }
                    td { (grant.granter) }
                    td.wide { (grant.reason) }
                } }
            }))
        }
    })
}
