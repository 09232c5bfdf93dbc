//! The stream of a connection that is no socket (yet): tells its watch what it reads and writes, and reads no more than
//! the watch allows.
//!
//! Made by the accept pipeline around plain TCP or TLS; a WebSocket's pump gets the stream without it. While output waits
//! for the peer nothing is read, so that answers cannot pile up behind it.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::{listener::http_deadline::state::Watch, websocket::tcp::Transport};

/// See the module.
pub(in crate::socket) struct Watched<T: Transport> {
    /// Taken only by `into_inner`, which leaves nobody to ask for it.
    io: Option<T>,
    watch: Rc<Watch>,
}

impl<T: Transport> Watched<T> {
    pub(in crate::socket) fn new(io: T, watch: Rc<Watch>) -> Self {
        io.bound_send_buffer();
        Self { io: Some(io), watch }
    }

    /// What is known of the connection.
    pub(in crate::socket) fn watch(&self) -> &Rc<Watch> {
        &self.watch
    }

    pub(in crate::socket) fn get_ref(&self) -> &T {
        self.io.as_ref().expect("only `into_inner` takes it")
    }

    /// The stream, from here on without a watch.
    pub(in crate::socket) fn into_inner(mut self) -> T {
        self.io.take().expect("only `into_inner` takes it")
    }

    fn io(&mut self) -> Pin<&mut T> {
        Pin::new(self.io.as_mut().expect("only `into_inner` takes it"))
    }

    fn note_written(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(_) => self.watch.note_moved(),
            Poll::Pending => self.watch.note_stuck(),
        }
    }
}

impl<T: Transport> Drop for Watched<T> {
    fn drop(&mut self) {
        if let Some(io) = self.io.as_ref().filter(|_| self.watch.is_over()) {
            io.reset_on_close();
        }
    }
}

impl<T: Transport> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = self.watch.may_read(cx);
        if room == 0 {
            return Poll::Pending;
        }
        let room = room.min(buf.remaining());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        let read = self.io().poll_read(cx, &mut part);
        let bytes = part.filled().len();
        buf.advance(bytes);
        self.watch.note_read(bytes);
        read
    }
}

impl<T: Transport> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.io().poll_write(cx, bytes);
        self.note_written(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.io().poll_flush(cx);
        match flushed {
            Poll::Ready(_) => self.watch.note_flushed(cx),
            Poll::Pending => self.watch.note_stuck(),
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
        self.note_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.get_ref().is_write_vectored()
    }
}
