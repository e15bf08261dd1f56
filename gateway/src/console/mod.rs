//! The console: the pages of staff on the staff port, rendered here, without a foreign asset.
//!
//! Called by `listener::staff` for every request of that port. The way of a request: [`guard`] judges where it comes from, who it
//! is and whether the [`table`](route::table) lets that role in; then the page's own function answers.
//!
//! # Invariants
//! - What is not in the table of [`route`] does not exist; each row names the roles it serves, and no page asks for a role itself
//!   but to narrow (a counsellor's people: [`StaffCall::may_see`]).
//! - Nothing is changed by a GET. A POST comes from a page of ours (`Origin`, `Sec-Fetch-Site`), with the token of the session.
//! - A page calls the same operation as the verb of that name and repeats none of its logic; the operation leaves the record, which
//!   names the login. Who looks at a person's records leaves `staff-looked` ([`StaffCall::looked`]) before the page is sent.
//! - Every text is in `texts/console/`, French and English; every value goes through maud's escaping. There is no inline style
//!   or script, and the policy of the pages forbids them.
//! - What a confidential service keeps out of the journal is not here either: pages read records, they know nothing more.
//!
//! # How to add a page family
//! 1. `console/NAME.rs`: `pub async fn list(call: StaffCall) -> Answer` and its siblings; templates (`maud::html!`) stand below. Read
//!    `call.query("q")`, `call.field("name")`, `call.parameter("id")`; end with `call.page("title-key", body)`, or with
//!    `call.done("/where", "done-key")` after a change (Post/Redirect/Get; the text `done-key` is shown there), or with
//!    `call.wrong(..)`, the page again with what was wrong. `?` on the errors of the domain gives an error page.
//! 2. A row for each route in `route::table`, an item in `page::MENU` where the menu should show it.
//! 3. `texts/console/NAME.fr.ftl` and `.en.ftl`, listed in `text::FRENCH_FILES` and `ENGLISH_FILES`. Tests read the sources for
//!    `say("key")` and fail for a key that either lacks.
//! 4. Every form begins with `call.token()`, every input has a `label`, every table a `caption`, inside `div.table` (it scrolls).

mod access;
mod assets;
mod call;
mod catalogue;
#[cfg(test)]
mod desk;
mod guard;
mod home;
mod journal;
mod learning;
#[cfg(test)]
mod learning_tests;
mod page;
mod people;
#[cfg(test)]
mod people_tests;
mod policy;
mod reading;
mod records;
mod requests;
mod route;
mod session;
mod sessions;
mod sign_in;
mod staff;
mod story;
mod terminals;
#[cfg(test)]
mod tests;
mod trouble;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tower::ServiceExt;

pub use session::StaffSessions;

use crate::Gateway;
use crate::proxy::body::Body;

/// Where a request came from, as its extension.
#[derive(Clone, Copy)]
struct From(IpAddr);

/// All routes of the staff port, ready to answer; clones share them.
#[derive(Clone)]
pub struct Console(Router);

impl Console {
    pub fn new(gateway: &Arc<Gateway>) -> Console {
        Console(guard::router(gateway.clone()))
    }

    pub async fn answer(self, mut request: Request<Incoming>, from: IpAddr) -> Response<Body> {
        request.extensions_mut().insert(From(from));
        // To its end even when the browser goes away meanwhile: what a page changed must be recorded.
        let answering = tokio::spawn(self.0.oneshot(request.map(axum::body::Body::new)));
        let response = match answering.await {
            Ok(Ok(response)) => response,
            // The page's function panicked; the browser is told, the gateway goes on.
            Err(_) => guard::broken(),
            Ok(Err(never)) => match never {},
        };
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }
}
