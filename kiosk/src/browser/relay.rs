//! The relay: the only listener in Chromium's network namespace, and the only way out of it.
//!
//! Each connection of Chromium becomes one connection to the gateway's terminal port, asked in the session's name whatever
//! Chromium sent. A refusal is written down for the kiosk *before* Chromium hears of it, so that whoever sees the page fail
//! finds its reason. Started and stopped by [`super::process`]. Invariants: a 407 never reaches Chromium; the token never
//! does either; at most [`CONNECTION_LIMIT`] connections; every wait ends.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use passerelle_api as api;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::client::TlsStream;

use super::proxied_head::{HEAD_LIMIT_BYTES, Kind, ProxiedHead};
use crate::gateway::{Gateway, GatewayError};

/// Connections at once. Chromium opens at most 32 to one proxy, and WebSockets besides.
const CONNECTION_LIMIT: usize = 256;
/// Chromium is on this machine: its head comes at once.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// From the question to the gateway's answer, its DNS and dial upstream included.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// Without a byte either way; the gateway closes idle bodies earlier, a quiet WebSocket later.
const IDLE_LIMIT: Duration = Duration::from_secs(600);
/// Bytes of a refusal's problem details.
const PROBLEM_LIMIT_BYTES: usize = 64 << 10;
/// Outcomes kept for the kiosk; a page has a few hosts that fail, only its own address is asked for.
const OUTCOME_LIMIT: usize = 64;
const BUFFER_BYTES: usize = 16 << 10;

/// What Chromium gets in place of any refusal: it would show nothing of a better one.
const BARE_ERROR: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Hosts that Chromium asks for on its own account. They are dropped without a word: the person did not ask for them, and
/// the journal would fill with them.
const CHROMIUM_OWN_HOSTS: &[&str] = &[
    "accounts.google.com",
    "android.clients.google.com",
    "clients1.google.com",
    "clients2.google.com",
    "clients3.google.com",
    "clients4.google.com",
    "clients5.google.com",
    "clients6.google.com",
    "clientservices.googleapis.com",
    "content-autofill.googleapis.com",
    "edgedl.me.gvt1.com",
    "mtalk.google.com",
    "optimizationguide-pa.googleapis.com",
    "redirector.gvt1.com",
    "safebrowsing.googleapis.com",
    "update.googleapis.com",
];

/// Why a connection of Chromium did not get through.
#[derive(Clone, Debug)]
pub enum Outcome {
    Refused(api::Problem),
    Unreachable,
    TerminalRefused,
}

/// The last outcomes by `host:port`, shared with [`super::owner`].
#[derive(Clone, Default)]
pub struct Outcomes(Arc<Mutex<VecDeque<(String, Outcome)>>>);

impl Outcomes {
    /// Why that authority could not be reached last, if it could not; asked once.
    pub fn take(&self, authority: &str) -> Option<Outcome> {
        let mut outcomes = self.0.lock().expect("nothing panics while it is held");
        let index = outcomes.iter().rposition(|(host, _)| host == authority)?;
        let outcome = outcomes.remove(index).map(|(_, outcome)| outcome);
        outcomes.retain(|(host, _)| host != authority);
        outcome
    }

    fn put(&self, authority: &str, outcome: Outcome) {
        let mut outcomes = self.0.lock().expect("nothing panics while it is held");
        if outcomes.len() == OUTCOME_LIMIT {
            outcomes.pop_front();
        }
        outcomes.push_back((authority.to_owned(), outcome));
    }
}

/// What the owner of the browser must know whatever page it is for.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The gateway knows no session of this token (407).
    SessionEnded,
}

/// One session's relay.
pub struct Relay {
    pub gateway: Gateway,
    pub token: String,
    pub outcomes: Outcomes,
    pub notices: mpsc::Sender<Notice>,
}

impl Relay {
    /// Serves until the future is dropped.
    pub async fn serve(self, door: TcpListener) {
        let relay = Arc::new(self);
        let slots = Arc::new(Semaphore::new(CONNECTION_LIMIT));
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
            while connections.try_join_next().is_some() {}
            match door.accept().await {
                Ok((chromium, _)) => {
                    let relay = relay.clone();
                    connections.spawn(async move {
                        relay.connection(chromium).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection of Chromium");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(&self, mut chromium: TcpStream) {
        if let Err(error) = self.carry(&mut chromium).await {
            tracing::debug!(%error, "a connection of Chromium");
        }
    }

    async fn carry(&self, chromium: &mut TcpStream) -> std::io::Result<()> {
        chromium.set_nodelay(true)?;
        let (head, body) = limited(HEAD_LIMIT, read_question(chromium)).await?;
        let host = head.authority.rsplit_once(':').map_or(head.authority.as_str(), |(host, _)| host);
        if CHROMIUM_OWN_HOSTS.contains(&host) {
            self.outcomes.put(&head.authority, Outcome::Refused(problem(403, "no-rule")));
            return chromium.write_all(BARE_ERROR).await;
        }
        let mut gateway = match self.gateway.dial().await {
            Ok(gateway) => gateway,
            Err(error) => return self.fail(&head, error, chromium).await,
        };
        gateway.write_all(head.for_gateway(&self.token).as_bytes()).await?;
        gateway.write_all(&body).await?;
        let answer = match limited(ANSWER_LIMIT, read_answer(&mut gateway)).await {
            Ok(answer) => answer,
            Err(error) => return self.fail(&head, crate::gateway::cut(&error), chromium).await,
        };
        match (&head.kind, answer.status) {
            (_, 407) => {
                let _ = self.notices.try_send(Notice::SessionEnded);
                chromium.write_all(BARE_ERROR).await
            }
            (Kind::Tunnel, 200) => {
                chromium.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                chromium.write_all(&answer.rest).await?;
                splice(chromium, &mut gateway).await
            }
            (Kind::Tunnel, status) => {
                let problem = limited(ANSWER_LIMIT, read_problem(&mut gateway, status, answer)).await?;
                tracing::info!(authority = head.authority, code = problem.code, "refused");
                self.outcomes.put(&head.authority, Outcome::Refused(problem));
                chromium.write_all(BARE_ERROR).await
            }
            (Kind::Absolute { .. }, _) => {
                chromium.write_all(&answer.head).await?;
                chromium.write_all(&answer.rest).await?;
                splice(chromium, &mut gateway).await
            }
        }
    }

    async fn fail(
        &self,
        head: &ProxiedHead,
        error: GatewayError,
        chromium: &mut TcpStream,
    ) -> std::io::Result<()> {
        tracing::warn!(%error, "the relay");
        let outcome = match error {
            GatewayError::TerminalRefused(_) => Outcome::TerminalRefused,
            _ => Outcome::Unreachable,
        };
        self.outcomes.put(&head.authority, outcome);
        chromium.write_all(BARE_ERROR).await
    }
}

fn problem(status: u16, code: &str) -> api::Problem {
    api::Problem {
        status,
        title: String::new(),
        code: code.into(),
        detail: None,
        url: None,
        retry_after: None,
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, error)
}

async fn limited<T>(limit: Duration, wait: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    tokio::time::timeout(limit, wait).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

/// Chromium's question and the bytes that came after its head.
async fn read_question(chromium: &mut TcpStream) -> std::io::Result<(ProxiedHead, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if chromium.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(head) = ProxiedHead::parse(&bytes).map_err(invalid)? {
            let body = bytes.split_off(head.length);
            return Ok((head, body));
        }
    }
}

struct Answer {
    status: u16,
    head: Vec<u8>,
    /// Bytes that came after the head.
    rest: Vec<u8>,
}

async fn read_answer(gateway: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Answer> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if gateway.read_buf(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = head.split_off(end + 4);
            let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            let status =
                status.filter(|_| head.starts_with(b"HTTP/1.1 ")).ok_or_else(|| invalid("no status line"))?;
            return Ok(Answer { status, head, rest });
        }
        if head.len() > HEAD_LIMIT_BYTES {
            return Err(invalid("the gateway's head is too long"));
        }
    }
}

/// The refusal's problem details; where they are missing, its `Proxy-Status` says the reason.
async fn read_problem(
    gateway: &mut TlsStream<TcpStream>,
    status: u16,
    answer: Answer,
) -> std::io::Result<api::Problem> {
    let length = field(&answer.head, "content-length").and_then(|length| length.parse().ok());
    let wanted = length.unwrap_or(PROBLEM_LIMIT_BYTES).min(PROBLEM_LIMIT_BYTES);
    let mut body = answer.rest;
    while body.len() < wanted {
        match gateway.read_buf(&mut body).await {
            Ok(1..) => {}
            // Closing without close_notify after a refusal is no reason to lose the reason.
            Ok(0) | Err(_) => break,
        }
    }
    let reason = field(&answer.head, "proxy-status").and_then(|value| api::ProxyStatus::parse(&value));
    Ok(serde_json::from_slice(&body)
        .unwrap_or_else(|_| problem(status, reason.as_ref().map_or("malformed", |status| &status.reason))))
}

fn field(head: &[u8], name: &str) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let mut fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

/// Carries both ways until both ends closed, or nothing moved for [`IDLE_LIMIT`].
async fn splice(
    chromium: &mut (impl AsyncRead + AsyncWrite + Unpin),
    gateway: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let moved = AtomicU64::new(0);
    let (mut from_chromium, mut to_chromium) = tokio::io::split(chromium);
    let (mut from_gateway, mut to_gateway) = tokio::io::split(gateway);
    let both = async {
        tokio::try_join!(
            pump(&mut from_chromium, &mut to_gateway, &moved),
            pump(&mut from_gateway, &mut to_chromium, &moved)
        )
    };
    let idle = async {
        loop {
            let before = moved.load(Ordering::Relaxed);
            tokio::time::sleep(IDLE_LIMIT).await;
            if moved.load(Ordering::Relaxed) == before {
                return;
            }
        }
    };
    tokio::select! {
        done = both => done.map(|_| ()),
        () = idle => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    moved: &AtomicU64,
) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
        moved.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_outcome_of_an_authority_is_told_once() {
        let outcomes = Outcomes::default();
        outcomes.put("a:443", Outcome::Unreachable);
        outcomes.put("b:443", Outcome::Refused(problem(403, "path")));
        outcomes.put("a:443", Outcome::Refused(problem(403, "no-rule")));
        assert!(
            matches!(outcomes.take("a:443"), Some(Outcome::Refused(problem)) if problem.code == "no-rule")
        );
        assert!(outcomes.take("a:443").is_none());
        for port in 0..OUTCOME_LIMIT {
            outcomes.put(&format!("c:{port}"), Outcome::Unreachable);
        }
        assert!(outcomes.take("b:443").is_none(), "the oldest is forgotten first");
    }
}
