//! The failures of use cases.
//!
//! REST turns a failure into a status. The admission of sockets turns it into a refusal of the connection. The texts are for
//! people and name no library, row or secret.

use std::{borrow::Cow, time::Duration};

use domain::{factors::challenge::ProofMethod, problem::Policy};
use store::{
    ADDRESS_TAKEN, ERASURE_REQUESTED, FACTOR_GONE, LAST_ADMIN, LAST_FACTOR, LINK_SPENT, Lapse, PASSKEY_KNOWN,
    StoreError,
};

/// Why a use case was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The credential is not valid. 401.
    #[error("{code}: {detail}")]
    Invalid {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// The caller is known but not allowed to do this. 403.
    #[error("{code}: {detail}")]
    Forbidden {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// The caller has to step up first. 403.
    #[error("step_up_required")]
    StepUpRequired {
        /// The methods that this user can step up with.
        methods: Vec<ProofMethod>,
    },
    /// The request is not valid. 422.
    #[error("{code}: {detail}")]
    BadRequest {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// There is no such resource, or the caller may not see it. 404.
    #[error("{code}: {detail}")]
    NotFound {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// The request conflicts with what exists. 409.
    #[error("{code}: {detail}")]
    Conflict {
        /// Stable, for programs.
        code: &'static str,
        /// For people.
        detail: Cow<'static, str>,
    },
    /// Too many requests. 429.
    #[error("too many attempts")]
    TooMany {
        /// How long to wait before a retry.
        retry_after: Duration,
        /// The limit that refused the request.
        policy: Policy,
    },
    /// The server has too much to do. The request was refused before it changed anything. 503.
    #[error("busy")]
    Busy {
        /// How long to wait before a retry.
        retry_after: Duration,
    },
    /// The answer cannot be determined now. 503.
    #[error("unavailable")]
    Unavailable {
        /// How long to wait before a retry.
        retry_after: Duration,
    },
    /// A defect of the server. It has been logged. 500.
    #[error("internal error")]
    Internal,
}

impl Failure {
    /// The code of the refusal if a step-up or a change of credentials has replaced the refresh token.
    pub const SUPERSEDED_TOKEN: &'static str = "refresh_superseded";

    /// The code of the refusal of a link of a mail.
    pub(crate) const INVALID_LINK: &'static str = "invalid_link";

    /// Temporarily unavailable; the client may retry after a second.
    pub(crate) fn unavailable() -> Self {
        Self::Unavailable { retry_after: Duration::from_secs(1) }
    }

    /// Refused before it changed anything; the client may retry after a second.
    pub(crate) fn busy() -> Self {
        Self::Busy { retry_after: Duration::from_secs(1) }
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

    /// The answer to every refused sign-in with a password. It is the same for every reason.
    pub(crate) fn invalid_credentials() -> Self {
        Self::invalid("invalid_credentials", "The e-mail address or the password is wrong.")
    }

    /// The session was revoked while the request was being handled. The verifier answers with the same code.
    pub(crate) fn session_revoked() -> Self {
        Self::invalid("session_revoked", "The session has ended. Sign in again.")
    }

    /// A step-up or a change of credentials has replaced the refresh token. The session has not ended.
    pub(crate) fn superseded_token() -> Self {
        Self::invalid(
            Self::SUPERSEDED_TOKEN,
            "Another request has replaced this token. Use the tokens in the answer to that request.",
        )
    }

    pub(crate) fn conflict(code: &'static str, detail: &'static str) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    /// The answer to a refused second factor. It does not reveal the reason.
    pub(crate) fn invalid_second_factor() -> Self {
        Self::invalid(
            "invalid_second_factor",
            "The code is wrong, expired or already used. Try another code, or sign in again.",
        )
    }

    /// The password of a signed-in user is wrong. The session stays as it was.
    pub(crate) fn wrong_password() -> Self {
        Self::invalid("invalid_credentials", "The password is wrong.")
    }

    /// Another account has the e-mail address.
    pub(crate) fn email_taken() -> Self {
        Self::conflict("email_taken", "There is an account with this e-mail address.")
    }

    /// The link of a mail is not genuine, has expired, was used, or is void because the account has changed.
    pub(crate) fn invalid_link() -> Self {
        Self::bad_request(
            Self::INVALID_LINK,
            "This link was used, has expired, or is not valid any more. Ask for a new one.",
        )
    }

    /// No mail server is configured, so the server sends no mail.
    pub(crate) fn no_mail() -> Self {
        Self::conflict("mail_unavailable", "This server sends no mail. Ask its operators for help.")
    }

    /// The session has ended, or never existed.
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
                Self::forbidden("account_inactive", "This account is disabled.")
            }
            StoreError::Lapsed(Lapse::Role) => {
                Self::forbidden("not_permitted", "Your role no longer permits this.")
            }
            // Use cases handle a conflict if clients can cause it and `conflict` does not name it.
            StoreError::Conflict(constraint) if let Some(failure) = conflict(&constraint) => failure,
            // Privileged changes map `Lapse::Privilege` with `PrivilegeCheck::failure`, which knows the user's methods.
            StoreError::Conflict(_)
            | StoreError::Rejected(_)
            | StoreError::Internal(_)
            | StoreError::Lapsed(Lapse::Privilege) => {
                tracing::error!(%error, "a database request failed");
                Self::Internal
            }
        }
    }
}

/// The failure for a change that a constraint of the database refuses.
fn conflict(constraint: &str) -> Option<Failure> {
    match constraint {
        taken if ADDRESS_TAKEN.contains(&taken) => Some(Failure::email_taken()),
        FACTOR_GONE => Some(Failure::conflict(
            FACTOR_GONE,
            "The factor does not exist, or it was changed at the same time.",
        )),
        LAST_FACTOR => Some(Failure::conflict(
            LAST_FACTOR,
            "Without this factor you could not sign in. Set a password or add a passkey first.",
        )),
        LAST_ADMIN => Some(Failure::conflict(
            LAST_ADMIN,
            "This is the last active admin. Make another user an admin first.",
        )),
        ERASURE_REQUESTED => {
            Some(Failure::conflict(ERASURE_REQUESTED, "The erasure of this account is requested already."))
        }
        PASSKEY_KNOWN => Some(Failure::conflict(
            "passkey_known",
            "This passkey is registered already. Use another authenticator.",
        )),
        LINK_SPENT => Some(Failure::invalid_link()),
        _ => None,
    }
}
