//! Keys of every kind: each verifies its own signatures and refuses the signatures of other keys.

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    tests::{SECRET, compact, judged, rules, shared},
    *,
};

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Makes a token with these claims.
type Sign = Box<dyn Fn(&Value) -> String>;

fn rsa() -> (Value, Sign) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let parts = pair.public_key();
    let jwk = json!({"kty": "RSA", "n": b64(parts.modulus().big_endian_without_leading_zero()),
                     "e": b64(parts.exponent().big_endian_without_leading_zero()), "kid": "k"});
    let sign = move |claims: &Value| {
        compact(&json!({"alg": "RS256", "kid": "k"}), claims, |message| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        })
    };
    (jwk, Box::new(sign))
}

fn edwards() -> (Value, Sign) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()), "kid": "k"});
    let sign = move |claims: &Value| {
        compact(&json!({"alg": "EdDSA", "kid": "k"}), claims, |message| pair.sign(message).as_ref().to_vec())
    };
    (jwk, Box::new(sign))
}

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm, curve: &str, name: &str) -> (Value, Sign) {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let point = pair.public_key().as_ref()[1..].to_vec();
    let (x, y) = point.split_at(point.len() / 2);
    let jwk = json!({"kty": "EC", "crv": curve, "x": b64(x), "y": b64(y), "kid": "k", "use": "sig"});
    let header = json!({"alg": name, "kid": "k"});
    let sign = move |claims: &Value| {
        compact(&header, claims, |message| {
            pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
        })
    };
    (jwk, Box::new(sign))
}

fn published(keys: &[Value]) -> KeySet {
    KeySet::published(&json!({ "keys": keys }).to_string()).unwrap()
}

#[test]
fn keys_of_every_kind_verify_only_their_own_signatures() {
    let claims = json!({"sub": "1"});
    let public = |(jwk, sign): (Value, Sign)| (published(&[jwk]), sign(&claims));
    let secret = |secret: &str| {
        let token = shared(secret, &json!({"alg": "HS256", "kid": "k"}), &claims);
        (KeySet::shared(&[SecretString::from(secret)]), token)
    };
    // Each key with a token that it has signed. All have the same key id.
    let signed = [
        public(rsa()),
        public(edwards()),
        public(elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256")),
        public(elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256")),
        public(elliptic(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", "ES384")),
        public(elliptic(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", "ES512")),
        secret(SECRET),
        secret("another secret that two parties share"),
    ];
    let all = rules(&[
        Algorithm::RS256,
        Algorithm::EdDSA,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::HS256,
    ]);
    for (mine, (keys, _)) in signed.iter().enumerate() {
        for (other, (_, token)) in signed.iter().enumerate() {
            assert_eq!(judged(keys, &all, token).is_ok(), mine == other, "key {mine}, token {other}");
        }
    }
}

#[test]
fn a_public_key_is_never_a_shared_secret() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let (x, y) = point[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)});
    let keys = published(std::slice::from_ref(&jwk));
    let der = pair.public_key().as_der().unwrap().as_ref().to_vec();
    // No form of the public key works as a secret, even if the settings permit algorithms with secrets, too.
    let everything = rules(&[Algorithm::ES256, Algorithm::HS256, Algorithm::HS512]);
    for secret in [point, der, jwk.to_string().into_bytes()] {
        let token = compact(&json!({"alg": "HS256"}), &json!({"sub": "1"}), |message| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message).as_ref().to_vec()
        });
        assert_eq!(judged(&keys, &everything, &token), Err(TokenRefusal::Unsigned));
    }
}

#[test]
fn a_published_shared_secret_is_ignored() {
    let set = json!({"keys": [{"kty": "oct", "k": b64(SECRET.as_bytes()), "kid": "k"}]}).to_string();
    assert_eq!(KeySet::published(&set).unwrap_err(), keys::KeySetError::NoKey);
}

#[test]
fn a_key_is_used_only_for_its_stated_purpose() {
    let (jwk, sign) = elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256");
    let token = sign(&json!({"sub": "1"}));
    let other = |field: &str, value: Value| {
        let mut other = jwk.clone();
        other[field] = value;
        KeySet::published(&json!({"keys": [other]}).to_string())
    };
    assert!(judged(&published(std::slice::from_ref(&jwk)), &rules(&[Algorithm::ES256]), &token).is_ok());
    assert!(other("use", json!("enc")).is_err());
    assert!(other("key_ops", json!(["sign"])).is_err());
    assert!(other("d", json!("private")).is_err());
    assert!(other("alg", json!("RSA-OAEP")).is_err());
    let renamed = other("kid", json!("another")).unwrap();
    assert_eq!(judged(&renamed, &rules(&[Algorithm::ES256]), &token), Err(TokenRefusal::Unsigned));
    assert!(!renamed.knows(Some("k")) && renamed.knows(Some("another")));
    let for_es384 = other("alg", json!("ES384")).unwrap();
    assert_eq!(judged(&for_es384, &rules(&[Algorithm::ES256]), &token), Err(TokenRefusal::Unsigned));
}
