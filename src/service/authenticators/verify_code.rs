//! Judging codes: those of authenticator apps, whose secrets are kept sealed, and those on paper.
//!
//! Called for a second factor, for a step-up and when an app is being set up. A right code is not spent here: that is for the
//! transaction of what it proves. Nothing here turns "cannot tell" into "wrong".

use protocol::id::UserId;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Failure, Services, account::factors::random};
use domain::{
    crypto::seal::{NONCE_BYTES, Sealed},
    factors::{
        backup_code::BackupCode,
        totp::{TotpCode, TotpSecret, matching_step},
    },
};
use store::Proof;

/// A code as it was typed.
#[derive(Clone, Debug)]
pub enum CodeProof {
    /// Of an authenticator app.
    Totp(SecretString),
    /// From paper.
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

impl Services {
    /// Whether a code is right, and as what it is to be spent. It may have been spent by then.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached, `Internal` if the secret does not open.
    pub(crate) async fn judge(&self, user: UserId, code: &CodeProof) -> Result<Option<Proof>, Failure> {
        match code {
            CodeProof::Totp(code) => self.judge_totp(user, code).await,
            CodeProof::BackupCode(code) => {
                let Some(code) = BackupCode::parse(code.expose_secret()) else { return Ok(None) };
                let hashes = self.backup_code_keys.hashes(user.0, &code);
                let found = self.store.unused_backup_code(user, hashes).await?;
                Ok(found.map(|hash| Proof::BackupCode { hash }))
            }
        }
    }

    async fn judge_totp(&self, user: UserId, code: &SecretString) -> Result<Option<Proof>, Failure> {
        let stored = self.store.totp_of(user).await?.filter(|stored| stored.confirmed_at.is_some());
        let (Some(stored), Some(code)) = (stored, TotpCode::parse(code.expose_secret())) else {
            return Ok(None);
        };
        let (secret, outdated) = self.opened_totp(user, &stored.secret)?;
        if outdated {
            self.reseal(user, stored.secret, &secret).await;
        }
        let step = matching_step(&secret, &code, self.clock.now(), stored.last_step);
        Ok(step.map(|step| Proof::Totp { step }))
    }

    /// Opens a user's secret, and says whether it is to be sealed again. That it does not open is nothing that the user did.
    pub(crate) fn opened_totp(&self, user: UserId, sealed: &Sealed) -> Result<(TotpSecret, bool), Failure> {
        self.totp_sealer.open(user.0, sealed).map_err(|error| {
            tracing::error!(%error, user = user.0, key_id = sealed.key_id, "a sealed secret does not open");
            Failure::Internal
        })
    }

    /// Seals a secret with the current key. The sign-in does not depend on it.
    async fn reseal(&self, user: UserId, old: Sealed, secret: &TotpSecret) {
        let Ok(nonce) = random::<NONCE_BYTES>() else { return };
        let new = self.totp_sealer.seal(user.0, secret, nonce);
        if let Err(error) = self.store.reseal_totp(user, old, new).await {
            tracing::warn!(%error, "a secret could not be sealed again");
        }
    }
}
