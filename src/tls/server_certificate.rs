//! [`ServerCertificate`]: the certificate of the TLS port. When its files change, they are read again, because operators renew
//! certificates while the server runs.
//!
//! [`super::ServerTls`] owns it, and calls [`ServerCertificate::reload_if_changed`] every second.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::certificate_expiry::CertificateLife;
use parking_lot::RwLock;
use rustls::{
    InconsistentKeys, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    server::{ClientHello, ResolvesServerCert, danger::ClientCertVerifier},
    sign::CertifiedKey,
};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    description::validity,
    error::TlsError,
    file_state::FileState,
    pem::{parse_chain, parse_key, provider, read_chain},
};
use crate::secrets;

/// The protocol of handshakes that validate a name (RFC 8737).
const ACME_TLS: &[u8] = b"acme-tls/1";

/// A certificate chain and its private key, both in files in PEM form.
#[derive(Debug)]
pub struct ServerCertificate {
    current: RwLock<Current>,
    /// Whether the certificate is ordered by ACME. Then the TLS port answers challenges.
    is_ordered: bool,
    /// The certificate that answers the open challenge (RFC 8737), and its name.
    challenge: RwLock<Option<(String, Arc<CertifiedKey>)>>,
}

/// The paths of a certificate chain and of its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

/// A certificate that was read, and that [`ServerCertificate::adopt`] can take into use.
#[derive(Debug)]
pub struct ReadCertificate {
    pair: Pair,
    certified: Arc<CertifiedKey>,
    files: Option<[FileState; 2]>,
}

#[derive(Debug)]
struct Current {
    pair: Pair,
    /// Whether `certified` is a placeholder, because no certificate was issued yet.
    is_provisional: bool,
    certified: Arc<CertifiedKey>,
    /// The states of the files when `certified` was read; `None` if the states could not be read.
    files: Option<[FileState; 2]>,
    /// Why the files that are there now cannot be used; `None` if they can be used.
    failure: Option<Failure>,
}

/// A failure to read the files. It is reported once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    files: Option<[FileState; 2]>,
    reason: String,
}

impl ServerCertificate {
    /// Reads the files. The key is refused if users other than the owner of its file may change it.
    ///
    /// # Errors
    /// A file cannot be read or used, or the key is not that of the certificate.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let ReadCertificate { pair, certified, files } = ReadCertificate::read(certificate, key)?;
        let current = Current { pair, is_provisional: false, certified, files, failure: None };
        Ok(Self::new(current, false))
    }

    /// The certificate for `name` that ACME orders. It is kept, with its key, in the file at `path`. Until the first one is
    /// issued, a self-signed certificate stands in for it, and clients refuse it.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn ordered(path: &Path, name: &str) -> Result<Arc<Self>, TlsError> {
        let pair = Pair { certificate: path.to_owned(), key: path.to_owned() };
        if let Some(directory) = path.parent() {
            secrets::make_private_dir(directory)?;
        }
        let current = if path.symlink_metadata().is_ok() {
            let ReadCertificate { pair, certified, files } = ReadCertificate::read(path, path)?;
            Current { pair, is_provisional: false, certified, files, failure: None }
        } else {
            let certified = Arc::new(self_signed(name, None)?);
            Current { pair, is_provisional: true, certified, files: None, failure: None }
        };
        Ok(Self::new(current, true))
    }

    fn new(current: Current, is_ordered: bool) -> Arc<Self> {
        Arc::new(Self { current: RwLock::new(current), is_ordered, challenge: RwLock::default() })
    }

    /// Whether the certificate is ordered by ACME.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// Answers the authority's `acme-tls/1` handshakes for `name` with a certificate that has this digest (RFC 8737, 3).
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn open_challenge(&self, name: &str, digest: &[u8; 32]) -> Result<(), TlsError> {
        let certified = Arc::new(self_signed(name, Some(digest))?);
        *self.challenge.write() = Some((name.to_owned(), certified));
        Ok(())
    }

    /// Ends the answers of [`Self::open_challenge`].
    pub fn close_challenge(&self) {
        *self.challenge.write() = None;
    }

    /// Takes a certificate into use. From now on, its files are watched.
    pub fn adopt(&self, read: ReadCertificate) {
        let ReadCertificate { pair, certified, files } = read;
        *self.current.write() = Current { pair, is_provisional: false, certified, files, failure: None };
    }

    /// Reads the files again if they have changed. Returns `true` if they hold another certificate: new connections get it.
    /// Open connections are not affected.
    ///
    /// # Errors
    /// The files cannot be used, for example because only one of the two is new. New connections still get the earlier
    /// certificate. Each failure is returned once. The files are read again with every call until they can be used.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let pair = self.current.read().pair.clone();
        let files = file_states(&pair);
        {
            let current = self.current.read();
            if current.failure.is_none() && current.files == files {
                return Ok(false);
            }
            if current.is_provisional && files.is_none() {
                return Ok(false);
            }
        }
        let read = certified(&pair.certificate, &pair.key).map_err(first);
        let mut current = self.current.write();
        if current.pair != pair {
            // Meanwhile a reload of the settings has named other files.
            return Ok(false);
        }
        match read {
            Ok((certified, readable_by_others)) => {
                if readable_by_others {
                    let key = pair.key.display();
                    tracing::warn!(%key, "every user of this machine may read the private key of the certificate");
                }
                let renewed = certified.cert != current.certified.cert;
                let certified = Arc::new(certified);
                *current = Current { pair, is_provisional: false, certified, files, failure: None };
                Ok(renewed)
            }
            Err(error) => {
                let failure = Some(Failure { files, reason: error.to_string() });
                let reported = current.failure == failure;
                current.failure = failure;
                if reported { Ok(false) } else { Err(error) }
            }
        }
    }

    /// The end of the certificate that new connections get. `None` if this server cannot read the end from a certificate of
    /// this form. The other certificates of the chain do not count: clients may know another chain that ends later.
    #[must_use]
    pub fn ends_at(&self) -> Option<OffsetDateTime> {
        self.validity().map(|(_, end)| end)
    }

    /// The life of the certificate that new connections get. `None` as for [`Self::validity`].
    #[must_use]
    pub fn life(&self) -> Option<CertificateLife> {
        let (begins_at, ends_at) = self.validity()?;
        Some(CertificateLife { begins_at, ends_at, is_ordered: self.is_ordered })
    }

    /// The beginning and the end of the certificate that new connections get. `None` as for [`Self::ends_at`], and until the
    /// first certificate is issued.
    #[must_use]
    pub fn validity(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let current = self.current.read();
        let own = current.certified.cert.first().filter(|_| !current.is_provisional)?;
        validity(own)
    }

    /// Whether this is the certificate that is served now.
    pub(super) fn is_served(&self, certificate: &CertificateDer<'_>) -> bool {
        self.current.read().certified.cert.first().is_some_and(|own| own == certificate)
    }

    /// The TLS settings with this certificate. With a verifier in `clients`, clients may present certificates, which it
    /// verifies.
    ///
    /// # Errors
    /// The crypto provider cannot do what TLS needs.
    pub fn config(
        self: &Arc<Self>,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<ServerConfig, TlsError> {
        let builder =
            ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let builder = match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        // WebSockets begin as an upgrade of HTTP/1.1; HTTP/2 is not supported.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.is_ordered {
            config.alpn_protocols.push(ACME_TLS.to_vec());
        }
        Ok(config)
    }
}

impl ReadCertificate {
    /// Reads the files.
    ///
    /// # Errors
    /// As [`ServerCertificate::load`].
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let pair = Pair { certificate: certificate.to_owned(), key: key.to_owned() };
        let files = file_states(&pair);
        let certified = Arc::new(certified(certificate, key).map_err(first)?.0);
        Ok(Self { pair, certified, files })
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == ACME_TLS)) {
            let challenge = self.challenge.read();
            let (name, certified) = challenge.as_ref()?;
            let asked = hello.server_name()?;
            return asked.eq_ignore_ascii_case(name).then(|| Arc::clone(certified));
        }
        Some(Arc::clone(&self.current.read().certified))
    }
}

/// A certificate for `name` that signs itself. With `digest`, it answers a challenge.
fn self_signed(name: &str, digest: Option<&[u8; 32]>) -> Result<CertifiedKey, TlsError> {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions.extend(digest.map(|digest| rcgen::CustomExtension::new_acme_identifier(digest)));
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let private = parse_key(&Zeroizing::new(key.serialize_pem()), Path::new("a new key"))?;
    // The usual constructor reads the certificate. It refuses the critical extension of a challenge, because it does not know
    // the extension.
    let signer = provider().key_provider.load_private_key(private)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer))
}

/// Checks that a new certificate chain and its key, both in one PEM text, can be used for `name`.
///
/// # Errors
/// What is wrong with them.
pub fn check_issued(pem: &str, name: &str) -> Result<(), TlsError> {
    let place = Path::new("the answer of the authority");
    let chain = parse_chain(pem, place)?;
    let certified = CertifiedKey::from_der(chain, parse_key(pem, place)?, &provider())?;
    let own = certified.end_entity_cert()?;
    let server_name =
        ServerName::try_from(name).map_err(|_| rustls::Error::General("not a name".to_owned()))?;
    rustls::client::verify_server_name(&rustls::server::ParsedCertificate::try_from(own)?, &server_name)?;
    Ok(())
}

/// The states of both files; `None` if the state of a file cannot be read.
fn file_states(pair: &Pair) -> Option<[FileState; 2]> {
    Some([FileState::of(&pair.certificate)?, FileState::of(&pair.key)?])
}

/// Checks the operator's files in the same way as the start of a server. Returns whether every user of this machine may read
/// the private key.
///
/// # Errors
/// Everything that is wrong with the two files.
pub fn check_operators(certificate: &Path, key: &Path) -> Result<bool, Vec<TlsError>> {
    certified(certificate, key).map(|(_, readable_by_others)| readable_by_others)
}

/// The certificate with its key, and whether every user of this machine may read the key.
fn certified(certificate: &Path, key: &Path) -> Result<(CertifiedKey, bool), Vec<TlsError>> {
    let (private, readable_by_others, chain) = match (operators_key(key), read_chain(certificate)) {
        (Ok((private, readable_by_others)), Ok(chain)) => (private, readable_by_others, chain),
        (private, chain) => return Err([chain.err(), private.err()].into_iter().flatten().collect()),
    };
    match CertifiedKey::from_der(chain, private, &provider()) {
        Ok(certified) => Ok((certified, readable_by_others)),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(vec![TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }])
        }
        Err(error) => Err(vec![error.into()]),
    }
}

/// The operator's key, and whether every user of this machine may read its file.
fn operators_key(path: &Path) -> Result<(PrivateKeyDer<'static>, bool), TlsError> {
    let secret = secrets::read_operators(path, secrets::LONGEST)?;
    Ok((parse_key(&secret.text, path)?, secret.readable_by_others))
}

/// The first error, for callers that report one.
fn first(errors: Vec<TlsError>) -> TlsError {
    errors.into_iter().next().unwrap_or(TlsError::NoCertificate)
}

#[cfg(test)]
#[path = "server_certificate_tests.rs"]
mod tests;
