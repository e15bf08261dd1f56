//! Which header fields cross the gateway. Pure; called by `forward` on every request and answer.
//!
//! Hop-by-hop fields end here (RFC 9110, section 7.6.1), so do fields by which a client claims an identity or a server points
//! around the proxy.

use http::header::{
    CONNECTION, COOKIE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Besides those: fields that proxies invented, and those that override what was judged.
const REQUEST_FIELDS: [&str; 19] = [
    "expect", // answered by us when the body is wanted
    "keep-alive",
    "proxy-connection",
    "proxy-status",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "x-user",
    "x-remote-user",
    "x-upstream-https-proxy",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// Fields of answers that would lead a browser around us or speak in our name.
const RESPONSE_FIELDS: [&str; 6] = [
    "keep-alive",
    "proxy-connection",
    "proxy-status",
    "alt-svc",
    "proxy-authentication-info",
    "x-squid-error",
];

/// What goes to an upstream; `host` is set anew from the target that was judged.
pub fn clean_request(headers: &mut HeaderMap) {
    remove(headers, &REQUEST_FIELDS);
    headers.remove(HOST);
    join_cookies(headers);
}

pub fn clean_response(headers: &mut HeaderMap) {
    remove(headers, &RESPONSE_FIELDS);
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

fn remove(headers: &mut HeaderMap, fields: &[&str]) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    for name in named.iter().map(String::as_str).chain(fields.iter().copied()) {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
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
            ("content-type", "text/html"),
            ("connection", "close"),
        ];
        assert_eq!(kept(clean_response, &sent), ["content-type"]);
    }
}
