//! Security Event Tokens (RFC 8417): the keys that sign them.
//!
//! Each secret of access tokens also gives an Ed25519 key for these tokens, even if access tokens have another algorithm. These
//! keys have their own names and their own published key set, so a token of one kind never verifies as the other.

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

use super::token_key::{PublicTokenKey, TokenAlgorithm, ed25519_signing_key, public_ed25519_key};
use crate::crypto::secret_ring::SecretRing;

const LABEL: &str = "portcullis security event ed25519 v1";
/// The `typ` of the header (RFC 8417, 2.3).
const TYPE: &str = "secevent+jwt";

/// The keys of Security Event Tokens.
pub struct EventTokenKeys {
    signing: EncodingKey,
    /// The public keys, the current one first.
    published: Vec<PublicTokenKey>,
}

impl EventTokenKeys {
    /// The keys of these secrets. The current secret signs.
    #[must_use]
    pub fn new(secrets: &SecretRing) -> Self {
        let published = secrets.accepted().map(|secret| public_ed25519_key(secret, LABEL)).collect();
        Self { signing: ed25519_signing_key(&secrets.current, LABEL), published }
    }

    /// The public keys: the current, the next and the previous ones.
    #[must_use]
    pub fn published(&self) -> &[PublicTokenKey] {
        &self.published
    }

    /// The signed token of these claims.
    ///
    /// # Panics
    /// If the claims are no JSON object.
    #[must_use]
    pub fn sign(&self, claims: &impl Serialize) -> String {
        let mut header = Header::new(TokenAlgorithm::EdDsa.in_library());
        header.typ = Some(TYPE.to_owned());
        header.kid = self.published.first().map(|key| key.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing)
            .expect("plain claims serialise, and the key belongs to the algorithm")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tokens::access_token::AccessKeys;

    #[test]
    fn a_key_of_events_is_no_key_of_access_tokens() {
        let secrets = SecretRing::of("secret".into());
        let events = EventTokenKeys::new(&secrets);
        let access = AccessKeys::new(&secrets, TokenAlgorithm::EdDsa, "a.example", "a.example");
        assert!(access.published().all(|key| events.published().iter().all(|own| own.kid != key.kid)));
        let token = events.sign(&json!({"iss": "a.example"}));
        assert!(access.verify_signature_only(&token).is_err());
    }
}
