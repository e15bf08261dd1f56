//! Upstreams that lie, stall or overreach, and what may cross the gateway in either direction.
//!
//! One wildcard service; each host of [`MISBEHAVIOUR`] is an upstream of its own that sends exactly the bytes beside it.

#![allow(clippy::unwrap_used)]

use std::{fs, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use passerelle_tests::{
    Setup, Stand,
    authority::Authority,
    client::{Answer, Client, handshake, read_answer, within},
    names::Names,
    sample::{CAMILLE, Person, SACHA},
    upstream::{Behaviour, Body, Upstream, whole},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const POLICY: &str = r#"
version = 1
time_zone = "Europe/Paris"

[[service]]
id = "essai"
category = "administrative"
name = { fr = "Service d'essai" }
start = "https://page.essai.example/"

  [[service.rule]]
  hosts = ["*.essai.example"]
  methods = ["GET", "HEAD", "POST"]
  access = "page"
  upload_limit = "64 KiB"

[[service]]
id = "avocat-exemple"
category = "administrative"
name = { fr = "Un avocat" }
start = "https://discret.example/"
confidential = true

  [[service.rule]]
  hosts = ["discret.example"]
  mode = "tunnel"
"#;

const SETTINGS: &str = "[limits]\nhead_seconds = 3\nanswer_seconds = 2\nconnect_seconds = 2\ndownload_bytes = 65536\n\
                        recorded_refusals_per_second = 1000\n";
const CONFIDENTIAL: &str = "discret.example";
const UPLOAD_LIMIT: usize = 64 << 10;

/// Host, the bytes it answers with, and what the client is told.
const MISBEHAVIOUR: &[(&str, &[u8], u16, &str)] = &[
    (
        "length-and-chunks",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        502,
        "upstream-protocol",
    ),
    (
        "two-lengths",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nokok",
        502,
        "upstream-protocol",
    ),
    (
        "signed-length",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: +2\r\n\r\nok",
        502,
        "upstream-protocol",
    ),
    (
        "unknown-coding",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: gzip\r\n\r\nok",
        502,
        "upstream-protocol",
    ),
    ("garbage", b"\x16\x03\x01 not HTTP at all\r\n\r\n", 502, "upstream-protocol"),
    ("folded", b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n", 502, "upstream-protocol"),
    (
        "unasked-switch",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        502,
        "upstream-protocol",
    ),
    ("bare-feed", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n", 502, "upstream-protocol"),
    ("silent-end", b"", 502, "upstream-protocol"),
    (
        "no-type",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nPK",
        502,
        "download-type",
    ),
    (
        "two-types",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Type: application/pdf\r\nContent-Length: 2\r\n\r\nok",
        502,
        "upstream-protocol",
    ),
    (
        "type-list",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html, application/pdf\r\nContent-Length: 2\r\n\r\nok",
        502,
        "download-type",
    ),
    ("half-type", b"HTTP/1.1 200 OK\r\nContent-Type: text\r\nContent-Length: 2\r\n\r\nok", 502, "download-type"),
    (
        "program",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\nMZ\x90\0\x03\0\0\0\x04\0\0\0",
        502,
        "download-type",
    ),
    (
        "program-in-pieces",
        b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n\
          1\r\n\x7f\r\n1\r\nE\r\n2\r\nLF\r\n8\r\n\x02\x01\x01\0\0\0\0\0\r\n0\r\n\r\n",
        502,
        "download-type",
    ),
    (
        "archive",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nPK\x03\x04\x14\0\0\0\x08\0 and so on",
        502,
        "download-type",
    ),
    (
        "document",
        b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 16\r\n\r\n\n%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        502,
        "download-type",
    ),
    (
        "archive-as-page",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0",
        502,
        "download-type",
    ),
    (
        "middle",
        b"HTTP/1.1 206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 2-3/4\r\nContent-Length: 2\r\n\r\nok",
        502,
        "download-type",
    ),
    (
        "unasked-coding",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
        502,
        "upstream-protocol",
    ),
    (
        "two-codings",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nok",
        502,
        "upstream-protocol",
    ),
    (
        "false-coding",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
        502,
        "upstream-protocol",
    ),
    (
        "fault-behind-the-head",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n",
        502,
        "upstream-protocol",
    ),
    (
        "lying-chunk",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
        502,
        "upstream-protocol",
    ),
    (
        "too-big",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 65537\r\n\r\n",
        502,
        "download-size",
    ),
];

/// A body that breaks off or is wrong after its head went out: the client sees a cut, the record says why.
const CUT: &[(&str, &[u8], &str)] = &[
    (
        "bad-chunk",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n",
        "upstream-protocol",
    ),
    (
        "cut-chunks",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        "upstream-gone",
    ),
    (
        "late-program",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nPK\x03\x04\x14\0\0\0\x08\0 and so on",
        "download-type",
    ),
    (
        "short-body",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nok",
        "upstream-gone",
    ),
];

/// What pages are not made of, and no rule of the policy names.
const TYPES: [&str; 3] = ["/type/application/zip", "/type/application/octet-stream", "/type/application/pdf"];

struct Scene {
    stand: Stand,
    page: Upstream,
    confidential: Upstream,
    _others: Vec<Upstream>,
    _names: Names,
}

impl Scene {
    async fn start() -> Scene {
        let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
        let stranger = Authority::new("Autorité inconnue").unwrap();
        let all = ["*.essai.example"];
        let http1 = authority.server(&all, &["http/1.1"]).unwrap();
        let mut upstreams = Vec::new();
        for (host, bytes) in
            MISBEHAVIOUR.iter().map(|case| (case.0, case.1)).chain(CUT.iter().map(|c| (c.0, c.1)))
        {
            upstreams
                .push((host, Upstream::tls(http1.clone(), Behaviour::Answer(bytes.to_vec())).await.unwrap()));
        }
        let both = authority.server(&all, &["h2", "http/1.1"]).unwrap();
        for (host, config, behaviour) in [
            ("stalled", http1.clone(), Behaviour::Stall),
            ("old", http1.clone(), Behaviour::Http),
            ("marked", both.clone(), Behaviour::Serve(Arc::new(|_| Box::pin(async { marked() })))),
            ("swelling", http1.clone(), Behaviour::Answer(swelling())),
            ("twofold", both.clone(), Behaviour::Serve(Arc::new(|_| Box::pin(async { twofold() })))),
            ("trailing", both.clone(), Behaviour::Serve(Arc::new(|_| Box::pin(async { trailing() })))),
            ("form", both.clone(), Behaviour::Serve(Arc::new(|request| Box::pin(received(request))))),
            ("other-name", authority.server(&["ailleurs.example"], &["h2"]).unwrap(), Behaviour::Http),
            ("expired", authority.expired_server(&all, &["h2"]).unwrap(), Behaviour::Http),
            ("unknown-issuer", stranger.server(&all, &["h2"]).unwrap(), Behaviour::Http),
        ] {
            upstreams.push((host, Upstream::tls(config, behaviour).await.unwrap()));
        }
        upstreams.push(("clear", Upstream::plain(Behaviour::Http).await.unwrap()));
        let page = Upstream::tls(both, Behaviour::Http).await.unwrap();
        let names = [CONFIDENTIAL];
        let confidential =
            Upstream::tls(authority.server(&names, &["http/1.1"]).unwrap(), Behaviour::Http).await.unwrap();
        let names = Names::start().await.unwrap();
        let closed = TcpListener::bind(passerelle_tests::ANY_PORT).await.unwrap().local_addr().unwrap();
        let mut setup = Setup::new(authority, POLICY)
            .settings(SETTINGS)
            .resolver(names.address())
            .resolve("page.essai.example:443", page.address())
            .resolve("nobody.essai.example:443", closed)
            .resolve(&format!("{CONFIDENTIAL}:443"), confidential.address());
        for (host, upstream) in &upstreams {
            setup = setup.resolve(&format!("{host}.essai.example:443"), upstream.address());
        }
        let others = upstreams.into_iter().map(|(_, upstream)| upstream).collect();
        Scene { stand: setup.start().unwrap(), page, confidential, _others: others, _names: names }
    }

    async fn sign_in(&self, terminal: &str, person: &Person) -> Client {
        self.stand.client(terminal).unwrap().sign_in(person).await.unwrap()
    }
}

/// An answer with everything that must not cross.
fn marked() -> Response<Body> {
    let mut answer = Response::builder().header("content-type", "text/html").header("x-page", "1");
    for (name, value) in [
        ("alt-svc", "h3=\":443\"; ma=86400"),
        ("proxy-status", "passerelle; error=http_request_denied; details=\"no-rule\""),
        ("proxy-authenticate", "Basic realm=\"exemple\""),
        ("proxy-authentication-info", "x"),
    ] {
        answer = answer.header(name, value);
    }
    answer.body(whole("ok")).unwrap()
}

/// Two types, over HTTP/2: a browser may take the one that we did not.
fn twofold() -> Response<Body> {
    let answer =
        Response::builder().header("content-type", "text/html").header("content-type", "application/pdf");
    answer.body(whole("ok")).unwrap()
}

/// A page with trailers, which nobody judges and nobody gets.
fn trailing() -> Response<Body> {
    let trailers =
        HeaderMap::from_iter([(HeaderName::from_static("alt-svc"), HeaderValue::from_static("h3=\":443\""))]);
    let body = whole("ok").with_trailers(async { Some(Ok(trailers)) });
    Response::builder().header("content-type", "text/html").body(body.boxed()).unwrap()
}

/// Spaces, as gzip of RFC 1952 writes them: a stored block, then one byte repeated by the longest copies there are. A thousandth
/// of what it becomes.
fn swelling() -> Vec<u8> {
    // A fixed-Huffman block (RFC 1951, section 3.2.6): the literal ' ', then copies of 258 bytes at distance 1.
    let mut bits: Vec<bool> = vec![true, true, false];
    let code = |bits: &mut Vec<bool>, value: u32, length: u32| {
        bits.extend((0..length).rev().map(|bit| value >> bit & 1 == 1));
    };
    code(&mut bits, 0x30 + u32::from(b' '), 8);
    for _ in 0..4096 {
        code(&mut bits, 0b1100_0101, 8);
        code(&mut bits, 0, 5);
    }
    code(&mut bits, 0, 7);
    let byte = |bits: &[bool]| bits.iter().rev().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    let coded: Vec<u8> = bits.chunks(8).map(byte).collect();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        coded.len() + 18
    );
    [head.as_bytes(), b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &coded, &[0; 8]].concat()
}

/// Answers when the whole body is here, as forms do, with its length.
async fn received(request: Request<Incoming>) -> Response<Body> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Response::builder().header("content-type", "text/plain").body(whole(body.len().to_string())).unwrap()
}

async fn post(client: &Client, head: &str, body: &[u8]) -> Answer {
    let host = "form.essai.example";
    let mut stream = client.inspected(host).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\n{head}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // An answer may come before the last byte is sent; the rest is then not wanted.
    let _ = stream.write_all(body).await;
    read_answer(&mut stream, false).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_upstreams_do_wrong_is_answered_for_and_recorded() {
    let scene = Scene::start().await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let mut cases: Vec<(&str, u16, &str)> =
        MISBEHAVIOUR.iter().map(|case| (case.0, case.2, case.3)).collect();
    cases.extend([
        ("stalled", 504, "timeout"),
        ("nobody", 502, "connect"),
        ("other-name", 502, "tls-upstream"),
        ("expired", 502, "tls-upstream"),
        ("unknown-issuer", 502, "tls-upstream"),
        ("clear", 502, "tls-upstream"),
        ("swelling", 502, "download-size"),
        ("twofold", 502, "upstream-protocol"),
        ("nowhere", 502, "dns"),
    ]);
    let mut wrong = Vec::new();
    for (host, status, reason) in &cases {
        let answer = client.get(&format!("{host}.essai.example"), "/").await.unwrap();
        if (answer.status, answer.reason().as_deref()) != (*status, Some(*reason)) {
            wrong.push(format!("{host}: {answer:?}"));
        }
    }
    for (host, bytes, reason) in CUT {
        // Nothing of a body that breaks off within its beginning went out; a longer one is cut.
        let answer = client.get(&format!("{host}.essai.example"), "/").await;
        let cut = answer.as_ref().is_err() || answer.as_ref().is_ok_and(|answer| answer.status == 502);
        if !cut {
            wrong.push(format!("{host}, {} bytes, {reason}: {answer:?}", bytes.len()));
        }
    }
    for target in TYPES {
        let answer = client.get("page.essai.example", target).await.unwrap();
        if (answer.status, answer.reason().as_deref()) != (502, Some("download-type")) {
            wrong.push(format!("{target}: {answer:?}"));
        }
    }
    // An upstream that goes away in the middle ended what was allowed; all else is a refusal after the opening.
    let gone = CUT.iter().filter(|case| case.2 == "upstream-gone").count();
    let refused = cases.len() + CUT.len() + TYPES.len() - gone;
    scene.stand.closings(&["--decision", "refuse"], refused).unwrap();
    let records = scene.stand.journal(&["--kind", "closed"]).unwrap();
    let expected = cases.iter().map(|case| (case.0, case.2)).chain(CUT.iter().map(|case| (case.0, case.2)));
    for (host, reason) in expected {
        let url = format!("https://{host}.essai.example/");
        let record = records.iter().find(|record| record.url.as_deref() == Some(&url));
        if record.and_then(|record| record.reason.as_deref()) != Some(reason) {
            wrong.push(format!("{host}: recorded as {record:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_end_at_their_limit() {
    let scene = Scene::start().await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let body = vec![b'.'; UPLOAD_LIMIT];
    let answer = post(&client, &format!("Content-Length: {UPLOAD_LIMIT}"), &body).await;
    assert_eq!((answer.status, answer.text()), (200, UPLOAD_LIMIT.to_string()), "up to the limit");
    let answer = post(&client, &format!("Content-Length: {}", UPLOAD_LIMIT + 1), &[]).await;
    assert_eq!((answer.status, answer.reason().as_deref()), (413, Some("upload")), "{answer:?}");
    let opened = scene.stand.journal(&["--kind", "opened"]).unwrap();
    let begun = opened.iter().filter(|record| record.method.as_deref() == Some("POST")).count();
    assert_eq!(begun, 1, "a declared excess is not begun");

    let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat();
    let streamed = [&chunk[..], &chunk, b"0\r\n\r\n"].concat();
    let answer = post(&client, "Transfer-Encoding: chunked", &streamed).await;
    assert_eq!((answer.status, answer.reason().as_deref()), (413, Some("upload")), "{answer:?}");
    let closed = scene.stand.closings(&["--decision", "refuse"], 1).unwrap();
    let reasons: Vec<_> = closed.iter().filter_map(|record| record.reason.as_deref()).collect();
    assert_eq!(reasons, ["upload"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_and_detours_do_not_cross() {
    let scene = Scene::start().await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let answer = client.get("marked.essai.example", "/").await.unwrap();
    assert_eq!((answer.status, answer.header("x-page")), (200, Some("1")));
    for name in ["alt-svc", "proxy-status", "proxy-authenticate", "proxy-authentication-info"] {
        assert_eq!(answer.header(name), None, "{name} came through");
    }

    // Over HTTP/2 trailers would cross by themselves.
    let tunnel = client.connect("trailing.essai.example:443").await.unwrap().unwrap();
    let inner = client.inner(tunnel, "trailing.essai.example", &["h2"]).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(inner)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://trailing.essai.example/").body(Empty::<Bytes>::new()).unwrap();
    let answer = within(sender.send_request(request)).await.unwrap().unwrap();
    let collected = within(answer.into_body().collect()).await.unwrap().unwrap();
    assert_eq!(collected.trailers(), None);
    assert_eq!(collected.to_bytes(), "ok");

    let host = "page.essai.example";
    let mut stream = client.inspected(host).await.unwrap();
    let claims = [
        "Proxy-Authorization: Bearer secret",
        "X-Forwarded-For: 10.0.0.1",
        "Forwarded: for=exemple",
        "Via: 1.1 exemple",
        "X-Real-IP: 10.0.0.1",
        "X-User: exemple",
        "X-HTTP-Method-Override: DELETE",
        "X_HTTP_Method_Override: DELETE",
        "X-Method-Override: DELETE",
        "X-Forwarded-Prefix: /admin",
        "Proxy: http://ailleurs.example",
        "Early-Data: 1",
        "X-Original-URL: /admin",
        "Connection: close, X-Hop",
        "X-Hop: 1",
        "TE: trailers",
    ];
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nCookie: a=1\r\nAccept: */*\r\n{}\r\n\r\n",
        claims.join("\r\n")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 200);
    let seen = scene.page.tally().seen().pop().unwrap();
    let mut names: Vec<_> =
        seen.headers.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "host").collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "cookie"]);
}

/// Connections are kept for the session they were made for, and for nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_never_shared_by_two_persons() {
    let scene = Scene::start().await;
    let host = "page.essai.example";
    let first = scene.sign_in("a", &CAMILLE).await;
    let get = async |client: &Client| assert_eq!(client.get(host, "/").await.unwrap().status, 200);
    for _ in 0..3 {
        get(&first).await;
    }
    assert_eq!(scene.page.tally().connections(), 1, "kept from request to request");
    let second = scene.sign_in("b", &SACHA).await;
    get(&second).await;
    assert_eq!(scene.page.tally().connections(), 2, "another person, another connection");
    get(&first).await;
    get(&second).await;
    assert_eq!(scene.page.tally().connections(), 2);
    let again = scene.sign_in("a", &CAMILLE).await;
    get(&again).await;
    assert_eq!(scene.page.tally().connections(), 3, "another session, another connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confidential_leaves_no_trace() {
    let scene = Scene::start().await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let tunnel = client.connect(&format!("{CONFIDENTIAL}:443")).await.unwrap().unwrap();
    let browser = scene.stand.authority.browser().unwrap();
    let mut stream = handshake(tunnel, CONFIDENTIAL, browser).await.unwrap();
    stream
        .write_all(format!("GET / HTTP/1.1\r\nHost: {CONFIDENTIAL}\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 200);
    drop(stream);
    // Refused ones are confidential too: at the door, and after the opening.
    let refused = client.connect(&format!("{CONFIDENTIAL}:8443")).await.unwrap().err().unwrap();
    assert_eq!(refused.reason().as_deref(), Some("port"));
    let mut tunnel = client.connect(&format!("{CONFIDENTIAL}:443")).await.unwrap().unwrap();
    tunnel.write_all(b"not TLS at all").await.unwrap();
    let _ = within(tunnel.read_to_end(&mut Vec::new())).await.unwrap();
    assert_eq!(client.api("DELETE", "/v1/sessions/current", None).await.unwrap().status, 204);

    scene.stand.closings(&[], 2).unwrap();
    let records = scene.stand.journal(&["--person", CAMILLE.id]).unwrap();
    let kinds = |kind: &str| records.iter().filter(|record| record.kind == kind).count();
    assert_eq!((kinds("opened"), kinds("closed"), kinds("refused")), (2, 2, 1));
    for record in records.iter().filter(|record| ["opened", "closed", "refused"].contains(&&*record.kind)) {
        let traces = (&record.service, &record.rule, &record.url, &record.page, &record.address);
        assert_eq!(traces, (&None, &None, &None, &None, &None), "{record:?}");
        assert_eq!((record.sent_bytes, record.received_bytes), (None, None), "{record:?}");
    }
    let log = fs::read_to_string(scene.stand.folder().join("gateway.log")).unwrap();
    assert!(!log.contains(CONFIDENTIAL) && !log.contains("avocat-exemple"), "{log}");
}

/// ClientHellos that hide their name, name something else or hurry: an alert, in a tunnel and under inspection alike.
#[tokio::test(flavor = "multi_thread")]
async fn hellos_are_judged_before_a_byte_is_forwarded() {
    let scene = Scene::start().await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let versions = || extension(43, &[2, 3, 4]);
    let mut expected = Vec::new();
    for host in [CONFIDENTIAL, "page.essai.example"] {
        let name = || server_names(&[host]);
        for (extensions, reason) in [
            // RFC 9849, and the draft before it.
            (vec![name(), versions(), extension(0xfe0d, &[0; 64])], "ech"),
            (vec![name(), versions(), extension(0xffce, &[0; 64])], "ech"),
            (vec![versions()], "no-server-name"),
            (vec![server_names(&[]), versions()], "no-server-name"),
            (vec![server_names(&["ailleurs.example"]), versions()], "server-name"),
            (vec![server_names(&["127.0.0.1"]), versions()], "server-name"),
            (vec![server_names(&[&format!("{host}.")]), versions()], "server-name"),
            (vec![server_names(&[host, "ailleurs.example"]), versions()], "server-name"),
            (vec![name(), server_names(&["ailleurs.example"]), versions()], "server-name"),
            (vec![name(), versions(), extension(42, &[])], "not-tls"),
        ] {
            expected.push(reason);
            let mut tunnel = client.connect(&format!("{host}:443")).await.unwrap().unwrap();
            tunnel.write_all(&records(&hello(&extensions), 1 << 14)).await.unwrap();
            let mut alert = Vec::new();
            let _ = within(tunnel.read_to_end(&mut alert)).await.unwrap();
            assert!(alert.starts_with(&[21, 3]) && alert.ends_with(&[2, 49]), "{host} {reason}: {alert:?}");
        }
        // Data sent ahead behind the hello would be early data to whoever takes it.
        expected.push("not-tls");
        let mut tunnel = client.connect(&format!("{host}:443")).await.unwrap().unwrap();
        let ahead = [&records(&hello(&[name(), versions()]), 1 << 14)[..], &[23, 3, 3, 0, 1, 0]].concat();
        tunnel.write_all(&ahead).await.unwrap();
        let _ = within(tunnel.read_to_end(&mut Vec::new())).await.unwrap();
        // Who says nothing is waited for as long as a head may take.
        expected.push("timeout");
        let mut tunnel = client.connect(&format!("{host}:443")).await.unwrap().unwrap();
        let _ = within(tunnel.read_to_end(&mut Vec::new())).await.unwrap();
    }
    let closed = scene.stand.closings(&["--decision", "refuse"], expected.len()).unwrap();
    let reasons: Vec<_> = closed.iter().filter_map(|record| record.reason.as_deref()).collect();
    assert_eq!(reasons, expected);
    let reached = [&scene.confidential, &scene.page].map(|upstream| upstream.tally().received_bytes());
    assert_eq!(reached, [0, 0]);
}

/// An ordinary hello passes however it is cut, its name behind a large key share too.
#[tokio::test(flavor = "multi_thread")]
async fn a_hello_in_pieces_is_read_whole() {
    let scene = Scene::start().await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let extensions = [extension(21, &[0; 2000]), server_names(&[CONFIDENTIAL]), extension(43, &[2, 3, 4])];
    for size in [100, 1 << 14] {
        let before = scene.confidential.tally().received_bytes();
        let mut tunnel = client.connect(&format!("{CONFIDENTIAL}:443")).await.unwrap().unwrap();
        for piece in records(&hello(&extensions), size).chunks(700) {
            tunnel.write_all(piece).await.unwrap();
            tunnel.flush().await.unwrap();
        }
        // What the upstream makes of so bare a hello is its own affair: an alert of its own.
        let _ = within(tunnel.read_u8()).await.unwrap();
        assert!(scene.confidential.tally().received_bytes() > before, "records of {size}");
    }
}

/// No ticket is given out, so that nothing can be resumed and nothing sent early (RFC 8446, section 8), outside and inside.
#[tokio::test(flavor = "multi_thread")]
async fn no_ticket_is_given_out() {
    let scene = Scene::start().await;
    let client = scene.sign_in("a", &CAMILLE).await;
    let host = "page.essai.example";
    let mut inner = client.inspected(host).await.unwrap();
    inner.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut inner, false).await.unwrap().status, 200);
    let (outer, inside) = inner.get_ref();
    assert_eq!((outer.get_ref().1.tls13_tickets_received(), inside.tls13_tickets_received()), (0, 0));
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, bytes: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(bytes)].concat()
}

/// RFC 6066, section 3.
fn server_names(names: &[&str]) -> Vec<u8> {
    let list: Vec<u8> =
        names.iter().flat_map(|name| [&[0][..], &with_length(name.as_bytes())].concat()).collect();
    extension(0, &with_length(&list))
}

/// A ClientHello (RFC 8446, section 4.1.2).
fn hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = [&[3, 3][..], &[7; 32], &[0], &with_length(&[0x13, 0x01]), &[1, 0]].concat();
    body.extend(with_length(&extensions.concat()));
    [&[1, 0][..], &with_length(&body)].concat()
}

/// A message in records of this many bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|part| [&[22, 3, 1][..], &with_length(part)].concat()).collect()
}
