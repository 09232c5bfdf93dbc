//! Refresh tokens: their content, and the rule for a presented token.
//!
//! `service::sign_in::refresh` applies the rule. A token names its session and its rotation, and is signed with a MAC. No token
//! is stored; the successor of a token can be computed again for a client that lost the successor. The rule [`decide`] only
//! states the right reaction; the store's conditional UPDATE decides between concurrent requests.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::id::SessionId;
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::crypto::{key_ring::KeyRing, secret_ring::SecretRing};

const LABEL: &str = "portcullis refresh token v1";
const VERSION: u8 = 1;
/// Version, session id, counter.
const BODY: usize = 1 + 16 + 8;
const TAG: usize = 16;
/// For this long after a rotation or a late retry, the replaced token still gets its successor, for example for a second tab or
/// after a lost response.
const REPEAT_WINDOW: Duration = Duration::from_secs(10);
/// For this long after a rotation, the replaced token gets its successor one more time, if the successor was never used (for
/// example because the response was lost).
const LATE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// A renewal raises the refresh counter by this number; a refresh raises it by one. This is for servers of an earlier release,
/// which do not know renewals. Such a server returns a successor only for a token with a counter one below the current counter.
/// After a renewal, no token has that counter, so the server returns no successor for the token from before the renewal.
pub const RENEWAL_STEP: u64 = 2;

/// The content of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session that the token continues.
    pub session: SessionId,
    /// The session's refresh counter when the token was issued.
    pub counter: u64,
}

/// Why a text is not a refresh token of this server. A forged token changes nothing.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RefreshError {
    /// The text does not have the form of a refresh token.
    #[error("malformed refresh token")]
    Malformed,
    /// The text has the form of a refresh token, but this server did not sign it.
    #[error("forged refresh token")]
    Forged,
}

/// The keys that sign refresh tokens.
pub struct RefreshKeys(KeyRing);

impl RefreshKeys {
    /// Keys from the configured secrets. Tokens are signed with the current secret. A token is accepted if it was signed with
    /// any of these secrets.
    #[must_use]
    pub fn new(secrets: &SecretRing) -> Self {
        Self(KeyRing::derive(secrets, LABEL))
    }

    /// The token as text: base64url of version, session id, counter (big endian) and 16 bytes of HMAC-SHA256.
    #[must_use]
    pub fn encode(&self, token: &RefreshToken) -> SecretString {
        let mut bytes = Vec::with_capacity(BODY + TAG);
        bytes.push(VERSION);
        bytes.extend_from_slice(token.session.0.as_bytes());
        bytes.extend_from_slice(&token.counter.to_be_bytes());
        let tag = self.0.mac(&[&bytes]);
        bytes.extend_from_slice(&tag[..TAG]);
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    /// Parses and verifies a token. The MAC is compared in constant time.
    ///
    /// # Errors
    /// See [`RefreshError`].
    pub fn decode(&self, text: &str) -> Result<RefreshToken, RefreshError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| RefreshError::Malformed)?;
        let (body, tag) = bytes.split_at_checked(BODY).ok_or(RefreshError::Malformed)?;
        let Some((&VERSION, fields)) = body.split_first() else {
            return Err(RefreshError::Malformed);
        };
        let (session, counter) = fields.split_first_chunk::<16>().ok_or(RefreshError::Malformed)?;
        let counter = <[u8; 8]>::try_from(counter).map_err(|_| RefreshError::Malformed)?;
        if tag.len() != TAG {
            return Err(RefreshError::Malformed);
        }
        if !self.0.verify(&[body], tag) {
            return Err(RefreshError::Forged);
        }
        Ok(RefreshToken {
            session: SessionId(Uuid::from_bytes(*session)),
            counter: u64::from_be_bytes(counter),
        })
    }
}

/// The stored state of a session's chain of refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainState {
    /// The counter of the current token.
    pub counter: u64,
    /// The time of the last rotation, renewal or late retry ([`Decision::RepeatLate`]); `None` before the first of these.
    pub rotated_at: Option<OffsetDateTime>,
    /// The highest counter of an access token that was used.
    pub used_counter: u64,
    /// The counter of the last successor that was returned once more ([`Decision::RepeatLate`]).
    pub retried_counter: Option<u64>,
    /// The counter of the last token that a proof of presence or a change of credentials gave, instead of a refresh.
    pub renewed_counter: Option<u64>,
}

/// The right reaction to a genuine refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The token is the current one: rotate it.
    Rotate,
    /// The token was replaced a moment ago: return the same successor again.
    Repeat,
    /// The token was replaced a while ago, and the successor was never used: return the successor once more, and record this
    /// retry.
    RepeatLate,
    /// A step-up or a change of credentials replaced the token. This was a moment ago, or the successor is not in use. Refuse,
    /// and change nothing. The successor may carry privilege, so only the client that made the proof gets it.
    Superseded,
    /// The token was replaced and must not be presented any more. Its successor was replaced, too, is in use, was already
    /// returned once more, or is older than a day. The token counts as copied: end the session.
    Reuse,
    /// The token names a rotation that never took place: refuse, change nothing.
    Forged,
}

/// The reaction to a token with the counter `presented`.
///
/// A `rotated_at` in the future (the clock of another node) counts as just now. After a lost answer to a step-up, the client
/// repeats the step-up. A retry with the client's old refresh token never gets the successor, because a thief with a copy of
/// that token would get the successor as well. After a renewal, the old token ends the session only after a use of the
/// successor. Until then, nothing shows that two clients have tokens of the session.
#[must_use]
pub fn decide(presented: u64, chain: &ChainState, now: OffsetDateTime) -> Decision {
    if presented >= chain.counter {
        return if presented == chain.counter { Decision::Rotate } else { Decision::Forged };
    }
    let renewed = chain.renewed_counter == Some(chain.counter);
    let successor_used = chain.used_counter > presented;
    if renewed && !successor_used {
        return Decision::Superseded;
    }
    let step = if renewed { RENEWAL_STEP } else { 1 };
    let Some(rotated_at) = chain.rotated_at.filter(|_| presented + step == chain.counter) else {
        return Decision::Reuse;
    };
    let age = now - rotated_at;
    if age <= REPEAT_WINDOW {
        return if renewed { Decision::Superseded } else { Decision::Repeat };
    }
    let retry_spent = chain.retried_counter == Some(chain.counter);
    if renewed || successor_used || retry_spent || age >= LATE_WINDOW {
        Decision::Reuse
    } else {
        Decision::RepeatLate
    }
}

#[cfg(test)]
#[path = "refresh_token_tests.rs"]
mod tests;
