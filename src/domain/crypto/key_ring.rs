//! The MAC keys of one purpose during a rotation. One key signs. The signatures of the other keys are still accepted, or are
//! accepted already.
//!
//! The rules of refresh tokens, CSRF tokens and cookies use this type. Their formats name no key, so every key is tried.

use super::{key::Key, secret_ring::SecretRing};

/// MAC keys that are derived from a ring of secrets.
#[derive(Clone)]
pub(crate) struct KeyRing {
    current: Key,
    others: Vec<Key>,
}

impl KeyRing {
    /// The keys of these secrets for the purpose `label`.
    pub(crate) fn derive(secrets: &SecretRing, label: &str) -> Self {
        let others = secrets.accepted().skip(1).map(|secret| Key::derive(secret, label)).collect();
        Self { current: Key::derive(&secrets.current, label), others }
    }

    /// The MAC with the current key; see [`Key::mac`].
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.current.mac(parts)
    }

    /// Whether `tag` is the MAC of the parts with any of the keys; see [`Key::verify`].
    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        std::iter::once(&self.current).chain(&self.others).any(|key| key.verify(parts, tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret_ring::DatedSecret;

    #[test]
    fn every_key_of_the_ring_is_accepted_and_only_the_current_key_signs() {
        let of = |current: &str| SecretRing::of(current.into());
        let mut secrets = of("current");
        secrets.next = Some(DatedSecret::parse("next@2030-01-31T12:00:00Z"));
        secrets.previous = vec![DatedSecret::parse("older"), DatedSecret::parse("oldest")];
        let ring = KeyRing::derive(&secrets, "a");
        for accepted in ["current", "next", "older", "oldest"] {
            assert!(
                ring.verify(&[b"text"], &KeyRing::derive(&of(accepted), "a").mac(&[b"text"])),
                "{accepted}"
            );
        }
        assert!(!ring.verify(&[b"text"], &KeyRing::derive(&of("foreign"), "a").mac(&[b"text"])));
        assert_eq!(ring.mac(&[b"text"]), KeyRing::derive(&of("current"), "a").mac(&[b"text"]));
    }
}
