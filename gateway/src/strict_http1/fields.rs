//! Field lines (RFC 9110, section 5; RFC 9112, section 5): one grammar for requests, answers and trailers.

use super::Fault;

/// Fields that decide framing, routing, identity or permission. Two of them could be read differently by two
/// readers, so each stands once at most; and in a trailer, where nobody would look, never.
const DECISIVE: [&str; 19] = [
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
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
];

/// Fields of an answer that decide where its body ends and what it is. Answers repeat other fields in daily
/// life.
const DECISIVE_IN_ANSWERS: [&str; 5] =
    ["content-disposition", "content-length", "content-type", "location", "transfer-encoding"];

/// The field lines of one head.
pub(super) struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Fields<'a> {
    /// Judges every line; `lines` come without their CRLF.
    pub fn parse(lines: impl Iterator<Item = &'a [u8]>) -> Result<Self, Fault> {
        lines.map(parse_line).collect::<Result<_, _>>().map(Self)
    }

    /// The value of a field that stands once at most, or its first.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Every value of one field.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    /// Refuses a decisive field of a request that stands twice, or under a name that is made to look like one.
    pub fn once_in_requests(&self) -> Result<(), Fault> {
        self.0.iter().try_for_each(|(name, _)| undisguised(name))?;
        decisive_once(|name| self.all(name).count())
    }

    /// The same for answers.
    pub fn once_in_answers(&self) -> Result<(), Fault> {
        decisive_once_in_answers(|name| self.all(name).count())
    }
}

/// Refuses a request that repeats a decisive field, whichever the HTTP version that counts.
pub(crate) fn decisive_once(count: impl Fn(&str) -> usize) -> Result<(), Fault> {
    once(&DECISIVE, count)
}

/// Refuses `Content_Length` and its like: many servers hand it to their programs as the field with the hyphen.
pub(crate) fn undisguised(name: &[u8]) -> Result<(), Fault> {
    let hyphened = |b: &u8| if *b == b'_' { b'-' } else { *b };
    match memchr::memchr(b'_', name) {
        Some(_) if is_decisive(&name.iter().map(hyphened).collect::<Vec<_>>()) => {
            Err(Fault::Ambiguous("a decisive field written with an underscore"))
        }
        _ => Ok(()),
    }
}

/// Refuses an answer that repeats one: a browser might take the second type where we took the first.
pub(crate) fn decisive_once_in_answers(count: impl Fn(&str) -> usize) -> Result<(), Fault> {
    once(&DECISIVE_IN_ANSWERS, count)
}

fn once(names: &[&str], count: impl Fn(&str) -> usize) -> Result<(), Fault> {
    match names.iter().any(|name| count(name) > 1) {
        true => Err(Fault::Ambiguous("a decisive field stands twice")),
        false => Ok(()),
    }
}

/// A `Content-Length` (RFC 9110, section 8.6): digits only, and no more than any reader can count.
pub(crate) fn content_length(value: &[u8]) -> Result<u64, Fault> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse::<i64>().ok());
    length.map(i64::unsigned_abs).ok_or(Fault::Malformed("Content-Length is not a number"))
}

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

pub(crate) fn is_decisive(name: &[u8]) -> bool {
    DECISIVE.iter().any(|decisive| name.eq_ignore_ascii_case(decisive.as_bytes()))
}

/// Without the spaces and tabs around it; other white space is a control character, and for [`parse_line`] to refuse.
fn trim(value: &[u8]) -> &[u8] {
    let is_text = |b: &u8| !matches!(b, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(start, |last| last + 1);
    &value[start..end]
}

/// One line without its CRLF, judged: its name, and its value without the white space around it.
pub(super) fn parse_line(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Fault::Malformed("folded line, or white space before a field"));
    }
    let colon = memchr::memchr(b':', line).ok_or(Fault::Malformed("field line without a colon"))?;
    let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
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
