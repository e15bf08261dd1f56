//! Field lines (RFC 9110, section 5; RFC 9112, section 5): one grammar for requests, answers and trailers.

use super::Fault;

/// Fields that decide framing, routing, identity or permission. Two of them could be read differently by two readers, so each
/// stands once at most; and in a trailer, where nobody would look, never.
pub(crate) const DECISIVE: [&str; 22] = [
    "access-control-request-method",
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "origin",
    "proxy-authorization",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

pub(super) fn is_decisive(name: &[u8]) -> bool {
    DECISIVE.iter().any(|decisive| name.eq_ignore_ascii_case(decisive.as_bytes()))
}

/// One line without its CRLF, judged: its name, and its value without the white space around it.
pub(super) fn parse_line(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Fault::Malformed("folded line, or white space before a field"));
    }
    let colon = memchr::memchr(b':', line).ok_or(Fault::Malformed("field line without a colon"))?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if !is_token(name) {
        return Err(Fault::Malformed("field name is not a token"));
    }
    if value.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(Fault::Malformed("control character in a field value"));
    }
    if is_decisive(name) && !value.is_ascii() {
        return Err(Fault::Malformed("a decisive field is not ASCII"));
    }
    Ok((name, value))
}
