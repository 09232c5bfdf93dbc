//! Public keys of passkeys: from COSE (RFC 9052, 7), as authenticators make them, to the JSON of the WebAuthn library.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use ciborium::Value as Cbor;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// The shortest and the longest modulus of an RSA key, in bytes.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// Why a key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    /// The bytes are not a COSE key, or the key is not valid.
    Malformed,
    /// The library does not verify signatures of this kind.
    Unsupported,
}

/// The key in the form of the library: `{"type_": …, "key": …}`.
pub(super) fn library_key(cose: &[u8]) -> Result<Value, KeyError> {
    let Ok(Cbor::Map(fields)) = ciborium::from_reader(cose) else { return Err(KeyError::Malformed) };
    let field = |label: i128| {
        let found = fields.iter().find(|(key, _)| key.as_integer().map(i128::from) == Some(label));
        found.map(|(_, value)| value).ok_or(KeyError::Malformed)
    };
    let number = |label| field(label)?.as_integer().map(i128::from).ok_or(KeyError::Malformed);
    let bytes = |label| field(label)?.as_bytes().cloned().ok_or(KeyError::Malformed);
    match (number(1)?, number(3)?) {
        (2, algorithm @ (-7 | -35)) => {
            let (x, y) = (bytes(-2)?, bytes(-3)?);
            let point = [&[4], &x[..], &y[..]].concat();
            let (name, curve) = match (algorithm, number(-1)?) {
                (-7, 1) => {
                    valid(&ECDSA_P256_SHA256_ASN1, &point)?;
                    ("ES256", "SECP256R1")
                }
                (-35, 2) => {
                    valid(&ECDSA_P384_SHA384_ASN1, &point)?;
                    ("ES384", "SECP384R1")
                }
                _ => return Err(KeyError::Unsupported),
            };
            Ok(json!({"type_": name, "key": {"EC_EC2": {"curve": curve, "x": text(&x), "y": text(&y)}}}))
        }
        (1, -8) => {
            let x = bytes(-2)?;
            if number(-1)? != 6 {
                return Err(KeyError::Unsupported);
            }
            valid(&ED25519, &x)?;
            Ok(json!({"type_": "EDDSA", "key": {"EC_OKP": {"curve": "ED25519", "x": text(&x)}}}))
        }
        (3, -257) => {
            let (n, e) = (bytes(-1)?, bytes(-2)?);
            let [a, b, c] = e[..] else { return Err(KeyError::Unsupported) };
            if !MODULUS.contains(&n.len()) {
                return Err(KeyError::Unsupported);
            }
            Ok(json!({"type_": "RS256", "key": {"RSA": {"n": text(&n), "e": [a, b, c]}}}))
        }
        _ => Err(KeyError::Unsupported),
    }
}

/// Checks that the bytes are a key of this algorithm: for example, a point on its curve.
fn valid(algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Result<(), KeyError> {
    ParsedPublicKey::new(algorithm, key).map(drop).map_err(|_| KeyError::Malformed)
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn cose(pairs: Vec<(i64, Cbor)>) -> Vec<u8> {
        let map = pairs.into_iter().map(|(label, value)| (Cbor::from(label), value)).collect();
        let mut bytes = Vec::new();
        ciborium::into_writer(&Cbor::Map(map), &mut bytes).expect("CBOR");
        bytes
    }

    fn p256(y: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let (x, old) = pair.public_key().as_ref()[1..].split_at(32);
        cose(vec![(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, x.into()), (-3, y(old).into())])
    }

    #[test]
    fn keys_of_the_usual_algorithms_are_taken() {
        assert_eq!(library_key(&p256(<[u8]>::to_vec)).expect("a key")["type_"], "ES256");
        let pair = Ed25519KeyPair::generate().expect("a key");
        let x = pair.public_key().as_ref();
        let key = cose(vec![(1, 1.into()), (3, (-8).into()), (-1, 6.into()), (-2, x.into())]);
        assert_eq!(library_key(&key).expect("a key")["key"]["EC_OKP"]["curve"], "ED25519");
        let (n, e) = (vec![0xd1; 256], vec![1_u8, 0, 1]);
        let key = cose(vec![(1, 3.into()), (3, (-257).into()), (-1, n.into()), (-2, e.into())]);
        assert_eq!(library_key(&key).expect("a key")["key"]["RSA"]["e"], json!([1, 0, 1]));
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_is_malformed() {
        let wrong = p256(|y| y.iter().map(|byte| byte ^ 1).collect());
        assert_eq!(library_key(&wrong), Err(KeyError::Malformed));
        for bytes in [&b""[..], b"text", &[0xa0], &[0xff; 40]] {
            assert_eq!(library_key(bytes), Err(KeyError::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn other_algorithms_are_not_supported() {
        let key = cose(vec![(1, 2.into()), (3, (-47).into()), (-1, 8.into())]);
        assert_eq!(library_key(&key), Err(KeyError::Unsupported));
    }
}
