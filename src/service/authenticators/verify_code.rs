//! Verifies codes: backup codes, and codes of authenticator apps, which have sealed secrets in the database.
//!
//! Sign-ins use this file for second factors. `account` uses it for step-ups, new apps and new backup codes. A correct code is
//! not spent here: the transaction of the change that needs the code spends it. A failure of the database is never answered as
//! "wrong code".

use domain::{
    crypto::seal::{NONCE_BYTES, Sealed},
    factors::{
        backup_code::BackupCode,
        totp::{SECRET_BYTES, TotpCode, TotpSecret, matching_step},
    },
};
use protocol::id::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use store::{Proof, Store};

use crate::core::{clock::Clock, failure::Failure, keys::LiveKeys, random::random_bytes};

/// A code as it was typed.
#[derive(Clone, Debug)]
pub enum CodeProof {
    /// A code of an authenticator app.
    Totp(SecretString),
    /// A backup code.
    BackupCode(SecretString),
}

impl CodeProof {
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Totp(_) => "totp",
            Self::BackupCode(_) => "backup_code",
        }
    }
}

/// Verifies codes, and seals the secrets of authenticator apps. Clones are cheap.
#[derive(Clone)]
pub(crate) struct CodeVerifier {
    store: Store,
    clock: Clock,
    keys: LiveKeys,
}

impl CodeVerifier {
    pub(crate) fn new(store: Store, clock: Clock, keys: LiveKeys) -> Self {
        Self { store, clock, keys }
    }

    /// The proof to spend if the code is correct; `None` if it is wrong. Another request may spend the proof first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached, `Internal` if the stored secret cannot be opened.
    pub(crate) async fn verify(&self, user: UserId, code: &CodeProof) -> Result<Option<Proof>, Failure> {
        match code {
            CodeProof::Totp(code) => self.verify_totp(user, code).await,
            CodeProof::BackupCode(code) => {
                let Some(code) = BackupCode::parse(code.expose_secret()) else { return Ok(None) };
                let hashes = self.keys.live().backup_codes.hashes(user.0, &code);
                let found = self.store.unused_backup_code(user, hashes).await?;
                Ok(found.map(|hash| Proof::BackupCode { hash }))
            }
        }
    }

    async fn verify_totp(&self, user: UserId, code: &SecretString) -> Result<Option<Proof>, Failure> {
        let stored = self.store.totp_of(user).await?.filter(|stored| stored.confirmed_at.is_some());
        let (Some(stored), Some(code)) = (stored, TotpCode::parse(code.expose_secret())) else {
            return Ok(None);
        };
        let (secret, outdated) = self.open_secret(user, &stored.secret)?;
        if outdated {
            self.reseal(user, stored.secret, &secret).await;
        }
        let step = matching_step(&secret, &code, self.clock.now(), stored.last_step);
        Ok(step.map(|step| Proof::Totp { step }))
    }

    /// Opens a user's sealed secret. The `bool` says whether the secret was sealed with an outdated key.
    ///
    /// # Errors
    /// `Internal` if the secret cannot be opened. That is a fault of the server, so it is logged.
    pub(crate) fn open_secret(&self, user: UserId, sealed: &Sealed) -> Result<(TotpSecret, bool), Failure> {
        self.keys.live().totp.open(user.0, sealed).map_err(|error| {
            tracing::error!(%error, user = user.0, key_id = sealed.key_id, "a sealed TOTP secret cannot be opened");
            Failure::Internal
        })
    }

    /// Seals a secret with the current key, and stores the result. An error does not fail the request.
    async fn reseal(&self, user: UserId, old: Sealed, secret: &TotpSecret) {
        let Ok(nonce) = random_bytes::<NONCE_BYTES>() else { return };
        let new = self.keys.live().totp.seal(user.0, secret, nonce);
        if let Err(error) = self.store.reseal_totp(user, old, new).await {
            tracing::warn!(%error, "could not seal a TOTP secret with the current key");
        }
    }

    /// A new secret for an authenticator app, and its sealed form for the database.
    ///
    /// # Errors
    /// `Unavailable` if the operating system gives no random bytes.
    pub(crate) fn new_secret(&self, user: UserId) -> Result<(TotpSecret, Sealed), Failure> {
        let secret = TotpSecret::new(random_bytes::<SECRET_BYTES>()?);
        let sealed = self.keys.live().totp.seal(user.0, &secret, random_bytes::<NONCE_BYTES>()?);
        Ok((secret, sealed))
    }

    /// The stored hash of a new backup code of the user.
    pub(crate) fn backup_code_hash(&self, user: UserId, code: &BackupCode) -> [u8; 32] {
        self.keys.live().backup_codes.hash(user.0, code)
    }
}
