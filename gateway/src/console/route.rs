//! The table: every route of the staff port, and whom it serves. What is not here does not exist.
//!
//! Read by [`super::guard`], which asks it before a page's function is called, and by a test that walks it.

use std::pin::Pin;
use std::sync::Arc;

use http::Method;

use super::call::{Answer, Call, StaffCall};
use super::catalogue::upload::Upload;
use super::session::StaffSession;
use super::{
    access, assets, catalogue, home, journal, learning, people, policy, records, requests, sessions, sign_in,
    staff as staff_pages, terminals,
};
use crate::staff::Role::{self, Administrator, Auditor, Counsellor, Guard, Referent, Security};

/// Everybody who signed in.
pub const ALL: &[Role] = &Role::ALL;
/// Who decides what people can reach, and may stop it.
pub const DECIDES: &[Role] = &[Administrator, Security];
/// Who reads everything that is recorded. The auditor changes nothing.
pub const READS: &[Role] = &[Administrator, Security, Auditor];
/// The same and guards, who see security facts of their people.
const READS_OR_GUARDS: &[Role] = &[Administrator, Security, Auditor, Guard];
/// Who reads requests: of their own people, the others of all.
const FOLLOWS: &[Role] = &[Administrator, Security, Auditor, Counsellor, Referent];
/// Who answers requests: of their own people, the administrator of all.
pub const ACCOMPANIES: &[Role] = &[Administrator, Counsellor, Referent];
/// Who looks after people, terminals and staff.
pub const ADMINISTERS: &[Role] = &[Administrator];

/// In bytes: forms of a few fields.
const FORM_LIMIT: usize = 64 * 1024;
/// In bytes: a policy of 1 MiB, percent-encoded at its worst.
pub const POLICY_FORM_LIMIT: usize = 3 * 1024 * 1024 + FORM_LIMIT;

type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Whom a route serves, and how.
#[derive(Clone)]
pub enum Access {
    /// Anybody, signed in or not.
    Open(Arc<dyn Fn(Call) -> Answering + Send + Sync>),
    /// Whoever is somewhere in their sign-in, and the session that says where.
    SigningIn(Arc<dyn Fn(Call, Arc<StaffSession>) -> Answering + Send + Sync>),
    /// Staff of these roles.
    Staff(&'static [Role], Arc<dyn Fn(StaffCall) -> Answering + Send + Sync>),
    /// The same, with files that are still to be read; the token comes first.
    Upload(&'static [Role], Arc<dyn Fn(StaffCall, Upload) -> Answering + Send + Sync>),
}

impl Access {
    /// Whom of the staff it serves; `None` where that is not asked.
    pub fn roles(&self) -> Option<&'static [Role]> {
        match self {
            Access::Staff(roles, _) | Access::Upload(roles, _) => Some(roles),
            Access::Open(_) | Access::SigningIn(_) => None,
        }
    }
}

pub struct Route {
    pub method: Method,
    /// As axum writes it.
    pub path: &'static str,
    /// The most bytes of a form without files; its token is in the field `csrf`.
    pub form_limit: usize,
    pub access: Access,
}

/// Every route there is.
pub fn table() -> Vec<Route> {
    vec![
        // Without sign-in: what a browser needs to begin, and the public files of the journal.
        get("/assets/{name}", open(assets::asset)),
        get("/checkpoint", open(assets::checkpoint)),
        get("/tile/{*path}", open(assets::tile)),
        post("/language", open(home::language)),
        get("/sign-in", open(sign_in::ask)),
        post("/sign-in", open(sign_in::password)),
        get("/sign-in/code", signing_in(sign_in::ask_code)),
        post("/sign-in/code", signing_in(sign_in::code)),
        get("/sign-in/enrol", signing_in(sign_in::show_secret)),
        post("/sign-in/enrol", signing_in(sign_in::enrol)),
        get("/sign-in/password", signing_in(sign_in::ask_new_password)),
        post("/sign-in/password", signing_in(sign_in::new_password)),
        post("/sign-out", signing_in(sign_in::sign_out)),
        // Everybody.
        get("/", staff(ALL, home::show)),
        // Sessions and records.
        get("/sessions", staff(READS_OR_GUARDS, sessions::list)),
        get("/sessions/{id}", staff(READS_OR_GUARDS, sessions::show)),
        post("/sessions/{id}/end", staff(DECIDES, sessions::end)),
        get("/records", staff(READS, records::list)),
        // Requests.
        get("/requests", staff(FOLLOWS, requests::list)),
        get("/requests/{id}", staff(FOLLOWS, requests::show)),
        post("/requests/{id}/grant", staff(ACCOMPANIES, requests::grant)),
        post("/requests/{id}/decline", staff(ACCOMPANIES, requests::decline)),
        // The journal, and the stop.
        get("/journal", staff(READS, journal::show)),
        post("/journal/verify", staff(READS, journal::verify)),
        get("/access", staff(DECIDES, access::show)),
        post("/access/stop", staff(DECIDES, access::stop)),
        post("/access/resume", staff(DECIDES, access::resume)),
        // What people can reach.
        get("/policy", staff(READS, policy::show)),
        get("/policy/history", staff(READS, policy::history)),
        get("/policy/explain", staff(READS, policy::explain::explain)),
        get("/policy/versions/{version}", staff(READS, policy::version)),
        post("/policy/versions/{version}/sign", staff(DECIDES, policy::sign)),
        post("/policy/versions/{version}/again", staff(DECIDES, policy::propose_again)),
        get("/policy/draft", staff(DECIDES, policy::draft::ask)),
        post("/policy/draft", staff(DECIDES, policy::draft::answer)).taking(POLICY_FORM_LIMIT),
        get("/policy/refuse", staff(DECIDES, policy::ask_refusal)),
        post("/policy/refuse", staff(DECIDES, policy::refuse)),
        get("/learning", staff(DECIDES, learning::list)),
        post("/learning", staff(DECIDES, learning::start)),
        post("/learning/{person}/stop", staff(DECIDES, learning::stop)),
        // Who there is: people, terminals, staff.
        get("/people", staff(ALL, people::list)),
        get("/people/{id}", staff(ALL, people::show)),
        post("/people/{id}/lock", staff(DECIDES, people::lock)),
        post("/people/{id}/unlock", staff(DECIDES, people::unlock)),
        get("/add-person", staff(ADMINISTERS, people::ask_new)),
        post("/add-person", staff(ADMINISTERS, people::add)),
        post("/people/{id}/assign", staff(ADMINISTERS, people::assign)),
        post("/people/{id}/pin", staff(ADMINISTERS, people::set_pin)),
        get("/people/{id}/release", staff(ADMINISTERS, people::ask_release)),
        post("/people/{id}/release", staff(ADMINISTERS, people::release)),
        get("/terminals", staff(READS, terminals::list)),
        post("/terminals/invite", staff(ADMINISTERS, terminals::invite)),
        get("/terminals/{name}/revoke", staff(ADMINISTERS, terminals::ask_revocation)),
        post("/terminals/{name}/revoke", staff(ADMINISTERS, terminals::revoke)),
        get("/staff", staff(READS, staff_pages::list)),
        post("/staff", staff(ADMINISTERS, staff_pages::add)),
        get("/staff/{login}", staff(ADMINISTERS, staff_pages::show)),
        post("/staff/{login}/role", staff(ADMINISTERS, staff_pages::set_role)),
        post("/staff/{login}/reset", staff(ADMINISTERS, staff_pages::reset)),
        // What there is to learn from.
        get("/catalogue", staff(ALL, catalogue::list)),
        get("/add-item", staff(ADMINISTERS, catalogue::adding::ask)),
        post("/add-item", uploading(ADMINISTERS, catalogue::adding::add)),
        get("/add-item/{intake}", staff(ADMINISTERS, catalogue::adding::follow)),
        post("/add-item/{intake}/cancel", staff(ADMINISTERS, catalogue::adding::cancel)),
        get("/catalogue/{item}/remove", staff(ADMINISTERS, catalogue::ask_removal)),
        post("/catalogue/{item}/remove", staff(ADMINISTERS, catalogue::remove)),
    ]
}

/// Whether a role is served there; `path` as the table writes it.
pub fn allows(method: &Method, path: &str, role: Role) -> bool {
    table()
        .iter()
        .filter(|route| route.method == *method && route.path == path)
        .any(|route| route.access.roles().is_none_or(|roles| roles.contains(&role)))
}

fn get(path: &'static str, access: Access) -> Route {
    Route { method: Method::GET, path, form_limit: FORM_LIMIT, access }
}

fn post(path: &'static str, access: Access) -> Route {
    Route { method: Method::POST, path, form_limit: FORM_LIMIT, access }
}

fn open<F: Future<Output = Answer> + Send + 'static>(
    answer: impl Fn(Call) -> F + Send + Sync + 'static,
) -> Access {
    Access::Open(Arc::new(move |call| Box::pin(answer(call))))
}

fn signing_in<F: Future<Output = Answer> + Send + 'static>(
    answer: impl Fn(Call, Arc<StaffSession>) -> F + Send + Sync + 'static,
) -> Access {
    Access::SigningIn(Arc::new(move |call, session| Box::pin(answer(call, session))))
}

fn staff<F: Future<Output = Answer> + Send + 'static>(
    roles: &'static [Role],
    answer: impl Fn(StaffCall) -> F + Send + Sync + 'static,
) -> Access {
    Access::Staff(roles, Arc::new(move |call| Box::pin(answer(call))))
}

fn uploading<F: Future<Output = Answer> + Send + 'static>(
    roles: &'static [Role],
    answer: impl Fn(StaffCall, Upload) -> F + Send + Sync + 'static,
) -> Access {
    Access::Upload(roles, Arc::new(move |call, upload| Box::pin(answer(call, upload))))
}

impl Route {
    /// The same with another kind of body.
    pub fn taking(self, form_limit: usize) -> Route {
        Route { form_limit, ..self }
    }
}
