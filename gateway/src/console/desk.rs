//! A desk to test pages at: a gateway of its own, and browsers of staff who are signed in already.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use tower::ServiceExt;

use super::session::Stage;
use super::{From, guard};
use crate::Gateway;
use crate::config::Overrides;
use crate::identifier::Login;
use crate::staff::Role;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Of everybody at the desk.
pub const PASSWORD: &str = "correct horse battery";
/// What would run in a page that forgot to escape it.
pub const SCRIPT: &str = "<script>alert(1)</script>";

pub struct Desk {
    pub gateway: Arc<Gateway>,
    router: Router,
    _folder: tempfile::TempDir,
}

/// Somebody signed in.
pub struct Browser<'d> {
    desk: &'d Desk,
    pub login: Login,
    cookie: String,
    csrf: String,
}

/// An answer, read.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    /// Where a redirection leads.
    pub location: String,
    pub body: String,
}

impl Desk {
    pub async fn open() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let overrides = Overrides::default();
        crate::init::init(&data, &[], &overrides).await.unwrap();
        let gateway = Gateway::open(&data, &overrides).await.unwrap();
        Desk { router: guard::router(gateway.clone()), gateway, _folder: folder }
    }

    /// A new member of staff of this role, signed in.
    pub async fn sign_in(&self, login: &str, role: Role) -> Browser<'_> {
        let login = Login::parse(login).unwrap();
        self.gateway.staff.add(&login, role, PASSWORD, Timestamp::now()).await.unwrap();
        let sessions = &self.gateway.staff_sessions;
        let begun = sessions.begin(&login, HERE, Stage::SignedIn(None), None, Timestamp::now());
        let (token, session) = begun.unwrap();
        let (cookie, csrf) = (format!("__Host-passerelle={token}"), session.csrf().to_owned());
        Browser { desk: self, login, cookie, csrf }
    }

    /// The details of all records of a kind, oldest first.
    pub fn details(&self, kind: passerelle_audit::Kind) -> Vec<String> {
        use passerelle_audit::{Query, search};
        let keys = self.gateway.keys.clone();
        let keyring = move |id: &passerelle_audit::KeyId| keys.lookup(id).map(|key| (*key).clone());
        let hints = self.gateway.authority.journal_key().hint_key();
        let found = search(&self.gateway.audit_folder(), hints, keyring, Query::default()).unwrap();
        let found = found.map(Result::unwrap).filter(|record| record.header.kind == kind);
        found.map(|record| record.sealed.detail.unwrap_or_default()).collect()
    }
}

impl Browser<'_> {
    pub async fn get(&self, path: &str) -> Page {
        self.send(Method::GET, path, String::new()).await
    }

    /// A form with the token of the session.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("csrf", &self.csrf).extend_pairs(fields);
        self.send(Method::POST, path, form.finish()).await
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Page {
        let mut request = Request::new(axum::body::Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in [
            ("host", "localhost"),
            ("origin", "https://localhost"),
            ("accept-language", "en"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", &self.cookie),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request.extensions_mut().insert(From(HERE));
        let response = self.desk.router.clone().oneshot(request).await.unwrap();
        let location = response.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(!body.contains(SCRIPT), "what was typed came back as markup: {path}");
        Page { status, location: location.unwrap_or_default(), body }
    }
}

impl Page {
    #[track_caller]
    pub fn shows(&self, words: &str) -> &Page {
        assert!(self.body.contains(words), "`{words}` in {} {}", self.status, self.body);
        self
    }

    #[track_caller]
    pub fn lacks(&self, words: &str) -> &Page {
        assert!(!self.body.contains(words), "no `{words}` in {}", self.body);
        self
    }

    /// A page as it should be.
    #[track_caller]
    pub fn done(&self) -> &Page {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self
    }

    /// A change was made, and the browser is sent on.
    #[track_caller]
    pub fn goes_to(&self, path: &str) -> &Page {
        assert_eq!((self.status, self.location.as_str()), (StatusCode::SEE_OTHER, path), "{}", self.body);
        self
    }

    /// The form again, with what was wrong.
    #[track_caller]
    pub fn wrong(&self, words: &str) -> &Page {
        assert_eq!(self.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", self.body);
        self.shows("role=\"alert\"").shows(words)
    }
}
