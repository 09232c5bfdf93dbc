//! Lasting keys. A rotation of `DATA_ENCRYPTION_KEY` must not change them, because the database, or the world, keeps what they
//! have made.
//!
//! The database keeps keyed hashes (of backup codes and of the names in sign-in attempts), which cannot be computed again with
//! another key. The decoys of an account must never change, because the real passkeys do not change either. So the first server
//! on a database derives these keys from `DATA_ENCRYPTION_KEY`, and the database keeps the keys, sealed. A rotation seals them
//! anew. `service` loads them, and the rules of limits, backup codes, passkeys and imports use them.

use secrecy::SecretString;

use super::{
    key::Key,
    seal::{KeyState, NONCE_BYTES, SealError, Sealed, SealedRow, Sealer},
    secret_ring::SecretRing,
};

/// What a lasting key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastingPurpose {
    /// Hashes what sign-ins name.
    Attempts,
    /// Makes the decoy credential ids, so that the answer hides which accounts have passkeys.
    Decoys,
    /// Hashes backup codes.
    BackupCodes,
    /// Derives the ids of imported rows.
    Import,
}

impl LastingPurpose {
    /// All purposes.
    pub const ALL: [Self; 4] = [Self::Attempts, Self::Decoys, Self::BackupCodes, Self::Import];

    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Decoys => "decoys",
            Self::BackupCodes => "backup_codes",
            Self::Import => "import",
        }
    }

    /// The purpose of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }

    /// Whether a leak of `DATA_ENCRYPTION_KEY` gives this purpose a new key. Backup codes and imported rows must stay
    /// recognisable.
    #[must_use]
    pub fn ends_with_a_leak(self) -> bool {
        matches!(self, Self::Attempts | Self::Decoys)
    }

    fn label(self) -> &'static str {
        match self {
            Self::Attempts => "portcullis throttle key v1",
            Self::Decoys => "portcullis passkey decoy v1",
            Self::BackupCodes => "portcullis backup code v1",
            Self::Import => "portcullis import v1",
        }
    }

    /// Where the sealed key is stored. Each purpose counts as a table of its own, so a key cannot be moved to another purpose.
    fn place(self) -> SealedRow<'static> {
        let table = match self {
            Self::Attempts => "lasting_keys.attempts",
            Self::Decoys => "lasting_keys.decoys",
            Self::BackupCodes => "lasting_keys.backup_codes",
            Self::Import => "lasting_keys.import",
        };
        SealedRow { table, row: 0 }
    }
}

/// The lasting keys of a database. This type has no `Debug`, so the keys cannot be logged.
#[derive(Clone)]
pub struct LastingKeys([Key; LastingPurpose::ALL.len()]);

impl LastingKeys {
    /// The keys of a database that keeps none yet.
    #[must_use]
    pub fn derived(data_encryption: &SecretString) -> Self {
        Self(LastingPurpose::ALL.map(|purpose| derived(data_encryption, purpose)))
    }

    /// These keys with another key for this purpose.
    #[must_use]
    pub fn with_random(mut self, purpose: LastingPurpose, random: &[u8; 32]) -> Self {
        self.0[purpose as usize] = Key::from_bytes(random).expect("32 bytes");
        self
    }

    /// The key for this purpose.
    pub(crate) fn key(&self, purpose: LastingPurpose) -> &Key {
        &self.0[purpose as usize]
    }
}

/// The key that a database gets for this purpose from `data_encryption`.
pub(crate) fn derived(data_encryption: &SecretString, purpose: LastingPurpose) -> Key {
    Key::derive(data_encryption, purpose.label())
}

/// Seals and opens lasting keys.
pub struct LastingKeySealer(Sealer);

impl LastingKeySealer {
    /// The sealer with the keys of these secrets.
    #[must_use]
    pub fn new(data_encryption: &SecretRing) -> Self {
        Self(Sealer::new(data_encryption, "lasting key"))
    }

    /// Seals one of the keys. A nonce must never be used twice.
    #[must_use]
    pub fn seal(&self, keys: &LastingKeys, purpose: LastingPurpose, nonce: [u8; NONCE_BYTES]) -> Sealed {
        self.0.seal(purpose.place(), keys.key(purpose).bytes(), nonce)
    }

    /// Opens a stored key, and puts it into `keys`.
    ///
    /// # Errors
    /// See [`SealError`]. Then `keys` stays as it was.
    pub fn open(
        &self,
        keys: &mut LastingKeys,
        purpose: LastingPurpose,
        sealed: &Sealed,
    ) -> Result<(), SealError> {
        let opened = self.0.open(purpose.place(), sealed)?;
        keys.0[purpose as usize] = Key::from_bytes(&opened.text).ok_or(SealError::Damaged)?;
        Ok(())
    }

    /// The stored key sealed with the current secret; `None` if a previous secret did not seal it. A nonce must never be used
    /// twice.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn sealed_again(
        &self,
        purpose: LastingPurpose,
        sealed: &Sealed,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Option<Sealed>, SealError> {
        if self.key_state(&sealed.key_id) != KeyState::Previous {
            return Ok(None);
        }
        let opened = self.0.open(purpose.place(), sealed)?;
        Ok(Some(self.0.seal(purpose.place(), &opened.text, nonce)))
    }

    /// What this sealer knows of the key with this id.
    #[must_use]
    pub fn key_state(&self, key_id: &str) -> KeyState {
        self.0.key_state(key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_of_the_secret_leaves_the_keys_as_they_were() {
        let first = SecretRing::of("first".into());
        let made = LastingKeys::derived(&first.current);
        let rotated =
            SecretRing { previous: vec![first.current.clone().into()], ..SecretRing::of("new".into()) };
        for purpose in LastingPurpose::ALL {
            let sealed = LastingKeySealer::new(&first).seal(&made, purpose, [1; NONCE_BYTES]);
            let sealer = LastingKeySealer::new(&rotated);
            let mut kept = LastingKeys::derived(&rotated.current);
            assert_eq!(sealer.open(&mut kept, purpose, &sealed), Ok(()));
            assert_eq!(kept.key(purpose).bytes(), made.key(purpose).bytes());
            let again = sealer.sealed_again(purpose, &sealed, [2; NONCE_BYTES]).unwrap().unwrap();
            assert_eq!(sealer.sealed_again(purpose, &again, [3; NONCE_BYTES]), Ok(None));
            let mut alone = LastingKeys::derived(&rotated.current);
            let only_new = LastingKeySealer::new(&SecretRing::of("new".into()));
            assert_eq!(only_new.open(&mut alone, purpose, &again), Ok(()));
            assert_eq!(alone.key(purpose).bytes(), made.key(purpose).bytes());
        }
    }

    #[test]
    fn a_key_of_one_purpose_does_not_open_as_another() {
        let secrets = SecretRing::of("secret".into());
        let (sealer, mut keys) = (LastingKeySealer::new(&secrets), LastingKeys::derived(&secrets.current));
        let sealed = sealer.seal(&keys, LastingPurpose::Attempts, [1; NONCE_BYTES]);
        assert_eq!(sealer.open(&mut keys, LastingPurpose::Decoys, &sealed), Err(SealError::Damaged));
    }

    #[test]
    fn each_purpose_has_a_word_of_its_own() {
        for purpose in LastingPurpose::ALL {
            assert_eq!(LastingPurpose::of(purpose.as_str()), Some(purpose));
        }
        assert_eq!(LastingPurpose::of("other"), None);
    }
}
