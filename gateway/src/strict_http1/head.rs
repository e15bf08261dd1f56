//! One whole head: found as its bytes come ([`Scan`]), then judged at once.

use http::Method;

use super::fields::{Fields, content_length, is_decisive, is_token};
use super::framing::Body;
use super::{Authority, Fault, Limits};

/// Longer methods than any registered one (`VERSION-CONTROL`) are noise.
pub(crate) const METHOD_BYTES: usize = 20;

/// What the next steps need of a good request head.
#[derive(Debug)]
pub(super) struct RequestHead {
    pub body: Body,
    /// A CONNECT or a WebSocket handshake: nothing passes until it is answered.
    pub switches: bool,
}

/// What the next steps need of a good response head.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub status: u16,
    pub body: Body,
}

/// Looks for the end of a head, each byte once, and stops at the first byte that no good head could hold: a
/// peer that ends lines its own way, or speaks something else, is told at once instead of at a time limit.
#[derive(Debug, Default)]
pub(super) struct Scan {
    seen: usize,
    line_start: usize,
    lines: usize,
    spaces: usize,
    target_bytes: usize,
}

impl Scan {
    /// Whether no byte came yet.
    pub fn is_fresh(&self) -> bool {
        self.seen == 0
    }

    /// `head` is all that came of it so far. Answers where the head ends, once that is known.
    pub fn find_end(&mut self, head: &[u8], request: bool, limits: &Limits) -> Result<Option<usize>, Fault> {
        while let Some(&byte) = head.get(self.seen) {
            let after_cr = self.seen > 0 && head[self.seen - 1] == b'\r';
            if self.seen >= limits.head_bytes {
                return Err(Fault::HeaderSize);
            }
            if (byte == b'\n') != after_cr {
                return Err(Fault::Malformed("bare CR or LF"));
            }
            if byte == 0 {
                return Err(Fault::Malformed("NUL in the head"));
            }
            if request && self.lines == 0 {
                self.first_line(byte, limits)?;
            }
            self.seen += 1;
            if byte == b'\n' && self.end_line(request, limits)? {
                return Ok(Some(self.seen));
            }
        }
        Ok(None)
    }

    fn first_line(&mut self, byte: u8, limits: &Limits) -> Result<(), Fault> {
        match byte {
            b' ' => self.spaces += 1,
            b'\r' | b'\n' => {}
            b'!'..=b'~' => self.target_bytes += usize::from(self.spaces == 1),
            _ => return Err(Fault::Malformed("request line is not visible ASCII")),
        }
        if self.target_bytes > limits.target_bytes { Err(Fault::TargetSize) } else { Ok(()) }
    }

    /// Whether the line that just ended was the empty one.
    fn end_line(&mut self, request: bool, limits: &Limits) -> Result<bool, Fault> {
        let empty = self.seen - self.line_start == 2;
        if empty && self.lines == 0 {
            return Err(Fault::Malformed("empty line before the head"));
        }
        if request && self.lines == 0 && self.spaces != 2 {
            return Err(Fault::Malformed("request line is not three words"));
        }
        self.line_start = self.seen;
        self.lines += 1;
        if !empty && self.lines > limits.headers + 1 {
            return Err(Fault::HeaderSize);
        }
        Ok(empty)
    }
}

/// Judges a request head that [`Scan`] delimited (RFC 9112, sections 3, 5 and 6).
pub(super) fn judge_request(head: &[u8]) -> Result<RequestHead, Fault> {
    let mut lines = lines(head);
    let [method, target, version] = request_line(lines.next().unwrap_or_default())?;
    let connect = method == b"CONNECT";
    match version {
        b"HTTP/1.1" => {}
        b"HTTP/1.0" if connect => {}
        b"HTTP/2.0" => return Err(Fault::Unsupported("HTTP/2 where HTTP/1.1 was agreed")),
        _ => return Err(Fault::Malformed("not HTTP/1.1")),
    }
    let fields = Fields::parse(lines)?;
    fields.once_in_requests()?;
    judge_target(connect, version == b"HTTP/1.0", target, fields.get("host"))?;
    judge_connection(&fields)?;
    if fields.get("expect").is_some_and(|expect| !expect.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Fault::Malformed("an expectation nobody knows"));
    }
    let body = request_body(&fields, version == b"HTTP/1.0")?;
    let upgrade = judge_upgrade(&fields, method)?;
    let switches = connect || upgrade;
    if switches && !body.is_over() {
        return Err(Fault::Malformed("a body before the protocol switches"));
    }
    Ok(RequestHead { body, switches })
}

/// Judges a response head (RFC 9112, sections 4, 5 and 6) to a request of this method.
pub(super) fn judge_response(head: &[u8], method: &Method) -> Result<ResponseHead, Fault> {
    let mut lines = lines(head);
    let (status, old) = status_line(lines.next().unwrap_or_default())?;
    let fields = Fields::parse(lines)?;
    fields.once_in_answers()?;
    let length = fields.get("content-length").map(content_length).transpose()?;
    let coding = fields.get("transfer-encoding");
    let body = match (coding, length) {
        (Some(_), Some(_)) => return Err(Fault::Ambiguous("both Transfer-Encoding and Content-Length")),
        (Some(coding), _) if old || !coding.eq_ignore_ascii_case(b"chunked") => {
            return Err(Fault::Malformed("a transfer coding other than chunked"));
        }
        _ if method == Method::HEAD || matches!(status, 100..=199 | 204 | 304) => Body::EMPTY,
        _ if method == Method::CONNECT && matches!(status, 200..=299) => Body::EMPTY,
        (Some(_), _) => Body::chunked(),
        (_, Some(length)) => Body::Length(length),
        _ => Body::UntilClose,
    };
    Ok(ResponseHead { status, body })
}

/// Method and target of a refused head, as far as they can be put on record.
pub(super) fn glimpse(head: &[u8], limits: &Limits) -> (Option<String>, Option<String>) {
    let text = |part: &[u8]| String::from_utf8(part.to_vec()).ok();
    let line = head.split(|&b| b == b'\r' || b == b'\n').next().unwrap_or_default();
    let mut parts = line.split(|&b| b == b' ');
    let method = parts.next().filter(|m| is_token(m) && m.len() <= METHOD_BYTES).and_then(text);
    let visible =
        |t: &&[u8]| !t.is_empty() && t.len() <= limits.target_bytes && t.iter().all(u8::is_ascii_graphic);
    let target = parts.next().filter(visible).filter(|_| method.is_some()).and_then(text);
    (method, target)
}

/// The lines of a delimited head, without their CRLF and without the empty one.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split_inclusive(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r\n").unwrap_or(line))
        .filter(|l| !l.is_empty())
}

fn request_line(line: &[u8]) -> Result<[&[u8]; 3], Fault> {
    let mut parts = line.split(|&b| b == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Fault::Malformed("request line is not three words"));
    };
    if !is_token(method) || method.len() > METHOD_BYTES {
        return Err(Fault::Malformed("method is not a token"));
    }
    Ok([method, target, version])
}

/// Status, and whether the answer is HTTP/1.0. The space before an absent reason is often forgotten, and
/// harmless.
fn status_line(line: &[u8]) -> Result<(u16, bool), Fault> {
    let (version, rest) = line.split_at_checked(9).ok_or(Fault::Malformed("not a status line"))?;
    let (code, reason) = rest.split_at_checked(3).ok_or(Fault::Malformed("no status code"))?;
    if !matches!(version, b"HTTP/1.1 " | b"HTTP/1.0 ") || !matches!(reason.first(), None | Some(b' ')) {
        return Err(Fault::Malformed("not a status line"));
    }
    if reason.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(Fault::Malformed("control character in the reason phrase"));
    }
    let digits = code.iter().all(u8::is_ascii_digit);
    let status = code.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit.wrapping_sub(b'0')));
    match digits && (100..=599).contains(&status) {
        true => Ok((status, version == b"HTTP/1.0 ")),
        false => Err(Fault::Malformed("not a status code")),
    }
}

/// The target's form, its characters, and that `Host` says the same (RFC 9112, sections 3.2 and 3.3).
fn judge_target(connect: bool, old: bool, target: &[u8], host: Option<&[u8]>) -> Result<(), Fault> {
    let host = match host {
        Some(host) => Some(Authority::parse(host)?),
        None if connect && old => None,
        None => return Err(Fault::Malformed("no Host")),
    };
    let (authority, default_port) = if connect {
        let authority = Authority::parse(target)?;
        authority.port.ok_or(Fault::Malformed("CONNECT without a port"))?;
        (authority, 443)
    } else if target.first() == Some(&b'/') {
        return judge_path(target);
    } else {
        split_absolute(target)?
    };
    match host {
        Some(host) if !host.same(&authority, default_port) => {
            Err(Fault::Ambiguous("Host is not the target's authority"))
        }
        _ => Ok(()),
    }
}

/// The authority of an absolute-form target and its scheme's port; any other form is refused.
fn split_absolute(target: &[u8]) -> Result<(Authority<'_>, u16), Fault> {
    let scheme =
        |name: &str| target.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name.as_bytes()));
    let (rest, port) = match () {
        () if scheme("http://") => (&target[7..], 80),
        () if scheme("https://") => (&target[8..], 443),
        () => return Err(Fault::Malformed("neither a path nor an http address")),
    };
    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    if end < rest.len() {
        judge_path(&rest[end..])?;
    }
    Ok((Authority::parse(&rest[..end])?, port))
}

/// Path and query as a browser would send them: what the URL standard's serialiser leaves bare may stand
/// bare. So `|` may stand in a path, and `\ ^ ` { | }` in a query; `#`, quotes and angle brackets nowhere.
/// Escapes are the policy's affair.
pub(crate) fn judge_path(target: &[u8]) -> Result<(), Fault> {
    let query = memchr::memchr(b'?', target).unwrap_or(target.len());
    let in_path = |b: &u8| b.is_ascii_graphic() && !b"#\"<>\\^`{}".contains(b);
    let in_query = |b: &u8| b.is_ascii_graphic() && !b"#\"<>".contains(b);
    match target.first() == Some(&b'/')
        && target[..query].iter().all(in_path)
        && target[query..].iter().all(in_query)
    {
        true => Ok(()),
        false => Err(Fault::Malformed("a character that no target holds")),
    }
}

/// A `Connection` option makes a field hop-by-hop: whoever strips it would strip a decisive one (RFC 9110,
/// section 7.6.1).
fn judge_connection(fields: &Fields<'_>) -> Result<(), Fault> {
    let options = fields.all("connection").flat_map(|value| value.split(|&b| b == b','));
    // These two belong there in an upgrade, which `judge_upgrade` judges by name.
    let of_upgrade = |option: &[u8]| {
        [&b"upgrade"[..], b"http2-settings"].iter().any(|name| option.eq_ignore_ascii_case(name))
    };
    let strips = |option: &[u8]| is_decisive(option) && !of_upgrade(option);
    match options.map(|option| option.trim_ascii()).any(strips) {
        true => Err(Fault::Ambiguous("Connection names a decisive field")),
        false => Ok(()),
    }
}

fn request_body(fields: &Fields<'_>, old: bool) -> Result<Body, Fault> {
    let length = fields.get("content-length").map(content_length).transpose()?;
    match (fields.get("transfer-encoding"), length) {
        (Some(_), Some(_)) => Err(Fault::Ambiguous("both Transfer-Encoding and Content-Length")),
        (Some(_), _) if old => Err(Fault::Malformed("Transfer-Encoding in HTTP/1.0")),
        (Some(coding), _) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Body::chunked()),
        (Some(_), _) => Err(Fault::Malformed("a transfer coding other than chunked")),
        (None, length) => Ok(Body::Length(length.unwrap_or(0))),
    }
}

/// Whether the request is a WebSocket handshake (RFC 6455, section 4.1); every other upgrade is never
/// offered.
fn judge_upgrade(fields: &Fields<'_>, method: &[u8]) -> Result<bool, Fault> {
    if fields.get("http2-settings").is_some() {
        return Err(Fault::Unsupported("h2c"));
    }
    match fields.get("upgrade") {
        None => Ok(false),
        Some(protocol) if !protocol.eq_ignore_ascii_case(b"websocket") => {
            Err(Fault::Unsupported("an upgrade other than websocket"))
        }
        Some(_) if method != b"GET" => Err(Fault::Malformed("a WebSocket handshake is a GET")),
        Some(_) => Ok(true),
    }
}
