//! The adapter under a real hyper, and its time limits.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use passerelle_gateway::strict_http1::{Fault, Inspector, Limits, Refused, Step, StrictIo, Verdict};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};

use super::answers::any_answer;
use super::requests::any_head;

/// Far more than any test takes; limits under test are set to nothing.
const NEVER: u64 = 3600;
const PATIENT: Limits = Limits {
    head_bytes: 64 * 1024,
    headers: 100,
    target_bytes: 8 * 1024,
    head_seconds: NEVER,
    idle_body_seconds: NEVER,
    idle_seconds: NEVER,
};

/// A broken judge makes exchanges wait for ever; better it fails.
const HANG: Duration = Duration::from_secs(20);

/// What a service saw: method, target, Host, and the body or the fault in it.
type Seen = (Method, String, Option<String>, Result<Vec<u8>, Option<Fault>>);

/// Serves one connection as the documentation of `Verdict` says; answers what was seen and what was refused.
async fn serve(stream: DuplexStream, limits: Limits) -> (Vec<Seen>, Option<Refused>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (stream, verdict) = StrictIo::server(stream, limits);
    let service = service_fn(|request| answer(request, verdict.clone(), Arc::clone(&seen)));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    let mut refused = None;
    tokio::select! {
        ended = &mut connection => drop(ended),
        refusal = verdict.refused() => {
            verdict.farewell(Bytes::from(format!("refused {}", refusal.fault.code())));
            refused = Some(refusal);
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    let seen = seen.lock().unwrap().clone();
    (seen, refused)
}

/// Echoes bodies; opens a tunnel that echoes one block to `CONNECT yes…`, refuses every other.
async fn answer(
    mut request: Request<Incoming>,
    verdict: Verdict,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
    let (method, target) = (request.method().clone(), request.uri().to_string());
    let mut response = Response::new(Full::default());
    if method == Method::CONNECT {
        if target.starts_with("yes") {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut tunnel = TokioIo::new(upgrade.await.unwrap());
                let mut block = [0; 16];
                tunnel.read_exact(&mut block).await.unwrap();
                tunnel.write_all(&block).await.unwrap();
                tunnel.shutdown().await.unwrap();
            });
            verdict.become_transparent();
        } else {
            *response.status_mut() = StatusCode::FORBIDDEN;
            verdict.resume();
        }
    }
    let body = request.into_body().collect().await.map(|body| body.to_bytes().to_vec());
    if let Ok(body) = &body {
        *response.body_mut() = Full::from(body.clone());
    }
    seen.lock().unwrap().push((method, target, host, body.map_err(|error| Fault::find(&error))));
    Ok(response)
}

/// Sends all, in pieces of `cut` bytes, and reads the answers to the end.
async fn exchange(bytes: &[u8], cut: usize) -> (Vec<Seen>, Option<Refused>, String) {
    let (client, server) = duplex(64);
    let (mut from, mut to) = tokio::io::split(client);
    let send = async {
        for piece in bytes.chunks(cut) {
            if to.write_all(piece).await.is_err() {
                return; // refused already
            }
        }
        let _ = to.shutdown().await;
    };
    let receive = async {
        let mut answers = Vec::new();
        from.read_to_end(&mut answers).await.unwrap();
        String::from_utf8_lossy(&answers).into_owned()
    };
    let exchange = async { tokio::join!(serve(server, PATIENT), send, receive) };
    let ((seen, refused), (), answers) = tokio::time::timeout(HANG, exchange).await.expect("an end");
    (seen, refused, answers)
}

#[tokio::test]
async fn good_requests_reach_the_service_and_a_bad_one_does_not() {
    let good = "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    let smuggled =
        "POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let after = "GET /after HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in [1, 7, 1000] {
        let (seen, refused, answers) = exchange([good, smuggled, after].concat().as_bytes(), cut).await;
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!((&*seen[0].1, &seen[0].3), ("/good", &Ok(b"body".to_vec())));
        let refused = refused.unwrap();
        assert_eq!((refused.fault.code(), refused.target.as_deref()), ("ambiguous", Some("/bad")));
        assert!(
            answers.starts_with("HTTP/1.1 200 OK") && answers.ends_with("bodyrefused ambiguous"),
            "{answers}"
        );
    }
}

/// Refused between two requests, when hyper is idle.
#[tokio::test]
async fn a_bad_head_after_an_answer_gets_the_farewell() {
    let (mut client, server) = duplex(1024);
    let talk = async {
        client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nhi") {
            answer.push(client.read_u8().await.unwrap());
        }
        client.write_all(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n").await.unwrap();
        let mut farewell = String::new();
        client.read_to_string(&mut farewell).await.unwrap();
        farewell
    };
    let ((seen, _), farewell) = tokio::join!(serve(server, PATIENT), talk);
    assert_eq!((seen.len(), &*farewell), (1, "refused malformed"));
}

/// Our limits are within hyper's, so that it never refuses in its own way what we passed.
#[tokio::test]
async fn hyper_takes_the_largest_head() {
    let fields = "X: y\r\n".repeat(98);
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}Z: \r\n\r\n");
    let filler = "z".repeat(PATIENT.head_bytes - head.len());
    let head = head.replace("Z: ", &format!("Z: {filler}"));
    let (seen, ..) = exchange([&head, "bye\n"].concat().as_bytes(), 8000).await;
    assert_eq!(seen.len(), 1);
    let trailers = format!("X: {}\r\n", "y".repeat(240)).repeat(32);
    let body = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n{trailers}\r\nbye\n"
    );
    let (seen, ..) = exchange(body.as_bytes(), 8000).await;
    assert_eq!(seen[0].3, Ok(b"x".to_vec()));
}

#[tokio::test]
async fn a_first_bad_head_gets_the_farewell_alone() {
    let (seen, refused, answers) = exchange(b"GET / HTTP/1.1\r\n\r\n", 3).await;
    assert_eq!((seen, answers.as_str()), (vec![], "refused malformed"));
    assert_eq!(refused.unwrap().method.as_deref(), Some("GET"));
}

#[tokio::test]
async fn a_bad_chunk_is_the_bodys_error() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n";
    let (seen, refused, _) = exchange(head.as_bytes(), 5).await;
    assert_eq!(seen[0].3.as_ref().unwrap_err().unwrap().code(), "malformed");
    assert_eq!(refused, None, "the service answers what has begun");
}

#[tokio::test]
async fn a_tunnel_carries_bytes_sent_ahead_untouched() {
    let new = &b"CONNECT yes:443 HTTP/1.1\r\nHost: yes:443\r\n\r\n"[..];
    let old = &b"CONNECT yes:443 HTTP/1.0\r\n\r\n"[..];
    for (connect, ahead) in [
        (new, b"\x16\x03\x01\x02 not http\r\n\n"),
        (new, b"GET / HTTP/1.1\n\n"),
        (old, b"GET / HTTP/1.1\n\n"),
    ] {
        for cut in [1, 50, 1000] {
            let (seen, refused, answers) = exchange(&[connect, ahead].concat(), cut).await;
            assert_eq!((seen.len(), refused), (1, None));
            assert!(answers.starts_with("HTTP/1.") && answers.as_bytes().ends_with(ahead), "{answers}");
        }
    }
}

#[tokio::test]
async fn after_a_refused_connect_requests_are_judged_again() {
    let connect = "CONNECT no:443 HTTP/1.1\r\nHost: no:443\r\n\r\n";
    let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let (seen, refused, answers) = exchange([connect, next, "GET /bad\n"].concat().as_bytes(), 9).await;
    assert_eq!(seen.iter().map(|seen| &*seen.1).collect::<Vec<_>>(), ["no:443", "/next"]);
    assert_eq!(refused.unwrap().fault.code(), "malformed");
    assert!(answers.starts_with("HTTP/1.1 403"), "{answers}");
}

/// A word on an earlier request must not open the tunnel of a later one.
#[tokio::test]
async fn a_stray_word_opens_nothing() {
    let (mut client, server) = duplex(1024);
    let (mut strict, verdict) = StrictIo::server(server, PATIENT);
    verdict.become_transparent();
    client.write_all(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nahead").await.unwrap();
    let mut bytes = [0; 100];
    let head = strict.read(&mut bytes).await.unwrap();
    assert!(bytes[..head].ends_with(b"\r\n\r\n"));
    let ahead = tokio::time::timeout(Duration::ZERO, strict.read(&mut bytes)).await;
    assert!(ahead.is_err(), "nothing may pass yet");
    verdict.become_transparent();
    assert_eq!(strict.read(&mut bytes).await.unwrap(), 5);
}

#[tokio::test]
async fn slow_peers_are_refused() {
    let check = async |limits: Limits, sent: &str| {
        let (mut client, server) = duplex(1024);
        client.write_all(sent.as_bytes()).await.unwrap();
        let (strict, verdict) = StrictIo::server(server, limits);
        let mut strict = pin!(strict);
        let mut passed = Vec::new();
        let ended = strict.read_to_end(&mut passed).await;
        let ended = ended.map_err(|error| (error.kind(), Fault::find(&error)));
        (ended, verdict.take_refused().map(|refused| refused.fault), verdict.body_fault())
    };
    let slow = |head_seconds, idle_body_seconds, idle_seconds| Limits {
        head_seconds,
        idle_body_seconds,
        idle_seconds,
        ..PATIENT
    };
    let timeout = Some(Fault::Timeout);
    assert_eq!(check(slow(0, NEVER, NEVER), "GET / HT").await, (Ok(0), timeout, None), "within a head");
    assert_eq!(check(slow(NEVER, NEVER, 0), "").await, (Ok(0), None, None), "between requests");
    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
    let error = Err((std::io::ErrorKind::TimedOut, timeout));
    assert_eq!(check(slow(NEVER, 0, NEVER), body).await, (error, None, timeout), "within a body");
}

/// Each byte comes in time, the head as a whole doesn't.
#[tokio::test]
async fn a_dripped_head_is_refused() {
    let (mut client, server) = duplex(1024);
    let (strict, verdict) = StrictIo::server(server, Limits { head_seconds: 1, ..PATIENT });
    let mut strict = pin!(strict);
    let mut byte = [0];
    let mut drip = tokio::time::interval(Duration::from_millis(50));
    let mut hang = pin!(tokio::time::sleep(HANG));
    let refused = loop {
        tokio::select! {
            refused = verdict.refused() => break refused,
            read = strict.read(&mut byte) => panic!("{read:?}"),
            () = &mut hang => panic!("dripping bytes must not buy time"),
            _ = drip.tick() => client.write_all(b"x").await.unwrap(),
        }
    };
    assert_eq!(refused.fault, Fault::Timeout);
}

/// Sends one GET through hyper's client and a strict stream to an upstream that answers this.
async fn ask(answer: &str, limits: Limits) -> Result<Vec<u8>, Option<Fault>> {
    let (stream, upstream) = duplex(4096);
    let (strict, expectation) = StrictIo::client(stream, limits);
    expectation.expect(&Method::GET, false);
    ask_over(strict, upstream, answer.as_bytes(), false).await
}

/// The same over any stream; with `ends`, the upstream closes after its answer.
async fn ask_over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    mut upstream: DuplexStream,
    answer: &[u8],
    ends: bool,
) -> Result<Vec<u8>, Option<Fault>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().uri("/").header("host", "a").body(Empty::<Bytes>::new()).unwrap();
    let exchange = async {
        let response = sender.send_request(request).await?;
        Ok(response.into_body().collect().await?.to_bytes().to_vec())
    };
    let upstream = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(upstream.read_u8().await.unwrap());
        }
        upstream.write_all(answer).await.unwrap();
        if ends {
            let _ = upstream.shutdown().await;
        }
        upstream
    };
    let (read, _upstream) = tokio::join!(exchange, upstream);
    read.map_err(|error: hyper::Error| Fault::find(&error))
}

#[tokio::test]
async fn hyper_hands_an_upstreams_fault_up() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(ask(ok, PATIENT).await, Ok(b"ok".to_vec()));
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd",
        "HTTP/1.1 200 OK\n\n",
    ] {
        assert_eq!(
            ask(answer, PATIENT).await.unwrap_err().unwrap().code(),
            "upstream-protocol",
            "{answer:?}"
        );
    }
    let hurried = Limits { idle_body_seconds: 0, ..PATIENT };
    assert_eq!(ask("", hurried).await, Err(Some(Fault::Timeout)));
    assert_eq!(
        ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", hurried).await,
        Err(Some(Fault::Timeout))
    );
}

#[derive(Debug, Clone)]
enum Framing {
    None,
    Length,
    Chunks(usize),
}

fn encode(framing: &Framing, body: &[u8]) -> Vec<u8> {
    match framing {
        Framing::None => b"\r\n".to_vec(),
        Framing::Length => [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat(),
        Framing::Chunks(size) => {
            let mut bytes = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in body.chunks(*size) {
                bytes.extend([format!("{:X}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            }
            bytes.extend(b"0\r\n\r\n");
            bytes
        }
    }
}

/// What hyper's client reads of an answer, behind us and alone.
fn judged_and_alone(answer: &[u8]) -> [Result<Vec<u8>, Option<Fault>>; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let bounded = async {
        let (stream, upstream) = duplex(4096);
        let (strict, expectation) = StrictIo::client(stream, PATIENT);
        expectation.expect(&Method::GET, false);
        let judged = ask_over(strict, upstream, answer, true).await;
        let (stream, upstream) = duplex(4096);
        [judged, ask_over(stream, upstream, answer, true).await]
    };
    runtime.block_on(async { tokio::time::timeout(HANG, bounded).await }).expect("an end")
}

proptest! {
    /// hyper reads every head that we accept, and reads it as it was sent: it refuses none in its own way.
    #[test]
    fn hyper_takes_what_we_accept(head in any_head(), cut in 1_usize..40) {
        let accepted = Inspector::requests(PATIENT).inspect(&head) == Ok(Step::Pass(head.len()));
        // The end of an empty chunked body, or three bytes; in any case something that is no next head.
        let bytes = [&head[..], b"0\r\n\r\nbye\n"].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (seen, ..) = runtime.block_on(exchange(&bytes, cut));
        let words: Vec<_> = head.split(|&b| b == b' ').collect();
        let seen: Vec<_> = seen.into_iter().map(|(method, target, ..)| (method, target)).collect();
        if accepted {
            prop_assert_eq!(seen.len(), 1);
            prop_assert_eq!(seen[0].0.as_str().as_bytes(), words[0]);
            if seen[0].1.starts_with('/') {
                prop_assert_eq!(seen[0].1.as_bytes(), words[1]);
            }
        } else {
            prop_assert_eq!(seen, vec![]);
        }
    }

    /// An answer that we let through is to hyper's client what it would be without us: we never change a reading.
    #[test]
    fn hyper_reads_an_accepted_answer_as_it_would_alone(answer in any_answer()) {
        let [judged, alone] = judged_and_alone(&answer);
        if let Ok(body) = judged {
            prop_assert_eq!(alone, Ok(body));
        }
    }

    /// Chunks written well or nearly so: a body that we let through is to hyper what it would be without us.
    #[test]
    fn hyper_reads_accepted_chunks_as_it_would_alone(
        chunks in prop::collection::vec("(0{0,3}[1-4]|[;x+ ]{0,2}[0-9a-fA-F]{1,3})(;[a-z=\"]{0,4})?\r?\n[a-z]{0,4}\r?\n", 0..3),
        end in "0\r\n(X: y\r\n)?\r\n",
    ) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = [head, &chunks.concat(), &end].concat().into_bytes();
        let [judged, alone] = judged_and_alone(&answer);
        if let Ok(body) = judged {
            prop_assert_eq!(alone, Ok(body));
        }
    }

    /// hyper behind the adapter sees each request and body as it was written, whatever the cut.
    #[test]
    fn hyper_sees_what_was_written(
        requests in prop::collection::vec((
            "/[a-z|;=%0-9]{0,9}(\\?[a-z={}|\\\\^]{0,9})?",
            prop_oneof![Just(Framing::None), Just(Framing::Length), (1_usize..300).prop_map(Framing::Chunks)],
            prop::collection::vec(any::<u8>(), 0..500),
        ), 1..4),
        cut in 1_usize..700,
    ) {
        let mut bytes = Vec::new();
        let mut expected: Vec<Seen> = Vec::new();
        for (target, framing, body) in requests {
            bytes.extend(format!("POST {target} HTTP/1.1\r\nHost: a.example\r\n").bytes());
            bytes.extend(encode(&framing, &body));
            let body = if matches!(framing, Framing::None) { Vec::new() } else { body };
            expected.push((Method::POST, target, Some("a.example".to_owned()), Ok(body)));
        }
        // An end of file would abort hyper's last exchange: a refused last head keeps the connection open.
        bytes.extend(b"bye\n");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (seen, refused, _) = runtime.block_on(exchange(&bytes, cut));
        prop_assert!(refused.is_some());
        prop_assert_eq!(seen, expected);
    }
}
