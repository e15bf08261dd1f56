//! Answers of upstreams.

use http::Method;
use proptest::prelude::*;

use super::{feed, feed_every_cut};
use passerelle_gateway::strict_http1::{Inspector, Limits};

fn answer_to(method: Method, upgrade: bool) -> Inspector {
    let mut inspector = Inspector::answers(Limits::default());
    inspector.expect(method, upgrade);
    inspector
}

/// The part before the bar passes; what follows it is a fault, unless there is no bar.
fn check(method: &Method, upgrade: bool, answer: &str) {
    let (good, bad) = answer.split_once('¦').unwrap_or((answer, ""));
    let (passed, fault) =
        feed_every_cut(|| answer_to(method.clone(), upgrade), [good, bad].concat().as_bytes());
    assert_eq!(passed.escape_ascii().to_string(), good.as_bytes().escape_ascii().to_string());
    let expected = (!bad.is_empty()).then_some("upstream-protocol");
    assert_eq!(fault.map(|fault| fault.code()), expected, "{answer:?}");
}

#[test]
fn bodies_end_where_they_should() {
    let (get, head) = (Method::GET, Method::HEAD);
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 D\u{e9}j\u{e0}\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nuntil\n\0close",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        "HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nok",
        // One byte too much is somebody else's answer.
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok¦!",
        "HTTP/1.1 204 No\r\n\r\n¦x",
        "HTTP/1.1 304 Not\r\nContent-Length: 1\r\n\r\n¦x",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n¦HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n¦x",
    ] {
        check(&get, false, answer);
    }
    check(&head, false, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    check(&head, false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n¦0\r\n\r\n");
    let interim = "HTTP/1.1 100 Go\r\n\r\n".repeat(8);
    check(&get, false, &format!("{interim}¦HTTP/1.1 100 Go\r\n\r\n"));
}

#[test]
fn switches_are_asked_for() {
    let switch = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n";
    check(&Method::GET, true, &format!("{switch}\0anything\n"));
    check(&Method::GET, false, &format!("¦{switch}"));
    check(&Method::GET, true, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n¦\0");
    check(&Method::CONNECT, false, "HTTP/1.1 200 OK\r\n\r\n\0anything");
}

#[test]
fn bad_heads_are_the_upstreams_fault() {
    for answer in [
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 99A OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200 O\u{1}K\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Type: image/png\r\n\r\n",
    ] {
        check(&Method::GET, false, &format!("¦{answer}"));
    }
    let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(64 * 1024));
    check(&Method::GET, false, &format!("¦{huge}"));
}

#[test]
fn an_answer_to_nothing_is_a_fault() {
    let (passed, fault) = feed(Inspector::answers(Limits::default()), [&b"HTTP/1.1 200 OK\r\n\r\n"[..]]);
    assert_eq!((passed.len(), fault.unwrap().code()), (0, "upstream-protocol"));
}

/// Parts of answers, good and bad, put together at random.
pub(super) fn any_answer() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        6 => Just("HTTP/1.1 200 OK\r\n".to_owned()),
        1 => "HTTP/1\\.[01] [1-6][0-9]{2}( [ -~]{0,4})?\r\n".prop_map(String::from),
    ];
    let field = prop_oneof![
        2 => "[A-Za-z-]{1,6}:[ -~\t]{0,6}\r\n".prop_map(String::from),
        2 => prop::sample::select(vec![
            "Content-Length: 3\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Content-Type: a/b\r\n",
            "X: a\r\n b\r\n", "X: y\n",
        ]).prop_map(String::from),
    ];
    let body = prop_oneof![
        Just(b"abc".to_vec()),
        Just(b"2\r\nab\r\n1;x\r\nc\r\n0\r\nX: y\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    let mutation = prop::option::weighted(0.5, (any::<prop::sample::Index>(), any::<u8>()));
    (line, prop::collection::vec(field, 0..4), body, mutation).prop_map(|(line, fields, body, mutation)| {
        let mut answer = [format!("{line}{}\r\n", fields.concat()).into_bytes(), body].concat();
        if let Some((at, byte)) = mutation {
            let at = at.index(answer.len());
            answer[at] = byte;
        }
        answer
    })
}

proptest! {
    /// What we accept, httparse reads as the same status and the same fields.
    #[test]
    fn an_accepted_answer_has_one_reading(answer in any_answer(), cut in 1_usize..40) {
        let (passed, fault) = feed(answer_to(Method::GET, false), answer.chunks(cut));
        prop_assert_eq!(feed(answer_to(Method::GET, false), [&answer[..]]), (passed.clone(), fault));
        let head = passed.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        if let (None, Some(head)) = (fault, head) {
            let mut fields = [httparse::EMPTY_HEADER; 16];
            let mut response = httparse::Response::new(&mut fields);
            let length = response.parse(&passed).unwrap().unwrap();
            prop_assert_eq!(length, head);
            let code = response.code.unwrap().to_string();
            prop_assert_eq!(code.as_bytes(), &passed[9..12]);
            for name in ["content-length", "transfer-encoding", "content-type"] {
                let count = response.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
                prop_assert!(count <= 1, "{}", name);
            }
        }
    }

    #[test]
    fn random_answers_never_panic(tail in "[ -~\r\n\0]{0,200}", cut in 1_usize..40) {
        let bytes = ["HTTP/1.1 200 OK\r\n", &tail].concat().into_bytes();
        let feed = |cut| feed(answer_to(Method::GET, false), bytes.chunks(cut));
        prop_assert_eq!(feed(cut), feed(bytes.len()));
    }
}
