//! Which header fields cross the gateway. Pure; called by `forward` on every request and answer.
//!
//! Hop-by-hop fields end here (RFC 9110, section 7.6.1), so do fields by which a client claims an identity or a server points
//! around the proxy.

use http::header::{
    ACCEPT_ENCODING, CONNECTION, COOKIE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Besides those: fields that proxies invented, those that say who asks, and those that override what was judged.
const REQUEST_FIELDS: [&str; 20] = [
    "alt-used",
    "cf-connecting-ip",
    "client-ip",
    "early-data",
    "expect", // answered by us when the body is wanted
    "forwarded",
    "front-end-https",
    "keep-alive",
    "proxy",
    "remote-user",
    "true-client-ip",
    "via",
    "x-authenticated-user",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-real-ip",
    "x-remote-user",
    "x-url-scheme",
    "x-user",
];

/// How their families begin: `x-forwarded-for` and its many kin, `x-http-method-override` and its spellings.
const REQUEST_FAMILIES: [&str; 9] = [
    "proxy-",
    "x-forwarded",
    "x-http-method",
    "x-method",
    "x-original-",
    "x-proxy",
    "x-rewrite-",
    "x-upstream-",
    "passerelle-",
];

/// Fields of answers that would lead a browser around us or speak in our name.
const RESPONSE_FIELDS: [&str; 4] = ["alt-svc", "alternate-protocol", "keep-alive", "via"];

const RESPONSE_FAMILIES: [&str; 3] = ["proxy-", "x-squid-", "passerelle-"];

/// What goes to an upstream; `host` is set anew from the target that was judged.
pub fn clean_request(headers: &mut HeaderMap) {
    remove(headers, &REQUEST_FIELDS, &REQUEST_FAMILIES);
    headers.remove(HOST);
    narrow_codings(headers);
    join_cookies(headers);
}

pub fn clean_response(headers: &mut HeaderMap) {
    remove(headers, &RESPONSE_FIELDS, &RESPONSE_FAMILIES);
}

/// Asks for no coding but the one whose inside `answer` can see.
fn narrow_codings(headers: &mut HeaderMap) {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return;
    }
    let takes_gzip = headers.get_all(ACCEPT_ENCODING).iter().any(|value| {
        let codings = value.to_str().unwrap_or_default().split(',');
        codings
            .map(str::trim)
            .any(|coding| coding == "gzip" || coding.starts_with("gzip;") && !coding.ends_with("q=0"))
    });
    let coding = if takes_gzip { "gzip" } else { "identity" };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
}

/// HTTP/2 clients split cookies; towards an HTTP/1 origin they are one field (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<_> = headers.get_all(COOKIE).iter().map(|crumb| crumb.as_bytes()).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, cookie);
    }
}

fn remove(headers: &mut HeaderMap, fields: &[&str], families: &[&str]) {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
    let ends_here = |name: &&HeaderName| {
        let name = name.as_str();
        match name.contains('_') {
            // Many servers hand both spellings to their programs under one name.
            true => is_among(&name.replace('_', "-"), fields, families),
            false => is_among(name, fields, families),
        }
    };
    let ending: Vec<HeaderName> = named.chain(headers.keys().filter(ends_here).cloned()).collect();
    for name in ending.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn is_among(name: &str, fields: &[&str], families: &[&str]) -> bool {
    fields.contains(&name) || families.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kept(clean: fn(&mut HeaderMap), fields: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        clean(&mut headers);
        let mut kept: Vec<_> = headers.keys().map(|name| name.to_string()).collect();
        kept.sort();
        kept
    }

    #[test]
    fn hops_identities_and_overrides_end_here() {
        let sent = [
            ("host", "a.example"),
            ("accept", "*/*"),
            ("cookie", "a=b"),
            ("cookie", "c=d"),
            ("expect", "100-continue"),
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("proxy-authorization", "Bearer t"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-http-method-override", "PUT"),
            ("x_http_method_override", "PUT"),
            ("x-method", "PUT"),
            ("x-forwarded-anything", "x"),
            ("x-original-url", "/admin"),
            ("x_user", "x"),
            ("proxy", "http://a.example"),
            ("forwarded", "for=x"),
        ];
        assert_eq!(kept(clean_request, &sent), ["accept", "cookie"]);
    }

    #[test]
    fn split_cookies_are_joined() {
        let mut headers = HeaderMap::new();
        for crumb in ["a=1", "b=2"] {
            headers.append(COOKIE, HeaderValue::from_static(crumb));
        }
        clean_request(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }

    #[test]
    fn answers_lose_what_leads_around_us() {
        let sent = [
            ("alt-svc", "h3=\":443\""),
            ("proxy-status", "x"),
            ("proxy-authenticate", "x"),
            ("via", "1.1 x"),
            ("content-type", "text/html"),
            ("connection", "close"),
        ];
        assert_eq!(kept(clean_response, &sent), ["content-type"]);
    }

    #[test]
    fn only_gzip_is_asked_for() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", "gzip"),
            ("br;q=1.0, gzip;q=0.8", "gzip"),
            ("br", "identity"),
            ("gzip;q=0", "identity"),
            ("*", "identity"),
            ("", "identity"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accepted.parse().unwrap());
            clean_request(&mut headers);
            assert_eq!(headers[ACCEPT_ENCODING], expected, "{accepted}");
        }
        let mut headers = HeaderMap::new();
        clean_request(&mut headers);
        assert!(headers.is_empty());
    }
}
