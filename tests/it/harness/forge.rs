//! Access tokens that must not be taken.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::domain::token::{AccessKeys, Claims};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::app::secrets;

/// The name that test servers go by, as issuer and audience.
pub(super) const DOMAIN: &str = "localhost";

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    /// Ours, but its time is over.
    Expired,
    /// Signed by nobody we know, under our key's name.
    WrongSignature,
    /// Unsigned, and saying so.
    AlgorithmNone,
    /// Signed with another key, under that key's name.
    UnknownKey,
    /// No token at all.
    Garbage,
}

impl Forgery {
    /// `token`, with this wrong with it.
    pub(crate) fn of(self, token: &str) -> String {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("no JWT") };
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        match self {
            Self::Expired => {
                let keys = AccessKeys::new(&secrets().jwt, &[], DOMAIN, DOMAIN);
                let (iat, exp) = (claims.iat - 7200, claims.iat - 3600);
                issue(&keys, &Claims { iat, nbf: iat, exp, ..claims })
            }
            Self::WrongSignature => {
                let other = if signature.starts_with('A') { "B" } else { "A" };
                format!("{header}.{payload}.{other}{}", &signature[1..])
            }
            Self::AlgorithmNone => {
                let known: serde_json::Value =
                    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
                let header = json!({"alg": "none", "typ": "at+jwt", "kid": known["kid"]});
                format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header.to_string()))
            }
            Self::UnknownKey => {
                let foreign = SecretString::from("the key of another server altogether");
                issue(&AccessKeys::new(&foreign, &[], DOMAIN, DOMAIN), &claims)
            }
            Self::Garbage => "not.a.token".to_owned(),
        }
    }
}

fn issue(keys: &AccessKeys, claims: &Claims) -> String {
    keys.issue(claims).expose_secret().to_owned()
}
