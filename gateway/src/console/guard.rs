//! Between the connection and the pages: where a request comes from, who it is, whether the table lets them in.
//!
//! Called for every request of the staff port. The order is: our host name → from a page of ours → session → role → body and its
//! token → the page's function. Whatever the answer, the headers of [`protect`] go with it.
//!
//! Two independent defences stand against forged requests: `Origin` and `Sec-Fetch-Site` (nobody can set them from a page), and the
//! token of the session in the form. The cookie is `SameSite=Strict` besides.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN, REFERRER_POLICY,
    SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use passerelle_audit::{Kind, Sealed};

use super::call::{Answer, Call, Failure, Fields, StaffCall, see_other};
use super::catalogue::upload::Upload;
use super::page;
use super::route::{Access, Route, table};
use super::session::{Found, StaffSession, Stage};
use crate::Gateway;
use crate::journal_keys::Subject;
use crate::proxy::body::Body;
use crate::text::Language;

/// `__Host-`: set by this very host, over TLS, for all of it, and by nobody else (RFC 6265bis, 4.1.3.2).
const SESSION_COOKIE: &str = "__Host-passerelle";
const LANGUAGE_COOKIE: &str = "__Host-language";
/// Nothing but our own files, no frames, no foreign forms, no base.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), clipboard-read=(), display-capture=()",
);

/// Every row of the table, behind the guard.
pub fn router(gateway: Arc<Gateway>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let filter = MethodFilter::try_from(route.method.clone()).expect("the table names common methods");
        let (path, gateway, route) = (route.path, gateway.clone(), Arc::new(route));
        let answer = move |request: Request| answer(gateway.clone(), route.clone(), request);
        router = router.route(path, on(filter, answer));
    }
    let (elsewhere, method) = (gateway.clone(), gateway);
    router
        .method_not_allowed_fallback(async move |request: Request| {
            nothing(&method, &request, Failure::Method)
        })
        .fallback(async move |request: Request| nothing(&elsewhere, &request, Failure::NotFound))
}

async fn answer(gateway: Arc<Gateway>, route: Arc<Route>, request: Request) -> Response {
    let language = language(request.headers());
    let answered = judge(gateway, &route, language, request).await;
    protected(answered.unwrap_or_else(|failure| told(language, &failure)))
}

/// The answer to what no row of the table serves.
fn nothing(gateway: &Gateway, request: &Request, failure: Failure) -> Response {
    let ours = gateway.is_our_host(request.headers(), request.uri());
    protected(told(language(request.headers()), if ours { &failure } else { &Failure::Host }))
}

fn told(language: Language, failure: &Failure) -> Response {
    match failure {
        Failure::SignedOut => see_other("/sign-in"),
        _ => {
            if let Failure::Unavailable(why) = failure {
                tracing::error!(%why, "a page of the console could not be made");
            }
            (failure.status(), page::failure(language, failure)).into_response()
        }
    }
}

/// For a function that panicked: no page, no words, but the headers.
pub fn broken() -> http::Response<axum::body::Body> {
    protected(http::StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Not `no-referrer`: browsers would send `Origin: null` with our own forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("permissions-policy", PERMISSIONS);
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert(VARY, HeaderValue::from_static("Cookie, Accept-Language"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn judge(gateway: Arc<Gateway>, route: &Route, language: Language, request: Request) -> Answer {
    let (mut parts, body) = request.into_parts();
    if !gateway.is_our_host(&parts.headers, &parts.uri) {
        return Err(Failure::Host);
    }
    if !is_from_us(&parts.method, &parts.headers) {
        return Err(Failure::Foreign);
    }
    let from = parts.extensions.get::<super::From>().ok_or(Failure::Malformed)?.0;
    let now = Timestamp::now();
    let session = match cookie(&parts.headers, SESSION_COOKIE) {
        Some(token) => {
            let sessions = &gateway.staff_sessions;
            let asked = match asks_by_itself(&parts.method, &parts.headers) {
                true => sessions.look_at(token, from, now),
                false => sessions.find(token, from, now),
            };
            found(&gateway, asked, from).await?
        }
        None => None,
    };
    // Who may not come in sends no body to be read.
    let staff = match &route.access {
        Access::Open(_) => None,
        Access::SigningIn(_) => session.as_ref().map(|_| None).ok_or(Failure::SignedOut)?,
        Access::Staff(roles, _) | Access::Upload(roles, _) => {
            let session = session.as_deref().ok_or(Failure::SignedOut)?;
            if !matches!(session.stage, Stage::SignedIn(_)) {
                return Ok(see_other(session.stage.path()));
            }
            let staff = gateway.staff.get(&session.login).await?.ok_or(Failure::SignedOut)?;
            if !roles.contains(&staff.role) {
                return Err(Failure::Forbidden);
            }
            Some(staff)
        }
    };
    let parameters = parameters(&mut parts).await?;
    let queries = Query::try_from_uri(&parts.uri).map_err(|_| Failure::Malformed)?.0;
    let (form, upload) = match &route.access {
        Access::Upload(..) => {
            let limits = &gateway.config.limits;
            let opened = Upload::open(&parts, body, limits.upload_bytes, limits.idle_body()).await?;
            (opened.1, Some(opened.0))
        }
        _ => (read(&gateway, route.form_limit, &parts, body).await?, None),
    };
    let must_prove = !parts.method.is_safe() && !matches!(route.access, Access::Open(_));
    if must_prove && session.as_ref().is_some_and(|session| !session.is_csrf(form.get("csrf"))) {
        return Err(Failure::Foreign);
    }
    let path = parts.uri.path().to_owned();
    let queries = Fields(queries);
    let call = Call { gateway, language, from, now, path, parameters, queries, form };
    match (&route.access, session, staff) {
        (Access::Open(page), ..) => page(call).await,
        (Access::SigningIn(page), Some(session), _) => page(call, session).await,
        (Access::Staff(_, page), Some(session), Some(staff)) => {
            page(StaffCall { call, staff, session }).await
        }
        (Access::Upload(_, page), Some(session), Some(staff)) => {
            let upload = upload.ok_or(Failure::Malformed)?;
            page(StaffCall { call, staff, session }, upload).await
        }
        _ => Err(Failure::SignedOut),
    }
}

/// A form of another site has another `Origin` or `Sec-Fetch-Site`; what changes something must prove that it has ours. A GET may
/// come from anywhere as a page load, and from nowhere else.
fn is_from_us(method: &Method, headers: &HeaderMap) -> bool {
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = field("sec-fetch-site");
    if method.is_safe() {
        let is_page_load =
            field("sec-fetch-mode") == Some("navigate") && field("sec-fetch-dest") == Some("document");
        return matches!(site, None | Some("same-origin" | "none")) || is_page_load;
    }
    let Some(host) = field(HOST.as_str()) else { return false };
    let is_our_origin =
        field(ORIGIN.as_str()).is_some_and(|origin| origin.eq_ignore_ascii_case(&format!("https://{host}")));
    is_our_origin && matches!(site, None | Some("same-origin"))
}

/// A look by a script of ours: it says nothing of somebody being at the desk.
fn asks_by_itself(method: &Method, headers: &HeaderMap) -> bool {
    method.is_safe() && headers.get("sec-fetch-dest").is_some_and(|destination| destination == "empty")
}

/// A session whose token comes from another address was copied: it has ended, and that is recorded.
async fn found(gateway: &Gateway, found: Found, from: IpAddr) -> Result<Option<Arc<StaffSession>>, Failure> {
    match found {
        Found::Session(session) => Ok(Some(session)),
        Found::Nothing => Ok(None),
        Found::Elsewhere(session) => {
            let detail =
                format!("{}: a session begun at {} was used from {from}", session.login, session.address);
            let sealed = Sealed { detail: Some(detail), ..Sealed::default() };
            let subject = Subject::Staff(session.login.clone());
            gateway.record(Kind::StaffSignInFailed, &subject, None, sealed).await?;
            Ok(None)
        }
    }
}

async fn parameters(parts: &mut Parts) -> Result<Fields, Failure> {
    let found = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Failure::Malformed)?;
    Ok(Fields(found.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
}

/// The form, of at most `limit` bytes.
async fn read(
    gateway: &Gateway,
    limit: usize,
    parts: &Parts,
    body: axum::body::Body,
) -> Result<Fields, Failure> {
    if parts.method.is_safe() {
        return Ok(Fields::default());
    }
    let reading =
        tokio::time::timeout(gateway.config.limits.idle_body(), Limited::new(body, limit).collect());
    let bytes = reading.await.map_err(|_| Failure::Malformed)?.map_err(|error| {
        if error.is::<LengthLimitError>() { Failure::TooLong } else { Failure::Malformed }
    })?;
    let mut request = Request::new(axum::body::Body::from(bytes.to_bytes()));
    *request.method_mut() = Method::POST;
    *request.headers_mut() = parts.headers.clone();
    DefaultBodyLimit::disable().apply(&mut request); // it has just passed ours
    let form = Form::from_request(request, &()).await.map_err(|_| Failure::Malformed)?.0;
    Ok(Fields(form))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let fields = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut cookies =
        fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    cookies.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn language(headers: &HeaderMap) -> Language {
    let chosen = cookie(headers, LANGUAGE_COOKIE)
        .and_then(|code| Language::ALL.into_iter().find(|language| language.code() == code));
    chosen.unwrap_or_else(|| {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::preferred(accepted.unwrap_or_default())
    })
}

/// Hands the browser the token of its session; it forgets it when it closes.
pub fn with_session(response: Response, token: &str) -> Response {
    with_cookie(response, &format!("{SESSION_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"))
}

pub fn without_session(response: Response) -> Response {
    with_cookie(response, &format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"))
}

/// For a year.
pub fn with_language(response: Response, language: Language) -> Response {
    let code = language.code();
    with_cookie(
        response,
        &format!("{LANGUAGE_COOKIE}={code}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=31536000"),
    )
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    let value = HeaderValue::from_str(cookie).expect("tokens and language codes are plain");
    response.headers_mut().append(SET_COOKIE, value);
    response
}

/// The public files of the journal as the proxy answers them.
pub fn as_answer(response: http::Response<Body>) -> Response {
    response.map(axum::body::Body::new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::HeaderName;

    use super::*;

    #[test]
    fn what_changes_something_comes_from_a_page_of_ours() {
        let check = |method: Method, fields: &[(&str, &str)], expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "staff.test:9443".parse().unwrap());
            for (name, value) in fields {
                headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            assert_eq!(is_from_us(&method, &headers), expected, "{method} {fields:?}");
        };
        let ours = ("origin", "https://staff.test:9443");
        for (fields, expected) in [
            (&[ours][..], true),
            (&[ours, ("sec-fetch-site", "same-origin")], true),
            (&[ours, ("sec-fetch-site", "cross-site")], false),
            (&[ours, ("sec-fetch-site", "same-site")], false),
            (&[ours, ("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-origin")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://staff.test")], false),
            (&[("origin", "http://staff.test:9443")], false),
            (&[("origin", "https://staff.test:9443.evil.test")], false),
            (&[], false),
        ] {
            check(Method::POST, fields, expected);
        }
        for (fields, expected) in [
            (&[][..], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], false),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                true,
            ),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                false,
            ),
        ] {
            check(Method::GET, fields, expected);
        }
    }
}
