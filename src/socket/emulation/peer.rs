//! The other end of a stream's connection: noticed at once when it goes, and cut off without its consent.
//!
//! The HTTP layer owns the connection; while a response is under way it neither tells that the peer has closed nor has a
//! deadline for writing. So a stream keeps a second handle to the same connection, made while its request is handled.

use std::{
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd},
    task::{Context, Poll},
    time::Duration,
};

use actix_http::Extensions;
use actix_web::HttpRequest;
use tokio::io::{Interest, unix::AsyncFd};

use crate::socket::websocket::tcp::{SEND_BUFFER, Transport};

/// The connection's descriptor, in the data of the connection.
#[derive(Clone, Copy)]
struct Wire(RawFd);

/// Notes the connection, so that requests over it can be streams. Called as it is accepted.
pub(in crate::socket) fn note<T: Transport>(io: &T, data: &mut Extensions) {
    data.insert(Wire(io.tcp().as_raw_fd()));
}

/// See the module.
pub(in crate::socket) struct Peer(Option<AsyncFd<OwnedFd>>);

impl Peer {
    /// The peer of this request. Must be called while the request is being handled. Without a handle (when files run out)
    /// only the HTTP layer notices that a peer has gone: at the next ping.
    pub(in crate::socket) fn of(request: &HttpRequest) -> Self {
        let handle = request.conn_data::<Wire>().and_then(|wire| second_handle(*wire));
        if let Some(handle) = &handle {
            // If it fails, the kernel's own bound holds.
            let _ = socket2::SockRef::from(handle).set_send_buffer_size(SEND_BUFFER);
        }
        Self(handle.and_then(watch))
    }

    /// Ready when the peer has closed its side.
    pub(in crate::socket) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(handle) = &self.0 else { return Poll::Pending };
        loop {
            match handle.poll_read_ready(cx) {
                Poll::Ready(Ok(mut guard)) if !guard.ready().is_read_closed() => guard.clear_ready(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Ends the connection now: what the peer did not take is forgotten.
    pub(in crate::socket) fn reset(&self) {
        if let Some(handle) = &self.0 {
            let socket = socket2::SockRef::from(handle.get_ref());
            // If these fail, the connection is gone already.
            let _ = socket.set_linger(Some(Duration::ZERO));
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

#[expect(unsafe_code, reason = "the HTTP layer lends no handle to its connection")]
fn second_handle(Wire(descriptor): Wire) -> Option<OwnedFd> {
    // SAFETY: a request of HTTP/1 is handled inside the task that owns its connection, and is dropped before it; so the
    // descriptor is open, and this connection's, while the request is being handled.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    borrowed.try_clone_to_owned().ok()
}

#[expect(unsafe_code, reason = "the runtime must trust that the descriptor stays what it is")]
fn watch(handle: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by what is registered, which gives it to nobody.
    unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) }.ok()
}
