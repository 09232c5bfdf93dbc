//! Loads the lasting keys of the database, and makes them if the database has none.
//!
//! The composition root and the import call this file. `domain::crypto::lasting_keys` says what the keys are for.

use domain::crypto::{
    lasting_keys::{LastingKeySealer, LastingKeys, LastingPurpose},
    seal::NONCE_BYTES,
    secret_ring::SecretRing,
};
use store::{Store, StoreError};

use super::{clock::Clock, failure::Failure, random::random_bytes};

/// Why the lasting keys cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LastingKeysError {
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No configured secret opens the stored keys of these purposes.
    #[error(
        "DATA_ENCRYPTION_KEY does not open {} of this database: is it the key of another database?",
        in_words(.purposes)
    )]
    Unopened {
        /// The purposes, at least one.
        purposes: Vec<LastingPurpose>,
    },
}

fn in_words(purposes: &[LastingPurpose]) -> String {
    let words: Vec<_> = purposes.iter().map(|purpose| purpose.as_str()).collect();
    format!("the lasting keys ({})", words.join(", "))
}

/// The lasting keys of this database. A database without keys gets keys derived from the current secret, unless `read_only`.
///
/// # Errors
/// See [`LastingKeysError`].
pub(crate) async fn lasting_keys(
    store: &Store,
    clock: &Clock,
    data_encryption: &SecretRing,
    read_only: bool,
) -> Result<LastingKeys, LastingKeysError> {
    let (keys, unopened) = read(store, clock, data_encryption, read_only).await?;
    if unopened.is_empty() { Ok(keys) } else { Err(LastingKeysError::Unopened { purposes: unopened }) }
}

/// The lasting keys of this database, for the start of a server. A database without keys gets keys derived from the current
/// secret.
///
/// A key that no configured secret opens is replaced in memory by the derived key, and stays in the database: with the right
/// secret it works again.
///
/// # Errors
/// `Unavailable` if the database cannot be reached.
pub async fn lasting_keys_or_derived(
    store: &Store,
    clock: &Clock,
    data_encryption: &SecretRing,
) -> Result<LastingKeys, StoreError> {
    let (keys, unopened) = read(store, clock, data_encryption, false).await?;
    if !unopened.is_empty() {
        let error = LastingKeysError::Unopened { purposes: unopened };
        tracing::error!(%error, "keys that are derived from DATA_ENCRYPTION_KEY are used instead");
    }
    Ok(keys)
}

/// The lasting keys, and the purposes with stored keys that no configured secret opens. Such a purpose has the derived key.
async fn read(
    store: &Store,
    clock: &Clock,
    data_encryption: &SecretRing,
    read_only: bool,
) -> Result<(LastingKeys, Vec<LastingPurpose>), StoreError> {
    let sealer = LastingKeySealer::new(data_encryption);
    let mut keys = LastingKeys::derived(&data_encryption.current);
    let mut stored = store.lasting_keys().await?;
    let missing = |purpose: &LastingPurpose| !stored.iter().any(|(known, _)| known == purpose);
    let missing: Vec<_> = LastingPurpose::ALL.into_iter().filter(missing).collect();
    if !missing.is_empty() && !read_only {
        let mut sealed = Vec::with_capacity(missing.len());
        for purpose in missing {
            let nonce = random_bytes::<NONCE_BYTES>().map_err(|_| {
                StoreError::Unavailable("the operating system gives no random bytes".to_owned())
            })?;
            sealed.push((purpose, sealer.seal(&keys, purpose, nonce)));
        }
        store.add_lasting_keys(sealed, clock.now()).await?;
        // Another server may have been faster. Its keys count.
        stored = store.lasting_keys().await?;
    }
    let mut unopened = Vec::new();
    for (purpose, sealed) in stored {
        if let Err(error) = sealer.open(&mut keys, purpose, &sealed) {
            let key_id = sealed.key_id;
            tracing::error!(%error, purpose = purpose.as_str(), key_id, "a lasting key of the database cannot be opened");
            unopened.push(purpose);
        }
    }
    Ok((keys, unopened))
}

/// Gives new random keys to the purposes that a leak of the data encryption key ends. Servers use them when they have read their
/// keys again.
///
/// # Errors
/// `Unavailable` if the database cannot be reached.
pub(crate) async fn renew_leaked(store: &Store, data_encryption: &SecretRing) -> Result<(), Failure> {
    let sealer = LastingKeySealer::new(data_encryption);
    let mut left: Vec<_> =
        LastingPurpose::ALL.into_iter().filter(|purpose| purpose.ends_with_a_leak()).collect();
    while !left.is_empty() {
        let stored = store.lasting_keys().await?;
        // A purpose without a stored key needs no other key.
        left.retain(|purpose| stored.iter().any(|(known, _)| known == purpose));
        for (purpose, old) in stored.into_iter().filter(|(purpose, _)| purpose.ends_with_a_leak()) {
            let keys = LastingKeys::derived(&data_encryption.current);
            let keys = keys.with_random(purpose, &random_bytes()?);
            let new = sealer.seal(&keys, purpose, random_bytes()?);
            // A server may have sealed the key anew since it was read. Then the key is read again.
            if left.contains(&purpose) && store.replace_lasting_key(purpose, old, new).await? {
                left.retain(|other| *other != purpose);
            }
        }
    }
    Ok(())
}
