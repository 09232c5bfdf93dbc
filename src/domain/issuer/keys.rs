//! Keys of outside issuers, and whether one of them made a signature.
//!
//! A key fits the algorithms of its own kind only, so that a public key is never taken for a shared secret, whatever a
//! token's header says (RFC 8725, 2.1).

use std::fmt;

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
        RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{token::Unverified, types::Algorithm};

/// Keys of one set; each may have to be tried for a token that names none.
const MAX_KEYS: usize = 64;

/// The keys of one issuer. They never print.
pub struct KeySet(Vec<Key>);

struct Key {
    kid: Option<String>,
    /// The one algorithm that its owner means it for, if it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    Secret(SecretString),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point on the curve of this algorithm, uncompressed.
    Ec(Algorithm, Vec<u8>),
    Ed(Vec<u8>),
}

/// A text that is no set of keys, or one without a key that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWK Set (RFC 7517, 5).
    #[error("not a JWK set")]
    NotASet,
    /// No public key for signatures in it.
    #[error("no public key for signatures in the set")]
    NoKey,
}

#[derive(Deserialize)]
struct JwkSet {
    /// Sets may hold keys of kinds that are not known here; they are passed over.
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
    /// There in a private key, which has no business in a published set.
    d: Option<serde::de::IgnoredAny>,
}

impl KeySet {
    /// Secrets shared with the issuer: the newest, and older ones still honoured.
    #[must_use]
    pub fn shared(secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| Key {
            kid: None,
            algorithm: None,
            material: Material::Secret(secret.clone()),
        };
        Self(secrets.iter().map(key).collect())
    }

    /// The public keys of a JWK Set. Keys that are not for checking signatures, and shared secrets, which nobody publishes,
    /// are passed over.
    ///
    /// # Errors
    /// When it is no set, or no key is left.
    pub fn published(text: &str) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_str(text).map_err(|_| KeySetError::NotASet)?;
        let keys: Vec<_> = set.keys.into_iter().filter_map(published).take(MAX_KEYS).collect();
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self(keys)) }
    }

    /// Whether a key of this name is among them. A token that names none may be signed with any.
    #[must_use]
    pub fn knows(&self, kid: Option<&str>) -> bool {
        self.0.iter().any(|key| key.may_be(kid))
    }

    /// Whether one of them signed the token. That its algorithm is one of the issuer's is the caller's to ask.
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
    /// Shared secrets have no names.
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
            Material::Secret(secret) => hash(algorithm).is_some_and(|hash| {
                let key = hmac::Key::new(hash, secret.expose_secret().as_bytes());
                // Compares in constant time.
                hmac::verify(&key, message, signature).is_ok()
            }),
            Material::Rsa { n, e } => rsa(algorithm)
                .is_some_and(|rsa| RsaPublicKeyComponents { n, e }.verify(rsa, message, signature).is_ok()),
            Material::Ec(curve, point) => ecdsa(algorithm)
                .filter(|_| *curve == algorithm)
                .is_some_and(|ecdsa| UnparsedPublicKey::new(ecdsa, point).verify(message, signature).is_ok()),
            Material::Ed(point) => {
                algorithm == Algorithm::EdDSA
                    && UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok()
            }
        }
    }
}

fn hash(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

fn ecdsa(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Some(&ECDSA_P384_SHA384_FIXED),
        Algorithm::ES512 => Some(&ECDSA_P521_SHA512_FIXED),
        _ => None,
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
        // A key for an algorithm that is not known here is of no use here.
        Some(name) => Some(serde_json::from_value(serde_json::Value::from(name.as_str())).ok()?),
        None => None,
    };
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? },
        ("EC", Some("P-256")) => point(Algorithm::ES256, 32, &bytes(&jwk.x)?, &bytes(&jwk.y)?)?,
        ("EC", Some("P-384")) => point(Algorithm::ES384, 48, &bytes(&jwk.x)?, &bytes(&jwk.y)?)?,
        ("EC", Some("P-521")) => point(Algorithm::ES512, 66, &bytes(&jwk.x)?, &bytes(&jwk.y)?)?,
        ("OKP", Some("Ed25519")) => Material::Ed(bytes(&jwk.x)?),
        _ => return None,
    };
    Some(Key { kid: jwk.kid, algorithm, material })
}

/// An uncompressed point (SEC 1, 2.3.3); RFC 7518, 6.2.1.2 fixes the length of its coordinates.
fn point(curve: Algorithm, size: usize, x: &[u8], y: &[u8]) -> Option<Material> {
    let fits = x.len() == size && y.len() == size;
    fits.then(|| Material::Ec(curve, [&[4], x, y].concat()))
}
