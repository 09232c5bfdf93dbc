//! What the pump needs of a stream beyond reading and writing: plain TCP and TLS alike.

use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_tls::accept::rustls_0_23::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite};

/// Asked of the kernel, in bytes; Linux keeps twice as much, for its own bookkeeping.
pub(in crate::socket) const SEND_BUFFER: usize = 64 * 1024;

/// A byte stream over one TCP connection.
pub(in crate::socket) trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The connection underneath.
    fn tcp(&self) -> &TcpStream;

    /// Bounds what the kernel holds for a peer that does not read; our own queue has its bound before it.
    fn bound_send_buffer(&self) {
        // If it fails, the kernel's own bound holds.
        let _ = socket2::SockRef::from(self.tcp()).set_send_buffer_size(SEND_BUFFER);
    }

    /// Makes the drop of the stream a reset: the kernel then forgets what the peer did not take, instead of holding the
    /// connection open for it.
    fn reset_on_close(&self) {
        // If it fails, the connection is gone already.
        let _ = socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
    }
}

impl Transport for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Transport for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}
