//! [`ClientAuthority`]: the authorities of client certificates (`CLIENT_CA_FILE`), and the lists of revoked certificates
//! (`CLIENT_CRL_FILE`). When a file changes, it is read again, so a revoked certificate is refused without a restart.
//!
//! `server_tls` makes it. The handshake verifies each certificate. But an open connection, and a resumed TLS session, can
//! outlive the certificate. So the listener also gets a [`ClientAuthority::standing`] for each connection.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{
    description::Description,
    error::TlsError,
    file_state::FileState,
    pem::{provider, read_chain},
};

/// How long the verification of a certificate counts for the requests of its connection.
const VERIFIED_FOR: Duration = Duration::from_secs(1);

/// The files of client certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// The certificates of the authorities, in PEM form.
    pub authorities: PathBuf,
    /// The lists of revoked certificates, in PEM form.
    pub revoked: Option<PathBuf>,
}

impl ClientFiles {
    fn states(&self) -> [Option<FileState>; 2] {
        [FileState::of(&self.authorities), self.revoked.as_deref().and_then(FileState::of)]
    }
}

/// The authorities and lists that were read.
#[derive(Debug)]
pub struct ReadAuthority {
    files: ClientFiles,
    states: [Option<FileState>; 2],
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ReadAuthority {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read, or does not have the expected content.
    pub fn read(files: ClientFiles) -> Result<Self, TlsError> {
        let states = files.states();
        let verifier = verifier(&files)?;
        Ok(Self { files, states, verifier })
    }

    /// Verifies the certificates in handshakes.
    #[must_use]
    pub fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.verifier)
    }

    /// Whether the certificate in front of this chain is valid now.
    fn admits(&self, chain: &[CertificateDer<'_>]) -> bool {
        let Some((own, rest)) = chain.split_first() else { return false };
        self.verifier.verify_client_cert(own, rest, UnixTime::now()).is_ok()
    }
}

/// The authorities of client certificates, as they are now.
#[derive(Debug)]
pub struct ClientAuthority {
    /// It is replaced only while `failure` is locked.
    current: ArcSwap<ReadAuthority>,
    /// The states of files that could not be used, and why. It is reported once.
    failure: Mutex<Option<([Option<FileState>; 2], String)>>,
}

impl ClientAuthority {
    /// The authorities in these files.
    ///
    /// # Errors
    /// As [`ReadAuthority::read`].
    pub fn load(files: ClientFiles) -> Result<Self, TlsError> {
        Ok(Self { current: ArcSwap::from_pointee(ReadAuthority::read(files)?), failure: Mutex::default() })
    }

    /// The authorities and lists that count now.
    #[must_use]
    pub fn current(&self) -> Arc<ReadAuthority> {
        self.current.load_full()
    }

    /// Takes authorities and lists into use. From now on, their files are watched.
    pub fn adopt(&self, read: ReadAuthority) {
        let mut failure = self.failure.lock();
        *failure = None;
        self.current.store(Arc::new(read));
    }

    /// Reads the files again if they have changed. Returns `true` if they were read.
    ///
    /// # Errors
    /// The files cannot be used. The previous authorities and lists still count. Each failure is returned once. The files are
    /// read again with every call until they can be used.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let current = self.current.load_full();
        let states = current.files.states();
        if self.failure.lock().is_none() && current.states == states {
            return Ok(false);
        }
        let read = ReadAuthority::read(current.files.clone());
        self.take(&current, states, read)
    }

    /// Takes what was read from the files of `former` while they had these states.
    fn take(
        &self,
        former: &Arc<ReadAuthority>,
        states: [Option<FileState>; 2],
        read: Result<ReadAuthority, TlsError>,
    ) -> Result<bool, TlsError> {
        let mut last = self.failure.lock();
        if !Arc::ptr_eq(former, &self.current.load()) {
            // Meanwhile, a reload of the settings has chosen other files, or has read the same ones again.
            return Ok(false);
        }
        match read {
            Ok(read) => {
                *last = None;
                self.current.store(Arc::new(read));
                Ok(true)
            }
            Err(error) => {
                let failure = Some((states, error.to_string()));
                let reported = *last == failure;
                *last = failure;
                if reported { Ok(false) } else { Err(error) }
            }
        }
    }

    /// Says for each request of a connection whether the client's certificate still counts. It is verified again after a change
    /// of the authorities or lists, and every second. So the end and the revocation of a certificate also concern open
    /// connections and resumed TLS sessions.
    pub fn standing(
        self: &Arc<Self>,
        chain: Vec<CertificateDer<'static>>,
    ) -> impl Fn() -> bool + Send + Sync + use<> {
        let authority = Arc::clone(self);
        let verified = Mutex::new(None::<(Arc<ReadAuthority>, Instant)>);
        move || {
            let (current, now) = (authority.current.load_full(), Instant::now());
            let mut verified = verified.lock();
            let counts = |(by, at): &(Arc<ReadAuthority>, Instant)| {
                Arc::ptr_eq(by, &current) && now.duration_since(*at) < VERIFIED_FOR
            };
            if verified.as_ref().is_some_and(counts) {
                return true;
            }
            let admits = current.admits(&chain);
            *verified = admits.then_some((current, now));
            admits
        }
    }
}

/// Verifies client certificates. A client may have none. A certificate must be signed by an authority of the file, must be
/// valid now, and must not be revoked. Otherwise the handshake fails. The server names the authorities in the handshake, so
/// clients with several certificates choose one that fits, or none.
fn verifier(files: &ClientFiles) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_chain(&files.authorities)? {
        let described = Description::of(&certificate).filter(|described| !described.is_authority);
        if let Some(Description { subject, .. }) = described {
            return Err(TlsError::NoAuthority { path: files.authorities.clone(), subject });
        }
        roots.add(certificate)?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    if let Some(path) = &files.revoked {
        // A certificate is refused if its issuer has no list, or an expired one: the certificate may be revoked.
        builder = builder.with_crls(read_lists(path)?).enforce_revocation_expiration();
    }
    let unusable = |error: &dyn std::fmt::Display| match &files.revoked {
        Some(path) => TlsError::Lists { path: path.clone(), reason: error.to_string() },
        None => TlsError::Unusable(rustls::Error::General(error.to_string())),
    };
    builder.allow_unauthenticated().build().map_err(|error| unusable(&error))
}

/// The lists of revoked certificates in a file.
fn read_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Lists { path: path.to_owned(), reason };
    let lists = CertificateRevocationListDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(error.to_string()))?;
    if lists.is_empty() { Err(wrong("it has no X509 CRL section".to_owned())) } else { Ok(lists) }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::tls::{Authority, PairPaths, Validity, new_authority};

    #[test]
    fn files_that_were_read_before_a_reload_do_not_undo_it() {
        let directory = tempfile::tempdir().unwrap();
        let validity = Validity { now: OffsetDateTime::now_utc(), days: 9 };
        let [first, second] = ["first", "second"].map(|name| {
            let pair = PairPaths::of(&directory.path().join(name));
            pair.write(&new_authority(name, validity).unwrap(), false).unwrap();
            ClientFiles { authorities: pair.certificate, revoked: None }
        });
        let authorities = ClientAuthority::load(first.clone()).unwrap();
        let (former, states) = (authorities.current(), first.states());
        let read = ReadAuthority::read(first);
        authorities.adopt(ReadAuthority::read(second.clone()).unwrap());
        assert!(!authorities.take(&former, states, read).unwrap());
        assert_eq!(authorities.current().files, second);
        let failed = Err(TlsError::NoCertificate);
        assert!(!authorities.take(&former, states, failed).unwrap(), "the failure concerns former files");
        assert!(authorities.failure.lock().is_none());
    }

    #[test]
    fn files_that_cannot_be_used_change_nothing_and_are_reported_once() {
        let directory = tempfile::tempdir().unwrap();
        let validity = Validity { now: OffsetDateTime::now_utc(), days: 9 };
        let pair = PairPaths::of(&directory.path().join("ca"));
        let made = new_authority("An authority", validity).unwrap();
        pair.write(&made, false).unwrap();
        let authority = Authority::load(&pair.certificate, &pair.key).unwrap();
        let client = authority.client("console", validity).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(client.certificate.as_bytes()).unwrap()];
        let files = ClientFiles { authorities: pair.certificate.clone(), revoked: None };
        let authorities = Arc::new(ClientAuthority::load(files).unwrap());
        let counts = authorities.standing(chain);
        assert!(counts());
        assert!(!authorities.reload_if_changed().unwrap());
        std::fs::write(&pair.certificate, "no certificate").unwrap();
        assert!(authorities.reload_if_changed().is_err());
        assert!(!authorities.reload_if_changed().unwrap(), "reported once");
        assert!(counts() && authorities.failure.lock().is_some());
        std::fs::write(&pair.certificate, &made.certificate).unwrap();
        assert!(authorities.reload_if_changed().unwrap());
        assert!(counts() && !authorities.reload_if_changed().unwrap());
        std::fs::write(&pair.certificate, new_authority("Another", validity).unwrap().certificate).unwrap();
        assert!(authorities.reload_if_changed().unwrap());
        assert!(!counts(), "the authority of the certificate is gone");
    }
}
