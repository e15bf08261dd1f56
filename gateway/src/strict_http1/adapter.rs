//! The I/O around an [`Inspector`]: holds heads until they are judged, lets bodies through in the caller's
//! own buffer, and keeps the time limits.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;

use super::handle::{Shared, Switch};
use super::{Expectation, Fault, Inspector, Limits, Phase, Step, Verdict};

/// What one read may add to held bytes.
const READ_BYTES: usize = 8 * 1024;
/// Bytes that a client may send ahead of the answer to its CONNECT: one large ClientHello.
const AHEAD_BYTES: usize = 64 * 1024;
/// After the last answer to a client that still sends: how much, and how long, is read and dropped, since
/// closing over unread bytes resets the connection and takes the answer with it (RFC 9112, section 9.6).
const LINGER_BYTES: usize = 1024 * 1024;
const LINGER: Duration = Duration::from_secs(1);

/// A stream that passes on judged HTTP/1 only.
pub struct StrictIo<S> {
    stream: S,
    inspector: Inspector,
    limits: Limits,
    shared: Arc<Shared>,
    server: bool,
    /// Read and not passed on yet; the first `approved` may pass.
    held: BytesMut,
    approved: usize,
    ended: bool,
    failed: Option<Fault>,
    /// The fault is the handle's to tell, and not the reader's.
    quiet: bool,
    /// When the running time limit began.
    since: Instant,
    timer: Pin<Box<Sleep>>,
    farewell: Farewell,
}

/// What is left to do at the shut-down.
enum Farewell {
    Unsaid,
    Saying(Bytes),
    Lingering { dropped: usize },
}

impl<S> StrictIo<S> {
    /// The side that receives requests. Must be called within a tokio runtime, as its timer lives there.
    pub fn server(stream: S, limits: Limits) -> (Self, Verdict) {
        let this = Self::new(stream, Inspector::requests(limits), limits, true);
        let verdict = Verdict(Arc::clone(&this.shared));
        (this, verdict)
    }

    /// The side that receives answers; same runtime rule.
    pub fn client(stream: S, limits: Limits) -> (Self, Expectation) {
        let this = Self::new(stream, Inspector::answers(limits), limits, false);
        let expectation = Expectation(Arc::clone(&this.shared));
        (this, expectation)
    }

    fn new(stream: S, inspector: Inspector, limits: Limits, server: bool) -> Self {
        let since = Instant::now();
        let timer = Box::pin(tokio::time::sleep_until(since));
        let shared = Arc::default();
        Self {
            stream,
            inspector,
            limits,
            shared,
            server,
            held: BytesMut::new(),
            approved: 0,
            ended: false,
            failed: None,
            quiet: false,
            since,
            timer,
            farewell: Farewell::Unsaid,
        }
    }

    /// A byte moved. A head's limit runs from its first byte, so within a head nothing restarts.
    fn touch(&mut self) {
        if self.inspector.phase() != Phase::Head {
            self.since = Instant::now();
        }
    }

    /// Until when the next byte must come, if it must.
    fn deadline(&self) -> Option<Instant> {
        let seconds = match self.inspector.phase() {
            Phase::Head | Phase::Failed => self.limits.head_seconds,
            Phase::Body | Phase::Awaiting => self.limits.idle_body_seconds,
            Phase::Idle if self.server => self.limits.idle_seconds,
            Phase::Idle | Phase::Undecided | Phase::Transparent => return None,
        };
        Some(self.since + Duration::from_secs(seconds))
    }

    /// Ready when the deadline has passed. The timer is set lazily: bytes only move `since`.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline() else {
            return Poll::Pending;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx)
    }

    /// Tells whoever must know. What was not judged good is dropped.
    fn fail(&mut self, fault: Fault, within_body: bool) {
        self.since = Instant::now();
        self.inspector.fail(fault);
        self.failed = Some(fault);
        if self.server && within_body {
            self.shared.lock().body_fault = Some(fault);
        } else if self.server {
            self.quiet = true;
            self.shared.refuse(self.inspector.describe(fault, &self.held));
        }
        self.held.clear();
    }

    /// A read after a fault. A refused request head stays unseen (an end of file would abort the exchange
    /// that hyper is at), until its owner shuts the connection down or nobody did in time; any other fault is
    /// the reader's error.
    fn poll_failed(&mut self, cx: &mut Context<'_>, fault: Fault) -> Poll<io::Result<()>> {
        if !self.quiet {
            return Poll::Ready(Err(fault.into()));
        }
        self.poll_late(cx).map(Ok)
    }

    /// The handle's news: a tunnel decided, an answer expected.
    fn hear(&mut self, cx: &Context<'_>) {
        match self.inspector.phase() {
            Phase::Undecided => {
                if let Some(switch) = self.shared.take(cx, |state| state.switch.take()) {
                    self.inspector.decide(switch == Switch::Transparent);
                    self.touch();
                }
            }
            Phase::Idle if !self.server => {
                if let Some((method, upgrade, asked)) = self.shared.take(cx, |state| state.expected.take()) {
                    self.inspector.expect(method, upgrade);
                    self.since = self.since.max(asked);
                }
            }
            _ => {}
        }
    }

    /// Judges bytes; answers how many may pass, 0 while they must wait or after a fault.
    fn judge(&mut self, fresh: Option<&[u8]>) -> usize {
        let within_body = self.inspector.phase() == Phase::Body;
        match self.inspector.inspect(fresh.unwrap_or(&self.held)) {
            Ok(Step::Pass(n)) => {
                if self.inspector.phase() == Phase::Undecided {
                    // A word on an earlier request decides nothing about this one.
                    self.shared.lock().switch = None;
                }
                n
            }
            Ok(Step::More | Step::Hold) => 0,
            Err(fault) => {
                self.fail(fault, within_body);
                0
            }
        }
    }
}

impl<S: AsyncRead + Unpin> StrictIo<S> {
    /// Reads into the caller's buffer where bytes will mostly pass as they are, and keeps back what may not
    /// yet.
    fn poll_through(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.touch();
        let fresh = buf.filled().len() - before;
        self.ended = fresh == 0;
        let passed = match fresh {
            0 => 0,
            _ => self.judge(Some(&buf.filled()[before..])),
        };
        if self.failed.is_none() {
            self.held.extend_from_slice(&buf.filled()[before + passed..]);
        }
        buf.set_filled(before + passed);
        Poll::Ready(Ok(()))
    }

    /// Reads more to hold.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.inspector.phase() == Phase::Undecided && self.held.len() >= AHEAD_BYTES {
            return Poll::Pending; // `hear` left the waker that ends this
        }
        // Onto the stack first: a connection that waits for its next head, as most do, holds no buffer.
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let mut read = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        if self.held.is_empty() {
            self.held = BytesMut::with_capacity(read.filled().len());
        }
        self.held.extend_from_slice(read.filled());
        self.touch();
        self.ended = read.filled().is_empty();
        Poll::Ready(Ok(()))
    }

    /// What to do when no byte comes: wait, end an idle connection, or refuse a slow peer.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_late(cx));
        match self.inspector.phase() {
            Phase::Idle => self.ended = true,
            phase => self.fail(Fault::Timeout, phase == Phase::Body),
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        // Each round passes bytes, reads bytes or returns, so the rounds are bounded by what the peer sent.
        while buf.remaining() > 0 {
            if this.approved == 0 && this.failed.is_none() {
                this.hear(cx);
                this.approved = this.judge(None);
            }
            if this.approved > 0 {
                let n = this.approved.min(buf.remaining());
                buf.put_slice(&this.held[..n]);
                this.held.advance(n);
                this.approved -= n;
                if this.held.is_empty() {
                    this.held = BytesMut::new();
                }
                break;
            }
            if let Some(fault) = this.failed {
                return this.poll_failed(cx, fault);
            }
            let undecided = this.inspector.phase() == Phase::Undecided;
            if this.ended {
                return if undecided && !this.held.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            let straight =
                this.held.is_empty() && matches!(this.inspector.phase(), Phase::Body | Phase::Transparent);
            let read = if straight { this.poll_through(cx, buf) } else { this.poll_hold(cx) };
            match read {
                Poll::Ready(read) => read?,
                Poll::Pending => ready!(this.poll_quiet(cx)),
            }
            if buf.filled().len() > before {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for StrictIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes));
        this.touch();
        Poll::Ready(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bytes));
        this.touch();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    /// Says the farewell first, if there is one, then shuts the stream down and lingers.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.farewell {
                Farewell::Unsaid => match this.shared.lock().farewell.take() {
                    Some(response) => this.farewell = Farewell::Saying(response),
                    None if this.server && matches!(this.inspector.phase(), Phase::Body | Phase::Failed) => {
                        this.farewell = Farewell::Saying(Bytes::new());
                    }
                    None => return Pin::new(&mut this.stream).poll_shutdown(cx),
                },
                Farewell::Saying(rest) if rest.has_remaining() => {
                    let written = ready!(Pin::new(&mut this.stream).poll_write(cx, rest))?;
                    if written == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    rest.advance(written);
                }
                Farewell::Saying(_) => {
                    ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    this.timer.as_mut().reset(Instant::now() + LINGER);
                    this.farewell = Farewell::Lingering { dropped: 0 };
                }
                Farewell::Lingering { dropped } => {
                    if this.timer.as_mut().poll(cx).is_ready() || *dropped >= LINGER_BYTES {
                        return Poll::Ready(Ok(()));
                    }
                    this.held.clear();
                    this.held.reserve(READ_BYTES);
                    match ready!(poll_read_buf(Pin::new(&mut this.stream), cx, &mut this.held)) {
                        Ok(0) | Err(_) => return Poll::Ready(Ok(())),
                        Ok(n) => *dropped += n,
                    }
                }
            }
        }
    }
}
