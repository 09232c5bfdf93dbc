//! Keys of external issuers, and verification of signatures with them.
//!
//! `jsonwebtoken` verifies the signatures, except those with ES512, which the library does not support. A key fits only the
//! algorithms of its own kind. So a public key is never used as a shared secret, for any algorithm in the header of a token
//! (RFC 8725, 2.1).

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm as LibraryAlgorithm, DecodingKey, crypto};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{token::Unverified, types::Algorithm};

/// Maximum number of keys in a set. A token without a key id may have to be verified with each key.
const MAX_KEYS: usize = 64;

/// The keys of one issuer. `Debug` prints only their number.
pub struct KeySet(Vec<Key>);

struct Key {
    kid: Option<String>,
    /// The only algorithm of this key, if the set names one.
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    /// A secret that issuer and server share.
    Secret(DecodingKey),
    /// A public key for every algorithm of its kind: RSA or Ed25519.
    Public(DecodingKey),
    /// A public key on the curve of this algorithm.
    Curve(Algorithm, DecodingKey),
    /// An uncompressed point on P-521, for ES512.
    P521(Vec<u8>),
}

/// A text that is not a set of keys, or a set without a usable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWK Set (RFC 7517, 5).
    #[error("not a JWK set")]
    NotASet,
    /// The set has no public key for signatures.
    #[error("no public key for signatures in the set")]
    NoKey,
}

#[derive(Deserialize)]
struct JwkSet {
    /// Keys of unknown kinds are ignored.
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Present in a private key, which must not be published.
    d: Option<serde::de::IgnoredAny>,
}

impl KeySet {
    /// The id of each key, if it has one, and whether the key is a secret that issuer and server share.
    pub fn ids(&self) -> impl Iterator<Item = (Option<&str>, bool)> {
        self.0.iter().map(|key| (key.kid.as_deref(), matches!(key.material, Material::Secret(_))))
    }

    /// Secrets shared with the issuer: the newest secret, and older secrets that are still accepted.
    #[must_use]
    pub fn shared(secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| Key {
            kid: None,
            algorithm: None,
            material: Material::Secret(DecodingKey::from_secret(secret.expose_secret().as_bytes())),
        };
        Self(secrets.iter().map(key).collect())
    }

    /// The public keys of a JWK Set. Keys for other purposes, private keys and shared secrets are ignored. The JWK
    /// parser of the library is not used: it does not recognise private keys, and fails on sets with unknown kinds of
    /// keys.
    ///
    /// # Errors
    /// The text is not a set, or the set has no usable key.
    pub fn published(text: &str) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_str(text).map_err(|_| KeySetError::NotASet)?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(published).take(MAX_KEYS).collect();
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self(keys)) }
    }

    /// Whether a key of the set may have signed a token with this key id. If the token names no key id, every key may have
    /// signed it.
    #[must_use]
    pub fn knows(&self, kid: Option<&str>) -> bool {
        self.0.iter().any(|key| key.may_be(kid))
    }

    /// Whether one of the keys verifies the token. The calling code checks that the issuer permits the algorithm.
    #[must_use]
    pub fn signed(&self, token: &Unverified<'_>) -> bool {
        self.0.iter().any(|key| key.may_be(token.key_id()) && key.signed(token))
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({})", self.0.len())
    }
}

impl Key {
    /// Whether this key may have signed a token with the key id `kid`. A shared secret fits every id, a published key only its
    /// own.
    fn may_be(&self, kid: Option<&str>) -> bool {
        matches!(self.material, Material::Secret(_)) || kid.is_none_or(|kid| self.kid.as_deref() == Some(kid))
    }

    fn signed(&self, token: &Unverified<'_>) -> bool {
        let algorithm = token.algorithm();
        if self.algorithm.is_some_and(|only| only != algorithm) {
            return false;
        }
        let (message, signature) = (token.signed(), token.signature());
        match &self.material {
            Material::Secret(key) | Material::Public(key) => verifies(key, algorithm, message, signature),
            Material::Curve(curve, key) => {
                *curve == algorithm && verifies(key, algorithm, message, signature)
            }
            Material::P521(point) => {
                let decoded = URL_SAFE_NO_PAD.decode(signature);
                algorithm == Algorithm::ES512
                    && decoded.is_ok_and(|signature| {
                        UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point)
                            .verify(message, &signature)
                            .is_ok()
                    })
            }
        }
    }
}

/// Whether the library verifies the signature. `false` for a key that does not fit the algorithm, and for
/// an RSA key of less than 2048 bits.
fn verifies(key: &DecodingKey, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
    library_algorithm(algorithm)
        .is_some_and(|algorithm| crypto::verify(signature, message, key, algorithm).unwrap_or(false))
}

fn library_algorithm(algorithm: Algorithm) -> Option<LibraryAlgorithm> {
    match algorithm {
        Algorithm::HS256 => Some(LibraryAlgorithm::HS256),
        Algorithm::HS384 => Some(LibraryAlgorithm::HS384),
        Algorithm::HS512 => Some(LibraryAlgorithm::HS512),
        Algorithm::RS256 => Some(LibraryAlgorithm::RS256),
        Algorithm::RS384 => Some(LibraryAlgorithm::RS384),
        Algorithm::RS512 => Some(LibraryAlgorithm::RS512),
        Algorithm::ES256 => Some(LibraryAlgorithm::ES256),
        Algorithm::ES384 => Some(LibraryAlgorithm::ES384),
        Algorithm::ES512 => None,
        Algorithm::EdDSA => Some(LibraryAlgorithm::EdDSA),
    }
}

fn published(value: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let for_signatures = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
    let may_verify = jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|op| op == "verify"));
    if !for_signatures || !may_verify || jwk.d.is_some() {
        return None;
    }
    let algorithm = match &jwk.alg {
        // A key for an unknown algorithm is ignored.
        Some(name) => Some(serde_json::from_value(serde_json::Value::from(name.as_str())).ok()?),
        None => None,
    };
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            Material::Public(DecodingKey::from_rsa_raw_components(&bytes(&jwk.n)?, &bytes(&jwk.e)?))
        }
        ("EC", Some("P-256")) => curve(Algorithm::ES256, &point(32, &bytes(&jwk.x)?, &bytes(&jwk.y)?)?),
        ("EC", Some("P-384")) => curve(Algorithm::ES384, &point(48, &bytes(&jwk.x)?, &bytes(&jwk.y)?)?),
        ("EC", Some("P-521")) => Material::P521(point(66, &bytes(&jwk.x)?, &bytes(&jwk.y)?)?),
        ("OKP", Some("Ed25519")) => Material::Public(DecodingKey::from_ed_der(&bytes(&jwk.x)?)),
        _ => return None,
    };
    Some(Key { kid: jwk.kid, algorithm, material })
}

fn curve(algorithm: Algorithm, point: &[u8]) -> Material {
    Material::Curve(algorithm, DecodingKey::from_ec_der(point))
}

/// An uncompressed point (SEC 1, 2.3.3). RFC 7518, 6.2.1.2 fixes the length of the coordinates. The length is checked here,
/// because the library does not check it.
fn point(size: usize, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let fits = x.len() == size && y.len() == size;
    fits.then(|| [&[4], x, y].concat())
}
