//! [`DeadlineStream`]: the stream of a connection that is not, or not yet, a WebSocket. It reports reads and writes to the
//! deadline of the connection, and reads no more than the deadline allows.
//!
//! The listener wraps each TCP or TLS stream in a `DeadlineStream`. The pump of a WebSocket receives the inner stream. Nothing
//! is read while output waits for the peer, so that responses cannot pile up.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::state::HttpDeadline;
use crate::socket::websocket::socket_stream::SocketStream;

/// A stream with a deadline.
pub(crate) struct DeadlineStream<T: SocketStream> {
    /// `None` only after `into_inner`, which consumes the value.
    io: Option<T>,
    deadline: Rc<HttpDeadline>,
}

impl<T: SocketStream> DeadlineStream<T> {
    pub(crate) fn new(io: T, deadline: Rc<HttpDeadline>) -> Self {
        io.bound_send_buffer();
        Self { io: Some(io), deadline }
    }

    /// The deadline of the connection.
    pub(crate) fn deadline(&self) -> &Rc<HttpDeadline> {
        &self.deadline
    }

    pub(crate) fn get_ref(&self) -> &T {
        self.io.as_ref().expect("only `into_inner` takes the stream")
    }

    /// The stream without the deadline.
    pub(crate) fn into_inner(mut self) -> T {
        self.io.take().expect("only `into_inner` takes the stream")
    }

    fn io(&mut self) -> Pin<&mut T> {
        Pin::new(self.io.as_mut().expect("only `into_inner` takes the stream"))
    }

    fn report_write(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(_) => self.deadline.on_written(),
            Poll::Pending => self.deadline.on_write_blocked(),
        }
    }
}

impl<T: SocketStream> Drop for DeadlineStream<T> {
    fn drop(&mut self) {
        if let Some(io) = self.io.as_ref().filter(|_| self.deadline.is_over()) {
            io.reset_on_close();
        }
    }
}

impl<T: SocketStream> AsyncRead for DeadlineStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let budget = self.deadline.may_read(cx);
        if budget == 0 {
            return Poll::Pending;
        }
        let budget = budget.min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(budget));
        let read = self.io().poll_read(cx, &mut part);
        let bytes = part.filled().len();
        buf.advance(bytes);
        self.deadline.on_read(bytes);
        read
    }
}

impl<T: SocketStream> AsyncWrite for DeadlineStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.io().poll_write(cx, bytes);
        self.report_write(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.io().poll_flush(cx);
        match flushed {
            Poll::Ready(_) => self.deadline.on_flushed(cx),
            Poll::Pending => self.deadline.on_write_blocked(),
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.io().poll_write_vectored(cx, parts);
        self.report_write(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }
}
