//! Wire types of the kiosk API, shared by the gateway and the kiosk. Shapes only, no behaviour.
//!
//! JSON over HTTP on the terminal port; times are RFC 3339 in UTC. Unknown fields are ignored by readers so that a kiosk
//! and a gateway one version apart still understand each other.

mod catalogue;
mod enrolment;
mod login;
mod progress;
mod refusal;
mod requests;
mod services;

pub use catalogue::{Begun, CatalogueItem, ItemList, SearchResult, SearchResults, SnippetPart, Suggestions};
pub use enrolment::{Enrolment, EnrolmentAnswer};
pub use login::{LastSignIn, PinChange, Session, SignIn};
pub use progress::Progress;
pub use refusal::{PROBLEM_JSON, Problem, ProxyStatus};
pub use requests::{AccessRequest, NewAccessRequest, RequestList};
pub use services::{Name, Service, ServiceList, Unavailable};
