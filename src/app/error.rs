//! Why the server did not start.

use std::{io, net::SocketAddr, path::PathBuf};

use store::StoreError;

use crate::tls::TlsError;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server cannot listen on an address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Database(#[from] StoreError),
    /// The certificate cannot be used.
    #[error("the TLS certificate cannot be used: {0}")]
    Tls(#[from] TlsError),
    /// The actors did not start, because the audit spill file cannot be opened.
    #[error("the audit spill file {0} (in DATA_DIR) cannot be opened: {1}")]
    Spill(PathBuf, #[source] io::Error),
    /// The id and the origins of the relying party of passkeys do not fit together.
    #[error("passkeys: {0}")]
    Passkeys(String),
    /// The accept pipeline did not start.
    #[error("the server cannot start: {0}")]
    Server(#[source] io::Error),
}
