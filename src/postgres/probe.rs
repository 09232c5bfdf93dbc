//! As much of PostgreSQL's frontend protocol (version 3.0) as it takes to ask whether a database answers and
//! to create it. Called by `cluster` and `attach`; every other query goes through the store.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{PORT, USER};

/// Protocol version 3.0, as the startup message says it.
const VERSION: u32 = 3 << 16;
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer to the few questions asked here is longer.
const LONGEST_MESSAGE: u32 = 1 << 20;

/// Why the server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// It could not be talked to.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It refused.
    #[error("{message} (SQLSTATE {code})")]
    Refused { code: String, message: String },
}

impl WireError {
    /// Whether the server has no database of that name: `invalid_catalog_name`.
    pub(super) fn is_no_such_database(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "3D000")
    }

    /// Whether the server is starting or stopping: `cannot_connect_now`, `admin_shutdown`, `crash_shutdown`.
    pub(super) fn is_not_now(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.starts_with("57P0"))
    }
}

/// Whether `database` answers on the socket in `socket_dir`.
pub(super) fn ask(socket_dir: &Path, database: &str) -> Result<(), WireError> {
    Session::open(socket_dir, database)?.close()
}

/// Creates `database` unless it is there. The name is one of our own constants: it is not quoted.
pub(super) fn ensure_database(socket_dir: &Path, database: &'static str) -> Result<(), WireError> {
    match ask(socket_dir, database) {
        Err(error) if error.is_no_such_database() => {}
        other => return other,
    }
    let mut session = Session::open(socket_dir, "postgres")?;
    session.send(Some(b'Q'), format!("CREATE DATABASE {database}\0").as_bytes())?;
    session.until_ready()?;
    session.close()
}

struct Session {
    stream: UnixStream,
}

impl Session {
    fn open(socket_dir: &Path, database: &str) -> Result<Self, WireError> {
        let stream = UnixStream::connect(socket_dir.join(format!(".s.PGSQL.{PORT}")))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut session = Self { stream };
        let mut startup = VERSION.to_be_bytes().to_vec();
        startup.extend_from_slice(format!("user\0{USER}\0database\0{database}\0\0").as_bytes());
        session.send(None, &startup)?;
        session.until_ready()?;
        Ok(session)
    }

    fn close(mut self) -> Result<(), WireError> {
        self.send(Some(b'X'), &[])
    }

    /// A message is an optional type byte, its length including the length itself, and the body.
    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> Result<(), WireError> {
        let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        Ok(self.stream.write_all(&message)?)
    }

    /// Reads answers up to `ReadyForQuery`.
    fn until_ready(&mut self) -> Result<(), WireError> {
        loop {
            let (kind, body) = self.receive()?;
            match kind {
                b'Z' => return Ok(()),
                b'E' => return Err(refusal(&body)),
                b'R' if body != [0; 4] => {
                    return Err(io::Error::other("the private server asks for a password").into());
                }
                _ => {}
            }
        }
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>), WireError> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        if !(4..=LONGEST_MESSAGE).contains(&length) {
            return Err(io::Error::from(io::ErrorKind::InvalidData).into());
        }
        let mut body = vec![0; length as usize - 4];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

/// Reads an `ErrorResponse`: fields of one type byte and a text that ends in a zero byte.
fn refusal(body: &[u8]) -> WireError {
    let field = |kind: u8| {
        let text = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[kind]))?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    WireError::Refused {
        code: field(b'C').unwrap_or_default(),
        message: field(b'M').unwrap_or_else(|| "the private server gave no reason".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_response_gives_its_code_and_message() {
        let error = refusal(b"SFATAL\0VFATAL\0C3D000\0Mdatabase \"x\" does not exist\0\0");
        assert!(error.is_no_such_database());
        assert_eq!(error.to_string(), "database \"x\" does not exist (SQLSTATE 3D000)");
        assert!(refusal(b"C57P03\0Mthe database system is starting up\0\0").is_not_now());
    }
}
