//! The I/O around [`Frames`]: what passes stays in the reader's own buffer; only heads that come in pieces are held.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;

use super::frames::{Frames, News, Step};
use crate::strict_http1::{Fault, Limits};

/// What one read may add to held bytes.
const READ_BYTES: usize = 8 * 1024;

/// A stream of which h2 sees judged heads only.
pub struct StrictHttp2<S> {
    stream: S,
    frames: Frames,
    /// Came, and is not judged yet: less than one head or frame header.
    held: BytesMut,
    /// Judged, and may pass.
    ready: BytesMut,
    /// Not unbounded in truth: h2 ends a connection whose streams it resets too often.
    news: mpsc::UnboundedSender<News>,
    /// Runs while bytes are held: a head has so long to come whole.
    late: Pin<Box<Sleep>>,
    head_limit: Duration,
}

impl<S> StrictHttp2<S> {
    /// `extended`: extended CONNECT is answered by us. Must be called within a tokio runtime, as its timer lives there. What
    /// is received ends with the stream.
    pub fn server(stream: S, limits: Limits, extended: bool) -> (Self, mpsc::UnboundedReceiver<News>) {
        let (news, told) = mpsc::unbounded_channel();
        let this = Self {
            stream,
            frames: Frames::new(limits, extended),
            held: BytesMut::new(),
            ready: BytesMut::new(),
            news,
            late: Box::pin(tokio::time::sleep_until(Instant::now())),
            head_limit: Duration::from_secs(limits.head_seconds),
        };
        (this, told)
    }

    /// Judges bytes that came straight into the reader's buffer; answers how many of them may stay there.
    fn judge_in_place(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut passed = 0;
        while passed < bytes.len() {
            match self.frames.inspect(&bytes[passed..])? {
                Step::Pass(n) => passed += n,
                Step::More => break,
                Step::Instead { taken, with } => {
                    self.ready.extend_from_slice(&with);
                    self.held.extend_from_slice(&bytes[passed + taken..]);
                    self.tell();
                    return Ok(passed);
                }
            }
        }
        self.held.extend_from_slice(&bytes[passed..]);
        self.tell();
        Ok(passed)
    }

    /// Judges what is held, as far as it can be. What is left is another head, with a time of its own.
    fn judge_held(&mut self) -> io::Result<()> {
        let before = self.held.len();
        loop {
            match self.frames.inspect(&self.held)? {
                Step::More => break,
                Step::Pass(n) => self.ready.unsplit(self.held.split_to(n)),
                Step::Instead { taken, with } => {
                    self.held.advance(taken);
                    self.ready.extend_from_slice(&with);
                }
            }
        }
        if self.held.len() < before {
            self.watch();
        }
        self.tell();
        Ok(())
    }

    fn tell(&mut self) {
        for news in self.frames.take_news() {
            // Nobody listens any more only when the connection is over.
            let _ = self.news.send(news);
        }
    }

    /// Set when the first held byte came.
    fn watch(&mut self) {
        self.late.as_mut().reset(Instant::now() + self.head_limit);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictHttp2<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Each round passes bytes, reads bytes or returns, so the rounds are bounded by what the peer sent.
        while buf.remaining() > 0 {
            if this.ready.has_remaining() {
                let n = this.ready.len().min(buf.remaining());
                buf.put_slice(&this.ready[..n]);
                this.ready.advance(n);
                return Poll::Ready(Ok(()));
            }
            if this.held.is_empty() {
                let before = buf.filled().len();
                ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
                let fresh = buf.filled().len() - before;
                if fresh == 0 {
                    return Poll::Ready(Ok(()));
                }
                let passed = this.judge_in_place(&buf.filled()[before..])?;
                buf.set_filled(before + passed);
                if !this.held.is_empty() {
                    this.watch();
                    this.judge_held()?;
                }
                if passed > 0 {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            this.held.reserve(READ_BYTES);
            match poll_read_buf(Pin::new(&mut this.stream), cx, &mut this.held)? {
                Poll::Ready(0) => return Poll::Ready(Ok(())), // the rest of a head never came
                Poll::Ready(_) => this.judge_held()?,
                Poll::Pending => {
                    ready!(this.late.as_mut().poll(cx));
                    return Poll::Ready(Err(Fault::Timeout.into()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictHttp2<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
