//! Reads certificates and private keys in PEM form, and names the crypto provider. The other files of this module use it.

use std::{path::Path, sync::Arc};

use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::error::TlsError;

/// The word that errors use for the expected content of a file with a certificate chain.
pub const CERTIFICATE: &str = "certificate";

/// The certificates of a file, in the order of the file.
///
/// # Errors
/// The file cannot be read, or has no certificate.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Pem { path: path.to_owned(), what: CERTIFICATE, reason };
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() { Err(wrong("it has no CERTIFICATE section".to_owned())) } else { Ok(chain) }
}

/// The certificates in a text in PEM form. `path` is named in errors.
pub(super) fn parse_chain(text: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Pem { path: path.to_owned(), what: CERTIFICATE, reason };
    CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(error.to_string()))
}

pub(super) fn parse_key(text: &str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| TlsError::Pem {
        path: path.to_owned(),
        what: "private key",
        reason: error.to_string(),
    })
}

/// The crypto provider. It is named here, because a default of the process would depend on the library that sets the default
/// first.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
