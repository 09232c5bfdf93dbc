//! The vocabulary of this module: signature algorithms, the use of a token, and the reasons to refuse a token.

use serde::Deserialize;

/// Signature algorithms. There is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519 (RFC 8037).
    EdDSA,
}

impl Algorithm {
    /// Whether issuer and server hold the same key.
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}

/// The use of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// The token names the user of a connection.
    Connection,
    /// The token permits one subscription.
    Subscription,
}

impl TokenRefusal {
    /// The word for metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unsigned => "unsigned",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::LivesTooLong => "lives_too_long",
            Self::WrongClaims => "wrong_claims",
            Self::WrongUse => "wrong_use",
        }
    }
}

/// Why a token of an external issuer is refused. Clients never see these texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Not a JWT, or a JWT with one of these faults: it is too long, has no signature, an unknown algorithm or a key id that is
    /// too long, or demands extensions (`crit`; this server supports none).
    #[error("malformed token")]
    Malformed,
    /// The token has a signature, but no key of an issuer that may sign such a token verifies the signature. A token without a
    /// signature is [`Self::Malformed`].
    #[error("no permitted key verifies the token")]
    Unsigned,
    /// `exp` or `expire_at` has passed, or the token is older than the longest permitted life of a token.
    #[error("expired token")]
    Expired,
    /// `exp` or `expire_at` is too far in the future: the token would live too long.
    #[error("token lives too long")]
    LivesTooLong,
    /// The token is not valid yet.
    #[error("token not yet valid")]
    NotYetValid,
    /// A claim is missing, malformed, or meant for another recipient.
    #[error("wrong claims")]
    WrongClaims,
    /// The token is for a subscription instead of a connection, or the reverse.
    #[error("a token for another use")]
    WrongUse,
}
