//! TLS for database connections: a rustls configuration for each mode of libpq.
//!
//! Called by `pool`. `prefer` and `require` encrypt without verifying the server's identity, as libpq does. The
//! signatures of the handshake are checked in every mode.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::StoreError,
    tls_mode::{Roots, TlsMode},
};

/// A verifier that does not check the host name. Without `chain` it does not check the chain, either.
#[derive(Debug)]
struct Lenient {
    /// Verifies the chain; without it, any certificate is accepted.
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

/// The connector for this mode.
pub(super) fn connector(mode: &TlsMode) -> Result<MakeRustlsConnect, StoreError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(StoreError::internal)?;
    let config = match mode {
        TlsMode::VerifyFull(roots) => builder.with_root_certificates(load(roots)?).with_no_client_auth(),
        TlsMode::VerifyCa(roots) => {
            let chain =
                WebPkiServerVerifier::builder_with_provider(Arc::new(load(roots)?), Arc::clone(&provider))
                    .build()
                    .map_err(StoreError::internal)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Lenient { chain: Some(chain), provider }))
                .with_no_client_auth()
        }
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Lenient { chain: None, provider }))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

fn load(roots: &Roots) -> Result<RootCertStore, StoreError> {
    let (certificates, source) = match roots {
        Roots::File(file) => (file_certificates(file)?, file.display().to_string()),
        Roots::System => (system_certificates()?, "of this system".to_owned()),
    };
    let mut store = RootCertStore::empty();
    // A bundle may contain certificates that cannot be trust anchors. They are ignored.
    store.add_parsable_certificates(certificates);
    if store.is_empty() {
        return Err(StoreError::Internal(format!("root certificates {source}: no usable certificate")));
    }
    Ok(store)
}

fn file_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let unreadable =
        |error: pem::Error| StoreError::Internal(format!("root certificates {}: {error}", file.display()));
    CertificateDer::pem_file_iter(file).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)
}

/// The trust anchors of the operating system. A part of them may be unreadable.
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
        // The name is checked last: a certificate that fails only there has a valid chain.
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
