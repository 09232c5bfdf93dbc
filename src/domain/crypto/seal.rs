//! Sealing: encryption of secrets that the database keeps, so that the database alone does not reveal them.
//!
//! The rules of TOTP and of lasting keys use sealing. The cipher is XChaCha20-Poly1305. Each purpose has a key of its own,
//! which is derived from the data encryption key. The table and the row of a sealed text are authenticated, too, so a copy of
//! the text in another row cannot be opened. The functions are pure: the nonce is an argument.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{
    key::{Key, hex},
    secret_ring::SecretRing,
};

/// The length of a nonce in bytes: long enough that random nonces do not collide.
pub const NONCE_BYTES: usize = 24;

/// A sealed text, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The public name of the key that opens the text.
    pub key_id: String,
    /// The nonce, the ciphertext and its tag.
    pub bytes: Vec<u8>,
}

/// Where a sealed text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedRow<'a> {
    /// The table.
    pub table: &'a str,
    /// The id of the row.
    pub row: i64,
}

/// An opened text.
pub struct Unsealed {
    /// The plain text.
    pub text: Zeroizing<Vec<u8>>,
    /// Whether a previous key opened the text. Then the calling code should seal it again.
    pub outdated: bool,
}

/// Why a sealed text cannot be opened.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The text was sealed with a key that is not configured.
    #[error("sealed with a key that is not configured")]
    UnknownKey,
    /// The text was altered, belongs to another row, or was sealed with another key of the same name.
    #[error("the sealed text is damaged, or belongs to another row")]
    Damaged,
}

struct SealKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// What a sealer knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Texts are sealed with this key.
    Current,
    /// Another server may seal with this key already.
    Next,
    /// This key only opens. What it has sealed should be sealed again.
    Previous,
    /// The key is not configured.
    Unknown,
}

/// Seals and opens texts for one purpose. It seals with the current key, and opens with every key of its ring.
pub struct Sealer {
    current: SealKey,
    next: Option<SealKey>,
    previous: Vec<SealKey>,
}

impl Sealer {
    /// The sealer for `purpose` from the configured secrets.
    #[must_use]
    pub fn new(secrets: &SecretRing, purpose: &str) -> Self {
        let label = format!("portcullis seal {purpose} v1");
        let key = |secret: &SecretString| SealKey {
            id: key_id(secret, &label),
            cipher: XChaCha20Poly1305::new_from_slice(Key::derive(secret, &label).bytes())
                .expect("a derived key has the cipher's 256 bits"),
        };
        Self {
            current: key(&secrets.current),
            next: secrets.next.as_ref().map(|next| key(&next.secret)),
            previous: secrets.previous.iter().map(|previous| key(&previous.secret)).collect(),
        }
    }

    /// What this sealer knows of the key with this id.
    #[must_use]
    pub fn key_state(&self, key_id: &str) -> KeyState {
        self.key(key_id).map_or(KeyState::Unknown, |(_, state)| state)
    }

    /// The ids of the previous keys.
    #[must_use]
    pub fn previous_ids(&self) -> Vec<String> {
        self.previous.iter().map(|key| key.id.clone()).filter(|id| *id != self.current.id).collect()
    }

    fn key(&self, key_id: &str) -> Option<(&SealKey, KeyState)> {
        let current = std::iter::once((&self.current, KeyState::Current));
        let next = self.next.iter().map(|key| (key, KeyState::Next));
        let previous = self.previous.iter().map(|key| (key, KeyState::Previous));
        current.chain(next).chain(previous).find(|(key, _)| key.id == key_id)
    }

    /// Seals `text` for `place`. A nonce must never be used twice.
    #[must_use]
    pub fn seal(&self, place: SealedRow<'_>, text: &[u8], nonce: [u8; NONCE_BYTES]) -> Sealed {
        let payload = Payload { msg: text, aad: &place.bytes() };
        let sealed = self.current.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("the cipher accepts any text that fits into memory");
        Sealed { key_id: self.current.id.clone(), bytes: [&nonce[..], &sealed].concat() }
    }

    /// Opens a text that was sealed for `place`.
    ///
    /// # Errors
    /// See [`SealError`].
    pub fn open(&self, place: SealedRow<'_>, sealed: &Sealed) -> Result<Unsealed, SealError> {
        let (key, state) = self.key(&sealed.key_id).ok_or(SealError::UnknownKey)?;
        let (nonce, text) = sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Damaged)?;
        let payload = Payload { msg: text, aad: &place.bytes() };
        let text = key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Damaged)?;
        // A text of the next key comes from a server that already uses it. To seal it again would undo the rotation.
        Ok(Unsealed { text: Zeroizing::new(text), outdated: state == KeyState::Previous })
    }
}

impl SealedRow<'_> {
    /// The bytes that are authenticated with the text. No table name contains a zero byte, so no two rows produce the same
    /// bytes.
    fn bytes(self) -> Vec<u8> {
        [self.table.as_bytes(), &[0], &self.row.to_be_bytes()].concat()
    }
}

/// The public name of the key. It reveals no more about the secret than a sealed text does.
fn key_id(secret: &SecretString, label: &str) -> String {
    let digest = Sha256::new().chain_update(label).chain_update(secret.expose_secret()).finalize();
    hex(&digest[..8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: SealedRow<'_> = SealedRow { table: "user_two_factor", row: 7 };

    fn secrets(current: &str) -> SecretRing {
        SecretRing::of(current.into())
    }

    fn sealer() -> Sealer {
        Sealer::new(&secrets("current"), "totp")
    }

    fn opened(sealer: &Sealer, place: SealedRow<'_>, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        sealer.open(place, sealed).map(|unsealed| unsealed.text.to_vec())
    }

    #[test]
    fn a_text_that_was_moved_to_another_row_or_table_does_not_open() {
        let sealed = sealer().seal(HERE, b"text", [1; NONCE_BYTES]);
        assert_eq!(opened(&sealer(), HERE, &sealed), Ok(b"text".to_vec()));
        let elsewhere = [SealedRow { row: 8, ..HERE }, SealedRow { table: "users", ..HERE }];
        assert!(elsewhere.iter().all(|place| opened(&sealer(), *place, &sealed) == Err(SealError::Damaged)));
    }

    #[test]
    fn a_text_does_not_open_with_another_key_even_under_the_same_key_id() {
        let sealed = sealer().seal(HERE, b"text", [1; NONCE_BYTES]);
        let other = Sealer::new(&secrets("other"), "totp");
        assert_eq!(opened(&other, HERE, &sealed), Err(SealError::UnknownKey));
        let renamed = Sealed { key_id: other.current.id.clone(), ..sealed };
        assert_eq!(opened(&other, HERE, &renamed), Err(SealError::Damaged));
    }

    #[test]
    fn another_purpose_has_another_key() {
        let sealed = sealer().seal(HERE, b"text", [1; NONCE_BYTES]);
        let other = Sealer::new(&secrets("current"), "something else");
        assert_eq!(opened(&other, HERE, &sealed), Err(SealError::UnknownKey));
    }

    #[test]
    fn a_text_of_a_previous_key_is_opened_and_is_outdated() {
        let sealed = sealer().seal(HERE, b"text", [1; NONCE_BYTES]);
        let previous = ["older", "current"].map(|text| SecretString::from(text).into()).into();
        let rotated = Sealer::new(&SecretRing { previous, ..secrets("new") }, "totp");
        assert_eq!(rotated.key_state(&sealed.key_id), KeyState::Previous);
        assert_eq!(rotated.previous_ids().len(), 2);
        let unsealed = rotated.open(HERE, &sealed).unwrap();
        assert_eq!((&unsealed.text[..], unsealed.outdated), (&b"text"[..], true));
        let again = rotated.seal(HERE, &unsealed.text, [2; NONCE_BYTES]);
        assert!(!rotated.open(HERE, &again).unwrap().outdated);
        assert_eq!(opened(&sealer(), HERE, &again), Err(SealError::UnknownKey));
    }

    #[test]
    fn a_text_of_the_next_key_is_opened_and_is_not_outdated() {
        let ahead = Sealer::new(&secrets("next"), "totp").seal(HERE, b"text", [1; NONCE_BYTES]);
        let next = Some(SecretString::from("next").into());
        let behind = Sealer::new(&SecretRing { next, ..secrets("current") }, "totp");
        let unsealed = behind.open(HERE, &ahead).unwrap();
        assert_eq!((&unsealed.text[..], unsealed.outdated), (&b"text"[..], false));
        assert_eq!(behind.key_state(&ahead.key_id), KeyState::Next);
        assert_eq!(behind.key_state("another"), KeyState::Unknown);
    }

    #[test]
    fn the_sealed_bytes_do_not_contain_the_text() {
        let sealed = sealer().seal(HERE, b"a text to be seen", [1; NONCE_BYTES]);
        assert!(!sealed.bytes.windows(4).any(|window| b"a text to be seen".windows(4).any(|w| w == window)));
    }

    proptest! {
        #[test]
        fn any_text_round_trips_and_any_changed_byte_is_refused(
            text: Vec<u8>, nonce: [u8; NONCE_BYTES], at in any::<prop::sample::Index>(), flip in 1u8..=255,
        ) {
            let mut sealed = sealer().seal(HERE, &text, nonce);
            prop_assert_eq!(opened(&sealer(), HERE, &sealed), Ok(text));
            let at = at.index(sealed.bytes.len());
            sealed.bytes[at] ^= flip;
            prop_assert_eq!(opened(&sealer(), HERE, &sealed), Err(SealError::Damaged));
            sealed.bytes.truncate(at);
            prop_assert_eq!(opened(&sealer(), HERE, &sealed), Err(SealError::Damaged));
        }
    }
}
