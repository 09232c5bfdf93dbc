//! Why a credential is refused.

use logic::denials::Denied;
use protocol::close::Cause;
use store::StoreError;

/// Why a credential is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The credential is not valid: for example it is forged, it is a used ticket, or its session does not exist. 401; the code
    /// is stable.
    Invalid(&'static str),
    /// The credential is genuine but has expired: the client may refresh. 401.
    Expired,
    /// The credential's session has ended. 401.
    Ended(Cause),
    /// The credential is valid, but its account is not active. 403; the code is stable.
    Forbidden(&'static str),
    /// The credential or its user is denied. 403 for a blocked user, 401 for a token.
    Denied(Denied),
    /// The credential cannot be judged now. 503.
    Unavailable,
}

impl Refusal {
    /// The stable code, for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid(code) | Self::Forbidden(code) => code,
            Self::Expired => "token_expired",
            Self::Denied(Denied::Blocked) => "user_blocked",
            Self::Denied(Denied::TokenRevoked) => "token_revoked",
            Self::Denied(Denied::TokensInvalidated) => "tokens_invalidated",
            Self::Ended(Cause::SessionExpired) => "session_expired",
            Self::Ended(_) => "session_revoked",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The refusal when the store failed: the credential was not judged.
pub(crate) fn not_judged(error: StoreError) -> Refusal {
    match error {
        StoreError::Unavailable(reason) => tracing::debug!(%reason, "a credential could not be judged"),
        error => tracing::error!(%error, "a credential could not be judged"),
    }
    Refusal::Unavailable
}
