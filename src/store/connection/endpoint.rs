//! The servers that the settings name, and their addresses. `connector` uses this file.

use std::{fmt, io, net::IpAddr, path::PathBuf};

use tokio_postgres::{Config, config::Host};

/// PostgreSQL's port.
const DEFAULT_PORT: u16 = 5432;

/// A server of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    place: Place,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A socket directory.
    Directory(PathBuf),
    /// A name that is looked up for each connection.
    Name(String),
    /// An address. `name` is the name in the certificate of the server.
    Address { address: IpAddr, name: String },
}

/// One way to reach a server.
#[derive(Clone, Debug)]
pub(super) enum Way {
    Directory(PathBuf),
    Address { address: IpAddr, name: String },
}

impl Endpoint {
    /// The servers of the configuration. `database_url` has checked that the numbers of hosts, addresses and ports fit.
    pub(super) fn all(config: &Config) -> Vec<Self> {
        let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
        let servers = hosts.len().max(addresses.len());
        let endpoint = |index: usize| {
            let place = match (hosts.get(index), addresses.get(index)) {
                (Some(Host::Tcp(name)), Some(address)) => {
                    Place::Address { address: *address, name: name.clone() }
                }
                (None | Some(Host::Unix(_)), Some(address)) => {
                    Place::Address { address: *address, name: address.to_string() }
                }
                (Some(Host::Unix(directory)), None) => Place::Directory(directory.clone()),
                (Some(Host::Tcp(name)), None) => Place::Name(name.clone()),
                (None, None) => return None,
            };
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
            Some(Self { place, port })
        };
        (0..servers).filter_map(endpoint).collect()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The ways to this server, in the order of the attempts.
    ///
    /// # Errors
    /// The name has no address.
    pub(super) async fn ways(&self) -> io::Result<Vec<Way>> {
        match &self.place {
            Place::Directory(directory) => Ok(vec![Way::Directory(directory.clone())]),
            Place::Address { address, name } => {
                Ok(vec![Way::Address { address: *address, name: name.clone() }])
            }
            Place::Name(name) => {
                let found = tokio::net::lookup_host((name.as_str(), self.port)).await?;
                Ok(found.map(|found| Way::Address { address: found.ip(), name: name.clone() }).collect())
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Directory(directory) => write!(f, "{}", directory.display()),
            Place::Name(name) | Place::Address { name, .. } if name.contains(':') => {
                write!(f, "[{name}]:{}", self.port)
            }
            Place::Name(name) | Place::Address { name, .. } => write!(f, "{name}:{}", self.port),
        }
    }
}
