//! A `tunnel` CONNECT: hosts and ports only. Resolved, judged and dialled before its 200; then its ClientHello is judged before
//! any byte of it is forwarded; then bytes pass unread until something ends it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use passerelle_policy::{Authority, Host, Reason};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::body::{self, Body};
use super::leg::{self, Leg};
use super::permit::Permit;
use super::refusal::Reader;
use crate::client_hello::{self, HelloFault};

/// Bytes that are moved at a time, in each direction: a TLS record and a bit.
const CHUNK_BYTES: usize = 32 * 1024;
/// How long a refused client has to read its alert.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whatever carries a terminal's bytes: an upgraded HTTP/1 connection or an HTTP/2 stream.
pub trait ClientStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> ClientStream for S {}

/// Resolves, judges and dials; then answers 200, and a task of its own judges the ClientHello and moves the bytes.
pub async fn open(
    permit: Permit,
    leg: &Leg,
    mut request: Request<Incoming>,
    authority: Authority,
) -> Response<Body> {
    let dialled = tokio::select! {
        dialled = permit.gateway().dialer.dial(authority.host(), authority.port()) => dialled,
        () = permit.exchange().ended() => Err((permit.exchange().why_ended().unwrap_or(Reason::ClientGone), None)),
    };
    let dialled = match dialled {
        Ok(dialled) => dialled,
        Err((reason, address)) => {
            return permit.refuse(reason, address).respond(Reader::Program);
        }
    };
    permit.reached(dialled.address);
    permit.answered(200);
    let upgrade = leg::upgrade(leg, &mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            run(permit, authority.host(), TokioIo::new(upgraded), dialled.stream).await;
        }
    });
    Response::new(body::empty())
}

async fn run(permit: Permit, host: &Host, mut client: impl ClientStream, mut upstream: TcpStream) {
    let hello = match judge_hello(&permit, host, &mut client).await {
        Ok(hello) => hello,
        Err(reason) => return refuse(&permit, reason, client).await,
    };
    if let Err(reason) = charge(&permit).await {
        return refuse(&permit, reason, client).await;
    }
    permit.exchange().meter.sent(hello.len());
    let forwarded = tokio::select! {
        forwarded = upstream.write_all(&hello) => forwarded,
        () = permit.exchange().ended() => return,
    };
    if forwarded.is_err() {
        return permit.failed_to(Reason::UpstreamGone);
    }
    splice(permit, client, upstream).await;
}

/// The minute in which the first bytes pass; the later ones are counted by `live`.
async fn charge(permit: &Permit) -> Result<(), Reason> {
    let exchange = permit.exchange();
    match exchange.service.as_deref() {
        Some(service) => {
            permit.gateway().charge_minute(&exchange.session.person, service, Timestamp::now()).await
        }
        None => Ok(()),
    }
}

/// The bytes of a ClientHello that names `host` and hides nothing.
///
/// Errors: `not-tls`, `no-server-name`, `server-name`, `ech`, `timeout`, or whatever ended the exchange meanwhile.
pub async fn judge_hello(
    permit: &Permit,
    host: &Host,
    client: &mut impl ClientStream,
) -> Result<Vec<u8>, Reason> {
    let limits = &permit.gateway().config.limits;
    let read = client_hello::read_client_hello(client, limits.head(), limits.head_bytes);
    let (bytes, hello) = tokio::select! {
        read = read => read.map_err(reason)?,
        () = permit.exchange().ended() => return Err(permit.exchange().why_ended().unwrap_or(Reason::ClientGone)),
    };
    hello.matches(host.as_str()).map_err(reason)?;
    Ok(bytes)
}

/// Ends a tunnel whose ClientHello was refused: TLS alert access_denied, and not one byte upstream.
pub async fn refuse(permit: &Permit, reason: Reason, mut client: impl ClientStream) {
    permit.failed(reason);
    let told = async {
        client.write_all(&client_hello::alert_access_denied()).await?;
        client.shutdown().await
    };
    // Who does not read it is not waited for: the closing record is.
    let _ = timeout(FAREWELL, told).await;
}

fn reason(fault: HelloFault) -> Reason {
    fault.code().parse().unwrap_or(Reason::NotTls)
}

/// Moves bytes both ways until both sides are done, one is gone, or the exchange is ended (by its limits too).
pub async fn splice(permit: Permit, client: impl ClientStream, upstream: impl ClientStream) {
    let exchange = permit.exchange().clone();
    let (client_read, client_write) = tokio::io::split(client);
    let (upstream_read, upstream_write) = tokio::io::split(upstream);
    let up = pump(client_read, upstream_write, |bytes| _ = exchange.meter.sent(bytes));
    let down = pump(upstream_read, client_write, |bytes| _ = exchange.meter.received(bytes));
    tokio::select! {
        biased;
        () = exchange.ended() => {}
        (up, down) = async { tokio::join!(up, down) } => match (up, down) {
            (Ok(()), Ok(())) => permit.finish(),
            (Err(Side::Writer), _) | (_, Err(Side::Reader)) => permit.failed_to(Reason::UpstreamGone),
            _ => drop(permit),
        },
    }
}

enum Side {
    Reader,
    Writer,
}

/// Copies until the reader's end, then closes the writer.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: impl Fn(usize),
) -> Result<(), Side> {
    loop {
        let mut chunk = match read_chunk(&mut from).await {
            Ok(chunk) => chunk,
            // A TLS peer that closes without close_notify: its bytes were whole records.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Bytes::new(),
            Err(_) => return Err(Side::Reader),
        };
        if chunk.is_empty() {
            return to.shutdown().await.map_err(|_| Side::Writer);
        }
        count(chunk.len());
        to.write_all_buf(&mut chunk).await.map_err(|_| Side::Writer)?;
        to.flush().await.map_err(|_| Side::Writer)?;
    }
}

thread_local! {
    /// Where bytes are read before they have a place of their own: one for all tunnels of a thread, so that a tunnel at which
    /// nothing moves, as most do most of the time, holds no buffer.
    static CHUNK: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK_BYTES].into());
}

/// What can be read now, once there is something; empty at the end.
async fn read_chunk(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    poll_fn(|context| {
        CHUNK.with_borrow_mut(|chunk| {
            let mut read = ReadBuf::new(chunk);
            ready!(Pin::new(&mut *from).poll_read(context, &mut read))?;
            Poll::Ready(Ok(Bytes::copy_from_slice(read.filled())))
        })
    })
    .await
}
