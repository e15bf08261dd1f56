//! HTTP/2 on every leg: to the gateway, inside a tunnel, to the upstream; each stream is judged for itself.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use passerelle_tests::{
    authority::Authority,
    client::{ANSWER_LIMIT, Client, read_answer, within},
    internet::{Internet, OPEN, READ, TUNNEL},
    process::{eventually, run},
    sample::CAMILLE,
    skip::skipped,
    upstream::{Behaviour, Upstream},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    task::JoinSet,
};

/// An inspected host whose upstream knows HTTP/1.1 alone.
const OLD: &str = "vieux.large.example";
const STREAMS: usize = 16;

type Sender = SendRequest<Empty<Bytes>>;

/// An HTTP/2 connection over any stream.
async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Sender {
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = within(handshake).await.unwrap().unwrap();
    tokio::spawn(connection);
    sender
}

/// Status, the reason of a refusal, and the body.
async fn ask(
    sender: &Sender,
    method: Method,
    uri: &str,
    token: Option<&str>,
) -> (u16, Option<String>, String) {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(token) = token {
        request = request.header("proxy-authorization", format!("Bearer {token}"));
    }
    let request = request.body(Empty::new()).unwrap();
    let answer = within(sender.clone().send_request(request)).await.unwrap().unwrap();
    let status = answer.headers().get("proxy-status").map(|value| value.to_str().unwrap().to_string());
    let reason =
        status.and_then(|value| passerelle_api::ProxyStatus::parse(&value)).map(|status| status.reason);
    let code = answer.status().as_u16();
    let body = within(answer.into_body().collect()).await.unwrap().unwrap().to_bytes();
    (code, reason, String::from_utf8_lossy(&body).into_owned())
}

/// An open CONNECT stream of `sender`.
async fn connect(sender: &Sender, client: &Client, host: &str) -> TokioIo<hyper::upgrade::Upgraded> {
    let request = Request::connect(Uri::try_from(format!("{host}:443")).unwrap())
        .header("proxy-authorization", format!("Bearer {}", client.token().unwrap()))
        .body(Empty::new())
        .unwrap();
    let answer = within(sender.clone().send_request(request)).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{host}");
    TokioIo::new(hyper::upgrade::on(answer).await.unwrap())
}

/// Many tunnels on one connection, HTTP/2 and HTTP/1.1 inside, HTTP/2 and HTTP/1.1 beyond.
#[tokio::test(flavor = "multi_thread")]
async fn streams_are_judged_one_by_one() {
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let internet = Internet::start(&authority).await.unwrap();
    let config = authority.server(&[OLD], &["http/1.1"]).unwrap();
    let old = Upstream::tls(config, Behaviour::Http).await.unwrap();
    let stand = internet.setup(authority).resolve(&format!("{OLD}:443"), old.address()).start().unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let outer = http2(client.open(&["h2"]).await.unwrap()).await;

    let mut streams = JoinSet::new();
    for number in 0..STREAMS {
        let (client, outer) = (client.clone(), outer.clone());
        let host = [OPEN, OLD][number % 2];
        let inside_http2 = number % 4 < 2;
        streams.spawn(async move {
            let tunnel = connect(&outer, &client, host).await;
            let target = if host == OPEN { format!("/public/{number}") } else { format!("/{number}") };
            if !inside_http2 {
                let mut stream = client.inner(tunnel, host, &["http/1.1"]).await.unwrap();
                let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 200);
                return;
            }
            let inner = http2(client.inner(tunnel, host, &["h2"]).await.unwrap()).await;
            // Allowed and refused requests side by side, each answered for itself.
            let fine = format!("https://{host}{target}");
            let delete = format!("https://{host}/");
            let foreign = format!("https://{READ}/");
            let (fine, delete, foreign) = tokio::join!(
                ask(&inner, Method::GET, &fine, None),
                ask(&inner, Method::DELETE, &delete, None),
                ask(&inner, Method::GET, &foreign, None),
            );
            assert_eq!((fine.0, fine.1), (200, None), "{host}");
            assert_eq!((delete.0, delete.1.as_deref()), (405, Some("method")));
            assert_eq!((foreign.0, foreign.1.as_deref()), (421, Some("authority")));
        });
    }
    streams.join_all().await;
    for refused in ["refuse.example", "ailleurs.example"] {
        let token = client.token();
        let answer = ask(&outer, Method::CONNECT, &format!("{refused}:443"), token).await;
        assert_eq!(answer.0, 403, "{answer:?}");
    }
    let seen = |upstream: &Upstream| upstream.tally().seen();
    assert_eq!((seen(&internet.inspected).len(), seen(&old).len()), (STREAMS / 2, STREAMS / 2));
    // HTTP/1.1 names the host in a field of its own, HTTP/2 does not.
    assert!(seen(&internet.inspected).iter().all(|seen| seen.header("host").is_none()));
    assert!(seen(&old).iter().all(|seen| seen.header("host") == Some(OLD)));

    // The connection stays; the session that its streams named does not.
    assert_eq!(client.api("DELETE", "/v1/sessions/current", None).await.unwrap().status, 204);
    let answer = ask(&outer, Method::CONNECT, &format!("{OPEN}:443"), client.token()).await;
    assert_eq!((answer.0, answer.1.as_deref()), (407, Some("no-session")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outer_connection_takes_connect_and_our_own_api() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let outer = http2(client.open(&["h2"]).await.unwrap()).await;
    let token = client.token();
    for uri in
        [format!("https://{OPEN}/"), format!("http://{OPEN}/"), "https://localhost.ailleurs.example/".into()]
    {
        let answer = ask(&outer, Method::GET, &uri, token).await;
        assert_eq!((answer.0, answer.1.as_deref()), (421, Some("authority")), "{uri}");
    }
    let own = format!("https://localhost:{}/checkpoint", stand.address().port());
    assert_eq!(ask(&outer, Method::GET, &own, None).await.0, 200);
    // A tunnel over HTTP/2 is spliced like any other.
    let tunnel = connect(&outer, &client, TUNNEL).await;
    let browser = stand.authority.browser().unwrap();
    let mut stream = passerelle_tests::client::handshake(tunnel, TUNNEL, browser).await.unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {TUNNEL}\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 200);
    assert_eq!(internet.inspected.tally().connections(), 0);
}

/// Extended CONNECT (RFC 8441) with our own client: told 501 outside, and not on offer inside.
#[tokio::test(flavor = "multi_thread")]
async fn extended_connect_is_not_spoken() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let (sender, connection) = h2::client::handshake(client.open(&["h2"]).await.unwrap()).await.unwrap();
    tokio::spawn(connection);
    let mut sender = within(sender.ready()).await.unwrap().unwrap();
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("https://{READ}/canal"))
        .extension(h2::ext::Protocol::from_static("websocket"))
        .header("proxy-authorization", format!("Bearer {}", client.token().unwrap()))
        .body(())
        .unwrap();
    let (answer, _) = sender.send_request(request, false).unwrap();
    let answer = within(answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 501);
    assert!(answer.headers()["proxy-status"].to_str().unwrap().contains("unsupported"));

    let tunnel = client.connect(&format!("{READ}:443")).await.unwrap().unwrap();
    let stream = client.inner(tunnel, READ, &["h2"]).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = within(sender.ready()).await.unwrap().unwrap();
    let request = Request::get(format!("https://{READ}/")).body(()).unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    assert_eq!(within(answer).await.unwrap().unwrap().status(), 200);
    assert!(!sender.is_extended_connect_protocol_enabled());
    assert_eq!(internet.inspected.tally().seen().len(), 1);
}

/// The same asked by a library that nobody here wrote, which also sends what a well-behaved client can't.
#[tokio::test(flavor = "multi_thread")]
async fn another_library_sees_the_same() {
    const PYTHON: &str = "/usr/bin/python3";
    if run(Command::new(PYTHON).args(["-c", "import h2"]), "").and_then(|output| output.success()).is_err() {
        return skipped("another_library_sees_the_same", "python3-h2 is not installed");
    }
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let mut command = Command::new(PYTHON);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/http2_client.py"))
        .arg(stand.address().port().to_string())
        .arg(stand.folder().join("a"))
        .args([client.token().unwrap(), OPEN, "refuse.example"]);
    let told: Value = run(&mut command, "").unwrap().success().unwrap().json().unwrap();
    let refusal = |status: u16, reason: &str| json!({ "status": status, "reason": reason });
    let fine = json!({ "status": 200, "reason": null });
    for (what, expected) in [
        ("foreign", refusal(421, "authority")),
        ("extended", refusal(501, "unsupported")),
        ("refused", refusal(403, "refused-host")),
        ("stranger", refusal(407, "no-session")),
        ("connect", fine.clone()),
        ("inside", fine.clone()),
        ("advertised_inside", json!(0)),
        ("other_inside", refusal(421, "authority")),
        ("after", fine),
    ] {
        assert_eq!(told[what], expected, "{what}: {told}");
    }
    assert!(told["extended_inside"]["reset"].is_u64(), "{told}");
    assert!(told["page"].as_str().unwrap().contains("exemple"), "{told}");
}

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

/// One of `http2.toml`.
#[derive(Deserialize, Serialize)]
struct Case {
    name: String,
    inside: Option<String>,
    #[serde(default = "yes")]
    session: bool,
    fields: Vec<(String, String)>,
    body: Option<String>,
    trailers: Option<Vec<(String, String)>>,
    status: u16,
    reason: String,
    #[serde(default)]
    reset: bool,
}

fn yes() -> bool {
    true
}

/// Field by field, as another library sends them without a look: told, recorded, and kept from every upstream.
#[tokio::test(flavor = "multi_thread")]
async fn every_bad_head_is_refused_and_recorded() {
    const NAME: &str = "every_bad_head_is_refused_and_recorded";
    const PYTHON: &str = "/usr/bin/python3";
    if run(Command::new(PYTHON).args(["-c", "import h2"]), "").and_then(|output| output.success()).is_err() {
        return skipped(NAME, "python3-h2 is not installed");
    }
    let settings = "[limits]\nrecorded_refusals_per_second = 1000\n";
    let (internet, stand) = Internet::stand_with(settings).await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let cases = toml::from_str::<Cases>(include_str!("http2.toml")).unwrap().case;
    let mut command = Command::new(PYTHON);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/http2_bytes.py"))
        .arg(stand.address().port().to_string())
        .arg(stand.folder().join("a"))
        .arg(client.token().unwrap());
    let told = run(&mut command, &serde_json::to_string(&cases).unwrap()).unwrap().success().unwrap();
    let told: Vec<Value> = serde_json::from_str(&told.stdout).unwrap();

    let mut wrong = Vec::new();
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for (case, told) in cases.iter().zip(&told) {
        *expected.entry(&case.reason).or_default() += 1;
        let is_told = *told == json!({ "status": case.status, "reason": case.reason });
        let is_reset = case.reset && told["reset"].is_u64();
        if !is_told && !is_reset {
            wrong.push(format!("{}: {told}", case.name));
        }
    }
    let mut recorded: BTreeMap<String, u64> = BTreeMap::new();
    let all_recorded = eventually(ANSWER_LIMIT, "a record of every refusal", || {
        recorded.clear();
        for record in stand.journal(&["--decision", "refuse"])? {
            *recorded.entry(record.reason.unwrap_or_default()).or_default() += record.count.unwrap_or(1);
        }
        Ok(expected.iter().all(|(reason, count)| recorded.get(*reason) >= Some(count)))
    });
    if let Err(error) = all_recorded {
        wrong.push(format!("{error}\nexpected: {expected:?}\nrecorded: {recorded:?}"));
    }
    let reached = internet.received_bytes() + internet.connections();
    assert!(wrong.is_empty() && reached == 0, "{reached} reached upstreams; {}", wrong.join("\n"));
    assert_eq!(told.len(), cases.len());
    let fragment = stand.journal(&["--text", "/public/a#b"]).unwrap();
    assert!(!fragment.is_empty(), "the record says what was asked, as it was asked");
}

/// curl from 8.1 on speaks HTTP/2 to a proxy.
#[tokio::test(flavor = "multi_thread")]
async fn curl_tunnels_over_http2() {
    let help = run(Command::new("curl").args(["--help", "all"]), "").unwrap().stdout;
    if !help.contains("--proxy-http2") {
        return skipped("curl_tunnels_over_http2", "this curl knows no --proxy-http2");
    }
    let (_internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let page =
        stand.curl("a", client.token().unwrap(), &format!("https://{OPEN}/"), &["--proxy-http2"]).unwrap();
    assert!(page.contains("HTTP/2 200") && page.contains("exemple"), "{page}");
}
