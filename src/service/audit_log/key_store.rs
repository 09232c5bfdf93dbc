//! The keys of the log. The first server of a database makes them, and each process opens them once.

use std::sync::Arc;

use domain::{
    crypto::seal::NONCE_BYTES,
    transparency_log::{
        keys::{AuditKeyPurpose, AuditKeySealer, signing_seed},
        note::NoteSigner,
        personal::PersonalSealer,
    },
};
use zeroize::Zeroizing;

use super::{
    error::AuditLogError,
    log::{AuditLog, OpenedKeys},
};
use crate::core::random::random_bytes;

impl AuditLog {
    /// The keys of the log. With `make`, a database that has none gets them.
    ///
    /// # Errors
    /// `Unopened`, `NoKeys` without `make`, or the database cannot be reached.
    pub(crate) async fn keys(&self, make: bool) -> Result<Arc<OpenedKeys>, AuditLogError> {
        if let Some(opened) = self.opened.lock().clone() {
            return Ok(opened);
        }
        let opened = Arc::new(self.open_keys(make).await?);
        *self.opened.lock() = Some(Arc::clone(&opened));
        Ok(opened)
    }

    async fn open_keys(&self, make: bool) -> Result<OpenedKeys, AuditLogError> {
        let sealer = AuditKeySealer::new(&(self.data_keys)());
        let mut stored = self.store.audit_keys().await?;
        if stored.len() < AuditKeyPurpose::ALL.len() {
            if !make {
                return Err(AuditLogError::NoKeys);
            }
            let fresh = AuditKeyPurpose::ALL.into_iter().map(|purpose| {
                let (key, nonce) = (Zeroizing::new(random()?), random::<NONCE_BYTES>()?);
                Ok((purpose, sealer.seal(purpose, &key, nonce)))
            });
            let fresh = fresh.collect::<Result<_, AuditLogError>>()?;
            self.store.add_audit_keys(fresh, self.clock.now()).await?;
            // Another server may have been faster. Its keys count.
            stored = self.store.audit_keys().await?;
        }
        let key = |purpose| {
            let sealed = stored.iter().find(|(known, _)| *known == purpose).ok_or(AuditLogError::NoKeys)?;
            sealer.open(purpose, &sealed.1).map_err(|_| AuditLogError::Unopened)
        };
        let personal = Arc::new(PersonalSealer::new(&*key(AuditKeyPurpose::Personal)?));
        let seed = match &self.settings.signing {
            Some(setting) => Zeroizing::new(signing_seed(setting)),
            None => key(AuditKeyPurpose::Signing)?,
        };
        let name = self.store.audit_log_head().await?.key_name();
        let signer = NoteSigner::new(&name, &seed).ok_or(AuditLogError::Unopened)?;
        Ok(OpenedKeys { signer, personal })
    }

    /// The verifier key of the checkpoints, as text.
    ///
    /// # Errors
    /// See [`AuditLogError`].
    pub async fn verifier_key(&self) -> Result<String, AuditLogError> {
        Ok(self.keys(false).await?.signer.verifier().text())
    }
}

/// Fresh random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], AuditLogError> {
    random_bytes().map_err(|_| AuditLogError::Random)
}
