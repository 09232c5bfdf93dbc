//! Derived keys: each use of a configured secret gets a key of its own.
//!
//! Only the rules of tokens, cookies, limits, sealing, codes and passkeys use these keys. A key for one purpose reveals nothing
//! about the others, so a signature of one purpose never verifies for another.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A 256-bit MAC key for one purpose.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key of `secret` for the purpose `label`: HMAC-SHA256(secret, label).
    pub(crate) fn derive(secret: &SecretString, label: &str) -> Self {
        Self(started(secret.expose_secret().as_bytes(), &[label.as_bytes()]).finalize().into_bytes().into())
    }

    /// The key with these bytes; `None` if there are not 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// HMAC-SHA256 over the concatenated parts. The format of the parts must make clear where each part ends.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        started(&self.0, parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is the MAC of the parts, or the beginning of that MAC. The comparison takes constant time.
    ///
    /// A tag shorter than 128 bits never verifies.
    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        tag.len() >= 16 && started(&self.0, parts).verify_truncated_left(tag).is_ok()
    }

    /// The raw key, for a library that computes the MAC itself.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn started(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// The bytes of lower-case hexadecimal. Any other spelling is refused, so that each value has only one spelling.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    HEXLOWER.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_mac_is_hmac_sha256() {
        // RFC 4231, test case 2.
        let tag = started(b"Jefe", &[b"what do ya want ", b"for nothing?"]).finalize().into_bytes();
        assert_eq!(hex(&tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn two_purposes_have_two_keys() {
        let secret = SecretString::from("secret");
        assert_ne!(Key::derive(&secret, "a").bytes(), Key::derive(&secret, "b").bytes());
    }

    #[test]
    fn a_short_tag_never_verifies() {
        let key = Key::derive(&SecretString::from("secret"), "a");
        let tag = key.mac(&[b"text"]);
        assert!(key.verify(&[b"text"], &tag) && key.verify(&[b"te", b"xt"], &tag[..16]));
        assert!(!key.verify(&[b"text"], &tag[..15]) && !key.verify(&[b"text"], &[]));
    }

    proptest! {
        #[test]
        fn hexadecimal_round_trips_and_has_one_spelling(bytes: Vec<u8>) {
            let text = hex(&bytes);
            prop_assert_eq!(unhex(&text), Some(bytes));
            if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
                prop_assert_eq!(unhex(&text.to_uppercase()), None);
            }
        }
    }
}
