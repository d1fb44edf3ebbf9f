//! A client's stream that fails where the client takes too long: with the head of a request, with its next request, or with
//! reading the answer. Lies below TLS, so that handshakes are timed, too.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections::Connection;

/// In so much time …
const WRITE_SPAN: Duration = Duration::from_secs(15);
/// … a client that is being waited for takes at least so many bytes, or all there are; else it is cut off.
const WRITE_LEAST: usize = 16 << 10;

/// A stream of one connection.
#[derive(Debug)]
pub(super) struct Timed {
    stream: TcpStream,
    connection: Arc<Connection>,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Pin<Box<Sleep>>,
    /// Bytes written in this span; none while nothing is waited for.
    written: Option<usize>,
}

impl Timed {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        let timer = || Box::pin(sleep_until(Instant::now()));
        Self { stream, connection, read_timer: timer(), write_timer: timer(), written: None }
    }

    /// Waits no longer than the client may take for more bytes.
    fn await_client(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(deadline) = self.connection.read_deadline() else { return Poll::Pending };
        if self.read_timer.deadline() != deadline {
            self.read_timer.as_mut().reset(deadline);
        }
        ready!(self.read_timer.as_mut().poll(cx));
        Poll::Ready(Err(late("the client has sent nothing more in time")))
    }

    /// Waits no longer than the client may take for a span's bytes.
    fn await_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            if self.written.is_none() {
                self.write_timer.as_mut().reset(Instant::now() + WRITE_SPAN);
            }
            let written = *self.written.get_or_insert(0);
            ready!(self.write_timer.as_mut().poll(cx));
            if written < WRITE_LEAST {
                return Poll::Ready(Err(late("the client reads too slowly")));
            }
            self.written = None;
        }
    }

    fn wrote(&mut self, bytes: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match bytes {
            Poll::Pending => self.await_room(cx),
            Poll::Ready(bytes) => {
                if let (Ok(bytes), Some(written)) = (&bytes, &mut self.written) {
                    *written += bytes;
                }
                Poll::Ready(bytes)
            }
        }
    }
}

fn late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() {
            return self.await_client(cx);
        }
        if buf.filled().len() > before {
            self.connection.received();
        }
        read
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Whoever flushes has written all there is.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.written = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
