//! The console as an attacker and as each role would use it, without a network: requests go through the guard to the pages.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::{CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use passerelle_audit::Query;
use tempfile::TempDir;
use tower::ServiceExt;

use super::guard::router;
use super::records::escaped;
use super::route::{Access, table};
use super::session::Stage;
use crate::Gateway;
use crate::config::Overrides;
use crate::identifier::{Login, PersonId, TerminalId};
use crate::second_factor::TotpSecret;
use crate::session::NewSession;
use crate::staff::Role;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const HOST: &str = "staff.test:9443";
const PIN: &str = "271828";
/// Of everybody but the administrator.
pub const PASSWORD: &str = "exemple-mot-de-passe";
pub const ATTACK: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// A gateway with staff of every role (their login is the role's word), and its console.
pub struct Desk {
    pub gateway: Arc<Gateway>,
    router: Router,
    _folder: TempDir,
    pub one_time_password: String,
}

/// A browser that is signed in.
#[derive(Clone, Default)]
pub struct Badge {
    pub cookie: String,
    csrf: String,
}

pub struct Reply {
    pub status: StatusCode,
    headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |path| path.to_str().unwrap())
    }

    /// The cookie it sets, as a browser sends it back.
    fn cookie(&self) -> Option<String> {
        let set = self.headers.get(SET_COOKIE)?.to_str().unwrap();
        for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(set.contains(attribute), "{set}");
        }
        Some(set.split(';').next().unwrap().to_owned())
    }

    /// The token of the forms on this page.
    fn csrf(&self) -> String {
        let marker = "name=\"csrf\" value=\"";
        let start = self.body.find(marker).map_or(0, |at| at + marker.len());
        self.body[start..].split('"').next().unwrap().to_owned()
    }
}

impl Desk {
    pub async fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let initialised =
            crate::init::init(&data, &["staff.test".into()], &Overrides::default()).await.unwrap();
        let gateway = Gateway::open(&data, &Overrides::default()).await.unwrap();
        for role in Role::ALL {
            // The first administrator is there already, with a one-time password.
            if role != Role::Administrator {
                let login = Login::parse(role.word()).unwrap();
                gateway.staff.add(&login, role, PASSWORD, Timestamp::now()).await.unwrap();
            }
        }
        let one_time_password = initialised.one_time_password.to_string();
        Desk { router: router(gateway.clone()), gateway, _folder: folder, one_time_password }
    }

    /// Signed in as the one of this role.
    pub fn badge(&self, role: Role) -> Badge {
        let login = Login::parse(role.word()).unwrap();
        let stage = Stage::SignedIn(None);
        let begun = self.gateway.staff_sessions.begin(&login, HERE, stage, None, Timestamp::now());
        let (token, session) = begun.unwrap();
        Badge { cookie: format!("__Host-passerelle={token}"), csrf: session.csrf().to_owned() }
    }

    async fn send(&self, method: Method, path: &str, badge: &Badge, form: &[(&str, &str)]) -> Reply {
        let csrf = [("csrf", badge.csrf.as_str())];
        let form = [&csrf[..], form].concat();
        let origin = [("origin", format!("https://{HOST}"))];
        self.exact(method, path, HERE, &badge.cookie, &origin, &form).await
    }

    pub async fn get(&self, path: &str, badge: &Badge) -> Reply {
        self.send(Method::GET, path, badge, &[]).await
    }

    pub async fn post(&self, path: &str, badge: &Badge, form: &[(&str, &str)]) -> Reply {
        self.send(Method::POST, path, badge, form).await
    }

    async fn exact(
        &self,
        method: Method,
        path: &str,
        from: IpAddr,
        cookie: &str,
        fields: &[(&str, String)],
        form: &[(&str, &str)],
    ) -> Reply {
        let mut request = Request::builder().method(&method).uri(path).extension(super::From(from));
        if !fields.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", HOST);
        }
        for (name, value) in fields {
            request = request.header(*name, value);
        }
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let body = if method == Method::GET { Body::empty() } else { Body::from(pairs.join("&")) };
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body).unwrap();
        self.answered(request).await
    }

    /// A form with files: the token, these fields, then files by their names.
    pub fn form_with_files(
        &self,
        badge: &Badge,
        fields: &[(&str, &str)],
        files: &[(&str, &[u8])],
    ) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in [&[("csrf", badge.csrf.as_str())], fields].concat() {
            let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend([head.as_bytes(), value.as_bytes(), b"\r\n"].concat());
        }
        for (name, content) in files {
            let head = format!(
                "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(b"--x--\r\n");
        body
    }

    /// Sends these bytes as a form with files, and this as their announced length.
    pub async fn raw_upload(&self, path: &str, badge: &Badge, length: &str, body: Vec<u8>) -> Reply {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .extension(super::From(HERE))
            .header("host", HOST)
            .header("origin", format!("https://{HOST}"))
            .header("cookie", &badge.cookie)
            .header("content-length", length)
            .header("content-type", "multipart/form-data; boundary=x");
        self.answered(request.body(Body::from(body)).unwrap()).await
    }

    async fn answered(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// A person of this trio, signed in at a terminal.
    pub async fn person(&self, id: &str, name: &str, trio: &[Role]) -> NewSession {
        let person = PersonId::parse(id).unwrap();
        let trio: Vec<Login> = trio.iter().map(|role| Login::parse(role.word()).unwrap()).collect();
        let now = Timestamp::now();
        self.gateway.people.add(&person, name, &[], &trio, PIN, now).await.unwrap();
        let terminal = TerminalId::parse("poste-1").unwrap();
        self.gateway.sessions.sign_in(id, PIN, &terminal, now).await.unwrap()
    }

    pub async fn ask(&self, id: &str, url: &str, reason: &str) -> String {
        let person = PersonId::parse(id).unwrap();
        self.gateway.requests.ask(&person, url, reason, Timestamp::now()).await.unwrap().id
    }

    /// Kinds and details of the journal that match.
    pub async fn records(&self, kind: &str) -> Vec<String> {
        let query = Query { kind: Some(kind.parse().unwrap()), ..Query::default() };
        super::reading::walk(&self.gateway, query, Vec::new(), |found: &mut Vec<String>, record| {
            found.push(record.sealed.detail.unwrap_or_default());
        })
        .await
        .unwrap()
    }

    fn is_stopped(&self) -> bool {
        self.gateway.access_stop.is_stopped::<&str>(&[])
    }
}

/// A row's path with something in the place of each parameter.
fn filled(path: &str) -> String {
    let pieces = path.split('/').map(|piece| if piece.starts_with('{') { "x" } else { piece });
    pieces.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_names_and_nobody_else() {
    let desk = Desk::new().await;
    for route in table() {
        let (method, path) = (&route.method, filled(route.path));
        let out = desk.send(method.clone(), &path, &Badge::default(), &[]).await;
        let sent_away = out.status == StatusCode::SEE_OTHER && out.location() == "/sign-in";
        assert_eq!(sent_away, !matches!(route.access, Access::Open(_)), "{method} {path}, signed out");
        let Some(roles) = route.access.roles() else { continue };
        assert!(roles.contains(&Role::Administrator), "{method} {path}: an administrator may all");
        for role in Role::ALL {
            let reply = desk.send(method.clone(), &path, &desk.badge(role), &[]).await;
            let refused = reply.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !roles.contains(&role), "{method} {path} for {role:?}: {}", reply.status);
            assert_ne!(reply.location(), "/sign-in", "{method} {path} for {role:?}");
            assert_ne!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path} for {role:?}");
        }
    }
    // Nothing else is there.
    for (method, path) in [(Method::GET, "/nothing"), (Method::POST, "/nothing"), (Method::GET, "/sign-in/")]
    {
        let reply = desk.send(method.clone(), path, &desk.badge(Role::Administrator), &[]).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    for (method, path) in [(Method::DELETE, "/sessions"), (Method::POST, "/journal"), (Method::PUT, "/")] {
        let reply = desk.send(method.clone(), path, &desk.badge(Role::Administrator), &[]).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
    }
}

/// Whatever rows are added: an auditor changes nothing, and the trio reads no records.
#[test]
fn roles_keep_within_their_bounds() {
    // These read by POST, since they cost much or take a long text.
    let reading = ["/journal/verify"];
    for route in table() {
        let Some(roles) = route.access.roles() else { continue };
        let changes = route.method == Method::POST && !reading.contains(&route.path);
        assert!(!(changes && roles.contains(&Role::Auditor)), "{} for an auditor", route.path);
        assert!(!(changes && roles.contains(&Role::Guard)), "{} for a guard", route.path);
        let is_record = route.path.starts_with("/records") || route.path.starts_with("/journal");
        for role in [Role::Counsellor, Role::Referent, Role::Guard] {
            assert!(!(is_record && roles.contains(&role)), "{} for {role:?}", route.path);
        }
        let is_session = route.path.starts_with("/sessions");
        for role in [Role::Counsellor, Role::Referent] {
            assert!(!(is_session && roles.contains(&role)), "{} for {role:?}", route.path);
        }
    }
}

#[tokio::test]
async fn forged_requests_change_nothing() {
    let desk = Desk::new().await;
    let (badge, other) = (desk.badge(Role::Security), desk.badge(Role::Administrator));
    let ours = || ("origin", format!("https://{HOST}"));
    let token = |token: &str| vec![("csrf", token.to_owned())];
    for (what, fields, form, expected) in [
        ("no token", vec![ours()], vec![], 403),
        ("empty token", vec![ours()], token(""), 403),
        ("another session's token", vec![ours()], token(&other.csrf), 403),
        ("no origin", vec![], token(&badge.csrf), 403),
        ("no origin, a referer", vec![("referer", format!("https://{HOST}/"))], token(&badge.csrf), 403),
        ("opaque origin", vec![("origin", "null".into())], token(&badge.csrf), 403),
        ("foreign origin", vec![("origin", "https://evil.test".into())], token(&badge.csrf), 403),
        ("plain origin", vec![("origin", format!("http://{HOST}"))], token(&badge.csrf), 403),
        (
            "cross-site by fetch metadata",
            vec![ours(), ("sec-fetch-site", "cross-site".into())],
            token(&badge.csrf),
            403,
        ),
        (
            "a name that leads here (rebinding)",
            vec![("origin", "https://evil.test".into()), ("host", "evil.test".into())],
            token(&badge.csrf),
            421,
        ),
    ] {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let reply = desk.exact(Method::POST, "/access/stop", HERE, &badge.cookie, &fields, &form).await;
        assert_eq!(reply.status.as_u16(), expected, "{what}");
        assert!(!desk.is_stopped(), "{what}");
    }
    // The token in the address is none, and a GET changes nothing.
    let path = format!("/access/stop?csrf={}", badge.csrf);
    assert_eq!(desk.exact(Method::POST, &path, HERE, &badge.cookie, &[ours()], &[]).await.status, 403);
    assert_eq!(desk.get("/access/stop", &badge).await.status, 405);
    assert!(!desk.is_stopped());
    // A body beyond the limit is not read.
    let long = "x".repeat(65 * 1024);
    assert_eq!(desk.post("/access/stop", &badge, &[("group", &long)]).await.status, 413);
    assert!(!desk.is_stopped());
    // The same with everything right.
    assert_eq!(desk.post("/access/stop", &badge, &[]).await.location(), "/access?done=done-access-stopped");
    assert!(desk.is_stopped());
    assert_eq!(desk.records("access-stopped").await, ["everybody, by security"]);
}

#[tokio::test]
async fn a_session_serves_its_own_address_and_ends_elsewhere() {
    let desk = Desk::new().await;
    let badge = desk.badge(Role::Auditor);
    let there = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99));
    assert_eq!(desk.get("/journal", &badge).await.status, 200);
    let stolen = desk.exact(Method::GET, "/journal", there, &badge.cookie, &[], &[]).await;
    assert_eq!((stolen.status, stolen.location()), (StatusCode::SEE_OTHER, "/sign-in"));
    assert_eq!(desk.get("/journal", &badge).await.location(), "/sign-in", "it ended for both");
    let told = desk.records("staff-sign-in-failed").await;
    assert_eq!(told, ["auditor: a session begun at 192.0.2.1 was used from 192.0.2.99"]);
}

#[tokio::test]
async fn the_first_sign_in_enrols_changes_the_password_and_leaves_no_earlier_token() {
    let desk = Desk::new().await;
    let login = Role::Administrator.word();
    let mut jar = Badge { cookie: "__Host-passerelle=planted".into(), csrf: String::new() };
    let mut earlier = vec![jar.cookie.clone()];

    let form = |password: &str| [("login", login.to_owned()), ("password", password.to_owned())];
    let typed = form("wrong");
    let typed: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let reply = desk.post("/sign-in", &jar, &typed).await;
    assert_eq!(reply.status, 422);
    assert!(reply.cookie().is_none());
    let typed = form(&desk.one_time_password);
    let typed: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let reply = desk.post("/sign-in", &jar, &typed).await;
    assert_eq!(reply.location(), "/sign-in/enrol");
    jar.cookie = reply.cookie().unwrap();
    earlier.push(jar.cookie.clone());

    // No page before the end of the sign-in.
    assert_eq!(desk.get("/", &jar).await.location(), "/sign-in/enrol");
    assert_eq!(desk.get("/sign-in/password", &jar).await.location(), "/sign-in/enrol");
    let page = desk.get("/sign-in/enrol", &jar).await;
    assert!(page.body.contains("<svg"), "the QR code is drawn in the page");
    jar.csrf = page.csrf();
    let key = page.body.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap();
    let key = data_encoding::BASE32_NOPAD.decode(key.replace(' ', "").as_bytes()).unwrap();
    let secret = TotpSecret::new(key.try_into().unwrap());
    assert_eq!(desk.post("/sign-in/enrol", &jar, &[("code", "000000")]).await.status, 422);
    let code = secret.code_at(Timestamp::now());
    let reply = desk.post("/sign-in/enrol", &jar, &[("code", &code)]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body.matches("<li><code>").count(), 8, "recovery codes");
    let recovery = reply.body.split("<li><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    jar.cookie = reply.cookie().unwrap();

    // A one-time password is changed before anything else.
    assert_eq!(desk.get("/", &jar).await.location(), "/sign-in/password");
    earlier.push(jar.cookie.clone());
    jar.csrf = desk.get("/sign-in/password", &jar).await.csrf();
    for (first, second) in [
        ("exemple-nouveau-1", "exemple-nouveau-2"),
        ("court", "court"),
        (desk.one_time_password.as_str(), desk.one_time_password.as_str()),
    ] {
        let refused = desk.post("/sign-in/password", &jar, &[("password", first), ("again", second)]).await;
        assert_eq!(refused.status, 422, "{first}");
    }
    let new = [("password", "exemple-nouveau-1"), ("again", "exemple-nouveau-1")];
    let reply = desk.post("/sign-in/password", &jar, &new).await;
    assert_eq!(reply.location(), "/");
    jar.cookie = reply.cookie().unwrap();
    assert_eq!(desk.get("/", &jar).await.status, 200);
    for cookie in &earlier {
        let old = Badge { cookie: cookie.clone(), csrf: jar.csrf.clone() };
        assert_eq!(desk.get("/", &old).await.location(), "/sign-in", "{cookie}");
    }
    assert_eq!(desk.records("staff-signed-in").await, ["administrator from 192.0.2.1"]);
    assert_eq!(desk.records("staff-sign-in-failed").await, ["administrator from 192.0.2.1: password"]);

    // Signed out, the token is worth nothing; the next sign-in asks for a code, and the used one does not do.
    jar.csrf = desk.get("/", &jar).await.csrf();
    assert_eq!(desk.post("/sign-out", &jar, &[]).await.location(), "/sign-in");
    assert_eq!(desk.get("/", &jar).await.location(), "/sign-in");
    let again = [("login", login), ("password", "exemple-nouveau-1")];
    let reply = desk.post("/sign-in", &Badge::default(), &again).await;
    assert_eq!(reply.location(), "/sign-in/code");
    jar.cookie = reply.cookie().unwrap();
    jar.csrf = desk.get("/sign-in/code", &jar).await.csrf();
    assert_eq!(desk.post("/sign-in/code", &jar, &[("code", &code)]).await.status, 422, "used already");
    let reply = desk.post("/sign-in/code", &jar, &[("code", &recovery)]).await;
    assert_eq!(reply.location(), "/");
    jar.cookie = reply.cookie().unwrap();
    assert!(desk.get("/", &jar).await.body.contains("192.0.2.1"), "the sign-in before is shown");
}

#[tokio::test]
async fn wrong_passwords_wait_whatever_login_is_tried() {
    let desk = Desk::new().await;
    for (login, status) in [("a", 422), ("b", 422), ("c", 422), ("d", 422)] {
        let form = [("login", login), ("password", "x")];
        let reply = desk.post("/sign-in", &Badge::default(), &form).await;
        assert_eq!(reply.status.as_u16(), status);
    }
    // The fourth was not judged: only three are recorded.
    assert_eq!(desk.records("staff-sign-in-failed").await.len(), 3);
}

#[tokio::test]
async fn names_and_addresses_are_text_on_every_page() {
    let desk = Desk::new().await;
    let live = desk.person("p1", ATTACK, &[Role::Counsellor]).await;
    let attack = escaped(ATTACK);
    // An encoded slash is refused before it gets here.
    let address = format!("https://exemple.fr/{}", attack.replace("%2F", ""));
    let request = desk.ask("p1", &address, ATTACK).await;
    let badge = desk.badge(Role::Administrator);
    for path in [
        "/sessions".to_owned(),
        format!("/sessions?person={attack}"),
        format!("/sessions/{}", live.session.id),
        "/requests".to_owned(),
        format!("/requests/{request}"),
        format!("/records?text={attack}&person={attack}&kind={attack}&from={attack}"),
        format!("/?done={attack}"),
        "/access".to_owned(),
        "/journal".to_owned(),
    ] {
        let reply = desk.get(&path, &badge).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.body.contains("<script") && !reply.body.contains("<img"), "{path}");
        assert!(!reply.body.contains("style="), "{path}: the policy forbids inline styles");
    }
    let shown = desk.get("/requests", &badge).await.body;
    assert!(shown.contains("&lt;script&gt;"), "the name is shown as it is");
    for path in ["/sign-in", "/nothing", "/requests", "/assets/console.css", "/checkpoint"] {
        let reply = desk.get(path, &Badge::default()).await;
        let policy = reply.headers.get(CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(reply.headers.get(name).unwrap(), value, "{path}");
        }
    }
    assert_eq!(desk.get("/", &badge).await.headers.get("cache-control").unwrap(), "no-store");
}

#[tokio::test]
async fn the_trio_sees_its_own_people() {
    let desk = Desk::new().await;
    let trio = [Role::Counsellor, Role::Referent, Role::Guard];
    let own = desk.person("p1", "Camille Exemple", &trio).await;
    let foreign = desk.person("p2", "Sacha Exemple", &[]).await;
    let (mine, theirs) =
        (desk.ask("p1", "https://a.exemple/", "").await, desk.ask("p2", "https://b.exemple/", "").await);
    for role in [Role::Counsellor, Role::Referent] {
        let badge = desk.badge(role);
        let list = desk.get("/requests", &badge).await.body;
        assert!(list.contains("a.exemple") && !list.contains("b.exemple"), "{role:?}");
        assert_eq!(desk.get(&format!("/requests/{mine}"), &badge).await.status, 200, "{role:?}");
        for path in [format!("/requests/{theirs}/grant"), format!("/requests/{theirs}/decline")] {
            let form = [("path", "/*"), ("span", "hour"), ("words", "oui")];
            assert_eq!(desk.post(&path, &badge, &form).await.status, 404, "{role:?} {path}");
        }
    }
    let badge = desk.badge(Role::Guard);
    let list = desk.get("/sessions", &badge).await.body;
    assert!(list.contains("Camille") && !list.contains("Sacha"));
    assert_eq!(desk.get(&format!("/sessions/{}", own.session.id), &badge).await.status, 200);
    assert_eq!(desk.get(&format!("/sessions/{}", foreign.session.id), &badge).await.status, 404);
    let looked = desk.records("staff-looked").await;
    assert!(looked.contains(&format!("session {}, by guard", own.session.id)), "{looked:?}");
    assert!(!looked.iter().any(|detail| detail.contains(foreign.session.id.as_str())), "{looked:?}");
}

#[tokio::test]
async fn a_request_becomes_a_grant_in_the_running_session_once() {
    let desk = Desk::new().await;
    let live = desk.person("p1", "Camille Exemple", &[Role::Counsellor]).await;
    let request = desk.ask("p1", "https://formation.exemple/cours/1?x=secret", "pour apprendre").await;
    let badge = desk.badge(Role::Counsellor);
    let path = format!("/requests/{request}/grant");
    for form in [
        [("path", "/cours/*"), ("span", "hour"), ("words", "")],
        [("path", "/cours/*"), ("span", "ever"), ("words", "oui")],
        [("path", "cours"), ("span", "hour"), ("words", "oui")],
    ] {
        assert_eq!(desk.post(&path, &badge, &form).await.status, 422, "{form:?}");
        assert!(live.session.grants().is_empty());
    }
    let form = [("path", "/cours/*"), ("span", "hour"), ("words", "D'accord")];
    assert_eq!(desk.post(&path, &badge, &form).await.location(), "/requests?done=done-request-granted");
    let grants = live.session.grants();
    assert_eq!((grants.len(), grants[0].granter.as_str()), (1, "counsellor"));
    let told = desk.records("request-answered").await;
    assert!(told.len() == 1 && told[0].contains("granted by counsellor") && !told[0].contains("secret"));
    let person = PersonId::parse("p1").unwrap();
    let seen = desk.gateway.requests.of(&person).await.unwrap();
    assert_eq!((seen[0].state.as_str(), seen[0].answer.as_deref()), ("granted", Some("D'accord")));
    // Once.
    let again = desk.post(&path, &badge, &form).await;
    assert_eq!(again.location(), "/requests?done=done-request-was-answered");
    assert_eq!(desk.gateway.people.grants(&person, Timestamp::now()).await.unwrap().len(), 1);

    let other = desk.ask("p1", "https://jeux.exemple/", "").await;
    let path = format!("/requests/{other}/decline");
    assert_eq!(desk.post(&path, &badge, &[("words", " ")]).await.status, 422);
    assert_eq!(
        desk.post(&path, &badge, &[("words", "Non")]).await.location(),
        "/requests?done=done-request-declined"
    );
}

#[tokio::test]
async fn staff_end_a_session_and_the_record_names_them() {
    let desk = Desk::new().await;
    let live = desk.person("p1", "Camille Exemple", &[]).await;
    let badge = desk.badge(Role::Security);
    let path = format!("/sessions/{}/end", live.session.id);
    assert_eq!(desk.post(&path, &badge, &[]).await.location(), "/sessions?done=done-session-ended");
    assert!(live.session.ended().is_some());
    assert_eq!(desk.records("signed-out").await, ["ended by security"]);
    assert_eq!(desk.post(&path, &badge, &[]).await.location(), "/sessions?done=done-session-over");
    let verified = desk.post("/journal/verify", &badge, &[]).await;
    assert!(verified.body.contains("verified ") && verified.status == 200, "{}", verified.body);
}
