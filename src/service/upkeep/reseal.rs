//! Seals the data of a previous data encryption key anew, so that this key can be removed from the settings.
//!
//! This is a job. Several nodes may run it at the same time: a row is replaced only if it has not changed since it was read.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use domain::{
    crypto::seal::{NONCE_BYTES, SealError, Sealed},
    transparency_log::keys::AuditKeySealer,
};
use protocol::id::UserId;
use store::Store;

use super::batches::in_batches;
use crate::{
    core::{failure::Failure, keys::LiveKeys, random::random_bytes},
    events::receiver_secrets::ReceiverSecrets,
};

/// How often the job runs.
pub(crate) const EVERY: Duration = Duration::from_secs(60);

/// The number of rows in a batch.
const BATCH: u32 = 200;

/// Seals rows anew.
pub(crate) struct Reseal {
    pub(crate) store: Store,
    pub(crate) keys: LiveKeys,
    pub(crate) receivers: ReceiverSecrets,
}

impl Reseal {
    /// One pass over everything that a previous key has sealed.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached; the next pass continues.
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let previous = self.keys.live().totp.previous_ids();
        if previous.is_empty() {
            return Ok(());
        }
        self.lasting_keys().await?;
        self.audit_keys().await?;
        self.receivers().await?;
        let last = AtomicI64::new(i64::MIN);
        in_batches(|| self.apps(&previous, &last)).await
    }

    /// Seals the secrets of a batch of authenticator apps. `false` if there is no further batch.
    async fn apps(&self, previous: &[String], last: &AtomicI64) -> Result<bool, Failure> {
        let after = UserId(last.load(Ordering::Relaxed));
        let batch = self.store.totp_sealed_with(previous.to_vec(), after, BATCH).await?;
        let Some((end, _)) = batch.last() else { return Ok(false) };
        last.store(end.0, Ordering::Relaxed);
        for (user, old) in batch {
            let nonce = random_bytes::<NONCE_BYTES>()?;
            // The keys are not held while the database works.
            let again = self.sealed_again(user, &old, nonce);
            match again {
                Ok(None) => {}
                Ok(Some(new)) => {
                    self.store.reseal_totp(user, old, new).await?;
                }
                Err(error) => {
                    tracing::error!(%error, user = user.0, key_id = old.key_id, "a sealed TOTP secret cannot be opened");
                }
            }
        }
        Ok(true)
    }

    fn sealed_again(
        &self,
        user: UserId,
        old: &Sealed,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Option<Sealed>, SealError> {
        let keys = self.keys.live();
        let (secret, outdated) = keys.totp.open(user.0, old)?;
        Ok(outdated.then(|| keys.totp.seal(user.0, &secret, nonce)))
    }

    async fn audit_keys(&self) -> Result<(), Failure> {
        let sealer = AuditKeySealer::new(&self.keys.live().data_encryption);
        for (purpose, old) in self.store.audit_keys().await? {
            match sealer.sealed_again(purpose, &old, random_bytes::<NONCE_BYTES>()?) {
                Ok(None) => {}
                Ok(Some(new)) => {
                    self.store.reseal_audit_key(purpose, old, new).await?;
                }
                Err(error) => {
                    let (purpose, key_id) = (purpose.as_str(), old.key_id);
                    tracing::error!(%error, purpose, key_id, "a sealed key of the audit log cannot be opened");
                }
            }
        }
        Ok(())
    }

    /// Seals the secrets of receivers of events.
    async fn receivers(&self) -> Result<(), Failure> {
        for receiver in self.store.receivers_sealed_with(self.receivers.previous_ids()).await? {
            let seen = receiver.updated_at;
            // A secret that cannot be opened was reported. The others are sealed anew.
            if let Ok(resealed) = self.receivers.resealed(receiver) {
                self.store.reseal_receiver(resealed, seen).await?;
            }
        }
        Ok(())
    }

    async fn lasting_keys(&self) -> Result<(), Failure> {
        for (purpose, old) in self.store.lasting_keys().await? {
            let nonce = random_bytes::<NONCE_BYTES>()?;
            // The keys are not held while the database works.
            let again = self.keys.live().lasting.sealed_again(purpose, &old, nonce);
            match again {
                Ok(None) => {}
                Ok(Some(new)) => {
                    self.store.replace_lasting_key(purpose, old, new).await?;
                }
                Err(error) => {
                    let (purpose, key_id) = (purpose.as_str(), old.key_id);
                    tracing::error!(%error, purpose, key_id, "a sealed lasting key cannot be opened");
                }
            }
        }
        Ok(())
    }
}
