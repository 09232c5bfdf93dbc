//! [`SocketStream`]: what `socket` needs of a stream in addition to reading and writing. TCP streams, TLS streams and Unix
//! sockets implement it.

use std::{
    net::SocketAddr,
    os::fd::{AsFd as _, BorrowedFd},
    time::Duration,
};

use actix_rt::net::{TcpStream, UnixStream};
use actix_tls::accept::rustls_0_23::TlsStream;
use domain::client::address::UNIX_PEER;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};

/// The requested size of the kernel's send buffer, in bytes. Linux doubles it for its own bookkeeping.
pub(crate) const SEND_BUFFER: usize = 64 * 1024;

/// A byte stream over one connection.
pub(crate) trait SocketStream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The file descriptor of the connection.
    fn descriptor(&self) -> BorrowedFd<'_>;

    /// The address of the other end. The peers of a Unix socket have the address [`UNIX_PEER`].
    fn peer(&self) -> Option<SocketAddr>;

    /// The certificate that the client has shown, and the certificates that lead to its authority. Without TLS there are none.
    fn client_certificates(&self) -> &[CertificateDer<'static>] {
        &[]
    }

    /// Limits what the kernel buffers for a peer that does not read. The output queue in front of the kernel has its own limit.
    fn bound_send_buffer(&self) {
        // If this fails, the kernel's default limit applies.
        let _ = socket2::SockRef::from(&self.descriptor()).set_send_buffer_size(SEND_BUFFER);
    }

    /// Sends small frames at once. Without this, a second frame over TCP waits for the delayed acknowledgement of the first one.
    fn send_at_once(&self) {
        // If this fails, frames only arrive later. For a Unix socket it always fails, but there frames never wait.
        let _ = socket2::SockRef::from(&self.descriptor()).set_tcp_nodelay(true);
    }

    /// After this call, the connection is reset when the stream is dropped. The kernel then discards unsent data instead of
    /// keeping the connection open for it.
    fn reset_on_close(&self) {
        // If this fails, the connection has ended already.
        let _ = socket2::SockRef::from(&self.descriptor()).set_linger(Some(Duration::ZERO));
    }
}

impl SocketStream for TcpStream {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }
}

impl SocketStream for UnixStream {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn peer(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(UNIX_PEER, 0))
    }
}

impl SocketStream for TlsStream<TcpStream> {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.get_ref().0.as_fd()
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.get_ref().0.peer_addr().ok()
    }

    fn client_certificates(&self) -> &[CertificateDer<'static>] {
        self.get_ref().1.peer_certificates().unwrap_or_default()
    }
}
