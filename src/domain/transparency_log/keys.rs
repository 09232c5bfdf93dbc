//! The keys of the log: one signs checkpoints, one wraps the keys of persons.
//!
//! Both are random bytes that the database keeps sealed with the data encryption key, and that no rotation changes. A setting
//! can give the signing key instead.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::crypto::{
    key::Key,
    seal::{KeyState, NONCE_BYTES, SealError, Sealed, SealedRow, Sealer},
    secret_ring::SecretRing,
};

/// The purpose of a key of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKeyPurpose {
    /// Signs checkpoints.
    Signing,
    /// Wraps the keys of persons.
    Personal,
}

impl AuditKeyPurpose {
    /// All purposes.
    pub const ALL: [Self; 2] = [Self::Signing, Self::Personal];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Personal => "personal",
        }
    }

    /// The purpose of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }

    /// Where the sealed key is stored. Each purpose counts as a table of its own, so a key cannot be moved to the other one.
    fn place(self) -> SealedRow<'static> {
        let table = match self {
            Self::Signing => "audit_keys.signing",
            Self::Personal => "audit_keys.personal",
        };
        SealedRow { table, row: 0 }
    }
}

/// The seed of the signing key that the setting `AUDIT_SIGNING_KEY` gives.
#[must_use]
pub fn signing_seed(setting: &SecretString) -> [u8; 32] {
    Key::derive(setting, "portcullis audit signing v1").bytes().try_into().expect("32 bytes")
}

/// Seals and opens the keys of the log.
pub struct AuditKeySealer(Sealer);

impl AuditKeySealer {
    /// The sealer with the keys of these secrets.
    #[must_use]
    pub fn new(data_encryption: &SecretRing) -> Self {
        Self(Sealer::new(data_encryption, "audit key"))
    }

    /// Seals a key. A nonce must never be used twice.
    #[must_use]
    pub fn seal(&self, purpose: AuditKeyPurpose, key: &[u8; 32], nonce: [u8; NONCE_BYTES]) -> Sealed {
        self.0.seal(purpose.place(), key, nonce)
    }

    /// Opens a stored key.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, purpose: AuditKeyPurpose, sealed: &Sealed) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let opened = self.0.open(purpose.place(), sealed)?;
        opened.text[..].try_into().map(Zeroizing::new).map_err(|_| SealError::Damaged)
    }

    /// The stored key sealed with the current secret; `None` if a previous secret did not seal it. A nonce must never be used
    /// twice.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn sealed_again(
        &self,
        purpose: AuditKeyPurpose,
        sealed: &Sealed,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Option<Sealed>, SealError> {
        if self.0.key_state(&sealed.key_id) != KeyState::Previous {
            return Ok(None);
        }
        Ok(Some(self.seal(purpose, &*self.open(purpose, sealed)?, nonce)))
    }

    /// What this sealer knows of the key with this id.
    #[must_use]
    pub fn key_state(&self, key_id: &str) -> KeyState {
        self.0.key_state(key_id)
    }
}
