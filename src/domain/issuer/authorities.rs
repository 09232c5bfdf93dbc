//! The certificate authorities that are trusted when the keys of an issuer are fetched. An issuer needs such a list if no
//! publicly trusted authority has signed the certificate of its key server.
//!
//! The authorities are read once, with the settings. So an unusable file is reported at the start and not with the first token.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// The certificates of the authorities. No other authority is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

/// Why a text cannot be used as a list of authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// A part of the text is not a certificate in PEM form (RFC 7468), or a certificate cannot be an authority.
    #[error("a certificate cannot be read, or cannot be used as an authority")]
    NotCertificates,
    /// There is no certificate in the text.
    #[error("the file has no certificate in PEM form")]
    Empty,
}

impl Authorities {
    /// Reads the certificates of the authorities from a text in PEM form, which may contain several certificates.
    ///
    /// # Errors
    /// The text has no certificate, or has a certificate that cannot be read or cannot be an authority.
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
