//! Parsing of database URLs, in every form that related applications use.
//!
//! Called by `settings`. Scheme and TLS parameters are parsed here, the rest by tokio-postgres. The `url` crate
//! cannot parse them: libpq's URLs may contain several hosts, and a percent-encoded socket directory as host. Errors
//! name the parameter, never its value, because a URL holds a password.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::tls_mode::{Roots, TlsMode};

/// Why a text is not a valid database URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// An unknown scheme.
    #[error(
        "a database URL starts with postgres://, postgresql://, postgresql+psycopg2:// or postgresql+asyncpg://"
    )]
    Scheme,
    /// A parameter with an invalid value.
    #[error("the database URL's parameter `{0}` has an invalid value")]
    Value(&'static str),
    /// A parameter that is given twice, or in two spellings.
    #[error("the database URL sets the TLS mode twice")]
    Repeated,
    /// An unknown parameter, or a malformed host, port or escape.
    #[error("the database URL cannot be read: a malformed part or an unknown parameter")]
    Malformed,
    /// Neither a host nor a socket directory.
    #[error("the database URL names no host")]
    NoHost,
}

/// A URL in two parts: the text for tokio-postgres, and the TLS mode.
pub(super) struct Parts {
    pub(super) url: String,
    pub(super) tls: TlsMode,
}

/// Normalises the scheme and removes the TLS parameters.
pub(super) fn split(url: &str) -> Result<Parts, DatabaseUrlError> {
    let (scheme, rest) = url.trim().split_once("://").ok_or(DatabaseUrlError::Scheme)?;
    let known = ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"];
    if !known.contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(DatabaseUrlError::Scheme);
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut mode = None;
    let mut root = None;
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "sslmode" => set(&mut mode, sslmode(&decoded(value)?)?)?,
            "ssl" => set(&mut mode, asyncpg_ssl(&decoded(value)?)?)?,
            "sslrootcert" => set(&mut root, decoded(value)?)?,
            _ => others.push(pair),
        }
    }
    let query = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
    let tls = tls_mode(mode.unwrap_or(Mode::Prefer), root);
    Ok(Parts { url: format!("postgresql://{place}{query}"), tls })
}

#[derive(Clone, Copy)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), DatabaseUrlError> {
    match slot.replace(value) {
        Some(_) => Err(DatabaseUrlError::Repeated),
        None => Ok(()),
    }
}

fn sslmode(value: &str) -> Result<Mode, DatabaseUrlError> {
    match value {
        "disable" => Ok(Mode::Disable),
        "allow" | "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => Err(DatabaseUrlError::Value("sslmode")),
    }
}

/// asyncpg's `ssl` takes libpq's words or a truth value; true means full verification.
fn asyncpg_ssl(value: &str) -> Result<Mode, DatabaseUrlError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" => Ok(Mode::VerifyFull),
        "false" | "0" | "off" => Ok(Mode::Disable),
        word => sslmode(word).map_err(|_| DatabaseUrlError::Value("ssl")),
    }
}

/// As in libpq, a root certificate makes `require` verify the chain.
fn tls_mode(mode: Mode, root: Option<String>) -> TlsMode {
    let named = root.is_some();
    let roots = match root {
        Some(file) if file != "system" => Roots::File(PathBuf::from(file)),
        _ => Roots::System,
    };
    match mode {
        Mode::Disable => TlsMode::Disable,
        Mode::Prefer => TlsMode::Prefer,
        Mode::Require if named => TlsMode::VerifyCa(roots),
        Mode::Require => TlsMode::Require,
        Mode::VerifyCa => TlsMode::VerifyCa(roots),
        Mode::VerifyFull => TlsMode::VerifyFull(roots),
    }
}

/// Percent-decoding. A malformed escape is an error; the library would keep it as it is.
fn decoded(value: &str) -> Result<String, DatabaseUrlError> {
    let malformed = value.split('%').skip(1).any(|escape| {
        let digits = escape.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if malformed {
        return Err(DatabaseUrlError::Malformed);
    }
    let text = percent_decode_str(value).decode_utf8().map_err(|_| DatabaseUrlError::Malformed)?;
    Ok(text.into_owned())
}
