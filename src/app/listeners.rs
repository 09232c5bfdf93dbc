//! Binds the listeners. Only `server` uses this, before anything else starts, so that a port in use is reported at
//! once.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};

use super::error::StartError;
use crate::{
    config::Settings,
    socket::{Listener, Security},
    tls::{OperatorCertificate, TlsError},
};

/// The listeners and their addresses.
pub(super) struct Bound {
    pub(super) listeners: Vec<Listener>,
    /// Plain HTTP.
    pub(super) http: Option<SocketAddr>,
    /// TLS.
    pub(super) https: Option<SocketAddr>,
    /// The metrics.
    pub(super) metrics: Option<(TcpListener, SocketAddr)>,
    /// The certificate of the operator, which is read again when it was renewed.
    pub(super) certificate: Option<Arc<OperatorCertificate>>,
}

pub(super) fn bind(settings: &Settings, certificate: Option<ServerConfig>) -> Result<Bound, StartError> {
    let (mut listeners, mut http, mut https) = (Vec::new(), None, None);
    let mut of_operator = None;
    if let Some(address) = settings.listen.http {
        http = Some(bind_all(address, &Security::Plain, &mut listeners)?);
    }
    if let Some(address) = settings.listen.https {
        let config = match (certificate, &settings.listen.certificate) {
            (Some(config), _) => config,
            (None, Some((certificate, key))) => {
                of_operator.insert(OperatorCertificate::load(certificate, key)?).config()?
            }
            (None, None) => return Err(StartError::Tls(TlsError::none())),
        };
        https = Some(bind_all(address, &Security::Tls(Arc::new(config)), &mut listeners)?);
    }
    let metrics = settings.listen.metrics.map(bind_metrics).transpose()?;
    Ok(Bound { listeners, http, https, metrics, certificate: of_operator })
}

fn bind_metrics(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(address, error);
    let listener = bind_one(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Binds the address. For 127.0.0.1 also binds `::1`, because `localhost` can mean either of them.
fn bind_all(
    address: SocketAddr,
    security: &Security,
    listeners: &mut Vec<Listener>,
) -> Result<SocketAddr, StartError> {
    let first = bind_one(address).map_err(|error| StartError::Listen(address, error))?;
    let bound = first.local_addr().map_err(|error| StartError::Listen(address, error))?;
    listeners.push(Listener { socket: first, security: security.clone() });
    if address.ip() == std::net::Ipv4Addr::LOCALHOST {
        let twin = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, bound.port()));
        // If there is no IPv6, or another process uses that port on `::1`, only the second listener is missing.
        if let Ok(socket) = bind_one(twin) {
            listeners.push(Listener { socket, security: security.clone() });
        }
    }
    Ok(bound)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
