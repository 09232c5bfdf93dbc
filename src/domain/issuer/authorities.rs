//! Certificate authorities for the server of an issuer, if its certificate is not from a publicly trusted authority.
//!
//! They are read once, with the settings. So an unusable file is reported at the start and not with the first token.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// The certificates of the authorities. No other authority is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

/// A text without a usable authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// Not in PEM form (RFC 7468), or not a certificate.
    #[error("not certificates in PEM form")]
    NotCertificates,
    /// There is no certificate in the text.
    #[error("no certificate in PEM form")]
    Empty,
}

impl Authorities {
    /// Reads the authorities' certificates from this text, one after the other.
    ///
    /// # Errors
    /// The text has no certificate, or one that cannot be used for verification.
    pub fn from_pem(text: &str) -> Result<Self, AuthoritiesError> {
        let certificates = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| AuthoritiesError::NotCertificates)?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|_| AuthoritiesError::NotCertificates)?;
        }
        if certificates.is_empty() { Err(AuthoritiesError::Empty) } else { Ok(Self(certificates)) }
    }

    /// Each certificate in DER form.
    pub fn der(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}
