//! CSRF tokens: `timestamp:nonce:signature`, bound to the session or, before sign-in, to the pre-session (the random id of a
//! browser in a signed cookie).
//!
//! The REST layer uses these rules. A token of one session or pre-session is not valid in another one (OWASP's signed double
//! submit, with binding). The calling code compares header and cookie; [`crate::client::origin`] judges requests from other
//! origins.

use std::fmt;

use protocol::id::SessionId;
use uuid::Uuid;

use crate::crypto::{
    key::{hex, unhex},
    key_ring::KeyRing,
    secret_ring::SecretRing,
};

const LABEL: &str = "portcullis csrf token v1";
/// The lifetime of a token, in seconds.
pub const LIFETIME: i64 = 60 * 60;
/// If a token is older than this, in seconds, the response carries a fresh token.
const STALE: i64 = 5 * 60;
/// How far in the future a timestamp may be, because clocks differ.
const LEEWAY: i64 = 60;

/// The session or pre-session that a token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Requests of this session.
    Session(SessionId),
    /// Requests of this browser before it signed in.
    PreSession(Uuid),
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => write!(f, "session:{session}"),
            Self::PreSession(id) => write!(f, "pre-session:{}", id.hyphenated()),
        }
    }
}

/// The age of a token, in seconds; never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(pub i64);

impl Age {
    /// Whether a fresh token should be sent.
    #[must_use]
    pub fn is_stale(self) -> bool {
        self.0 > STALE
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CsrfError {
    /// Not `timestamp:nonce:signature`.
    #[error("malformed CSRF token")]
    Malformed,
    /// Older than [`LIFETIME`].
    #[error("expired CSRF token")]
    Expired,
    /// The timestamp is too far in the future.
    #[error("CSRF token from the future")]
    FromTheFuture,
    /// Not signed by this server, or bound to another session or pre-session.
    #[error("CSRF token of another session")]
    BadSignature,
}

/// The keys that sign CSRF tokens.
pub struct CsrfKeys(KeyRing);

impl CsrfKeys {
    /// The keys derived from the configured secrets.
    #[must_use]
    pub fn new(secrets: &SecretRing) -> Self {
        Self(KeyRing::derive(secrets, LABEL))
    }

    /// A token for `binding`, made at `now` (seconds since the epoch). The nonce must be newly generated random bytes.
    #[must_use]
    pub fn issue(&self, binding: Binding, now: i64, nonce: [u8; 16]) -> String {
        let signed = format!("{now}:{}", hex(&nonce));
        let signature = self.0.mac(&[signed.as_bytes(), b":", binding.to_string().as_bytes()]);
        format!("{signed}:{}", hex(&signature))
    }

    /// The age of a genuine token for `binding` at `now`.
    ///
    /// # Errors
    /// The signature is checked before the time, so that only a genuine token is called expired.
    pub fn verify(&self, token: &str, binding: Binding, now: i64) -> Result<Age, CsrfError> {
        let (signed, signature) = token.rsplit_once(':').ok_or(CsrfError::Malformed)?;
        let (timestamp, nonce) = signed.split_once(':').ok_or(CsrfError::Malformed)?;
        let timestamp: i64 = timestamp.parse().map_err(|_| CsrfError::Malformed)?;
        let signature = unhex(signature).filter(|tag| tag.len() == 32).ok_or(CsrfError::Malformed)?;
        if unhex(nonce).is_none_or(|nonce| nonce.len() != 16) {
            return Err(CsrfError::Malformed);
        }
        if !self.0.verify(&[signed.as_bytes(), b":", binding.to_string().as_bytes()], &signature) {
            return Err(CsrfError::BadSignature);
        }
        if timestamp > now.saturating_add(LEEWAY) {
            return Err(CsrfError::FromTheFuture);
        }
        let age = now.saturating_sub(timestamp).max(0);
        if age >= LIFETIME { Err(CsrfError::Expired) } else { Ok(Age(age)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn keys() -> CsrfKeys {
        CsrfKeys::new(&SecretRing::of("csrf secret".into()))
    }

    fn session(id: u128) -> Binding {
        Binding::Session(SessionId(Uuid::from_u128(id)))
    }

    #[test]
    fn a_token_has_three_fields_and_starts_with_its_time() {
        let token = keys().issue(session(1), NOW, [1; 16]);
        assert_eq!(token.split(':').count(), 3);
        assert!(token.starts_with("1800000000:01010101"));
    }

    #[test]
    fn a_token_is_valid_for_an_hour() {
        let token = keys().issue(session(1), NOW, [1; 16]);
        assert_eq!(keys().verify(&token, session(1), NOW + 3599), Ok(Age(3599)));
        assert_eq!(keys().verify(&token, session(1), NOW + 3600), Err(CsrfError::Expired));
    }

    #[test]
    fn a_token_from_the_future_is_refused_beyond_a_minute() {
        let token = keys().issue(session(1), NOW, [1; 16]);
        assert_eq!(keys().verify(&token, session(1), NOW - 60), Ok(Age(0)));
        assert_eq!(keys().verify(&token, session(1), NOW - 61), Err(CsrfError::FromTheFuture));
    }

    #[test]
    fn a_token_is_stale_after_five_minutes() {
        assert!(!Age(300).is_stale() && Age(301).is_stale());
    }

    #[test]
    fn a_token_from_before_sign_in_is_invalid_after_it() {
        let id = Uuid::from_u128(1);
        let token = keys().issue(Binding::PreSession(id), NOW, [1; 16]);
        assert!(keys().verify(&token, Binding::PreSession(id), NOW).is_ok());
        assert_eq!(keys().verify(&token, Binding::Session(SessionId(id)), NOW), Err(CsrfError::BadSignature));
    }

    #[test]
    fn a_text_of_another_form_is_malformed() {
        for text in ["", "::", "1:2:3", "x:00:00", "1800000000", ":::::"] {
            assert_eq!(keys().verify(text, session(1), NOW), Err(CsrfError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_token_is_invalid_in_another_session(mine: u128, other: u128, nonce: [u8; 16]) {
            prop_assume!(mine != other);
            let token = keys().issue(session(mine), NOW, nonce);
            prop_assert!(keys().verify(&token, session(mine), NOW).is_ok());
            prop_assert_eq!(keys().verify(&token, session(other), NOW), Err(CsrfError::BadSignature));
        }

        #[test]
        fn any_changed_byte_is_refused(nonce: [u8; 16], at in any::<prop::sample::Index>(), flip in 1u8..128) {
            let mut bytes = keys().issue(session(1), NOW, nonce).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = (bytes[at] ^ flip) & 0x7f;
            prop_assert!(keys().verify(&String::from_utf8(bytes).unwrap(), session(1), NOW).is_err());
        }

        #[test]
        fn no_text_makes_the_check_panic(text in "\\PC{0,60}(:\\PC{0,60}){0,4}") {
            prop_assert!(keys().verify(&text, session(1), NOW).is_err());
        }
    }
}
