//! A JWT in its compact form (RFC 7515, 7.1), parsed but not verified. The parser of `jsonwebtoken` does not know
//! ES512 and ignores `crit`, so the header is parsed here; signatures are verified in `keys`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use super::types::{Algorithm, TokenRefusal};

/// The longest token in bytes. Tokens may list subscriptions, so this limit is high.
pub const MAX_BYTES: usize = 16 * 1024;
/// The longest key id in bytes.
const MAX_KID_BYTES: usize = 256;

/// A parsed token before the verification of its signature.
#[derive(Debug)]
pub struct Unverified<'t> {
    header: Header,
    issuer: Option<String>,
    claims: Vec<u8>,
    signed: &'t [u8],
    /// In base64url; parsing has checked that it can be decoded.
    signature: &'t str,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515, 4.1.11). This server supports none.
    crit: Option<IgnoredAny>,
}

/// The claim for the choice of the issuers to try.
#[derive(Deserialize)]
struct Claimed {
    iss: Option<String>,
}

impl<'t> Unverified<'t> {
    /// Parses a token.
    ///
    /// # Errors
    /// [`TokenRefusal::Malformed`].
    pub fn parse(token: &'t str) -> Result<Self, TokenRefusal> {
        if token.len() > MAX_BYTES {
            return Err(TokenRefusal::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenRefusal::Malformed)?;
        let [header, claims] = [decoded(header)?, decoded(claims)?];
        let unsigned = decoded(signature)?.is_empty();
        let header: Header = serde_json::from_slice(&header).map_err(|_| TokenRefusal::Malformed)?;
        let long = header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES);
        if header.crit.is_some() || long || unsigned {
            return Err(TokenRefusal::Malformed);
        }
        let Claimed { iss } = serde_json::from_slice(&claims).map_err(|_| TokenRefusal::Malformed)?;
        Ok(Self { header, issuer: iss, claims, signed: signed.as_bytes(), signature })
    }

    /// The algorithm that the header names.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// The key id that the header names.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The issuer that the token names.
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

    pub(super) fn signature(&self) -> &str {
        self.signature
    }
}

/// The issuer that a text names, if the text looks like a JWT. Header and signature are not checked.
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
