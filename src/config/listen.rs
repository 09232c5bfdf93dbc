//! [`Listen`]: the addresses of the listeners, and the certificates of TLS.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use super::{
    acme::{AcmeChallenge, AcmeSettings, acme},
    error::ConfigError,
    reader::{Command, Reader},
    setting::{Setting, Text},
    table::{
        API_PORT, API_REDIRECT, API_SOCKET, API_SOCKET_MODE, BIND_ADDRESS, CLIENT_CA_FILE, CLIENT_CRL_FILE,
        CONSOLE_ADDR, METRICS_ADDR, TLS_CERT_FILE, TLS_KEY_FILE, TLS_PORT, WORKERS,
    },
    variables::Variables,
};

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Plain HTTP.
    pub http: Option<SocketAddr>,
    /// `API_REDIRECT`: plain HTTP over TCP only redirects to HTTPS.
    pub redirect: bool,
    /// `API_SOCKET` and `API_SOCKET_MODE`.
    pub socket: Option<(PathBuf, u32)>,
    /// TLS.
    pub https: Option<SocketAddr>,
    /// `TLS_CERT_FILE` and `TLS_KEY_FILE`. `portcullis dev` generates a certificate instead.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// `ACME_…`: how the certificate is ordered. `certificate` is then absent.
    pub acme: Option<AcmeSettings>,
    /// `CLIENT_CA_FILE`.
    pub client_ca: Option<PathBuf>,
    /// `CLIENT_CRL_FILE`. It is set only together with `client_ca`.
    pub client_crl: Option<PathBuf>,
    /// `METRICS_ADDR`.
    pub metrics: Option<SocketAddr>,
    /// `CONSOLE_ADDR`: a listener for the console alone. With a certificate it uses TLS.
    pub console: Option<SocketAddr>,
    /// `WORKERS`.
    pub workers: usize,
}

pub(super) fn listen(read: &mut Reader<'_>) -> Listen {
    let address = bind_address(read);
    let certificate = match (read.path(&TLS_CERT_FILE), read.path(&TLS_KEY_FILE)) {
        (Some(certificate), Some(key)) => Some((PathBuf::from(certificate), PathBuf::from(key))),
        (None, None) => None,
        _ => {
            if !read.is_unreadable(TLS_CERT_FILE.name) && !read.is_unreadable(TLS_KEY_FILE.name) {
                read.problem("TLS_CERT_FILE and TLS_KEY_FILE must be given together");
            }
            None
        }
    };
    let acme = acme(read);
    if acme.is_some() && certificate.is_some() {
        read.problem("ACME_EMAIL: the certificate is already given by TLS_CERT_FILE: remove one of the two");
    }
    let has_tls = certificate.is_some() || acme.is_some();
    let (client_ca, client_crl) = client_files(read);
    if client_ca.is_some() && !has_tls {
        read.problem(
            "CLIENT_CA_FILE: without TLS no client can show a certificate: set TLS_CERT_FILE and TLS_KEY_FILE",
        );
    }
    let redirect = read.flag(&API_REDIRECT);
    if redirect && !has_tls {
        read.problem("API_REDIRECT: without TLS there is no target: set TLS_CERT_FILE and TLS_KEY_FILE");
    }
    let http = read.port(&API_PORT).map(|port| SocketAddr::new(address, port));
    let socket = socket(read);
    if http.is_none() && acme.as_ref().is_some_and(|acme| acme.challenge == AcmeChallenge::Http) {
        read.problem("ACME_CHALLENGE: `http-01` needs plain HTTP, and API_PORT is off");
    }
    if http.is_none() && socket.is_none() && !has_tls {
        read.problem("API_PORT: off, and there is neither TLS nor API_SOCKET: nothing would be served");
    }
    let https = read.number(&TLS_PORT);
    Listen {
        http,
        redirect,
        socket,
        https: has_tls.then_some(SocketAddr::new(address, https)),
        certificate,
        acme,
        client_ca,
        client_crl,
        metrics: address_and_port(read, &METRICS_ADDR),
        console: address_and_port(read, &CONSOLE_ADDR),
        workers: read.number(&WORKERS),
    }
}

/// Where a process on the same machine reaches the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddress {
    /// Plain HTTP.
    Http(SocketAddr),
    /// The Unix socket.
    Socket(PathBuf),
    /// TLS.
    Https(SocketAddr),
}

/// Where a process on the same machine reaches the server of these variables, by the rules of `serve`: plain HTTP, or else the
/// Unix socket, or else TLS.
///
/// # Errors
/// What is wrong with the variables.
pub fn local_address(variables: &Variables) -> Result<LocalAddress, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    let address = bind_address(&mut read);
    let found = match (read.port(&API_PORT), read.path(&API_SOCKET)) {
        (Some(port), _) => LocalAddress::Http(SocketAddr::new(address, port)),
        (None, Some(path)) => LocalAddress::Socket(PathBuf::from(path)),
        (None, None) => LocalAddress::Https(SocketAddr::new(address, read.number(&TLS_PORT))),
    };
    read.finish(found)
}

/// An address to connect to. A server that listens on all addresses listens on loopback, too.
#[must_use]
pub fn reachable(bound: SocketAddr) -> SocketAddr {
    let address = match bound.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(address, bound.port())
}

fn bind_address(read: &mut Reader<'_>) -> IpAddr {
    read.parsed(&BIND_ADDRESS).unwrap_or(IpAddr::from([0, 0, 0, 0]))
}

/// The path of the Unix socket, and its permissions.
fn socket(read: &mut Reader<'_>) -> Option<(PathBuf, u32)> {
    let text = read.text(&API_SOCKET_MODE).unwrap_or_default();
    let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
    if mode.is_none() {
        read.problem(format!(
            "{}: `{text}` is not an octal number from 0 to 0777, such as 0660",
            API_SOCKET_MODE.name
        ));
    }
    Some((PathBuf::from(read.path(&API_SOCKET)?), mode?))
}

/// The files of client certificates: the authorities, and the lists of revoked certificates.
pub(super) fn client_files(read: &mut Reader<'_>) -> (Option<PathBuf>, Option<PathBuf>) {
    let authorities = read.path(&CLIENT_CA_FILE).map(PathBuf::from);
    let revoked = read.path(&CLIENT_CRL_FILE).map(PathBuf::from);
    if revoked.is_some() && authorities.is_none() && !read.is_unreadable(CLIENT_CA_FILE.name) {
        read.problem("CLIENT_CRL_FILE: without CLIENT_CA_FILE no client certificate is accepted: set both");
    }
    (authorities, revoked)
}

/// The address of a listener that is not one of the public ports.
pub(super) fn address_and_port(read: &mut Reader<'_>, setting: &Setting<Text>) -> Option<SocketAddr> {
    let text = read.text(setting)?;
    let address = text.parse();
    if address.is_err() {
        let form = "is not an address with a port, such as 127.0.0.1:9100 or [::1]:9100";
        read.problem(format!("{}: `{text}` {form}", setting.name));
    }
    address.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_reached_on_loopback() {
        for (bound, reached) in
            [("0.0.0.0:8000", "127.0.0.1:8000"), ("[::]:8000", "[::1]:8000"), ("10.0.0.7:80", "10.0.0.7:80")]
        {
            assert_eq!(reachable(bound.parse().expect("an address")).to_string(), reached);
        }
    }
}
