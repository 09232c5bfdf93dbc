//! How use cases answer when they do not do what was asked, and what they know about a request.
//!
//! Doors turn these into statuses or close codes. Texts are for people and name no library, row or secret.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use logic::denials::Denied;
use protocol::{close::Cause, id::DeviceId};

use crate::account::factors;
use domain::{factors::challenge::ProofMethod, problem::Policy};
use store::{Lapse, StoreError};

/// What the services know about a request, whichever door it came through.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Its id, for logs and audit.
    pub request_id: String,
    /// The client's address.
    pub address: IpAddr,
    /// The client's own words.
    pub user_agent: Option<String>,
    /// The fingerprint of its headers.
    pub fingerprint: String,
    /// The device named by a genuine cookie.
    pub device: Option<DeviceId>,
    /// Whether it came from a browser.
    pub browser: bool,
}

/// Why a use case was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The credential does not do. 401.
    #[error("{code}: {detail}")]
    Invalid {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// Known, but not allowed. 403.
    #[error("{code}: {detail}")]
    Forbidden {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// It takes a recent proof of presence. 403.
    #[error("step_up_required")]
    StepUpRequired {
        /// By what this user can prove it.
        methods: Vec<ProofMethod>,
    },
    /// What was asked for makes no sense. 422.
    #[error("{code}: {detail}")]
    BadRequest {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// There is no such thing, or not for this caller. 404.
    #[error("{code}: {detail}")]
    NotFound {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// It stands against something that is there. 409.
    #[error("{code}: {detail}")]
    Conflict {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// Too often. 429.
    #[error("too many attempts")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
        /// What says so.
        policy: Policy,
    },
    /// It cannot be told now. 503.
    #[error("unavailable")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// A defect; it has been logged. 500.
    #[error("internal error")]
    Internal,
}

impl Failure {
    pub(crate) fn unavailable() -> Self {
        Self::Unavailable { retry_after: Duration::from_secs(1) }
    }

    pub(crate) fn invalid(code: &'static str, detail: &'static str) -> Self {
        Self::Invalid { code, detail: detail.into() }
    }

    pub(crate) fn forbidden(code: &'static str, detail: &'static str) -> Self {
        Self::Forbidden { code, detail: detail.into() }
    }

    pub(crate) fn bad_request(code: &'static str, detail: &'static str) -> Self {
        Self::BadRequest { code, detail: detail.into() }
    }

    pub(crate) fn not_found(detail: &'static str) -> Self {
        Self::NotFound { code: "not_found", detail: detail.into() }
    }

    /// The one answer to every sign-in that does not succeed, whatever the reason.
    pub(crate) fn invalid_credentials() -> Self {
        Self::invalid("invalid_credentials", "The e-mail address or the password is wrong.")
    }

    /// The session was ended while the request was on its way; in the verifier's words.
    pub(crate) fn session_revoked() -> Self {
        Self::invalid("session_revoked", "The session has ended. Sign in again.")
    }

    pub(crate) fn conflict(code: &'static str, detail: &'static str) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    /// The one answer to every second factor that does not do, whatever the reason.
    pub(crate) fn invalid_second_factor() -> Self {
        Self::invalid(
            "invalid_second_factor",
            "The code is wrong, was used before, or came too late. Try another, or sign in anew.",
        )
    }

    /// The session is over, or never was.
    pub(crate) fn session_ended() -> Self {
        Self::invalid("session_ended", "The session has ended. Sign in again.")
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => {
                tracing::warn!(%reason, "the database is unavailable");
                Self::unavailable()
            }
            StoreError::Lapsed(Lapse::Session) => Self::session_revoked(),
            StoreError::Lapsed(Lapse::Account) => {
                Self::forbidden("account_inactive", "This account may not come in.")
            }
            StoreError::Lapsed(Lapse::Role) => {
                Self::forbidden("not_permitted", "Your role no longer permits this.")
            }
            // By what, says whoever knows the user.
            StoreError::Lapsed(Lapse::Privilege) => Self::StepUpRequired { methods: Vec::new() },
            // Other conflicts that callers can cause are handled where they are caused.
            StoreError::Conflict(constraint) if let Some(failure) = factors::conflict(&constraint) => failure,
            StoreError::Conflict(_) | StoreError::Internal(_) => {
                tracing::error!(%error, "a database request failed");
                Self::Internal
            }
        }
    }
}

/// Why a credential does not open the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not genuine, or there is no such session. 401; the code is stable.
    Invalid(&'static str),
    /// It is genuine but past its time: a fresh one may do. 401.
    Expired,
    /// Its session has ended. 401.
    Ended(Cause),
    /// It is good, but its user may not come in. 403.
    Forbidden(&'static str),
    /// It, or its user, is denied. 403 for a blocked user, 401 for a token.
    Denied(Denied),
    /// It cannot be told now. 503.
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

/// Whatever keeps the store from answering, the credential has not been judged.
pub(crate) fn refused(error: StoreError) -> Refusal {
    match error {
        StoreError::Unavailable(reason) => tracing::debug!(%reason, "a credential could not be judged"),
        error => tracing::error!(%error, "a credential could not be judged"),
    }
    Refusal::Unavailable
}
