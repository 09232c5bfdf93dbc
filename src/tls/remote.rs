//! Connections to a server without a check of its certificate: for `portcullis cert inspect`, which shows the certificate, and
//! for `portcullis health`.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{error::TlsError, pem::provider};

/// How long each step (connecting, reading, writing) may take.
const WITHIN: Duration = Duration::from_secs(5);

/// The chain of the server at `host` and `port` for a client that asks for `name` (usually the host itself).
///
/// # Errors
/// The server cannot be reached, or does not speak TLS.
pub fn presented_chain(host: &str, port: u16, name: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::Remote { target: format!("{host}:{port}"), source };
    let server = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name {
        name: name.to_owned(),
        reason: "it is neither a host name nor an address",
    })?;
    let stream = connect(host, port).map_err(failed)?;
    let connection = handshake(stream, server).map_err(failed)?;
    let chain = connection.conn.peer_certificates().unwrap_or_default();
    Ok(chain.iter().map(|certificate| certificate.clone().into_owned()).collect())
}

/// An encrypted connection to a server at this address, without a check of its certificate: for the health check of a server on
/// the same machine.
///
/// # Errors
/// The server cannot be reached, or does not speak TLS.
pub fn connect_unverified(address: SocketAddr) -> io::Result<impl Read + Write> {
    handshake(connect_to(&address)?, ServerName::from(address.ip()))
}

fn handshake(
    mut stream: TcpStream,
    server: ServerName<'static>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Inspector(provider())))
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), server).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(connection, stream))
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    for address in (host, port).to_socket_addrs()? {
        outcome = connect_to(&address);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn connect_to(address: &SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    Ok(stream)
}

/// Accepts every certificate, because certificates that clients refuse must be shown, too. No secret is sent over the connection.
#[derive(Debug)]
struct Inspector(Arc<CryptoProvider>);

impl ServerCertVerifier for Inspector {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
