//! Judges HTTP/2 request heads by the rules of [`strict_http1`](crate::strict_http1), as h2 and hyper hand
//! them over; whoever serves an HTTP/2 connection calls [`judge`] first, for each stream.
//!
//! What h2 refuses itself, by a stream or connection error, and we never see (RFC 9113, section 8): field
//! names not in lower case; CR, LF, NUL and other controls in values; pseudo-header fields that are repeated,
//! unknown, after a field, or `:status`; connection-specific fields and a `TE` other than `trailers`; a
//! missing `:method`, `:scheme` or `:path`, both of the latter in a CONNECT; a `Content-Length` that is no
//! number, that differs from its twin, or from the DATA that came; an authority or path that `http::uri`
//! cannot read; field lists beyond the builder's `max_header_list_size` (431, without a word to us); and
//! `:protocol`, unless the builder says `enable_connect_protocol`, which the terminal port does so that an
//! extended CONNECT gets its 501 from here.
//!
//! What h2 hides from us: `http::uri` cuts `:path` at `#` (nobody downstream sees the rest either: what is
//! judged is what is forwarded), and drops `:scheme` where `:authority` is missing, hence our refusal of
//! that.

use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE};
use http::request::Parts;
use http::{HeaderMap, Method};

use crate::strict_http1::{Authority, Fault, Limits, METHOD_BYTES};
use crate::strict_http1::{content_length, decisive_once, is_decisive, judge_path};

/// Fields of HTTP/1 connections (RFC 9113, section 8.2.2); h2 knows most of them, and may forget one.
const OF_CONNECTIONS: [&str; 6] =
    ["connection", "http2-settings", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Which connection the head came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// The terminal port: CONNECT and our own API.
    Outer,
    /// Inside an inspected tunnel: requests to one `https` origin.
    Inner,
}

/// Judges one head. Whether its authority is one that this connection serves ([`Fault::Authority`]) is the
/// caller's question.
pub fn judge(parts: &Parts, leg: Leg, limits: &Limits) -> Result<(), Fault> {
    let extended = parts.extensions.get::<hyper::ext::Protocol>().is_some()
        || parts.extensions.get::<h2::ext::Protocol>().is_some();
    if extended {
        return Err(Fault::Unsupported("extended CONNECT"));
    }
    if parts.method.as_str().len() > METHOD_BYTES {
        return Err(Fault::Malformed("method is too long"));
    }
    judge_sizes(parts, limits)?;
    judge_fields(&parts.headers)?;
    judge_target(parts, leg)
}

fn judge_sizes(parts: &Parts, limits: &Limits) -> Result<(), Fault> {
    let target = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if target > limits.target_bytes {
        return Err(Fault::TargetSize);
    }
    // A browser sends each cookie as a field of its own (RFC 9113, section 8.2.3): together they are one.
    let crumbs = parts.headers.get_all(COOKIE).iter().count();
    let bytes: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if parts.headers.len() - crumbs.saturating_sub(1) > limits.headers || target + bytes > limits.head_bytes {
        return Err(Fault::HeaderSize);
    }
    Ok(())
}

fn judge_fields(headers: &HeaderMap) -> Result<(), Fault> {
    if OF_CONNECTIONS.iter().any(|name| headers.contains_key(*name)) {
        return Err(Fault::Malformed("a field of HTTP/1 connections"));
    }
    for (name, value) in headers {
        let value = value.as_bytes();
        if value.trim_ascii().len() != value.len() {
            return Err(Fault::Malformed("white space around a field value"));
        }
        if is_decisive(name.as_str().as_bytes()) && !value.is_ascii() {
            return Err(Fault::Malformed("a decisive field is not ASCII"));
        }
    }
    decisive_once(|name| headers.get_all(name).iter().count())?;
    if headers.get(TE).is_some_and(|te| te != "trailers") {
        return Err(Fault::Malformed("TE other than trailers"));
    }
    if headers.get(EXPECT).is_some_and(|expect| !expect.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Fault::Malformed("an expectation nobody knows"));
    }
    headers.get(CONTENT_LENGTH).map_or(Ok(()), |length| content_length(length.as_bytes()).map(|_| ()))
}

fn judge_target(parts: &Parts, leg: Leg) -> Result<(), Fault> {
    let authority = parts.uri.authority().ok_or(Fault::Malformed("no :authority"))?;
    let authority = Authority::parse(authority.as_str().as_bytes())?;
    let connect = parts.method == Method::CONNECT;
    let default_port =
        if connect { judge_connect(parts, leg, &authority)? } else { judge_request(parts, leg)? };
    match parts.headers.get(HOST).map(|host| Authority::parse(host.as_bytes())).transpose()? {
        Some(host) if !host.same(&authority, default_port) => Err(Fault::Ambiguous("host is not :authority")),
        _ => Ok(()),
    }
}

/// RFC 9113, section 8.5.
fn judge_connect(parts: &Parts, leg: Leg, authority: &Authority<'_>) -> Result<u16, Fault> {
    if leg == Leg::Inner {
        return Err(Fault::Unsupported("a tunnel within a tunnel"));
    }
    if authority.port.is_none() {
        return Err(Fault::Malformed("CONNECT without a port"));
    }
    match parts.headers.get(CONTENT_LENGTH) {
        Some(length) if length != "0" => Err(Fault::Malformed("a body before the protocol switches")),
        _ => Ok(443),
    }
}

/// Scheme and path; answers the scheme's port.
fn judge_request(parts: &Parts, leg: Leg) -> Result<u16, Fault> {
    let path = parts.uri.path_and_query().ok_or(Fault::Malformed("no :path"))?;
    judge_path(path.as_str().as_bytes())?;
    match (parts.uri.scheme_str(), leg) {
        (Some("https"), _) => Ok(443),
        (Some("http"), Leg::Outer) => Ok(80),
        _ => Err(Fault::Malformed("not a scheme of this connection")),
    }
}
