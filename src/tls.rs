//! The certificate of the TLS port: the operator's certificate, or a self-signed one for development. `app` and `cli`
//! use it.
//!
//! This file must not know sockets. It makes a `rustls::ServerConfig`.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::RwLock;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::{Duration, OffsetDateTime};

use crate::secrets::{self, SecretsError};

/// The names that the development certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const LIFETIME: Duration = Duration::days(90);
/// A certificate with less than this time left is replaced at the next start.
const RENEWAL: Duration = Duration::days(14);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// TLS is configured, but there is no certificate.
    #[error("the TLS port needs a certificate and its private key")]
    NoCertificate,
    /// A file cannot be read, or other users may change the private key.
    #[error(transparent)]
    File(#[from] SecretsError),
    /// A file does not have the expected content.
    #[error("{path} does not hold a {what} in PEM form: {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// The expected content.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key do not belong together, or are of an unsupported kind.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The development certificate could not be generated.
    #[error("cannot make a development certificate: {0}")]
    Generate(#[from] rcgen::Error),
}

impl TlsError {
    /// TLS is configured, but there is neither a development certificate nor files of the operator.
    pub fn none() -> Self {
        Self::NoCertificate
    }
}

/// The file with the development certificate, for clients that must trust it (`curl --cacert`).
pub fn dev_certificate_path(data_dir: &Path) -> PathBuf {
    data_dir.join("tls/localhost.crt")
}

/// The TLS settings with a certificate for localhost, which is kept in `<data_dir>/tls` and replaced before it expires.
pub fn dev_certificate(data_dir: &Path) -> Result<ServerConfig, TlsError> {
    dev_certificate_at(data_dir, OffsetDateTime::now_utc())
}

fn dev_certificate_at(data_dir: &Path, now: OffsetDateTime) -> Result<ServerConfig, TlsError> {
    let certificate = dev_certificate_path(data_dir);
    let key = certificate.with_extension("key");
    match load_own(&certificate, &key, now + RENEWAL) {
        Ok(config) => return Ok(config),
        // A new certificate solves every such problem.
        Err(reason) if certificate.exists() => {
            tracing::info!(%reason, "making a new development certificate");
        }
        Err(_) => {}
    }
    generate(&certificate, &key, now)?;
    load_own(&certificate, &key, now)
}

/// The operator's certificate chain and private key, both in PEM form. When the files change, they are read again: certificates
/// are renewed while the server runs.
#[derive(Debug)]
pub struct OperatorCertificate {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    certified: Arc<CertifiedKey>,
    /// The files as they were when they were read last.
    read: Option<[FileState; 2]>,
}

/// What of a file changes with its content: time of the change, length, and the file itself.
type FileState = (i64, i64, u64, u64);

impl OperatorCertificate {
    /// Reads the files. A key that users other than its owner may change is refused.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let read = file_states(certificate, key);
        let certified = Arc::new(certified(certificate, key)?);
        let current = RwLock::new(Current { certified, read });
        Ok(Arc::new(Self { certificate: certificate.to_owned(), key: key.to_owned(), current }))
    }

    /// Reads the files again if they have changed. `true` if new connections get another certificate. After an error they get the
    /// one from before.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let read = file_states(&self.certificate, &self.key);
        if self.current.read().read == read {
            return Ok(false);
        }
        let read_again = certified(&self.certificate, &self.key);
        let mut current = self.current.write();
        // A file that is wrong is not read again until it changes.
        current.read = read;
        current.certified = Arc::new(read_again?);
        Ok(true)
    }

    /// The TLS settings with this certificate.
    pub fn config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(with_protocols(config))
    }
}

impl ResolvesServerCert for OperatorCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().certified))
    }
}

/// The states of both files; `None` if one cannot be looked at.
fn file_states(certificate: &Path, key: &Path) -> Option<[FileState; 2]> {
    let state = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.mtime(), found.mtime_nsec(), found.len(), found.ino()))
    };
    Some([state(certificate)?, state(key)?])
}

fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let secret = secrets::read_operators(key, secrets::LONGEST)?;
    if secret.readable_by_others {
        tracing::warn!(key = %key.display(), "every user of this machine may read the private key of the certificate");
    }
    let key = parse_key(&secret.text, key)?;
    Ok(CertifiedKey::from_der(read_chain(certificate)?, key, &provider())?)
}

/// The development certificate, if a client that trusts it would accept it for localhost at `moment`.
fn load_own(certificate: &Path, key: &Path, moment: OffsetDateTime) -> Result<ServerConfig, TlsError> {
    let chain = read_chain(certificate)?;
    check_as_client(&chain, moment)?;
    let key = parse_key(&secrets::read_own(key)?, key)?;
    server_config(chain, key)
}

fn generate(certificate: &Path, key: &Path, now: OffsetDateTime) -> Result<(), TlsError> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "Portcullis development certificate");
    // Clocks of other machines may be a little behind.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + LIFETIME;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let pair = KeyPair::generate()?;
    let signed = params.self_signed(&pair)?;
    if let Some(directory) = certificate.parent() {
        secrets::make_private_dir(directory)?;
    }
    // After a crash between the two writes, key and certificate do not belong together, and the next start makes new ones.
    secrets::replace_private(key, &zeroize::Zeroizing::new(pair.serialize_pem()))?;
    secrets::replace_private(certificate, &signed.pem())?;
    Ok(())
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Pem { path: path.to_owned(), what: "certificate", reason };
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() { Err(wrong("it has no CERTIFICATE section".to_owned())) } else { Ok(chain) }
}

fn parse_key(text: &str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| TlsError::Pem {
        path: path.to_owned(),
        what: "private key",
        reason: error.to_string(),
    })
}

/// Checks the certificate as a client would: names, validity at `moment`, signature.
fn check_as_client(chain: &[CertificateDer<'static>], moment: OffsetDateTime) -> Result<(), rustls::Error> {
    let Some(own) = chain.first() else {
        return Err(rustls::Error::NoCertificatesPresented);
    };
    let mut roots = RootCertStore::empty();
    roots.add(own.clone())?;
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let seconds = u64::try_from(moment.unix_timestamp()).unwrap_or_default();
    let moment = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    for name in NAMES {
        let name = ServerName::try_from(name).map_err(|error| rustls::Error::General(error.to_string()))?;
        let verifier: &dyn rustls::client::danger::ServerCertVerifier = &*verifier;
        verifier.verify_server_cert(own, &[], &name, &[], moment)?;
    }
    Ok(())
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, TlsError> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(with_protocols(config))
}

/// WebSockets begin as an upgrade of HTTP/1.1; HTTP/2 is not supported.
fn with_protocols(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// The crypto provider, named explicitly: a process-wide default would depend on which library sets it first.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
