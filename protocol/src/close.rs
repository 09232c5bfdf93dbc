//! The causes of revocations, the reasons for closing sockets, and the only map between them.
//!
//! Each revocation stores a `Cause`. A peer receives a `CloseReason`. The range of the code tells a Centrifuge client whether
//! to reconnect: it reconnects after 3000–3499 and 4000–4499, but not after 3500–3999 and 4500–4999. The text is never empty
//! and never JSON. After an empty text, centrifuge-js always reconnects. It obeys a JSON text instead of the code.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why the trust in a session, a device or a user ended. The cause is stored in `revocations.cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An operator or the server API ended the trust.
    Revoked,
    /// The user signed out, or ended the session from another session.
    SignedOut,
    /// The password changed.
    PasswordChanged,
    /// The account is no longer active.
    AccountDisabled,
    /// A refresh token that had been replaced was used again, so it may have been copied.
    RefreshReused,
    /// The device was forgotten.
    DeviceRemoved,
    /// The role changed. The session continues, but its sockets were verified with the old role and are cut.
    RoleChanged,
    /// The session was idle for too long, or reached its absolute end.
    SessionExpired,
    /// The user has too many sessions. The oldest session was ended for a new session.
    SessionLimit,
    /// A second factor or a passkey was added, replaced or removed.
    FactorChanged,
    /// The counter of a passkey did not rise, so the passkey may have been copied.
    CredentialCloned,
    /// A drill: the server ended a session of its canary account, to measure its own revocations.
    Drill,
}

impl Cause {
    /// Every cause, in the order of the database's CHECK constraint.
    pub const ALL: [Self; 12] = [
        Self::Revoked,
        Self::SignedOut,
        Self::PasswordChanged,
        Self::AccountDisabled,
        Self::RefreshReused,
        Self::DeviceRemoved,
        Self::RoleChanged,
        Self::SessionExpired,
        Self::SessionLimit,
        Self::FactorChanged,
        Self::CredentialCloned,
        Self::Drill,
    ];

    /// The stored spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::SignedOut => "signed_out",
            Self::PasswordChanged => "password_changed",
            Self::AccountDisabled => "account_disabled",
            Self::RefreshReused => "refresh_reused",
            Self::DeviceRemoved => "device_removed",
            Self::RoleChanged => "role_changed",
            Self::SessionExpired => "session_expired",
            Self::SessionLimit => "session_limit",
            Self::FactorChanged => "factor_changed",
            Self::CredentialCloned => "credential_cloned",
            Self::Drill => "drill",
        }
    }

    /// Whether the session itself ends. After a change of the role, only the sockets of the session are cut.
    #[must_use]
    pub fn ends_session(self) -> bool {
        self != Self::RoleChanged
    }

    /// The reason with which the sockets are closed.
    #[must_use]
    pub fn close_reason(self) -> CloseReason {
        match self {
            Self::Revoked
            | Self::SessionExpired
            | Self::SessionLimit
            | Self::FactorChanged
            | Self::CredentialCloned
            | Self::Drill => CloseReason::SessionRevoked,
            Self::SignedOut => CloseReason::SignedOut,
            Self::PasswordChanged => CloseReason::PasswordChanged,
            Self::AccountDisabled => CloseReason::AccountDisabled,
            Self::RefreshReused => CloseReason::RefreshReused,
            Self::DeviceRemoved => CloseReason::DeviceRemoved,
            Self::RoleChanged => CloseReason::StateInvalidated,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|cause| cause.as_str() == text)
            .ok_or_else(|| UnknownCause(text.to_owned()))
    }
}

/// This version of the server does not know the stored cause.
#[derive(Debug, thiserror::Error)]
#[error("unknown revocation cause `{0}`")]
pub struct UnknownCause(pub String);

macro_rules! close_reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a connection ends: the code and text of the WebSocket close frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum CloseReason {
            $($(#[$doc])* $name = $code,)*
        }

        impl CloseReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The close code.
            #[must_use]
            pub fn code(self) -> u16 {
                self as u16
            }

            /// The close text: short, never empty, never JSON.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The reason with this code.
            #[must_use]
            pub fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

close_reasons! {
    /// The server is stopping.
    Shutdown = 3001, "shutdown";
    /// The server failed: for example, the connection actor ended unexpectedly, or a subscription at `connect` could not be
    /// made.
    InternalError = 3004, "internal server error";
    /// The identity of the connection expired and was not refreshed in time, or a presented credential had expired. Or the
    /// server API let the identity expire.
    Expired = 3005, "connection expired";
    /// A server-side subscription expired.
    SubscriptionExpired = 3006, "subscription expired";
    /// The peer does not read fast enough, so its outbox overflowed; or too many requests of the server to the connection were
    /// waiting.
    Slow = 3008, "slow";
    /// A write to the peer made no progress within the deadline.
    WriteError = 3009, "write error";
    /// The server lost state of this connection, for example because a shard failed, or the server held deliveries back for too
    /// long.
    InsufficientState = 3010, "insufficient state";
    /// The peer did not answer a ping.
    NoPong = 3012, "no pong";
    /// The peer sent more commands, or other frames, than permitted.
    TooManyRequests = 3013, "too many requests";
    /// The role changed, or the state of the session may have changed since the credential was verified. The client fetches a
    /// new token and reconnects.
    StateInvalidated = 3014, "state invalidated";
    /// A token is not valid, names an unknown session, or belongs to another user, session, client or channel.
    InvalidToken = 3500, "invalid token";
    /// The peer sent a frame or command that the protocol does not permit, for example a command before `connect`.
    BadRequest = 3501, "bad request";
    /// `connect` did not succeed in time.
    Stale = 3502, "stale";
    /// The server API ended the connection.
    ForceDisconnect = 3503, "force disconnect";
    /// A limit on the number of connections is reached.
    ConnectionLimit = 3504, "connection limit";
    /// The connection has too many channels.
    ChannelLimit = 3505, "channel limit";
    /// The user may not connect, or a server-side subscription at `connect` was refused.
    PermissionDenied = 3507, "permission denied";
    /// The requested feature is not offered.
    NotAvailable = 3508, "not available";
    /// The session ended for a reason without a code of its own, or the token was revoked.
    SessionRevoked = 4500, "session revoked";
    /// The user signed out, or ended the session from another session.
    SignedOut = 4501, "signed out";
    /// The password changed.
    PasswordChanged = 4502, "password changed";
    /// The account is no longer active, or the user is blocked.
    AccountDisabled = 4503, "account disabled";
    /// A refresh token that had been replaced was used again.
    RefreshReused = 4504, "refresh token reused";
    /// The device was forgotten.
    DeviceRemoved = 4505, "device removed";
}

impl CloseReason {
    /// Whether a Centrifuge client reconnects by itself after this close.
    #[must_use]
    pub fn reconnects(self) -> bool {
        !matches!(self.code(), 3500..=3999 | 4500..=4999)
    }
}

/// The close code and text that a peer receives: those of a [`CloseReason`], or custom ones from the server API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseMessage {
    code: u16,
    text: Cow<'static, str>,
}

impl CloseMessage {
    /// A code and text that an application chose. `None` if the code is not 3000 to 4999, or if the text does not fit a close
    /// frame, is empty or is JSON.
    #[must_use]
    pub fn custom(code: u16, text: &str) -> Option<Self> {
        let fits = (3000..=4999).contains(&code) && (1..=123).contains(&text.len());
        let plain = serde_json::from_str::<serde::de::IgnoredAny>(text).is_err();
        (fits && plain).then(|| Self { code, text: Cow::Owned(text.to_owned()) })
    }

    /// The close code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The close text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the transport ends without a close frame (code 3000).
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.code == 3000
    }

    /// Whether a Centrifuge client reconnects by itself after this close.
    #[must_use]
    pub fn reconnects(&self) -> bool {
        !matches!(self.code, 3500..=3999 | 4500..=4999)
    }
}

impl From<CloseReason> for CloseMessage {
    fn from(reason: CloseReason) -> Self {
        Self { code: reason.code(), text: Cow::Borrowed(reason.text()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_text_fits_a_close_frame_and_is_not_json() {
        for reason in CloseReason::ALL {
            assert!(!reason.text().is_empty() && reason.text().len() <= 123);
            assert!(serde_json::from_str::<serde_json::Value>(reason.text()).is_err());
            assert_eq!(CloseReason::from_code(reason.code()), Some(*reason));
        }
    }

    #[test]
    fn a_client_reconnects_exactly_if_the_cause_does_not_end_its_session() {
        for cause in Cause::ALL {
            assert_eq!(cause.close_reason().reconnects(), !cause.ends_session());
            assert_eq!(cause.as_str().parse::<Cause>().ok(), Some(cause));
        }
    }
}
