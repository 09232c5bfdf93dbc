//! Access tokens that the server must refuse.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    crypto::secret_ring::SecretRing,
    tokens::{
        access_token::{AccessKeys, Claims},
        token_key::TokenAlgorithm,
    },
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Sha256, Sha384};

use super::{app::secrets, secret_watch};

/// The issuer and audience of test servers.
pub(super) const DOMAIN: &str = "localhost";

/// A way to forge a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    /// A token of the server that has expired.
    Expired,
    /// A token of the server with one changed letter in its signature.
    WrongSignature,
    /// Without a signature, and with the algorithm `none`.
    AlgorithmNone,
    /// Signed with the server's key, but with HS384.
    OtherHash,
    /// Signed with the server's key and algorithm, but the header states `RS256`, an algorithm with a public key.
    StatesRs256,
    /// Signed with the server's key, but `typ` is not the type of access tokens.
    WrongType,
    /// Signed with the server's key, but for another audience.
    WrongAudience,
    /// Signed with an unknown key, which the header names.
    UnknownKey,
    /// A text that is no token.
    Garbage,
}

impl Forgery {
    /// Forges `token` in this way.
    pub(crate) fn of(self, token: &str) -> String {
        let forged = self.made_of(token);
        secret_watch::note("forged token", &forged);
        forged
    }

    fn made_of(self, token: &str) -> String {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("no JWT") };
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        match self {
            Self::Expired => {
                let keys = AccessKeys::new(&secrets().jwt, TokenAlgorithm::Hs256, DOMAIN, DOMAIN);
                let (iat, exp) = (claims.iat - 7200, claims.iat - 3600);
                issue(&keys, &Claims { iat, nbf: iat, exp, ..claims })
            }
            Self::WrongSignature => {
                let other = if signature.starts_with('A') { "B" } else { "A" };
                format!("{header}.{payload}.{other}{}", &signature[1..])
            }
            Self::AlgorithmNone => format!("{}.", headed(header, "alg", "none", payload)),
            Self::OtherHash => {
                let message = headed(header, "alg", "HS384", payload);
                let mut mac = Hmac::<Sha384>::new_from_slice(&signing_key()).unwrap();
                mac.update(message.as_bytes());
                format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
            }
            Self::StatesRs256 => signed(&headed(header, "alg", "RS256", payload)),
            Self::WrongType => signed(&headed(header, "typ", "JWT", payload)),
            Self::WrongAudience => {
                let audience = "another.example";
                let keys = AccessKeys::new(&secrets().jwt, TokenAlgorithm::Hs256, DOMAIN, audience);
                issue(&keys, &Claims { aud: audience.to_owned(), ..claims })
            }
            Self::UnknownKey => {
                let foreign = SecretRing::of("the key of another server altogether".into());
                issue(&AccessKeys::new(&foreign, TokenAlgorithm::Hs256, DOMAIN, DOMAIN), &claims)
            }
            Self::Garbage => "not.a.token".to_owned(),
        }
    }
}

fn issue(keys: &AccessKeys, claims: &Claims) -> String {
    keys.issue(claims).expose_secret().to_owned()
}

/// The signed part of a token, with another value in the header.
fn headed(header: &str, field: &str, value: &str, payload: &str) -> String {
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header[field] = value.into();
    format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// Signs a message with the server's key and algorithm, for any content of the header.
fn signed(message: &str) -> String {
    let tag = hmac_sha256(&signing_key(), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The server's key for signatures. So a token that [`signed`] makes is wrong only in its header.
fn signing_key() -> [u8; 32] {
    hmac_sha256(secrets().jwt.current.expose_secret().as_bytes(), b"portcullis access token v1")
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[test]
fn signatures_of_this_file_equal_those_of_the_server() {
    let keys = AccessKeys::new(&secrets().jwt, TokenAlgorithm::Hs256, DOMAIN, DOMAIN);
    let now = 1_800_000_000;
    let claims = json!({
        "sub": "1", "id": 1, "email": "a@example.com", "role": "user", "scopes": [], "sid": uuid::Uuid::nil(),
        "jti": uuid::Uuid::nil(), "gen": 0, "pep": 0, "iss": DOMAIN, "aud": DOMAIN, "iat": now, "nbf": now,
        "exp": now + 60,
    });
    let token = issue(&keys, &serde_json::from_value(claims).unwrap());
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(signed(message), token);
    assert!(keys.verify(&signed(message), now).is_ok());
}
