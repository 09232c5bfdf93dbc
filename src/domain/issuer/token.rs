//! A JWT in its compact form (RFC 7515, 7.1), taken apart and not believed yet.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use super::types::{Algorithm, TokenRefusal};

/// Longer texts are no tokens. Room for the subscriptions that a token may bring along.
pub const MAX_BYTES: usize = 16 * 1024;
/// Longer names of keys are nobody's.
const MAX_KID_BYTES: usize = 256;

/// A token of which nothing is proven.
#[derive(Debug)]
pub struct Unverified<'t> {
    header: Header,
    issuer: Option<String>,
    claims: Vec<u8>,
    signed: &'t [u8],
    signature: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11): we understand none.
    crit: Option<IgnoredAny>,
}

/// What decides who is asked about the token.
#[derive(Deserialize)]
struct Claimed {
    iss: Option<String>,
}

impl<'t> Unverified<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`TokenRefusal::Malformed`]: not a token, not signed in any way that is known here, or too long.
    pub fn parse(token: &'t str) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_BYTES {
            return Err(TokenRefusal::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenRefusal::Malformed)?;
        let [header, claims, signature] = [decoded(header)?, decoded(claims)?, decoded(signature)?];
        let header: Header = serde_json::from_slice(&header).map_err(|_| TokenRefusal::Malformed)?;
        let long = header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES);
        if header.crit.is_some() || long || signature.is_empty() {
            return Err(TokenRefusal::Malformed);
        }
        let Claimed { iss } = serde_json::from_slice(&claims).map_err(|_| TokenRefusal::Malformed)?;
        Ok(Self { header, issuer: iss, claims, signed: signed.as_bytes(), signature })
    }

    /// How it says it is signed.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// By which key it says it is signed.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Who it says has issued it.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The claims, as they were signed.
    #[must_use]
    pub fn claims(&self) -> &[u8] {
        &self.claims
    }

    pub(super) fn signed(&self) -> &[u8] {
        self.signed
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// Who a text says has issued it, if it is a JWT of any kind.
#[must_use]
pub fn claimed_issuer(token: &str) -> Option<String> {
    if token.len() > MAX_BYTES {
        return None;
    }
    let claims = token.split('.').nth(1)?;
    let claimed: Claimed = serde_json::from_slice(&decoded(claims).ok()?).ok()?;
    claimed.iss
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefusal::Malformed)
}
