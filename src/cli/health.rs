//! `portcullis health`: asks the server on this machine whether it is ready. Health checks of containers run this command,
//! so that an image needs no other program for them.
//!
//! The address comes from the settings that tell `serve` where to listen. No other setting and no secret is read.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use clap::Args;

use super::error::CliError;
use crate::{
    config::{self, LocalAddress, Variables, reachable},
    tls::connect_unverified,
};

/// The time limit of each step without TLS: to connect over TCP, and each write and each read. `connect_unverified` has limits
/// of its own.
const PATIENCE: Duration = Duration::from_secs(3);
const REQUEST: &[u8] = b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Asks the server of this machine whether it is ready. The settings say where the server listens: at `API_PORT` if plain HTTP
/// is on, otherwise at `API_SOCKET` if it is set, otherwise at `TLS_PORT`. The exit code is 0 if the server is ready.
#[derive(Debug, Args)]
pub(super) struct Health {}

impl Health {
    pub(super) fn run(self, variables: &Variables) -> Result<(), CliError> {
        let (place, status) = match config::local_address(variables)? {
            LocalAddress::Http(bound) => {
                let address = known_port(reachable(bound), "API_PORT")?;
                (address.to_string(), connect(address).and_then(status_of))
            }
            LocalAddress::Socket(path) => {
                (path.display().to_string(), connect_unix(&path).and_then(status_of))
            }
            LocalAddress::Https(bound) => {
                let address = known_port(reachable(bound), "TLS_PORT")?;
                (address.to_string(), connect_unverified(address).and_then(status_of))
            }
        };
        match status {
            Ok(200) => {
                println!("ready");
                Ok(())
            }
            Ok(status) => {
                Err(CliError::Failure(format!("the server at {place} is not ready: HTTP {status}")))
            }
            Err(error) => Err(CliError::Failure(format!("no answer from {place}: {error}"))),
        }
    }
}

fn known_port(address: SocketAddr, setting: &str) -> Result<SocketAddr, CliError> {
    if address.port() == 0 {
        return Err(CliError::Usage(format!(
            "{setting} is 0, so the port of the server is not known: set {setting} to the port in its log"
        )));
    }
    Ok(address)
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The status with which the server at the other end answers `/health/ready`.
fn status_of(mut stream: impl Read + Write) -> io::Result<u16> {
    stream.write_all(REQUEST)?;
    let mut line = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut line)?;
    let status =
        line.strip_prefix(b"HTTP/1.1 ").and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    status.ok_or_else(|| io::Error::other("the answer is not HTTP"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The status of a server that answers with these bytes.
    fn status_from(answer: &'static [u8]) -> io::Result<u16> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = [0; REQUEST.len()];
            stream.read_exact(&mut request).expect("a request");
            assert_eq!(request, REQUEST);
            stream.write_all(answer).expect("the answer is written");
        });
        let status = connect(address).and_then(status_of);
        server.join().expect("the server ends");
        status
    }

    #[test]
    fn the_status_is_read_from_the_first_line() {
        assert_eq!(status_from(b"HTTP/1.1 200 OK\r\n\r\n").expect("a status"), 200);
        assert_eq!(status_from(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").expect("a status"), 503);
    }

    #[test]
    fn an_answer_that_is_not_http_or_too_short_is_an_error() {
        for answer in [b"SSH-2.0-Server 1.0\r\n".as_slice(), b"HTTP/1.1 abc\r\n", b"HTTP", b""] {
            assert!(status_from(answer).is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }
}
