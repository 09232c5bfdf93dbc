//! Binds the listeners. Only `server` uses this module. The listeners are bound before any other part starts, so that a port in
//! use is reported at once.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{error::StartError, files::tls_files};
use crate::{
    config::Settings,
    socket::Listener,
    tls::{ServerTls, TlsError},
    unix_socket::{self, SocketFile},
};

/// The listeners and their addresses.
pub(super) struct Bound {
    pub(super) listeners: Vec<Listener>,
    /// The address of plain HTTP.
    pub(super) http: Option<SocketAddr>,
    /// The address of TLS.
    pub(super) https: Option<SocketAddr>,
    /// The address of the console's own listener.
    pub(super) console: Option<SocketAddr>,
    /// The file of the Unix socket.
    pub(super) socket_file: Option<SocketFile>,
    /// The listener of the metrics, and its address.
    pub(super) metrics: Option<(TcpListener, SocketAddr)>,
    /// The certificate and the authorities of TLS, which are read again when their files change.
    pub(super) tls: Option<Arc<ServerTls>>,
}

impl Bound {
    /// The addresses of this server that browsers can open, each with its scheme.
    pub(super) fn web_addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let console = if self.tls.is_some() { "https" } else { "http" };
        let all = [("http", self.http), ("https", self.https), (console, self.console)];
        all.into_iter().filter_map(|(scheme, address)| Some((scheme, address?))).collect()
    }
}

pub(super) fn bind(settings: &Settings) -> Result<Bound, StartError> {
    let (mut listeners, mut http, mut https) = (Vec::new(), None, None);
    let mut served = None;
    if let Some(address) = settings.listen.http {
        let redirects = settings.listen.redirect;
        http = Some(bind_all(
            address,
            |socket| Listener::Plain { socket, redirects, console: false },
            &mut listeners,
        )?);
    }
    let mut socket_file = None;
    if let Some((path, mode)) = &settings.listen.socket {
        let bound = unix_socket::bind(path, *mode);
        let (socket, file) = bound.map_err(|error| StartError::Socket(path.clone(), error))?;
        listeners.push(Listener::Unix(socket));
        socket_file = Some(file);
    }
    if let Some(address) = settings.listen.https {
        let Some(files) = tls_files(&settings.listen) else {
            return Err(StartError::Tls(TlsError::NoCertificate));
        };
        let config = Arc::clone(served.insert(Arc::new(ServerTls::load(&files)?)).config());
        let tls = |socket| Listener::Tls { socket, config: Arc::clone(&config), console: false };
        https = Some(bind_all(address, tls, &mut listeners)?);
    }
    let mut console = None;
    if let Some(address) = settings.listen.console {
        let config = served.as_ref().map(|tls| Arc::clone(tls.config()));
        let listener = |socket| match config.clone() {
            Some(config) => Listener::Tls { socket, config, console: true },
            None => Listener::Plain { socket, redirects: false, console: true },
        };
        console = Some(bind_all(address, listener, &mut listeners)?);
    }
    let metrics = settings.listen.metrics.map(bind_metrics).transpose()?;
    Ok(Bound { listeners, http, https, console, socket_file, metrics, tls: served })
}

fn bind_metrics(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(address, error);
    let listener = bind_one(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Binds the address. With 127.0.0.1, `::1` is bound, too, because `localhost` can mean either address.
fn bind_all(
    address: SocketAddr,
    listener: impl Fn(TcpListener) -> Listener,
    listeners: &mut Vec<Listener>,
) -> Result<SocketAddr, StartError> {
    let first = bind_one(address).map_err(|error| StartError::Listen(address, error))?;
    let bound = first.local_addr().map_err(|error| StartError::Listen(address, error))?;
    listeners.push(listener(first));
    if address.ip() == std::net::Ipv4Addr::LOCALHOST {
        let twin = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, bound.port()));
        // If there is no IPv6, or another process uses that port on `::1`, the server works with the first listener alone.
        if let Ok(socket) = bind_one(twin) {
            listeners.push(listener(socket));
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
