//! WebSockets: where a rule allows them bytes pass both ways, elsewhere the handshake never leaves, and nothing passes
//! as a tunnel before the origin's 101.

#![allow(clippy::unwrap_used)]

use std::{io::ErrorKind, sync::Arc};

use passerelle_tests::{
    ANY_PORT,
    authority::Authority,
    client::{Answer, Client, Outer, read_answer, within},
    internet::{Internet, OPEN, PLAIN, READ, policy},
    sample::CAMILLE,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::client::TlsStream;

/// A masked text frame (RFC 6455, section 5.7), as a browser would send it.
const FRAME: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

fn handshake(host: &str, target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The answer to a handshake with `more` bytes right behind it, and the connection.
async fn shake(client: &Client, host: &str, target: &str, more: &[u8]) -> (Answer, TlsStream<Outer>) {
    let mut stream = client.inspected(host).await.unwrap();
    stream.write_all(&[handshake(host, target).as_bytes(), more].concat()).await.unwrap();
    let answer = read_answer(&mut stream, false).await.unwrap();
    (answer, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn web_sockets_pass_where_a_rule_allows_them() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();

    let (answer, mut stream) = shake(&client, READ, "/canal?page=2", b"").await;
    assert_eq!(answer.status, 101, "{answer:?}");
    // RFC 6455's own example: the key's answer is the origin's, untouched.
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    for _ in 0..3 {
        stream.write_all(FRAME).await.unwrap();
        let mut echo = [0; FRAME.len()];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, FRAME);
    }
    let seen = internet.inspected.tally().seen();
    assert_eq!(seen.last().unwrap().header("upgrade"), Some("websocket"));
    assert_eq!(seen.last().unwrap().header("sec-websocket-extensions"), None);

    // While it lasts neither it nor its CONNECT is closed; its end closes both, with every byte counted.
    assert_eq!(stand.journal(&["--kind", "closed"]).unwrap().len(), 0);
    let answer = client.api("DELETE", "/v1/sessions/current", None).await.unwrap();
    assert_eq!(answer.status, 204);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
    let closed = stand.journal(&["--kind", "closed"]).unwrap();
    let reasons: Vec<_> = closed.iter().map(|record| record.reason.as_deref()).collect();
    assert_eq!(reasons, [Some("signed-out"), Some("signed-out")]);
    let socket = closed.iter().find(|record| record.method.as_deref() == Some("GET")).unwrap();
    assert_eq!(socket.url.as_deref(), Some("https://lecture.example/canal?page"));
    let bytes = 3 * FRAME.len() as u64;
    assert_eq!(
        (socket.status, socket.sent_bytes, socket.received_bytes),
        (Some(101), Some(bytes), Some(bytes))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn web_sockets_stay_inside_where_none_allows_them() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let (answer, mut stream) = shake(&client, OPEN, "/public/canal", b"").await;
    assert_eq!((answer.status, answer.reason().as_deref()), (403, Some("websocket")), "{answer:?}");
    assert_eq!(internet.received_bytes(), 0);
    // It stays HTTP: the next request of the connection is judged like any other.
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {OPEN}\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 200);
}

/// What a client sends behind its handshake could be read as a second request by an origin that refuses the first.
#[tokio::test(flavor = "multi_thread")]
async fn an_origin_without_web_sockets_is_no_tunnel() {
    let (internet, stand) = Internet::stand().await.unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();
    let smuggled = format!("DELETE /contrebande HTTP/1.1\r\nHost: {READ}\r\n\r\n");
    let (answer, mut stream) = shake(&client, READ, "/sans-canal", smuggled.as_bytes()).await;
    assert_eq!((answer.status, answer.reason().as_deref()), (502, Some("upstream-protocol")), "{answer:?}");
    // It stayed HTTP, so the bytes behind it are a request of their own, and judged.
    let answer = read_answer(&mut stream, false).await.unwrap();
    assert_eq!((answer.status, answer.reason().as_deref()), (405, Some("method")), "{answer:?}");
    let targets: Vec<_> = internet.inspected.tally().seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/sans-canal"]);
}

/// Over plain http, so that the origin can look at every byte it gets, and choose when it answers.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_before_the_101_wait_for_it() {
    let origin = TcpListener::bind(ANY_PORT).await.unwrap();
    let authority = Arc::new(Authority::new("Internet d'exemple").unwrap());
    let internet = Internet::start(&authority).await.unwrap();
    let address = origin.local_addr().unwrap();
    let stand = internet.setup(authority).resolve(&format!("{PLAIN}:80"), address).start().unwrap();
    stand.publish(&policy().replace("ports = [80]", "ports = [80]\n  websocket = true")).unwrap();
    let client = stand.client("a").unwrap().sign_in(&CAMILLE).await.unwrap();

    let mut stream = client.open(&["http/1.1"]).await.unwrap();
    let head = handshake(PLAIN, &format!("http://{PLAIN}/canal"));
    let head = head.replacen("\r\n", &format!("\r\n{}", client.proxy_authorization()), 1);
    stream.write_all(&[head.as_bytes(), FRAME].concat()).await.unwrap();
    let (mut upstream, _) = within(origin.accept()).await.unwrap().unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        seen.push(within(upstream.read_u8()).await.unwrap().unwrap());
    }
    // A whole exchange later the frame would have been here long since.
    assert_eq!(client.get(READ, "/").await.unwrap().status, 200);
    assert_eq!(upstream.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    upstream.write_all(answer.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut stream, false).await.unwrap().status, 101);
    let mut frame = [0; FRAME.len()];
    within(upstream.read_exact(&mut frame)).await.unwrap().unwrap();
    assert_eq!(frame, FRAME);
}
