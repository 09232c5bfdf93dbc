//! What passes between a dialogue and the connection actor around it: effects to perform, and outcomes of
//! verifications. Plain values; none of them does anything.

use std::time::{Duration, Instant};

use bytes::Bytes;
use portcullis_actors::{
    close::CloseReason,
    id::{SessionId, Subject, UserId},
    logic::namespace::{ChannelName, Party, Terms},
    protocol::Payload,
    runtime::{Denied, ServerSubscription},
};
use secrecy::SecretString;

/// What a verified token says about its bearer, as far as a dialogue cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name in realtime.
    pub subject: Subject,
    /// The user's account, if it is one of ours.
    pub account: Option<UserId>,
    /// What the user is, as far as rights in channels go.
    pub party: Party,
    /// The session that the token and, from here on, the connection belong to.
    pub session: SessionId,
    /// How long the token is still good; `None` for no end.
    pub token_expires_in: Option<Duration>,
    /// What members of channels see of this connection beside its name.
    pub conn_info: Option<Payload>,
    /// What the server subscribes the connection to at `connect`.
    pub subscriptions: Vec<ServerSubscription>,
}

impl Identity {
    pub(super) fn expires_at(&self, now: Instant) -> Option<Instant> {
        // A clock cannot count further than some centuries; no token lasts that long.
        self.token_expires_in.map(|left| now + left.min(Duration::from_secs(u32::MAX.into())))
    }
}

/// Why a token gave no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyRefusal {
    /// It was good once: the client fetches a new one.
    Expired,
    /// It never was, or its session has ended.
    Invalid,
    /// Nobody can tell at the moment.
    Unavailable,
    /// It is good, but its user may not come in.
    Forbidden,
    /// It is good, but there are as many connections as there may be.
    ConnectionLimit,
    /// It, or its user, is denied.
    Denied(Denied),
    /// Its session was revoked, or the server is stopping, for the reason that the peer is told.
    Revoked(CloseReason),
}

impl VerifyRefusal {
    /// What closes a connection that is refused for good.
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

/// What a verification is for, and the command that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `connect` with a token. A connection that is not registered with its session yet must be registered before the
    /// outcome is handed in, so that a revocation finds it.
    Connect {
        /// The command's id.
        id: u32,
    },
    /// `refresh`.
    Refresh {
        /// The command's id.
        id: u32,
    },
}

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Send this object in a text frame.
    Reply(Bytes),
    /// Verify this token, then call [`on_verified`](super::Dialogue::on_verified).
    Verify {
        /// What for.
        purpose: Purpose,
        /// The token.
        token: SecretString,
    },
    /// Subscribe to the channel, and answer command `id` with success when it is done, before the channel's first push.
    Join {
        /// The channel.
        channel: ChannelName,
        /// The command's id.
        id: u32,
        /// What the subscription is.
        terms: Terms,
    },
    /// End the subscription, and answer command `id` with success.
    Leave {
        /// The channel.
        channel: ChannelName,
        /// The command's id.
        id: u32,
    },
    /// Deliver the data to the channel's subscribers, and answer command `id` with success when it is done.
    Publish {
        /// The channel.
        channel: ChannelName,
        /// The command's id.
        id: u32,
        /// The data.
        data: Payload,
    },
    /// Send a ping frame of the WebSocket protocol.
    NativePing,
    /// Send what is queued, then close. Nothing follows.
    Close(CloseReason),
}
