//! Request heads.

use proptest::prelude::*;

use super::{feed, feed_every_cut, requests};
use passerelle_gateway::strict_http1::{Inspector, Limits};

/// All bytes pass.
fn passes(head: &str) {
    let (passed, fault) = feed_every_cut(requests, head.as_bytes());
    assert_eq!(
        (passed.escape_ascii().to_string(), fault),
        (head.as_bytes().escape_ascii().to_string(), None)
    );
}

/// The first head is refused for this reason, and no byte of it passes.
fn refuses(head: impl AsRef<[u8]>, code: &str) {
    let head = head.as_ref();
    let (passed, fault) = feed_every_cut(requests, head);
    assert_eq!(fault.map(|fault| fault.code()), Some(code), "{}", head.escape_ascii());
    assert!(passed.is_empty(), "{}", head.escape_ascii());
}

/// A GET with these field lines besides its Host.
fn with(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n")
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n")
}

#[test]
fn daily_life_passes() {
    for target in [
        "/",
        "/x;jsessionid=0A1B?y=1",
        "/%7Euser/%e9t%C3%A9",
        "/a|b",
        "/a?u=http://x//y&q={}",
        "/?a=b?c/d;e@f:g",
        "/?q=`^\\|{}[]'",
        "http://a.example/",
        "http://A.example:80/x?y",
        "HTTP://a.example",
    ] {
        passes(&get(target));
    }
    for field in [
        "Accept: */*",
        "Empty:",
        "X-Note: d\u{e9}j\u{e0} vu",
        "X-Tab:\ta\tb ",
        "Cookie: a=1\r\nCookie: b=2",
        "Connection: keep-alive, Upgrade",
        "Proxy-Connection: Keep-Alive",
        "Content-Length: 0",
        "Expect: 100-Continue",
        "TE: trailers",
    ] {
        passes(&with(field));
    }
    passes("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
    passes("CONNECT a.example:443 HTTP/1.1\r\nHost: A.EXAMPLE\r\n\r\n");
    passes("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n");
    passes("CONNECT a.example:443 HTTP/1.0\r\n\r\n");
    passes("CONNECT a.example:443 HTTP/1.0\r\nHost: a.example:443\r\n\r\n");
    passes("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    passes(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    );
}

#[test]
fn lines_end_with_crlf_only() {
    for head in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n",
    ] {
        refuses(head, "malformed");
    }
}

#[test]
fn fields_are_tokens_and_text() {
    for field in [
        "Content-Length : 5",
        "\tContent-Length: 5",
        "Content-Length\t: 5",
        "No colon",
        ": nameless",
        "Na me: x",
        "N\u{e9}: x",
        "X: a\u{7f}b",
        "X: a\u{1}b",
        "X:\u{c}a",
        "X: a\u{c}",
        "Content-Type: text/\u{e9}",
    ] {
        refuses(with(field), "malformed");
    }
}

#[test]
fn request_lines_are_three_words() {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "G(T / HTTP/1.1",
        "GETGETGETGETGETGETGET / HTTP/1.1",
        "GET / HTTP/1.0",
        "GET / HTTP/0.9",
        "GET / HTTP/1.2",
        "GET / http/1.1",
        "GET / HTTP/1.1x",
        "GET /\u{e9} HTTP/1.1",
        "GET /a b HTTP/1.1",
    ] {
        refuses(format!("{line}\r\nHost: a.example\r\n\r\n"), "malformed");
    }
    refuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupported");
    refuses(b"\x16\x03\x01\x02\x00\x01", "malformed");
    refuses(b"SSH-2.0-x\r\n\r\n", "malformed");
}

#[test]
fn targets_have_one_form_and_plain_characters() {
    for target in [
        "*",
        "a.example:443",
        "x",
        "?q",
        "/#x",
        "/x?a#b",
        "/a\\b",
        "/a\"b",
        "/a<b",
        "/?a<b",
        "/a>b",
        "/a^b",
        "/a`b",
        "/a{b}",
        "ftp://a.example/",
        "http:/a.example/",
        "http:///",
        "http://a.example?x",
        "http://a.example@denied.example/",
        "http://denied%40a.example/",
        "http://denied.example\\@a.example/",
        "http://a.example\\.denied.example",
        "http://[denied.example]/",
        "http://[::1/",
        "http://[::1]x/",
        "http://a.example:/",
        "http://a.example:0/",
        "http://a.example:+80/",
        "http://a.example:65536/",
        "http://a.example:80:80/",
    ] {
        refuses(get(target), "malformed");
    }
}

#[test]
fn host_is_there_once_and_the_same() {
    for (head, code) in [
        ("GET / HTTP/1.1\r\n\r\n", "malformed"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "malformed"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "malformed"),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "malformed"),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "malformed"),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "malformed"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "ambiguous"),
        ("GET http://a.example/ HTTP/1.1\r\nHost: denied.example\r\n\r\n", "ambiguous"),
        ("GET http://a.example/ HTTP/1.1\r\nHost: a.example:81\r\n\r\n", "ambiguous"),
        ("GET https://a.example/ HTTP/1.1\r\nHost: a.example:80\r\n\r\n", "ambiguous"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "ambiguous"),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:444\r\n\r\n", "ambiguous"),
        ("CONNECT a:443 HTTP/1.0\r\nHost: b:443\r\n\r\n", "ambiguous"),
        ("CONNECT a:443 HTTP/1.1\r\n\r\n", "malformed"),
        ("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"),
        ("CONNECT http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"),
        ("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", "malformed"),
    ] {
        refuses(head, code);
    }
}

#[test]
fn framing_has_one_reading() {
    for (fields, code) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", "ambiguous"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0", "ambiguous"),
        ("Content-Length: 5\r\nContent-Length: 5", "ambiguous"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "ambiguous"),
        ("Content-Length: 5, 5", "malformed"),
        ("Content-Length: +5", "malformed"),
        ("Content-Length: -1", "malformed"),
        ("Content-Length: 0x5", "malformed"),
        ("Content-Length: 5 5", "malformed"),
        ("Content-Length:", "malformed"),
        ("Content-Length: 18446744073709551616", "malformed"),
        ("Content-Length: 9223372036854775808", "malformed"),
        ("Transfer-Encoding: chunked,", "malformed"),
        ("Transfer-Encoding: chunked,gzip", "malformed"),
        ("Transfer-Encoding: gzip, chunked", "malformed"),
        ("Transfer-Encoding: xchunked", "malformed"),
        ("Transfer-Encoding: identity", "malformed"),
        ("Transfer-Encoding: \"chunked\"", "malformed"),
        ("Transfer-Encoding: chunked;q=1", "malformed"),
        ("Transfer-Encoding:", "malformed"),
        ("Connection: close, Content-Length\r\nContent-Length: 5", "ambiguous"),
        ("Connection: authorization", "ambiguous"),
        ("Expect: 100-continue, x", "malformed"),
        ("Expect: 200-ok", "malformed"),
    ] {
        refuses(with(fields), code);
    }
    for fields in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        refuses(format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n{fields}\r\n\r\n"), "malformed");
        let upgrade = format!("Upgrade: websocket\r\nConnection: Upgrade\r\n{fields}");
        refuses(with(&upgrade), "malformed");
    }
    refuses("CONNECT a:443 HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed");
}

#[test]
fn decisive_fields_stand_once() {
    for name in [
        "access-control-request-method",
        "Authorization",
        "Content-Encoding",
        "Content-Type",
        "Expect",
        "Origin",
        "Proxy-Authorization",
        "REFERER",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "Sec-Fetch-User",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Version",
        "Upgrade",
    ] {
        refuses(with(&format!("{name}: x\r\nX: y\r\n{name}: x")), "ambiguous");
    }
}

#[test]
fn only_websocket_upgrades() {
    for (fields, code) in [
        ("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade", "unsupported"),
        ("HTTP2-Settings: AAMAAABkAAQAAP__", "unsupported"),
        ("Upgrade: foo", "unsupported"),
        ("Upgrade: websocket, h2c", "unsupported"),
    ] {
        refuses(with(fields), code);
    }
    refuses("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "malformed");
}

/// Bytes sent ahead of the answer wait, and are not read as HTTP.
#[test]
fn nothing_passes_an_undecided_tunnel() {
    for head in [
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
    ] {
        let bytes = [head.as_bytes(), b"\x16\x03\x01\0\0GET"].concat();
        assert_eq!(feed_every_cut(requests, &bytes), (head.into(), None));
    }
}

#[test]
fn sizes_are_limited() {
    let limits = Limits::default();
    let path = "x".repeat(limits.target_bytes - 1);
    passes(&get(&format!("/{path}")));
    refuses(get(&format!("/{path}x")), "target-size");
    passes(&with(&vec!["X: y"; limits.headers - 1].join("\r\n")));
    refuses(with(&vec!["X: y"; limits.headers].join("\r\n")), "header-size");
    let filler = limits.head_bytes - with("X: ").len();
    passes(&with(&format!("X: {}", "y".repeat(filler))));
    refuses(with(&format!("X: {}", "y".repeat(filler + 1))), "header-size");
}

#[test]
fn a_refused_head_is_described() {
    let describe = |head: &str| {
        let mut inspector = requests();
        let fault = inspector.inspect(head.as_bytes()).unwrap_err();
        let refused = inspector.describe(fault, head.as_bytes());
        (refused.method, refused.target)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(describe("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"), (some("GET"), some("/#x")));
    assert_eq!(describe("GET /\n"), (some("GET"), some("/")));
    assert_eq!(describe("G(T / HTTP/1.1\r\n\r\n"), (None, None));
    assert_eq!(describe("GET /\u{e9} HTTP/1.1\r\n\r\n"), (some("GET"), None));
}

/// Parts of heads, good and bad, put together at random: what is accepted must be read by httparse and http
/// as we read it.
pub(super) fn any_head() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        6 => Just("GET /a?b HTTP/1.1\r\n".to_owned()),
        2 => "[A-Z]{1,6} (/|http://a\\.example/?)[!-~]{0,8} HTTP/1\\.[01]\r\n".prop_map(String::from),
        1 => Just("CONNECT a.example:443 HTTP/1.1\r\n".to_owned()),
    ];
    let field = prop_oneof![
        4 => Just("Host: a.example\r\n".to_owned()),
        2 => "[A-Za-z-]{1,6}:[ -~\t]{0,6}\r\n".prop_map(String::from),
        1 => prop::sample::select(vec![
            "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "X: a\r\n b\r\n", "Host: b\r\n", "X: y\n",
        ]).prop_map(String::from),
    ];
    let mutation = prop::option::weighted(0.5, (any::<prop::sample::Index>(), any::<u8>()));
    (line, prop::collection::vec(field, 0..4), mutation).prop_map(|(line, fields, mutation)| {
        let mut head = format!("{line}{}\r\n", fields.concat()).into_bytes();
        if let Some((at, byte)) = mutation {
            let at = at.index(head.len());
            head[at] = byte;
        }
        head
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in 1_usize..40) {
        let whole = feed(requests(), [&bytes[..]]);
        prop_assert_eq!(feed(requests(), bytes.chunks(cut)), whole);
    }

    #[test]
    fn an_accepted_head_has_one_reading(head in any_head(), cut in 1_usize..40) {
        let (passed, fault) = feed(requests(), head.chunks(cut));
        prop_assert_eq!(feed(requests(), [&head[..]]), (passed.clone(), fault));
        if fault.is_none() && !passed.is_empty() {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut fields);
            let length = request.parse(&passed).unwrap().unwrap();
            let line: Vec<_> = head.split(|&b| b == b' ').take(2).collect();
            prop_assert_eq!(request.method.unwrap().as_bytes(), line[0]);
            prop_assert_eq!(request.path.unwrap().as_bytes(), line[1]);
            let uri: http::Uri = request.path.unwrap().parse().unwrap();
            let target = request.path.unwrap();
            if target.starts_with('/') {
                prop_assert_eq!(uri.to_string(), target);
            }
            let hosts = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("host")).count();
            prop_assert!(hosts == 1 || request.version == Some(0));
            prop_assert!(length <= passed.len());
        }
    }

    /// Whatever follows a refused head, nothing of either passes.
    #[test]
    fn nothing_passes_after_a_fault(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"[..], &tail].concat();
        prop_assert!(feed(Inspector::requests(Limits::default()), bytes.chunks(7)).0.is_empty());
    }
}
