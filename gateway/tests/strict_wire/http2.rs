//! HTTP/2 heads, as hyper hands them over.

use std::convert::Infallible;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use passerelle_gateway::strict_http1::Limits;
use passerelle_gateway::strict_http2::{Leg, judge};

fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
    let mut parts = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts().0;
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        parts.headers.append(name.parse::<HeaderName>().unwrap(), value);
    }
    parts
}

fn check(leg: Leg, method: &str, uri: &str, fields: &[(&str, &str)], expected: Result<(), &str>) {
    let judged = judge(&parts(method, uri, fields), leg, &Limits::default());
    assert_eq!(judged.map_err(|fault| fault.code()), expected, "{method} {uri} {fields:?}");
}

#[test]
fn daily_life_passes() {
    check(Leg::Outer, "CONNECT", "a.example:443", &[], Ok(()));
    check(Leg::Outer, "CONNECT", "a.example:443", &[("host", "a.example")], Ok(()));
    check(Leg::Outer, "POST", "https://gateway:8443/v1/sessions", &[("content-length", "9")], Ok(()));
    check(
        Leg::Inner,
        "GET",
        "https://a.example/x?y=`|{}",
        &[("host", "A.example:443"), ("te", "trailers")],
        Ok(()),
    );
    let crumbs = vec![("cookie", "a=b"); 150];
    check(Leg::Inner, "GET", "https://a.example/", &crumbs, Ok(()));
}

#[test]
fn targets_are_judged() {
    for (leg, method, uri, code) in [
        (Leg::Inner, "GET", "/x", "malformed"),
        (Leg::Inner, "GET", "http://a.example/", "malformed"),
        (Leg::Inner, "GET", "https://u@a.example/", "malformed"),
        (Leg::Inner, "GET", "https://a!b.example/", "malformed"),
        (Leg::Inner, "GET", "https://a.example/a\"b", "malformed"),
        (Leg::Inner, "GET", "https://a.example/{b}", "malformed"),
        (Leg::Inner, "GET", "https://a.example/a\\b", "malformed"),
        (Leg::Inner, "CONNECT", "a.example:443", "unsupported"),
        (Leg::Outer, "CONNECT", "a.example", "malformed"),
        (Leg::Outer, "CONNECT", "u@a.example:443", "malformed"),
        (Leg::Outer, "METHODMETHODMETHODMETHOD", "https://a.example/", "malformed"),
    ] {
        check(leg, method, uri, &[], Err(code));
    }
    let long = format!("https://a.example/{}", "x".repeat(8 * 1024));
    check(Leg::Inner, "GET", &long, &[], Err("target-size"));
    let mut star = parts("OPTIONS", "https://a.example/", &[]);
    star.uri =
        http::Uri::builder().scheme("https").authority("a.example").path_and_query("*").build().unwrap();
    assert_eq!(judge(&star, Leg::Inner, &Limits::default()).unwrap_err().code(), "malformed");
}

#[test]
fn extended_connect_is_unsupported() {
    let mut parts = parts("CONNECT", "https://a.example/chat", &[]);
    parts.extensions.insert(hyper::ext::Protocol::from_static("websocket"));
    assert_eq!(judge(&parts, Leg::Outer, &Limits::default()).unwrap_err().code(), "unsupported");
}

#[test]
fn fields_are_judged() {
    for (fields, code) in [
        (&[("host", "b.example")][..], "ambiguous"),
        (&[("host", "a.example:444")], "ambiguous"),
        (&[("host", "a b")], "malformed"),
        (&[("host", "a.example"), ("host", "a.example")], "ambiguous"),
        (&[("content-length", "5"), ("content-length", "5")], "ambiguous"),
        (&[("content-length", "+5")], "malformed"),
        (&[("content-length", "")], "malformed"),
        (&[("origin", "https://a"), ("origin", "https://b")], "ambiguous"),
        (&[("sec-fetch-dest", "document"), ("sec-fetch-dest", "image")], "ambiguous"),
        (&[("content-type", "text/\u{e9}")], "malformed"),
        (&[("x", " y")], "malformed"),
        (&[("x", "y\t")], "malformed"),
        (&[("te", "gzip")], "malformed"),
        (&[("connection", "close")], "malformed"),
        (&[("transfer-encoding", "chunked")], "malformed"),
        (&[("upgrade", "h2c")], "malformed"),
        (&[("http2-settings", "x")], "malformed"),
        (&[("expect", "x")], "malformed"),
    ] {
        check(Leg::Inner, "GET", "https://a.example/", fields, Err(code));
    }
    check(Leg::Outer, "CONNECT", "a:443", &[("content-length", "5")], Err("malformed"));
    check(Leg::Outer, "CONNECT", "a:443", &[("host", "b:443")], Err("ambiguous"));
    check(Leg::Inner, "GET", "https://a.example/", &vec![("x", "y"); 101], Err("header-size"));
    check(Leg::Inner, "GET", "https://a.example/", &[("x", &"y".repeat(64 * 1024))], Err("header-size"));
}

/// Sends one head through h2 to hyper, set up as the terminal port is; answers what the judge said of what
/// arrived, or `None` if nothing did.
async fn through_h2(request: Request<()>, body: &'static [u8]) -> Option<String> {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let service = service_fn(async |request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let code = judge(&parts, Leg::Outer, &Limits::default()).map_or_else(|fault| fault.code(), |()| "ok");
        let body = body.collect().await;
        let code = if body.is_err() { "body" } else { code };
        Ok::<_, Infallible>(
            Response::builder().status(599).header("code", code).body(Full::<Bytes>::default()).unwrap(),
        )
    });
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let serving = builder.enable_connect_protocol().serve_connection(TokioIo::new(server), service);
    let exchange = async {
        let (sender, connection) = h2::client::handshake(client).await.unwrap();
        let talk = async {
            let (answer, mut stream) =
                sender.ready().await.unwrap().send_request(request, body.is_empty()).unwrap();
            if !body.is_empty() {
                let _ = stream.send_data(Bytes::from_static(body), true);
            }
            let answer = answer.await.ok()?;
            Some(answer.headers()["code"].to_str().unwrap().to_owned())
        };
        tokio::select! { answer = talk => answer, _ = connection => None }
    };
    tokio::select! { answer = exchange => answer, _ = serving => None }
}

/// What the module says of h2 holds.
#[tokio::test]
async fn h2_hands_over_what_we_think() {
    let request = |uri: &str, fields: &[(&str, &str)]| {
        let method = if uri.contains('/') { "POST" } else { "CONNECT" };
        Request::from_parts(parts(method, uri, fields), ())
    };
    for (uri, fields, body, expected) in [
        ("https://a.example/x", &[][..], "", Some("ok")),
        ("a.example:443", &[], "", Some("ok")),
        ("https://u@a.example/", &[], "", Some("malformed")),
        ("https://a.example/", &[("host", "b.example")], "", Some("ambiguous")),
        ("https://a.example/", &[("content-type", "a/b"), ("content-type", "c/d")], "", Some("ambiguous")),
        ("https://a.example/", &[("content-length", "2")], "hi", Some("ok")),
        ("https://a.example/", &[("content-length", "2"), ("content-length", "2")], "hi", Some("ambiguous")),
        ("https://a.example/", &[("content-length", "3")], "hi", None),
        ("https://a.example/", &[("content-length", "1")], "hi", None),
        ("https://a.example/", &[("content-length", "x")], "hi", None),
    ] {
        let answer = through_h2(request(uri, fields), body.as_bytes()).await;
        let expected = expected.map(str::to_owned);
        assert!(
            answer == expected || (expected.is_none() && answer.as_deref() == Some("body")),
            "{uri} {fields:?} {answer:?}"
        );
    }
    let mut extended = request("https://a.example/chat", &[]);
    *extended.method_mut() = http::Method::CONNECT;
    extended.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    assert_eq!(through_h2(extended, b"").await.as_deref(), Some("unsupported"));
}

#[test]
fn http_cuts_a_path_at_its_fragment() {
    let path = http::uri::PathAndQuery::from_maybe_shared(Bytes::from_static(b"/a#b")).unwrap();
    assert_eq!(path.as_str(), "/a");
}
