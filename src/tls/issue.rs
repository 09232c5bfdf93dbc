//! Makes certificates: an authority of this installation, and certificates of servers and services that the authority signs.
//! `portcullis cert` and tests call it.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, string::Ia5String,
};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, DnsName, PrivateKeyDer},
    sign::CertifiedKey,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{
    description::{Description, is_signed_by},
    error::TlsError,
    pem::{parse_key, provider, read_chain},
};
use crate::secrets;

/// The validity of a certificate begins this long ago, because the clocks of other machines may be a little behind.
const BEFORE: Duration = Duration::hours(1);
/// The longest common name, in characters (RFC 5280, `ub-common-name`).
const MAX_COMMON_NAME: usize = 64;

/// A new certificate and its private key.
#[derive(Debug)]
pub struct Issued {
    /// The certificate, and the certificates between it and the root, in PEM form.
    pub certificate: String,
    /// The private key, in PEM form.
    pub key: Zeroizing<String>,
    /// The end of the certificate's validity.
    pub ends_at: OffsetDateTime,
}

/// The validity of a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// The time now.
    pub now: OffsetDateTime,
    /// For how many days from `now` the certificate is valid.
    pub days: u32,
}

impl Validity {
    fn end(self) -> OffsetDateTime {
        self.now.saturating_add(Duration::days(i64::from(self.days)))
    }
}

/// A new authority: a certificate that signs itself, and its private key.
///
/// # Errors
/// The name cannot be in a certificate.
pub fn new_authority(name: &str, validity: Validity) -> Result<Issued, TlsError> {
    let mut params = params(name, validity)?;
    // This authority cannot sign the certificates of other authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()), ends_at: params.not_after })
}

/// An authority that signs certificates.
pub struct Authority {
    path: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// The certificate of the authority, then the other certificates of its file.
    chain: Vec<CertificateDer<'static>>,
    ends_at: OffsetDateTime,
}

impl Authority {
    /// Reads an authority. Only the owner of the file may read the key.
    ///
    /// # Errors
    /// A file cannot be used, the certificate does not belong to an authority, or the key does not belong to the certificate.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_chain(certificate)?;
        let unreadable = || TlsError::Pem {
            path: certificate.to_owned(),
            what: "certificate",
            reason: "it is not an X.509 certificate".to_owned(),
        };
        let own = chain.first().ok_or_else(unreadable)?;
        let Description { subject, is_authority, ends_at, .. } =
            Description::of(own).ok_or_else(unreadable)?;
        if !is_authority {
            return Err(TlsError::NoAuthority { path: certificate.to_owned(), subject });
        }
        let private = parse_key(&secrets::read_own(key)?, key)?;
        if !belongs(own, &private, &provider()) {
            return Err(TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() });
        }
        let issuer = Issuer::from_ca_cert_der(own, KeyPair::try_from(&private)?)?;
        Ok(Self { path: certificate.to_owned(), issuer, chain, ends_at })
    }

    /// A certificate for a server with these names: host names, wildcards such as `*.example.com`, and addresses.
    ///
    /// # Errors
    /// There is no name, a name cannot be in a certificate, or the authority has expired.
    pub fn server(&self, names: &[String], validity: Validity) -> Result<Issued, TlsError> {
        let none = || TlsError::Name { name: String::new(), reason: "a server has at least one name" };
        let common: String = names.first().ok_or_else(none)?.chars().take(MAX_COMMON_NAME).collect();
        let mut params = params(&common, validity)?;
        params.subject_alt_names = names.iter().map(|name| server_name(name)).collect::<Result<_, _>>()?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, validity.now)
    }

    /// A certificate for a client, for example a service that calls the server API. `name` becomes the common name in the
    /// certificate's subject.
    ///
    /// # Errors
    /// The name cannot be in a certificate, or the authority has expired.
    pub fn client(&self, name: &str, validity: Validity) -> Result<Issued, TlsError> {
        let mut params = params(name, validity)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, validity.now)
    }

    /// Signs the certificate of a new key. The certificate does not outlive the authority.
    fn sign(&self, mut params: CertificateParams, now: OffsetDateTime) -> Result<Issued, TlsError> {
        if self.ends_at <= now {
            return Err(TlsError::ExpiredAuthority(self.path.clone()));
        }
        params.not_after = params.not_after.min(self.ends_at);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let signed = params.signed_by(&key, &self.issuer)?;
        // The library encodes the name of the authority again. For an unusual name, the result could differ from the name in
        // the authority's certificate.
        if !self.chain.first().is_some_and(|own| is_signed_by(signed.der(), own)) {
            let reason = "the name of this authority cannot be repeated in a certificate".to_owned();
            return Err(TlsError::Pem { path: self.path.clone(), what: "usable authority", reason });
        }
        let mut certificate = signed.pem();
        // Clients have the root. They need what is between the root and this certificate.
        for between in self.chain.iter().filter(|authority| !is_signed_by(authority, authority)) {
            certificate.push_str(&pem_of(between));
        }
        Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()), ends_at: params.not_after })
    }
}

/// Whether the private key is that of the certificate.
fn belongs(
    certificate: &CertificateDer<'_>,
    key: &PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> bool {
    let chain = vec![certificate.clone().into_owned()];
    CertifiedKey::from_der(chain, key.clone_key(), provider).is_ok()
}

fn params(common_name: &str, validity: Validity) -> Result<CertificateParams, TlsError> {
    let wrong = |reason| TlsError::Name { name: common_name.escape_debug().to_string(), reason };
    let length = common_name.chars().count();
    if length == 0 || length > MAX_COMMON_NAME {
        return Err(wrong("it must have 1 to 64 characters"));
    }
    if common_name.chars().any(char::is_control) {
        return Err(wrong("it has a control character"));
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String(common_name.to_owned()));
    params.not_before = validity.now - BEFORE;
    params.not_after = validity.end();
    Ok(params)
}

/// Converts a host name, a wildcard or an address to the form that certificates have.
fn server_name(name: &str) -> Result<SanType, TlsError> {
    let wrong = |reason| TlsError::Name { name: name.escape_debug().to_string(), reason };
    if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    if !name.is_ascii() {
        return Err(wrong("write it in ASCII form (`xn--…`)"));
    }
    let host = name.strip_prefix("*.").unwrap_or(name);
    if host.contains('*') {
        return Err(wrong("a wildcard stands for the first label, such as `*.example.com`"));
    }
    if host.ends_with('.') || DnsName::try_from(host).is_err() {
        return Err(wrong("it is neither a host name nor an address"));
    }
    let text = Ia5String::try_from(name.to_ascii_lowercase())?;
    Ok(SanType::DnsName(text))
}

fn pem_of(der: &CertificateDer<'_>) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let encoded = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
#[path = "issue_tests.rs"]
mod tests;
