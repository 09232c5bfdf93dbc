//! Keys of every kind: each verifies its own signatures and refuses the signatures of other keys.

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    tests::{SECRET, compact, judged, rules},
    *,
};

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn elliptic(
    algorithm: &'static EcdsaSigningAlgorithm,
    curve: &str,
    name: &str,
) -> (Value, impl Fn(&Value) -> String) {
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
    (jwk, sign)
}

fn published(keys: &[Value]) -> KeySet {
    KeySet::published(&json!({ "keys": keys }).to_string()).unwrap()
}

#[test]
fn keys_of_every_kind_verify_only_their_own_signatures() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let parts = rsa.public_key();
    let rsa_jwk = json!({"kty": "RSA", "n": b64(parts.modulus().big_endian_without_leading_zero()),
                         "e": b64(parts.exponent().big_endian_without_leading_zero()), "kid": "k"});
    let signed_by_rsa = |claims: &Value| {
        compact(&json!({"alg": "RS256", "kid": "k"}), claims, |message| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        })
    };
    let ed = Ed25519KeyPair::generate().unwrap();
    let ed_jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(ed.public_key().as_ref()), "kid": "k"});
    let signed_by_ed = |claims: &Value| {
        compact(&json!({"alg": "EdDSA", "kid": "k"}), claims, |message| ed.sign(message).as_ref().to_vec())
    };
    let (p256_jwk, signed_by_p256) = elliptic(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256");
    let (p521_jwk, signed_by_p521) = elliptic(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", "ES512");
    let claims = json!({"sub": "1"});
    let tokens =
        [signed_by_rsa(&claims), signed_by_ed(&claims), signed_by_p256(&claims), signed_by_p521(&claims)];
    let all = rules(&[Algorithm::RS256, Algorithm::EdDSA, Algorithm::ES256, Algorithm::ES512]);
    for (mine, jwk) in [rsa_jwk, ed_jwk, p256_jwk, p521_jwk].iter().enumerate() {
        let keys = published(std::slice::from_ref(jwk));
        for (other, token) in tokens.iter().enumerate() {
            assert_eq!(judged(&keys, &all, token).is_ok(), mine == other, "key {mine}, token {other}");
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
    // No form of the public key works as a secret, even if the settings permit every algorithm.
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
    let meant_otherwise = other("alg", json!("ES384")).unwrap();
    assert_eq!(judged(&meant_otherwise, &rules(&[Algorithm::ES256]), &token), Err(TokenRefusal::Unsigned));
}
