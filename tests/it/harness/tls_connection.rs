//! Connections below HTTP and WebSocket: TLS connections to the server, and what the kernel knows of the server's end of a
//! connection.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

use super::within;

/// An encrypted connection to a server.
pub(crate) type TlsStream = tokio_rustls::client::TlsStream<tokio::net::TcpStream>;

/// Connects to `localhost` with a small receive buffer, and trusts only this certificate.
pub(super) async fn connect_tls(server: SocketAddr, certificate: &Path) -> TlsStream {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificate).expect("a certificate"))
        .expect("a certificate to trust");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a buffer of this size");
    let stream = socket.connect(server).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    within("TLS", connecting).await.expect("a certificate for localhost")
}

/// The kernel's state of the server's end of the connection between `server` and `client`; `None` if the connection
/// no longer exists.
pub(crate) fn server_side_state(server: SocketAddr, client: SocketAddr) -> Option<&'static str> {
    find(server, client).map(|(state, _)| state)
}

/// The number of bytes in the send queue of the server's end; 0 if the connection no longer exists.
pub(crate) fn server_side_unsent(server: SocketAddr, client: SocketAddr) -> u64 {
    find(server, client).map_or(0, |(_, unsent)| unsent)
}

fn find(server: SocketAddr, client: SocketAddr) -> Option<(&'static str, u64)> {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let table = fs::read_to_string(table).expect("the kernel's table of connections");
        table.lines().skip(1).find_map(|line| {
            // The fields are the number of the line (skipped), local address, remote address, state, and queues.
            let mut fields = line.split_whitespace().skip(1);
            let (local, remote) = (port(fields.next()?)?, port(fields.next()?)?);
            if (local, remote) != (server.port(), client.port()) {
                return None;
            }
            let state = state(fields.next()?);
            let unsent = u64::from_str_radix(fields.next()?.split(':').next()?, 16).ok()?;
            Some((state, unsent))
        })
    })
}

fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit(':').next()?, 16).ok()
}

fn state(code: &str) -> &'static str {
    match code {
        "01" => "ESTABLISHED",
        "02" => "SYN_SENT",
        "03" => "SYN_RECV",
        "04" => "FIN_WAIT1",
        "05" => "FIN_WAIT2",
        "06" => "TIME_WAIT",
        "07" => "CLOSE",
        "08" => "CLOSE_WAIT",
        "09" => "LAST_ACK",
        "0B" => "CLOSING",
        _ => "another state",
    }
}
