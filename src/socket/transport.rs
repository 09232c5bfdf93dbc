//! What the pump needs of a stream beyond reading and writing: plain TCP and TLS alike.

use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_tls::accept::rustls_0_23::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream over one TCP connection.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The connection underneath.
    fn tcp(&self) -> &TcpStream;

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
