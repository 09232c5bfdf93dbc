//! The listener through which a drill reaches its own node.
//!
//! Plain HTTP is preferred, if it serves more than redirects; then the Unix socket, then TLS. Over TLS the client accepts exactly the
//! certificate that this node serves, whatever name and authority it has, because the client knows the node by its address.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use domain::client::address::UNIX_PEER;
use ipnet::IpNet;
use reqwest::{
    Client,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect,
};

use crate::{
    config::reachable,
    tls::{self, ServerCertificate},
};

/// How long the client waits for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// The address that the client names if this node takes the connection for one of a trusted proxy. It is of the block that is
/// discarded everywhere (RFC 6666), so it is the address of no client. Without it, the node would report a proxy that does not name
/// its clients, and the drill would use up the limits of the proxy.
const DISCARDED: &str = "100::1";
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const USER_AGENT: &str = concat!("portcullis-drill/", env!("CARGO_PKG_VERSION"));

/// The listener of this node that a drill uses.
#[derive(Clone, Debug)]
pub enum Entrance {
    /// Plain HTTP at this address.
    Http(SocketAddr),
    /// The Unix socket.
    Socket(PathBuf),
    /// TLS at this address, with this certificate.
    Https(SocketAddr, Arc<ServerCertificate>),
}

impl Entrance {
    /// The entrance of a node with these listeners. `http` is the address of plain HTTP, if it serves more than redirects. `None` if
    /// there is no listener.
    #[must_use]
    pub fn choose(
        http: Option<SocketAddr>,
        socket: Option<PathBuf>,
        https: Option<(SocketAddr, Arc<ServerCertificate>)>,
    ) -> Option<Self> {
        let http = http.map(|bound| Self::Http(reachable(bound)));
        let https = https.map(|(bound, certificate)| Self::Https(reachable(bound), certificate));
        http.or_else(|| socket.map(Self::Socket)).or(https)
    }

    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        match self {
            Self::Http(address) => format!("http://{address}{path}"),
            Self::Socket(_) => format!("http://localhost{path}"),
            Self::Https(address, _) => format!("https://{address}{path}"),
        }
    }

    /// The address that the node sees: a connection to an address of this machine comes from the same address.
    fn peer(&self) -> IpAddr {
        match self {
            Self::Http(address) | Self::Https(address, _) => address.ip(),
            Self::Socket(_) => UNIX_PEER,
        }
    }

    /// A client with connections of its own.
    ///
    /// # Errors
    /// The client cannot be made, in words.
    pub(super) fn client(&self, trusted_proxies: &[IpNet]) -> Result<Client, String> {
        // An error means that a provider is already installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if trusted_proxies.iter().any(|network| network.contains(&self.peer())) {
            headers.insert(FORWARDED_FOR, HeaderValue::from_static(DISCARDED));
        }
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(CONNECT_WITHIN)
            .user_agent(USER_AGENT)
            .default_headers(headers);
        let client = match self {
            Self::Http(_) => client,
            Self::Socket(path) => client.unix_socket(path.clone()),
            Self::Https(_, certificate) => {
                let config =
                    tls::pinned_client(Arc::clone(certificate)).map_err(|error| error.to_string())?;
                client.tls_backend_preconfigured(config)
            }
        };
        client.build().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_preferred_and_the_unix_socket_comes_next() {
        let http = Some(SocketAddr::from(([0, 0, 0, 0], 8000)));
        let socket = || Some(PathBuf::from("/run/portcullis.sock"));
        let chosen = Entrance::choose(http, socket(), None).expect("an entrance");
        assert_eq!(chosen.url("/health"), "http://127.0.0.1:8000/health");
        assert_eq!(chosen.peer(), IpAddr::from([127, 0, 0, 1]));
        let chosen = Entrance::choose(None, socket(), None).expect("an entrance");
        assert_eq!((chosen.url("/"), chosen.peer()), ("http://localhost/".to_owned(), UNIX_PEER));
        assert!(Entrance::choose(None, None, None).is_none());
    }
}
