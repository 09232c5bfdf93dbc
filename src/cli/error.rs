//! Why a command failed, in words for the person who typed it.

use std::{io, process::ExitCode};

use crate::{
    app::StartError, config::ConfigError, lifecycle::Died, postgres, secrets::SecretsError, tls::TlsError,
};
use service::Failure;
use store::StoreError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or what it names makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The private database server did not start.
    #[error(transparent)]
    Postgres(#[from] postgres::StartError),
    /// The private database server cannot be reached.
    #[error(transparent)]
    Attach(#[from] postgres::AttachError),
    /// The secrets cannot be read or made.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The certificate cannot be read or made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server stopped by itself.
    #[error(transparent)]
    Died(#[from] Died),
    /// The database refused or could not be reached.
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The service refused.
    #[error("{0}")]
    Failure(String),
    /// A file or the terminal.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl CliError {
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Config(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure.to_string())
    }
}
