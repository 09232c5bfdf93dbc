//! The self-signed certificate of `portcullis dev`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
};
use time::{Duration, OffsetDateTime};

use super::{
    error::TlsError,
    pair::PairPaths,
    pem::{parse_key, provider, read_chain},
};
use crate::secrets;

/// The names that the development certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const LIFETIME: Duration = Duration::days(90);
/// A certificate with less than this time left is replaced at the next start. Warnings of the end of a certificate begin
/// later, so a development server never warns at its start.
const RENEWAL: Duration = Duration::days(31);

/// The file with the development certificate, for clients that must trust it (`curl --cacert`).
pub fn dev_certificate_path(data_dir: &Path) -> PathBuf {
    dev_pair(data_dir).certificate
}

fn dev_pair(data_dir: &Path) -> PairPaths {
    PairPaths::of(&data_dir.join("tls/localhost"))
}

/// The files of a certificate for localhost and of its key, in `<data_dir>/tls`. This function replaces the certificate if it
/// cannot be used, or if less than 31 days of its life are left.
///
/// # Errors
/// The certificate cannot be made, or the files cannot be written.
pub fn dev_certificate(data_dir: &Path) -> Result<PairPaths, TlsError> {
    dev_certificate_at(data_dir, OffsetDateTime::now_utc())
}

fn dev_certificate_at(data_dir: &Path, now: OffsetDateTime) -> Result<PairPaths, TlsError> {
    let pair = dev_pair(data_dir);
    match check(&pair, now + RENEWAL) {
        Ok(()) => return Ok(pair),
        // New files replace the stored files, for any problem of them.
        Err(reason) if pair.certificate.exists() => {
            tracing::info!(%reason, "making a new development certificate");
        }
        Err(_) => {}
    }
    generate(&pair, now)?;
    check(&pair, now)?;
    Ok(pair)
}

/// Checks the stored development certificate.
///
/// # Errors
/// The files cannot be used, or a client that trusts the certificate would refuse it at `moment` for one of the names in
/// `NAMES`.
fn check(pair: &PairPaths, moment: OffsetDateTime) -> Result<(), TlsError> {
    let chain = read_chain(&pair.certificate)?;
    check_as_client(&chain, moment)?;
    let key = parse_key(&secrets::read_own(&pair.key)?, &pair.key)?;
    CertifiedKey::from_der(chain, key, &provider())?;
    Ok(())
}

fn generate(pair: &PairPaths, now: OffsetDateTime) -> Result<(), TlsError> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "Portcullis development certificate");
    // Clocks of other machines may be a little behind.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + LIFETIME;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let signed = params.self_signed(&key)?;
    if let Some(directory) = pair.certificate.parent() {
        secrets::make_private_dir(directory)?;
    }
    // After a crash between the two writes, key and certificate do not belong together, and the next start makes a new pair.
    secrets::replace_private(&pair.key, &zeroize::Zeroizing::new(key.serialize_pem()))?;
    secrets::replace_private(&pair.certificate, &signed.pem())?;
    Ok(())
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

#[cfg(test)]
#[path = "development_tests.rs"]
mod tests;
