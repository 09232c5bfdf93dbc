//! Sign-in attempts: the list of their possible outcomes.
//!
//! Services store one outcome with every attempt, even if the account does not exist. The owner of the account sees the
//! outcome.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::role::UnknownWord;

/// The outcome of an attempt. Stored in `device_login_attempts.outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// A session was opened.
    Success,
    /// The password was right, and a second factor is required.
    Challenged,
    /// There is no account with this name.
    UnknownAccount,
    /// The password was wrong.
    WrongPassword,
    /// The second factor was wrong, or already used.
    WrongFactor,
    /// The account is not active, or its user is blocked.
    InactiveAccount,
    /// The account was changed, or its sessions were revoked, during the attempt.
    Superseded,
    /// The risk was too high.
    RiskRefused,
    /// The counter of the passkey went backwards, so the passkey may have been copied.
    CredentialCloned,
    /// The passkey's assertion was not valid, or was used before.
    InvalidPasskey,
}

impl AttemptOutcome {
    /// Every outcome, in the order of the database's CHECK constraint.
    pub const ALL: [Self; 10] = [
        Self::Success,
        Self::Challenged,
        Self::UnknownAccount,
        Self::WrongPassword,
        Self::WrongFactor,
        Self::InactiveAccount,
        Self::Superseded,
        Self::RiskRefused,
        Self::CredentialCloned,
        Self::InvalidPasskey,
    ];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Challenged => "challenged",
            Self::UnknownAccount => "unknown_account",
            Self::WrongPassword => "wrong_password",
            Self::WrongFactor => "wrong_factor",
            Self::InactiveAccount => "inactive_account",
            Self::Superseded => "superseded",
            Self::RiskRefused => "risk_refused",
            Self::CredentialCloned => "credential_cloned",
            Self::InvalidPasskey => "invalid_passkey",
        }
    }

    /// Whether the client failed to prove its identity. Such attempts raise the risk of the next attempt.
    #[must_use]
    pub fn is_failed_proof(self) -> bool {
        match self {
            Self::UnknownAccount
            | Self::WrongPassword
            | Self::WrongFactor
            | Self::CredentialCloned
            | Self::InvalidPasskey => true,
            Self::Success
            | Self::Challenged
            | Self::InactiveAccount
            | Self::Superseded
            | Self::RiskRefused => false,
        }
    }

    /// The stored words of the failed outcomes, as [`Self::is_failed_proof`] defines them.
    #[must_use]
    pub fn failed_proofs() -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|outcome| outcome.is_failed_proof()).map(Self::as_str).collect()
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AttemptOutcome {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "attempt outcome", word: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_words_round_trip() {
        for outcome in AttemptOutcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
            assert_eq!(serde_json::to_value(outcome).ok(), Some(outcome.as_str().into()));
        }
    }
}
