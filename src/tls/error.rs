//! [`TlsError`]: why a certificate or a private key cannot be used or made.

use std::{io, path::PathBuf};

use crate::secrets::SecretsError;

/// Why a certificate or a private key cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// TLS is configured, but there is no certificate.
    #[error("the TLS port needs a certificate and its private key")]
    NoCertificate,
    /// A file cannot be read or written, or its permissions allow other users too much.
    #[error(transparent)]
    File(#[from] SecretsError),
    /// A file does not have the expected content.
    #[error("{path} does not hold a {what} in PEM form: {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// The expected content.
        what: &'static str,
        /// What is wrong with the content.
        reason: String,
    },
    /// The private key is that of another certificate.
    #[error("the private key in {key} does not belong to the certificate in {certificate}")]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the private key.
        key: PathBuf,
    },
    /// Certificate and key are of an unsupported kind, or clients would not accept the certificate.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The file must hold certificates of authorities, but this certificate is of another kind.
    #[error("{path} holds a certificate that is not that of an authority: {subject}")]
    NoAuthority {
        /// The file.
        path: PathBuf,
        /// The subject of the certificate.
        subject: String,
    },
    /// A file does not hold lists of revoked certificates.
    #[error("{path} does not hold lists of revoked certificates in PEM form: {reason}")]
    Lists {
        /// The file.
        path: PathBuf,
        /// What is wrong with the content.
        reason: String,
    },
    /// The authority has expired.
    #[error("the authority in {0} has expired, so its certificates are refused: make a new one")]
    ExpiredAuthority(PathBuf),
    /// A name cannot be in a certificate.
    #[error("`{name}` cannot be in a certificate: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file would be overwritten.
    #[error("{0} exists: choose another place, or replace it with --force")]
    Exists(PathBuf),
    /// The server to inspect cannot be reached, or does not speak TLS.
    #[error("{target} cannot be inspected: {source}")]
    Remote {
        /// The host and the port.
        target: String,
        /// What failed.
        source: io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make the certificate: {0}")]
    Generate(#[from] rcgen::Error),
}
