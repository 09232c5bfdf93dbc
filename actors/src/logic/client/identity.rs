//! The results of verifying tokens: the identity of a connection, the grant of a subscription, and the refusals.
//!
//! This file has only plain values. The server's verifier creates them; the client state and the handshake use them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    Payload,
    close::CloseReason,
    id::{SessionId, Subject, UserId},
    subscription::{Overrides, ServerSubscription},
};

use super::deadlines::after;
use crate::{
    denials::{Denied, TokenMark},
    namespace::Party,
};

/// The claims of a verified token that the client protocol needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name in realtime.
    pub subject: Subject,
    /// The user's account; `None` if the user has no account of this server.
    pub account: Option<UserId>,
    /// The user's rank: anonymous, user, operator or administrator. Rights in channels depend on the rank.
    pub party: Party,
    /// The session of the token. The connection belongs to the same session.
    pub session: SessionId,
    /// Remaining lifetime of the token; `None` for a token without an expiry.
    pub token_expires_in: Option<Duration>,
    /// Connection info that members of channels see beside the user's name.
    pub conn_info: Option<Payload>,
    /// Metadata of the connection for the server API. The metadata is never sent to a client.
    pub meta: Option<Arc<Payload>>,
    /// The subscriptions that the token lists. The server makes them at `connect`.
    pub subscriptions: Box<[ServerSubscription]>,
}

impl Identity {
    pub(super) fn expires_at(&self, now: Instant) -> Option<Instant> {
        self.token_expires_in.map(|left| after(now, left))
    }
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyRefusal {
    /// The token has expired. The client fetches a new one.
    Expired,
    /// The token is not valid for this connection, or its session does not exist.
    Invalid,
    /// The token cannot be verified at the moment.
    Unavailable,
    /// The token is valid, but its user may not connect.
    Forbidden,
    /// The token is valid, but a connection limit is reached.
    ConnectionLimit,
    /// The token or its user is denied.
    Denied(Denied),
    /// The connection may not stay, for example because the session was revoked. The client receives this close reason.
    Revoked(CloseReason),
}

impl VerifyRefusal {
    /// Whether the token, its session or its user is the cause. If so, a retry with the same token is useless, but another
    /// token could be accepted.
    #[must_use]
    pub fn is_caused_by_token(self) -> bool {
        match self {
            Self::Expired | Self::Invalid | Self::Forbidden | Self::Denied(_) => true,
            Self::Revoked(reason) => !reason.reconnects(),
            Self::Unavailable | Self::ConnectionLimit => false,
        }
    }

    /// The close reason for a connection with a refused token.
    pub(super) fn close_reason(self) -> CloseReason {
        match self {
            Self::Expired => CloseReason::Expired,
            Self::Invalid => CloseReason::InvalidToken,
            Self::Unavailable => CloseReason::InternalError,
            Self::Forbidden => CloseReason::PermissionDenied,
            Self::ConnectionLimit => CloseReason::ConnectionLimit,
            Self::Denied(denied) => denied.close_reason(),
            Self::Revoked(reason) => reason,
        }
    }
}

/// The claims of a verified subscription token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionGrant {
    /// Channel info that members of the channel see for this connection.
    pub chan_info: Option<Payload>,
    /// Remaining lifetime of the token; `None` for a token without an expiry.
    pub expires_in: Option<Duration>,
    /// Options of the namespace that the token overrides.
    pub overrides: Overrides,
    /// The claims by which the token can be denied later.
    pub token: TokenMark,
}

/// Why a subscription token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionRefusal {
    /// The token has expired. The client fetches a new one.
    Expired,
    /// The token is not valid.
    Invalid,
    /// The token belongs to another user or client, or to another channel.
    Foreign,
    /// The token cannot be verified at the moment.
    Unavailable,
}
