//! A terminal's connection that takes turns: after some bytes it lets every other task run before it reads on.
//!
//! `listener` puts it under each connection of the terminal port. A flood of small frames is much work for few bytes, and a task that
//! always finds more to read would keep its thread for milliseconds while somebody else's request waits behind it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of one turn: a whole request or ClientHello, a hundred PINGs. An upload has a turn each two microseconds of its own
/// decryption, which costs it a few hundredths.
const TURN_BYTES: usize = 2048;

pub struct Turns<S> {
    stream: S,
    left: usize,
}

impl<S> Turns<S> {
    pub fn new(stream: S) -> Turns<S> {
        Turns { stream, left: TURN_BYTES }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Turns<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.left == 0 {
            this.left = TURN_BYTES;
            // Woken while it runs, a task goes to the end of the queue.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = this.left.min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        let read = match Pin::new(&mut this.stream).poll_read(cx, &mut part) {
            Poll::Ready(Ok(())) => part.filled().len(),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                this.left = TURN_BYTES;
                return Poll::Pending;
            }
        };
        buf.advance(read);
        this.left -= read;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Turns<S> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn others_run_between_two_turns() {
        let sent = vec![b'.'; 3 * TURN_BYTES + 1];
        let mut stream = Turns::new(&sent[..]);
        let mut buffer = vec![0; sent.len()];
        let mut turns = Vec::new();
        let mut begun = 0;
        while begun < sent.len() {
            let mut read = Box::pin(stream.read(&mut buffer[begun..]));
            let first =
                std::future::poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).map(Result::unwrap))).await;
            match first {
                Poll::Ready(bytes) => begun += bytes,
                Poll::Pending => turns.push(begun),
            }
        }
        assert_eq!(turns, [TURN_BYTES, 2 * TURN_BYTES, 3 * TURN_BYTES]);
    }
}
