//! Why the server did not start.

use std::{io, net::SocketAddr, path::PathBuf};

use store::{StoreError, Unfinished};

use super::{
    database_role::{MissingRights, PowerfulRole},
    demonstration::DemonstrationUsers,
};
use crate::tls::TlsError;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database of a production server has demonstration users, and other people may know their passwords.
    #[error(transparent)]
    DemonstrationUsers(#[from] DemonstrationUsers),
    /// The role of a production server can change the audit log.
    #[error(transparent)]
    PowerfulRole(#[from] PowerfulRole),
    /// The role of the server lacks rights.
    #[error(transparent)]
    MissingRights(#[from] MissingRights),
    /// The schema of the database is missing or older than this program, and the role of the server cannot change it.
    #[error(
        "the schema of the database is not up to date: run `portcullis migrate` as the owner of the tables first"
    )]
    NotMigrated,
    /// The database was restored from a backup, or copied, and the restore is not finished.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// The server cannot listen on an address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The server cannot listen on the Unix socket.
    #[error("cannot listen on the Unix socket {0} (API_SOCKET): {1}")]
    Socket(PathBuf, #[source] io::Error),
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Database(#[from] StoreError),
    /// The certificate, or the authorities of client certificates, cannot be used.
    #[error("the files of TLS cannot be used: {0}")]
    Tls(#[from] TlsError),
    /// The actors did not start: the audit spill file cannot be opened, or its directory cannot be created.
    #[error("the audit spill file {0} (in DATA_DIR) cannot be opened: {1}")]
    Spill(PathBuf, #[source] io::Error),
    /// The id or the origins of the relying party of passkeys cannot be used.
    #[error("passkeys: {0}")]
    Passkeys(String),
    /// The mail server or the templates of mails cannot be used.
    #[error("{0}")]
    Mail(String),
    /// The accept pipeline, or the server of the metrics, did not start.
    #[error("the server cannot start: {0}")]
    Server(#[source] io::Error),
}
