//! HTTP/2 heads, as hyper hands them over.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
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
        (Leg::Inner, "GET", "https://a%41.example/", "malformed"),
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
