//! Access tokens: JWTs that name the user, the session, and the time of expiry.
//!
//! The verifier, sign-in and refresh use these rules. The check here only shows that a token is genuine and not expired. The
//! verifier then checks whether the token's session is still valid and what its user may do. The key decides the algorithm,
//! never the token's header; [`token_key`](super::token_key) has the keys.

use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, Validation, errors::ErrorKind};
use protocol::id::SessionId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::token_key::{PublicTokenKey, TokenAlgorithm, VerifyingKey, signing_key};
use crate::{account::role::Role, crypto::secret_ring::SecretRing};

/// The `typ` of the header (RFC 9068, 2.1), so that an identity token or a challenge is never accepted as an access token.
const TYPE: &str = "at+jwt";
/// The longest access token in bytes.
const MAX_BYTES: usize = 4096;
/// The longest lifetime of an access token.
pub const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long a token is accepted after `exp`, because clocks differ.
const EXPIRY_LEEWAY: i64 = 5;
/// How far in the future `nbf` and `iat` may be, because clocks differ.
const START_LEEWAY: i64 = 60;

/// The claims of a token. Every claim is required.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user id as text (RFC 7519, 4.1.2).
    pub sub: String,
    /// The user id as a number.
    pub id: i64,
    /// The user's e-mail address when the token was issued.
    pub email: String,
    /// The user's role when the token was issued; the current role decides.
    pub role: Role,
    /// The scopes of the token; they can only narrow the current scopes of the user.
    pub scopes: Vec<String>,
    /// The session.
    pub sid: SessionId,
    /// The id of the token.
    pub jti: Uuid,
    /// The refresh counter at the issue of this token. This access token and a refresh token with the same counter were issued
    /// together, so the use of this token proves that the client received that refresh token.
    #[serde(rename = "gen")]
    pub refresh_counter: u64,
    /// The session's privilege epoch when the token was issued. If the epoch of the session is higher now, the token
    /// carries no privilege.
    #[serde(rename = "pep")]
    pub privilege_epoch: u32,
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// Issued at, seconds since the epoch.
    pub iat: i64,
    /// Not before, seconds since the epoch.
    pub nbf: i64,
    /// Expiry, seconds since the epoch.
    pub exp: i64,
}

/// Why a token is refused. Clients never see these texts.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// The text is not a JWT, is too long, is of another type or algorithm, or has extensions that must be understood (`crit`).
    #[error("malformed token")]
    Malformed,
    /// The `kid` is missing or names no configured key.
    #[error("unknown key")]
    UnknownKey,
    /// The key does not verify the signature.
    #[error("bad signature")]
    BadSignature,
    /// The token has expired.
    #[error("expired token")]
    Expired,
    /// The token is not valid yet.
    #[error("token not yet valid")]
    NotYetValid,
    /// A claim is missing, malformed, meant for another recipient, or contradicts another claim.
    #[error("wrong claims")]
    WrongClaims,
}

impl TokenError {
    /// Whether a refresh would help the client.
    #[must_use]
    pub fn is_expired(self) -> bool {
        self == Self::Expired
    }
}

/// The keys for issuing and verifying.
pub struct AccessKeys {
    algorithm: TokenAlgorithm,
    signing: EncodingKey,
    kid: String,
    /// For each accepted secret, the keys of all algorithms. The current secret comes first.
    verifying: Vec<VerifyingKey>,
    issuer: String,
    audience: String,
    /// What the library checks, for each algorithm.
    validations: [Validation; TokenAlgorithm::ALL.len()],
}

impl AccessKeys {
    /// Keys from the configured secrets. Tokens are signed with the current secret and this algorithm. A token is accepted if
    /// it was signed with any of these secrets, with either algorithm.
    #[must_use]
    pub fn new(secrets: &SecretRing, algorithm: TokenAlgorithm, issuer: &str, audience: &str) -> Self {
        let verifying: Vec<_> = secrets
            .accepted()
            .flat_map(|secret| TokenAlgorithm::ALL.map(|algorithm| VerifyingKey::new(secret, algorithm)))
            .collect();
        Self {
            algorithm,
            signing: signing_key(&secrets.current, algorithm),
            kid: VerifyingKey::new(&secrets.current, algorithm).kid,
            verifying,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            validations: TokenAlgorithm::ALL.map(|algorithm| validation(algorithm, issuer, audience)),
        }
    }

    /// The public keys for other services, the current key first. They are published while tokens are signed with HS256, too.
    /// So other services know the new key before a change of the algorithm, and know the keys of valid tokens after a change
    /// back.
    pub fn published(&self) -> impl Iterator<Item = &PublicTokenKey> {
        self.verifying.iter().filter_map(|key| key.public.as_ref())
    }

    /// The `iss` of the tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The `aud` of the tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The signed token of these claims.
    #[must_use]
    pub fn issue(&self, claims: &Claims) -> SecretString {
        let mut header = Header::new(self.algorithm.in_library());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signing)
            .expect("plain claims serialise, and the key belongs to the algorithm")
            .into()
    }

    /// The claims of a genuine token that is valid at `now` (seconds since the epoch).
    ///
    /// # Errors
    /// The first problem. Time is checked last, so [`TokenError::Expired`] means that the token is otherwise good.
    pub fn verify(&self, token: &str, now: i64) -> Result<Claims, TokenError> {
        let claims = self.verify_signature_only(token)?;
        if claims.nbf > now.saturating_add(START_LEEWAY) || claims.iat > now.saturating_add(START_LEEWAY) {
            return Err(TokenError::NotYetValid);
        }
        if now > claims.exp.saturating_add(EXPIRY_LEEWAY) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The genuine tokens of a list, expired or not, from the newest to the oldest. If two tokens were issued in the same
    /// second, the later token in the list comes first.
    pub fn newest_first<'a>(
        &self,
        tokens: impl IntoIterator<Item = &'a SecretString>,
    ) -> Vec<(&'a SecretString, Claims)> {
        let genuine =
            |token: &'a SecretString| Some((token, self.verify_signature_only(token.expose_secret()).ok()?));
        let mut genuine: Vec<_> = tokens.into_iter().filter_map(genuine).collect();
        genuine.reverse();
        genuine.sort_by_key(|(_, claims)| std::cmp::Reverse(claims.iat));
        genuine
    }

    /// The claims of a genuine token, even if the token has expired or is not valid yet. Sign-out uses this check, because
    /// sign-out must work with an expired token.
    ///
    /// # Errors
    /// Everything that [`Self::verify`] refuses, except the time.
    pub fn verify_signature_only(&self, token: &str) -> Result<Claims, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        // `crit` lists extensions that must be understood (RFC 7515, 4.1.11). This server supports none.
        let is_offered = TokenAlgorithm::ALL.iter().any(|algorithm| algorithm.in_library() == header.alg);
        if header.typ.as_deref() != Some(TYPE) || !is_offered || header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let kid = header.kid.ok_or(TokenError::UnknownKey)?;
        let known = self.verifying.iter().find(|known| known.kid == kid).ok_or(TokenError::UnknownKey)?;
        // The library refuses a token if its header names another algorithm than that of the key.
        let claims =
            jsonwebtoken::decode::<Claims>(token, &known.key, &self.validations[known.algorithm as usize])
                .map_err(|error| refusal(error.kind()))?
                .claims;
        self.agree(&claims).then_some(claims).ok_or(TokenError::WrongClaims)
    }

    /// Whether the claims are for this server and do not contradict each other.
    fn agree(&self, claims: &Claims) -> bool {
        claims.iss == self.issuer && claims.aud == self.audience && claims.sub == claims.id.to_string()
    }
}

/// The lifetime of a token that is issued now: an hour, but not past the end of the session.
#[must_use]
pub fn access_ttl(now: OffsetDateTime, session_expires_at: OffsetDateTime) -> Duration {
    Duration::try_from(session_expires_at - now).unwrap_or_default().min(LIFETIME)
}

/// The library checks algorithm, signature, issuer and audience. [`AccessKeys::verify`] checks the time, because the
/// time is an argument.
fn validation(algorithm: TokenAlgorithm, issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::new(algorithm.in_library());
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation
}

fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::InvalidSignature => TokenError::BadSignature,
        ErrorKind::InvalidToken | ErrorKind::InvalidAlgorithm | ErrorKind::Base64(_) | ErrorKind::Utf8(_) => {
            TokenError::Malformed
        }
        _ => TokenError::WrongClaims,
    }
}

#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
