//! Upstreams that count what reaches them, and misbehave on demand.
//!
//! Each listens on its own port of the loopback until dropped. Counted are connections and the bytes *on the wire*
//! (under TLS), so that "no byte reached an upstream" is a plain comparison with zero.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use anyhow::Result;
use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::{StreamExt, future::BoxFuture, stream};
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, copy},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::ANY_PORT;

/// `/download` sends a block each interval for two minutes: longer than any ending takes, that of a window included.
const DOWNLOAD_BLOCKS: usize = 2400;
const DOWNLOAD_INTERVAL: Duration = Duration::from_millis(50);
const BLOCK: Bytes = Bytes::from_static(&[b'.'; 1024]);

/// What an upstream does with a connection.
#[derive(Clone)]
pub enum Behaviour {
    /// HTTP/1.1 and HTTP/2 (by ALPN): `/` and all else a small page, `/echo` the body, `/download` two minutes of bytes,
    /// `/headers` the request's headers as lines, `/type/A/B` the media type A/B, `/redirect` to `?to=`, `/silence` one
    /// block and then nothing, `/events` server-sent events as long, `/flood` blocks without end.
    /// A WebSocket handshake is answered and every byte after it sent back, but at `/sans-canal`, which is a page.
    Http,
    /// HTTP/1.1 and HTTP/2 with answers of the caller's own.
    Serve(Handler),
    /// Reads one request head, then sends exactly these bytes and closes.
    Answer(Vec<u8>),
    /// Sends these bytes before anything was asked.
    SpeakFirst(Vec<u8>),
    /// Takes everything, answers nothing.
    Stall,
    /// Does these steps, one after the other, then closes.
    Play(&'static [Step]),
}

/// One step of an upstream that misbehaves.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Reads one request head.
    Read,
    Send(&'static [u8]),
    /// Sends this again and again, as long as anybody takes it.
    Flood(&'static [u8]),
    /// Says nothing more and stays.
    Stay,
    /// Breaks the connection off (TCP RST).
    Reset,
}

pub type Body = BoxBody<Bytes, hyper::Error>;
pub type Handler = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// One request as an upstream got it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub host: String,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What reached an upstream so far.
#[derive(Default)]
pub struct Tally {
    connections: AtomicU64,
    received_bytes: AtomicU64,
    sent_bytes: AtomicU64,
    seen: Mutex<Vec<Seen>>,
}

impl Tally {
    pub fn connections(&self) -> u64 {
        self.connections.load(SeqCst)
    }

    /// On the wire, TLS handshakes included.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.load(SeqCst)
    }

    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(SeqCst)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while held").clone()
    }

    fn note<B>(&self, request: &Request<B>) {
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let seen = Seen { host: host_of(request), method: request.method().to_string(), target, headers };
        self.seen.lock().expect("no panic while held").push(seen);
    }
}

/// A listening upstream; dropping it closes the port and its connections.
pub struct Upstream {
    address: SocketAddr,
    tally: Arc<Tally>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// Without TLS.
    pub async fn plain(behaviour: Behaviour) -> Result<Upstream> {
        Upstream::start(behaviour, None).await
    }

    pub async fn tls(config: Arc<ServerConfig>, behaviour: Behaviour) -> Result<Upstream> {
        Upstream::start(behaviour, Some(TlsAcceptor::from(config))).await
    }

    async fn start(behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Result<Upstream> {
        let listener = TcpListener::bind(ANY_PORT).await?;
        let address = listener.local_addr()?;
        let tally = Arc::new(Tally::default());
        let task = tokio::spawn(accept(listener, behaviour, tls, tally.clone()));
        Ok(Upstream { address, tally, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, behaviour: Behaviour, tls: Option<TlsAcceptor>, tally: Arc<Tally>) {
    // The set ends its tasks when this task is aborted.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        tally.connections.fetch_add(1, SeqCst);
        let _ = tcp.set_nodelay(true); // a head and a body in two writes wait 40 ms for each other otherwise
        if matches!(behaviour, Behaviour::Play(steps) if steps.iter().any(|step| matches!(step, Step::Reset)))
        {
            // From here on the end of this connection is a reset.
            let _ = tcp.set_zero_linger();
        }
        let stream = Counted { tcp, tally: tally.clone() };
        let (behaviour, tls, tally) = (behaviour.clone(), tls.clone(), tally.clone());
        connections.spawn(async move {
            match tls {
                None => behave(stream, behaviour, tally, false).await,
                Some(tls) => {
                    let stream = tls.accept(stream).await?;
                    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    behave(stream, behaviour, tally, h2).await
                }
            }
        });
    }
}

async fn behave<S>(mut stream: S, behaviour: Behaviour, tally: Arc<Tally>, h2: bool) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match behaviour {
        Behaviour::Http => {
            serve(stream, Arc::new(|request| Box::pin(async { answer(request) })), tally, h2).await
        }
        Behaviour::Serve(handler) => serve(stream, handler, tally, h2).await,
        Behaviour::Answer(bytes) => {
            read_head(&mut stream).await?;
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Behaviour::SpeakFirst(bytes) => {
            stream.write_all(&bytes).await?;
            drain(&mut stream).await
        }
        Behaviour::Stall => drain(&mut stream).await,
        Behaviour::Play(steps) => play(stream, steps).await,
    }
}

async fn play<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, steps: &[Step]) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Read => read_head(&mut stream).await?,
            Step::Send(bytes) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
            Step::Flood(bytes) => loop {
                stream.write_all(bytes).await?;
            },
            Step::Stay => drain(&mut stream).await?,
            Step::Reset => return Ok(()),
        }
    }
    stream.shutdown().await
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

async fn drain<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    copy(stream, &mut tokio::io::sink()).await.map(drop)
}

async fn serve<S>(stream: S, handler: Handler, tally: Arc<Tally>, h2: bool) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        tally.note(&request);
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let io = TokioIo::new(stream);
    let served = if h2 {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
    } else {
        hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await
    };
    served.map_err(io::Error::other)
}

/// A body that is known whole.
pub fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

/// The host a request names: HTTP/2's authority or HTTP/1's Host, without the port.
pub fn host_of<B>(request: &Request<B>) -> String {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let name = request.uri().host().or(host).unwrap_or_default();
    name.split(':').next().unwrap_or_default().to_string()
}

fn answer(request: Request<Incoming>) -> Response<Body> {
    if request.headers().contains_key("sec-websocket-key") && request.uri().path() != "/sans-canal" {
        return web_socket(request);
    }
    let path = request.uri().path().to_string();
    let mut media_type = "text/html; charset=utf-8".to_string();
    let body = match path.as_str() {
        "/echo" => request.into_body().boxed(),
        "/download" => download(),
        "/silence" => silence(),
        "/events" => {
            media_type = "text/event-stream".to_string();
            events()
        }
        "/flood" => streamed(stream::repeat(BLOCK)),
        "/headers" => whole(lines_of(&request)),
        "/redirect" => return redirect(&request),
        _ => {
            if let Some(asked) = path.strip_prefix("/type/") {
                media_type = asked.to_string();
            }
            whole("<!doctype html><title>Exemple</title><p>Page d'exemple.")
        }
    };
    Response::builder().header(header::CONTENT_TYPE, media_type).body(body).expect("a plain answer")
}

fn lines_of(request: &Request<Incoming>) -> String {
    let line = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    request.headers().iter().map(line).collect()
}

fn redirect(request: &Request<Incoming>) -> Response<Body> {
    let to = request.uri().query().and_then(|query| query.strip_prefix("to=")).unwrap_or("/");
    Response::builder().status(302).header(header::LOCATION, to).body(whole("")).expect("a plain answer")
}

fn download() -> Body {
    streamed(stream::iter(0..DOWNLOAD_BLOCKS).then(|_| async {
        tokio::time::sleep(DOWNLOAD_INTERVAL).await;
        BLOCK
    }))
}

/// Server-sent events, one each interval.
fn events() -> Body {
    streamed(stream::iter(0..DOWNLOAD_BLOCKS).then(|_| async {
        tokio::time::sleep(DOWNLOAD_INTERVAL).await;
        Bytes::from_static(b"data: un message\n\n")
    }))
}

/// What an event stream looks like when nothing happens.
fn silence() -> Body {
    streamed(stream::iter([BLOCK]).chain(stream::pending()))
}

/// A body of unknown length, block by block.
pub fn streamed(blocks: impl futures_util::Stream<Item = Bytes> + Send + Sync + 'static) -> Body {
    let frames = blocks.map(|block| Ok(Frame::data(block)));
    BodyExt::boxed(StreamBody::new(
        Box::pin(frames) as Pin<Box<dyn futures_util::Stream<Item = _> + Send + Sync>>
    ))
}

/// RFC 6455, section 4.2.2; what follows is echoed as bytes, frames and all.
fn web_socket(mut request: Request<Incoming>) -> Response<Body> {
    let key = request.headers().get("sec-websocket-key").cloned();
    let key = [key.as_ref().map_or(&b""[..], |key| key.as_bytes()), b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"]
        .concat();
    let accept = BASE64.encode(&sha1(&key));
    tokio::spawn(async move {
        let mut stream = TokioIo::new(hyper::upgrade::on(&mut request).await.map_err(io::Error::other)?);
        let mut block = [0; 4096];
        loop {
            let read = stream.read(&mut block).await?;
            if read == 0 {
                return Ok::<_, io::Error>(());
            }
            stream.write_all(&block[..read]).await?;
        }
    });
    Response::builder()
        .status(101)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header("sec-websocket-accept", accept)
        .body(whole(""))
        .expect("a plain answer")
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

/// A TCP stream whose bytes are tallied.
struct Counted {
    tcp: TcpStream,
    tally: Arc<Tally>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buffer))?;
        self.tally.received_bytes.fetch_add((buffer.filled().len() - before) as u64, SeqCst);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, bytes))?;
        self.tally.sent_bytes.fetch_add(written as u64, SeqCst);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
