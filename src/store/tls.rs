//! TLS for database connections: a rustls configuration for each mode of libpq.
//!
//! Called by `connection`. `prefer` and `require` encrypt without verifying the server's identity, as libpq does. The
//! signatures of the handshake are checked in every mode that encrypts. Files are read anew for each connection, so a renewed
//! certificate is used without a restart.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::StoreError,
    tls_mode::{ClientIdentity, Roots, TlsMode},
};

/// The permissions of the group and of all others to change a file.
const WRITABLE: u32 = 0o022;

/// Makes the TLS side of connections.
pub(crate) struct TlsSource {
    mode: TlsMode,
    identity: Option<ClientIdentity>,
    /// The connector of a mode that reads no files of the operator.
    fixed: Option<MakeRustlsConnect>,
}

impl TlsSource {
    /// Reads all files once, to find out whether they can be used.
    pub(crate) fn new(mode: &TlsMode, identity: Option<&ClientIdentity>) -> Result<Self, StoreError> {
        let made = connector(mode, identity)?;
        let reads_files = identity.is_some() || mode.roots_file().is_some();
        Ok(Self { mode: mode.clone(), identity: identity.cloned(), fixed: (!reads_files).then_some(made) })
    }

    /// The connector for the next connection.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect, StoreError> {
        match &self.fixed {
            Some(fixed) => Ok(fixed.clone()),
            None => connector(&self.mode, self.identity.as_ref()),
        }
    }
}

/// A verifier that does not check the host name. Without `chain`, it does not check the chain of certificates, either.
#[derive(Debug)]
struct Lenient {
    /// Verifies the chain. If it is `None`, any certificate is accepted.
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

fn connector(mode: &TlsMode, identity: Option<&ClientIdentity>) -> Result<MakeRustlsConnect, StoreError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(StoreError::internal)?;
    let builder = match mode {
        TlsMode::VerifyFull(roots) => builder.with_root_certificates(load(roots)?),
        TlsMode::VerifyCa(roots) => {
            let chain =
                WebPkiServerVerifier::builder_with_provider(Arc::new(load(roots)?), Arc::clone(&provider))
                    .build()
                    .map_err(StoreError::internal)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Lenient { chain: Some(chain), provider }))
        }
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient { chain: None, provider }))
        }
    };
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = own_certificate(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                let (certificate, key) = (identity.certificate.display(), identity.key.display());
                StoreError::Internal(format!(
                    "the client certificate {certificate} with the key {key}: {error}"
                ))
            })?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

/// The certificate chain and the private key of this client.
fn own_certificate(
    identity: &ClientIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), StoreError> {
    let chain = certificates(&identity.certificate, "client certificate")?;
    if chain.is_empty() {
        let path = identity.certificate.display();
        return Err(StoreError::Internal(format!(
            "client certificate {path}: it has no CERTIFICATE section"
        )));
    }
    let path = &identity.key;
    let wrong = |reason: String| StoreError::Internal(format!("client key {}: {reason}", path.display()));
    let text = zeroize::Zeroizing::new(std::fs::read(path).map_err(|error| wrong(error.to_string()))?);
    // The permissions of a pipe mean nothing.
    let facts = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    let mode = facts.permissions().mode() & 0o777;
    if facts.is_file() && mode & WRITABLE != 0 {
        let path = path.display();
        return Err(wrong(format!("others may change the file (mode {mode:03o}): run chmod go-w {path}")));
    }
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok((chain, key)),
        Err(_) if text.windows(9).any(|part| part == b"ENCRYPTED") => Err(wrong(
            "the key is encrypted: store it without a passphrase (openssl pkey -in … -out …)".to_owned(),
        )),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn load(roots: &Roots) -> Result<RootCertStore, StoreError> {
    let (certificates, source) = match roots {
        Roots::File(file) => (certificates(file, "root certificates")?, file.display().to_string()),
        Roots::System => (system_certificates()?, "of this system".to_owned()),
    };
    let mut store = RootCertStore::empty();
    // A file may contain certificates that cannot be root certificates. Such certificates are ignored.
    store.add_parsable_certificates(certificates);
    if store.is_empty() {
        return Err(StoreError::Internal(format!("root certificates {source}: no usable certificate")));
    }
    Ok(store)
}

fn certificates(file: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let unreadable = |error: pem::Error| StoreError::Internal(format!("{what} {}: {error}", file.display()));
    CertificateDer::pem_file_iter(file).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)
}

/// The root certificates of the operating system. Certificates that cannot be read are left out.
fn system_certificates() -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let found = rustls_native_certs::load_native_certs();
    match found.errors.first() {
        Some(error) if found.certs.is_empty() => Err(StoreError::Internal(format!(
            "no root certificates on this system ({error}): name a file in sslrootcert"
        ))),
        _ => Ok(found.certs),
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is checked last, so an error about the name means that the chain is valid.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
