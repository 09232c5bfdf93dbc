//! The TLS mode of the database connection, the authorities that a verified connection trusts, and the certificate of this
//! client.

use std::path::PathBuf;

/// The certificate authorities that a verified connection trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// The authorities of the operating system. `SSL_CERT_FILE` and `SSL_CERT_DIR` override their location.
    System,
    /// The authorities in this PEM file.
    File(PathBuf),
}

/// The files that prove this client's identity to the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate chain, in PEM form.
    pub certificate: PathBuf,
    /// The private key of the certificate, in PEM form.
    pub key: PathBuf,
}

/// The TLS modes of libpq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server offers encryption, without verifying the identity of the server.
    Prefer,
    /// Encrypted, without verifying the identity of the server.
    Require,
    /// Encrypted; the certificate must come from a trusted authority. The host name is not checked.
    VerifyCa(Roots),
    /// Encrypted; the certificate must come from a trusted authority, for this host.
    VerifyFull(Roots),
}

impl TlsMode {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa(_) => "verify-ca",
            Self::VerifyFull(_) => "verify-full",
        }
    }

    /// The file of authorities, if the mode has one.
    pub(crate) fn roots_file(&self) -> Option<&PathBuf> {
        match self {
            Self::VerifyCa(Roots::File(file)) | Self::VerifyFull(Roots::File(file)) => Some(file),
            _ => None,
        }
    }
}
