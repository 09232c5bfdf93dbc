//! The keys of access tokens: one HS256 key and one Ed25519 key per configured secret, each with its `kid`.
//!
//! Only the rules of access tokens use the keys; REST publishes the public keys. Both keys of a secret are always accepted, so
//! a server can change its algorithm while tokens of the other algorithm are in use. A `kid` belongs to one key, and a key to
//! one algorithm (RFC 8725, 3.1), so a token cannot choose its verification.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::crypto::key::{Key, hex};

pub(super) const LABEL: &str = "portcullis access token v1";
const ED25519_LABEL: &str = "portcullis access token ed25519 v1";

/// The algorithm of new access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// A MAC: only this server can verify a token.
    #[default]
    Hs256,
    /// A signature with Ed25519 (RFC 8037): other services can verify a token with the public key.
    EdDsa,
}

impl TokenAlgorithm {
    /// All algorithms, the default first.
    pub const ALL: [Self; 2] = [Self::Hs256, Self::EdDsa];

    /// The word in the settings and in the header of tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn in_library(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// A public key, as a JSON Web Key (RFC 7517, RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PublicTokenKey {
    kty: &'static str,
    crv: &'static str,
    /// The key in base64url.
    pub x: String,
    /// The `kid` of tokens that this key verifies: the thumbprint of the key (RFC 7638).
    pub kid: String,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
}

impl PublicTokenKey {
    fn new(key: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(key);
        // RFC 7638, 3.2 and 3.3: the required members, in alphabetical order and without white space.
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        Self { kty: "OKP", crv: "Ed25519", x, kid, alg: TokenAlgorithm::EdDsa.as_str(), purpose: "sig" }
    }
}

/// A key that verifies tokens.
pub(super) struct VerifyingKey {
    pub(super) kid: String,
    pub(super) algorithm: TokenAlgorithm,
    pub(super) key: DecodingKey,
    /// The key for other services. HS256 has none.
    pub(super) public: Option<PublicTokenKey>,
}

impl VerifyingKey {
    /// The key that verifies the tokens of this secret and algorithm.
    pub(super) fn new(secret: &SecretString, algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::Hs256 => Self {
                kid: hmac_kid(secret),
                algorithm,
                key: DecodingKey::from_secret(Key::derive(secret, LABEL).bytes()),
                public: None,
            },
            TokenAlgorithm::EdDsa => {
                let public = public_ed25519_key(secret, ED25519_LABEL);
                let key = DecodingKey::from_ed_components(&public.x).expect("base64url of this file");
                Self { kid: public.kid.clone(), algorithm, key, public: Some(public) }
            }
        }
    }
}

/// The key that signs the tokens of this secret and algorithm.
pub(super) fn signing_key(secret: &SecretString, algorithm: TokenAlgorithm) -> EncodingKey {
    match algorithm {
        TokenAlgorithm::Hs256 => EncodingKey::from_secret(Key::derive(secret, LABEL).bytes()),
        TokenAlgorithm::EdDsa => ed25519_signing_key(secret, ED25519_LABEL),
    }
}

/// The Ed25519 key of this secret for the purpose `label`, which signs.
pub(super) fn ed25519_signing_key(secret: &SecretString, label: &str) -> EncodingKey {
    let document = pair(secret, label).to_pkcs8v1().expect("the private key of a key pair can be encoded");
    EncodingKey::from_ed_der(document.as_ref())
}

/// The public part of [`ed25519_signing_key`].
pub(super) fn public_ed25519_key(secret: &SecretString, label: &str) -> PublicTokenKey {
    PublicTokenKey::new(pair(secret, label).public_key().as_ref())
}

/// The public name of a secret's key for tokens of this algorithm.
#[must_use]
pub fn token_kid(secret: &SecretString, algorithm: TokenAlgorithm) -> String {
    VerifyingKey::new(secret, algorithm).kid
}

fn pair(secret: &SecretString, label: &str) -> Ed25519KeyPair {
    let seed = Key::derive(secret, label);
    Ed25519KeyPair::from_seed_unchecked(seed.bytes()).expect("every 32 bytes are the seed of a key")
}

/// The public name of the key. It reveals no more about the secret than a signature does.
fn hmac_kid(secret: &SecretString) -> String {
    let digest = Sha256::new().chain_update(LABEL).chain_update(secret.expose_secret()).finalize();
    hex(&digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // RFC 8037, A.2 and A.3.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(PublicTokenKey::new(&x).kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_published_key_has_the_members_of_a_json_web_key_and_no_others() {
        let key = VerifyingKey::new(&"secret".into(), TokenAlgorithm::EdDsa).public.unwrap();
        let json = serde_json::to_value(&key).unwrap();
        let expected = serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "x": key.x, "kid": key.kid, "alg": "EdDSA", "use": "sig",
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn the_two_keys_of_a_secret_have_different_names() {
        let secret = SecretString::from("secret");
        let [hmac, signature] = TokenAlgorithm::ALL.map(|algorithm| token_kid(&secret, algorithm));
        assert_ne!(hmac, signature);
        assert!(VerifyingKey::new(&secret, TokenAlgorithm::Hs256).public.is_none());
    }
}
