//! Reading database URLs: every spelling that the servers of this family have been given.
//!
//! Called by `settings`. Scheme and TLS parameters are read here, the rest is left to tokio-postgres. Errors name the
//! parameter, never its value: a URL holds a password.

use std::path::PathBuf;

use super::settings::{Roots, TlsMode};

/// Why a text is no usable database URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Not one of the understood schemes.
    #[error(
        "a database URL starts with postgres://, postgresql://, postgresql+psycopg2:// or postgresql+asyncpg://"
    )]
    Scheme,
    /// A parameter with a value that it cannot have.
    #[error("the database URL's parameter `{0}` has a value that it cannot have")]
    Value(&'static str),
    /// A parameter that is given twice, or in two spellings.
    #[error("the database URL says twice how to use TLS")]
    Repeated,
    /// A parameter that nobody here understands, or a malformed host, port or escape.
    #[error("the database URL cannot be read: a malformed part or an unknown parameter")]
    Malformed,
    /// Neither a host nor a socket directory.
    #[error("the database URL names no host")]
    NoHost,
}

/// A URL taken apart: what tokio-postgres reads, and the TLS mode.
pub(super) struct Parts {
    pub(super) url: String,
    pub(super) tls: TlsMode,
}

/// Normalises the scheme and takes the TLS parameters out.
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

/// asyncpg's `ssl` takes libpq's words or a truth value; true means a context that verifies everything.
fn asyncpg_ssl(value: &str) -> Result<Mode, DatabaseUrlError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" => Ok(Mode::VerifyFull),
        "false" | "0" | "off" => Ok(Mode::Disable),
        word => sslmode(word).map_err(|_| DatabaseUrlError::Value("ssl")),
    }
}

/// As with libpq, a root certificate makes `require` verify the chain.
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

fn decoded(value: &str) -> Result<String, DatabaseUrlError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.ok_or(DatabaseUrlError::Malformed)?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| DatabaseUrlError::Malformed)
}
