//! [`Peer`]: a second handle to the connection of a stream. It detects at once that the peer has closed, and it can reset the
//! connection.
//!
//! The HTTP layer owns the connection. While it sends a response, it does not report the close of the peer, and it has no
//! deadline for writing. So a stream keeps a second handle to the same connection. The handle is made while the request is
//! being handled.

use std::{
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd},
    task::{Context, Poll},
    time::Duration,
};

use actix_http::Extensions;
use actix_web::HttpRequest;
use tokio::io::{Interest, unix::AsyncFd};

use crate::socket::websocket::socket_stream::{SEND_BUFFER, SocketStream};

/// The file descriptor of the connection, in the data that the HTTP layer keeps for the connection.
#[derive(Clone, Copy)]
struct ConnectionDescriptor(RawFd);

/// Stores the descriptor, so that requests over this connection can become streams. Called when the connection is accepted.
pub(crate) fn store_descriptor<T: SocketStream>(io: &T, data: &mut Extensions) {
    data.insert(ConnectionDescriptor(io.descriptor().as_raw_fd()));
}

/// The second handle; `None` if it could not be made.
pub(crate) struct Peer(Option<AsyncFd<OwnedFd>>);

impl Peer {
    /// The peer of this request. Must be called while the request is being handled. Without a handle (too many open files),
    /// only the HTTP layer detects a closed connection, at the next ping, and the connection cannot be reset.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let handle =
            request.conn_data::<ConnectionDescriptor>().and_then(|descriptor| second_handle(*descriptor));
        if let Some(handle) = &handle {
            // If this fails, the kernel's default limit applies.
            let _ = socket2::SockRef::from(handle).set_send_buffer_size(SEND_BUFFER);
        }
        Self(handle.and_then(watch))
    }

    /// Ready when the peer has closed its side.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(handle) = &self.0 else { return Poll::Pending };
        loop {
            match handle.poll_read_ready(cx) {
                Poll::Ready(Ok(mut guard)) if !guard.ready().is_read_closed() => guard.clear_ready(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Resets the connection. Unsent data is discarded.
    pub(crate) fn reset(&self) {
        if let Some(handle) = &self.0 {
            let socket = socket2::SockRef::from(handle.get_ref());
            // If one of these calls fails, the connection has ended already.
            let _ = socket.set_linger(Some(Duration::ZERO));
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[expect(unsafe_code, reason = "the HTTP layer gives no access to the handle of its connection")]
fn second_handle(ConnectionDescriptor(descriptor): ConnectionDescriptor) -> Option<OwnedFd> {
    // SAFETY: an HTTP/1 request is handled inside the task that owns its connection, and is dropped before the connection. So
    // the descriptor is open and belongs to this connection while the request is being handled.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    borrowed.try_clone_to_owned().ok()
}

#[expect(unsafe_code, reason = "the runtime must trust that the descriptor stays the same")]
fn watch(handle: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    // SAFETY: the registered value owns the descriptor and never gives it away.
    unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) }.ok()
}
