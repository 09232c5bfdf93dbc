//! Challenges: when a second factor is required, the purposes of challenges, and their limits of time and attempts.
//!
//! The store and the use cases that issue challenges use these rules, words and constants.

use std::{fmt, str::FromStr, time::Duration};

use serde::Serialize;
use utoipa::ToSchema;

use crate::{account::role::UnknownWord, client::device::Trust};

/// How long after its creation a challenge can be answered.
pub const CHALLENGE_TTL: Duration = Duration::from_secs(5 * 60);
/// A challenge for a second factor can be answered this many times. A challenge for a passkey can be answered once.
pub const CHALLENGE_ATTEMPTS: u32 = 5;

/// The ways in which a user can prove presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofMethod {
    /// The password.
    Password,
    /// A code of an authenticator app.
    Totp,
    /// A backup code.
    BackupCode,
    /// A passkey.
    Passkey,
}

/// Whether a second factor is required after a correct password. A user with a second factor must use it on a device that is
/// not trusted. If the risk of the sign-in demands a second factor (`demands`), the user must use it on every device. A user
/// without a second factor cannot be asked for one.
#[must_use]
pub fn decide_second_factor(has_factor: bool, trust: Trust, demands: bool) -> bool {
    has_factor && (demands || trust == Trust::New)
}

/// The purpose of a challenge. Stored in `two_factor_challenges.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeKind {
    /// A second factor, after a password.
    SignIn,
    /// Registering a passkey.
    PasskeyRegistration,
    /// Signing in with a passkey alone.
    PasskeySignIn,
    /// A passkey as the second factor. The stored state of this challenge names the challenge of the sign-in.
    PasskeyFactor,
    /// A passkey as a fresh proof of presence.
    PasskeyStepUp,
}

impl ChallengeKind {
    /// Every kind, in the order of the database's CHECK constraint.
    pub const ALL: [Self; 5] = [
        Self::SignIn,
        Self::PasskeyRegistration,
        Self::PasskeySignIn,
        Self::PasskeyFactor,
        Self::PasskeyStepUp,
    ];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::PasskeyRegistration => "passkey_registration",
            Self::PasskeySignIn => "passkey_sign_in",
            Self::PasskeyFactor => "passkey_factor",
            Self::PasskeyStepUp => "passkey_step_up",
        }
    }
}

impl fmt::Display for ChallengeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChallengeKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "challenge kind", word: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_factor_is_required_at_high_risk_and_on_devices_without_trust() {
        for trust in Trust::ALL {
            assert!(!decide_second_factor(false, trust, false) && !decide_second_factor(false, trust, true));
            assert_eq!(decide_second_factor(true, trust, false), trust == Trust::New);
            assert!(decide_second_factor(true, trust, true));
        }
    }

    #[test]
    fn stored_words_round_trip() {
        for kind in ChallengeKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
