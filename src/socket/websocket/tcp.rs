//! [`SocketStream`]: what the pump needs of a stream beyond reading and writing, for plain TCP and for TLS.

use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_tls::accept::rustls_0_23::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite};

/// The requested size of the kernel's send buffer, in bytes. Linux doubles it for its own bookkeeping.
pub(crate) const SEND_BUFFER: usize = 64 * 1024;

/// A byte stream over one TCP connection.
pub(crate) trait SocketStream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The TCP connection underneath.
    fn tcp(&self) -> &TcpStream;

    /// Limits what the kernel buffers for a peer that does not read. The output queue in front of it has its own limit.
    fn bound_send_buffer(&self) {
        // If this fails, the kernel's default limit applies.
        let _ = socket2::SockRef::from(self.tcp()).set_send_buffer_size(SEND_BUFFER);
    }

    /// Makes dropping the stream reset the connection. The kernel then discards unsent data instead of keeping the connection
    /// open for it.
    fn reset_on_close(&self) {
        // If this fails, the connection has ended already.
        let _ = socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
    }
}

impl SocketStream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl SocketStream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}
