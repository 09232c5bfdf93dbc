//! [`AcmeError`]: why a certificate was not issued.

use std::path::PathBuf;

use domain::acme::FailedStep;
use store::StoreError;

use crate::{secrets::SecretsError, tls::TlsError};

/// Why a certificate was not issued. The messages come from the authority, and contain no secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum AcmeError {
    /// The requests cannot be made, because the settings of their TLS cannot be used.
    #[error("ACME_CA_FILE: {0}")]
    Client(String),
    /// The directory cannot be reached, or has refused the account or the order.
    #[error("the authority cannot be used: {0}")]
    Contact(#[source] instant_acme::Error),
    /// The order has failed.
    #[error("the order failed: {0}")]
    Order(#[source] instant_acme::Error),
    /// The authority could not validate the name.
    #[error("the authority could not validate the name: {0}")]
    Refused(String),
    /// The authority does not offer the challenge of `ACME_CHALLENGE`.
    #[error("the authority does not offer the challenge of ACME_CHALLENGE for this name")]
    NoChallenge,
    /// A file of the account or of the certificate cannot be used.
    #[error(transparent)]
    File(#[from] SecretsError),
    /// The file of the account holds something else.
    #[error("{0} does not hold the account at the authority; if you remove this file, a new account is made")]
    Account(PathBuf),
    /// The file of the certificate cannot be used.
    #[error("the file of the certificate cannot be used: {0}")]
    Stored(#[source] TlsError),
    /// The issued certificate cannot be used.
    #[error("the issued certificate cannot be used: {0}")]
    Certificate(#[from] TlsError),
    /// The database, which has the lock, cannot be used.
    #[error("the lock for orders cannot be taken: {0}")]
    Lock(#[from] StoreError),
}

impl AcmeError {
    /// The step that failed.
    pub(super) fn step(&self) -> FailedStep {
        match self {
            Self::Order(_) | Self::Refused(_) | Self::NoChallenge | Self::Certificate(_) => FailedStep::Order,
            Self::File(_) | Self::Account(_) | Self::Stored(_) => FailedStep::Storage,
            Self::Client(_) | Self::Contact(_) | Self::Lock(_) => FailedStep::Contact,
        }
    }
}
