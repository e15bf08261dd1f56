//! Judges HTTP/2 requests by the rules of [`strict_http1`](crate::strict_http1), twice. [`StrictHttp2`] stands between the TLS
//! stream and hyper and reads every head as it was written, since h2 would refuse a bad one by a stream error that nobody
//! records, and hide from us what `http::uri` cuts off a `:path` at `#`. [`judge`] then reads the head that h2 hands over, which
//! is the one that is acted upon; whoever serves an HTTP/2 connection calls it first, for each stream.
//!
//! Invariants:
//! - what h2 is shown is what came, frame by frame, but for a bad head: one that only tells of the fault stands in its place,
//!   and after it no head passes any more;
//! - heads of a client are held until they are whole and judged; everything else passes as it comes;
//! - HPACK is read twice and written never, so h2's own reading stays the one that counts.
//!
//! The modules, inside out: `huffman` and `hpack` (field blocks), `head` (one of them, judged), `frames` (the sequence), all
//! pure; `adapter` (I/O and the timer).
//!
//! What h2 still refuses itself, and we only hear of as a broken body: DATA that is not of the length that was said. `:protocol`
//! is answered on the terminal port, where the builder says `enable_connect_protocol`; inside a tunnel h2 resets its stream.

mod adapter;
pub mod frames;
mod head;
pub mod hpack;
mod huffman;

pub use adapter::StrictHttp2;
pub use frames::News;

use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE};
use http::request::Parts;
use http::{HeaderMap, Method};
use passerelle_policy::Reason;

use crate::strict_http1::{Authority, Fault, Limits, METHOD_BYTES};
use crate::strict_http1::{content_length, decisive_once, is_decisive, judge_path, undisguised};

/// Fields of HTTP/1 connections (RFC 9113, section 8.2.2); h2 knows most of them, and may forget one.
const OF_CONNECTIONS: [&str; 6] =
    ["connection", "http2-settings", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// The field by which a head tells that it stands for a bad one: code, method and target, `-` where there is none.
const REFUSED: &str = "passerelle-refused";
/// Bytes of a bad head's target that are told.
const DESCRIBED_BYTES: usize = 2048;

/// What a head tells of the bad one in whose place it stands. No client can say it: [`StrictHttp2`] lets no such field through.
pub fn refused(headers: &HeaderMap) -> Option<(Reason, Option<String>, Option<String>)> {
    let told = headers.get(REFUSED)?.to_str().ok()?;
    let mut words = told.splitn(3, ' ');
    let reason = words.next().and_then(|code| code.parse().ok()).unwrap_or(Reason::Malformed);
    let mut word = || words.next().filter(|word| *word != "-").map(str::to_owned);
    Some((reason, word(), word()))
}

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
        undisguised(name.as_str().as_bytes())?;
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
