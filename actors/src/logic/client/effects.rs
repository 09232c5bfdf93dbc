//! What passes between a dialogue and the driver around it: effects to perform, and outcomes of what was asked for.
//! Plain values; none of them does anything.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    denials::{Denied, TokenMark},
    namespace::{Party, Terms},
};
use bytes::Bytes;
use protocol::{
    ClientInfo, Emulation, Encoding, ErrorCode, Lifetime, Payload, SubscribeResult, UnsubscribeCode,
    channel_name::ChannelName,
    close::CloseReason,
    id::{ConnectionId, SessionId, Subject, UserId},
    subscription::{Overrides, ServerSubscription},
};
use secrecy::SecretString;

use super::question::Question;

/// What a dialogue knows of its connection from the start.
#[derive(Debug)]
pub struct Opening {
    /// The connection's id.
    pub client: ConnectionId,
    /// How its frames are encoded.
    pub encoding: Encoding,
    /// When it began.
    pub now: Instant,
    /// The same moment on the calendar's clock: seconds since the epoch.
    pub unix_seconds: i64,
    /// 0 to 1: spreads the first pings of connections that come together.
    pub jitter: f64,
    /// Over an emulated transport: what `connect` answers, so that the client can say more.
    pub emulation: Option<Box<Emulation>>,
    /// Why the cookie that came with the handshake proved nothing: what a `connect` without a token is told.
    pub unproven: Option<VerifyRefusal>,
}

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
    /// What servers that ask are told of this connection. No client ever is.
    pub meta: Option<Arc<Payload>>,
    /// What the server subscribes the connection to at `connect`.
    pub subscriptions: Box<[ServerSubscription]>,
}

impl Identity {
    pub(super) fn expires_at(&self, now: Instant) -> Option<Instant> {
        self.token_expires_in.map(|left| after(now, left))
    }
}

/// A moment that much later. A clock cannot count further than some centuries; no token lasts that long.
pub(super) fn after(now: Instant, left: Duration) -> Instant {
    now + left.min(Duration::from_secs(u32::MAX.into()))
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
    /// Whether another token might be let in: it is this one that is of no use, and stays so.
    #[must_use]
    pub fn is_of_the_token(self) -> bool {
        match self {
            Self::Expired | Self::Invalid | Self::Forbidden | Self::Denied(_) => true,
            Self::Revoked(reason) => !reason.reconnects(),
            Self::Unavailable | Self::ConnectionLimit => false,
        }
    }

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

/// What a subscription's token grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionGrant {
    /// What members of the channel see of this one there.
    pub chan_info: Option<Payload>,
    /// How long it is still good; `None` for no end.
    pub expires_in: Option<Duration>,
    /// What is done otherwise than the namespace says.
    pub overrides: Overrides,
    /// By what the token is known, if it is denied later.
    pub token: TokenMark,
}

/// Why a subscription's token grants nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionRefusal {
    /// It was good once: the client fetches a new one.
    Expired,
    /// It never was.
    Invalid,
    /// It is somebody else's, or for another channel: the client is not what it says.
    Foreign,
    /// Nobody can tell at the moment.
    Unavailable,
}

/// What a verification is for, and the command that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `connect`. A connection that is not registered with its session yet must be registered before the outcome is handed
    /// in, so that a revocation finds it.
    Connect {
        /// The command's id.
        id: u32,
    },
    /// `refresh`.
    Refresh {
        /// The command's id.
        id: u32,
    },
    /// `subscribe` with a token.
    Subscribe {
        /// The command's id.
        id: u32,
    },
    /// `sub_refresh`.
    SubRefresh {
        /// The command's id.
        id: u32,
    },
}

/// A subscription to be made.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The channel.
    pub channel: ChannelName,
    /// Which one of the connection's subscriptions it is.
    pub number: u64,
    /// Who joins, as others see it.
    pub info: Arc<ClientInfo>,
    /// What the subscription is.
    pub terms: Terms,
    /// When the client must refresh it.
    pub lifetime: Option<Lifetime>,
    /// What the client gets along.
    pub data: Option<Payload>,
}

/// How the client learns that a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// It asked for it: success answers this command.
    Answer(u32),
    /// A push says why.
    Push(UnsubscribeCode),
}

/// What others ask of a connection.
#[derive(Clone, Debug)]
pub enum Order {
    /// The subscription with this number is made.
    Confirm(ChannelName, u64),
    /// Forget the subscription with this number, that could not be made, or is lost. The client has been told.
    Forget(ChannelName, u64),
    /// Subscribe in the server's name; what is subscribed already stays as it is.
    Subscribe(Box<ServerSubscription>),
    /// End a subscription, and tell the client so.
    Unsubscribe(ChannelName, UnsubscribeCode),
    /// The identity holds until then, and is shown so.
    Refresh {
        /// Seconds since the epoch; `None` for no end.
        expires_at: Option<i64>,
        /// What members of channels see beside the name; `None` leaves that as it is.
        conn_info: Option<Payload>,
    },
}

/// What became of the subscriptions that are made at `connect`.
pub type Gathered = Vec<(ChannelName, Result<SubscribeResult, ErrorCode>)>;

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Send this message.
    Reply(Bytes),
    /// Verify this token, then call [`on_verified`](super::state::Dialogue::on_verified).
    Verify {
        /// What for.
        purpose: Purpose,
        /// The token; `None` for who wants to come without a name.
        token: Option<SecretString>,
    },
    /// Verify this token of a subscription, then call
    /// [`on_subscription_verified`](super::state::Dialogue::on_subscription_verified).
    VerifySubscription {
        /// What for.
        purpose: Purpose,
        /// The channel that it must be for.
        channel: ChannelName,
        /// The token.
        token: SecretString,
    },
    /// Subscribe, and answer command `id` when it is done, before the channel's first push. Without a command the client is
    /// told by a push.
    Join {
        /// What to subscribe to.
        joining: Box<Joining>,
        /// The command's id.
        id: Option<u32>,
    },
    /// Let nothing leave until [`Effect::Release`], make these subscriptions, then call
    /// [`on_gathered`](super::state::Dialogue::on_gathered).
    Gather(Vec<Joining>),
    /// Send this message, and behind it everything that was held back.
    Release(Bytes),
    /// End the subscription, and tell the client.
    Leave {
        /// The channel.
        channel: ChannelName,
        /// How.
        told: Farewell,
    },
    /// Deliver the data to the channel's subscribers, and answer command `id` with success when it is done.
    Publish {
        /// The channel.
        channel: ChannelName,
        /// The command's id.
        id: u32,
        /// The data.
        data: Payload,
        /// Who publishes, as others see it.
        info: Arc<ClientInfo>,
    },
    /// Wait until the answer to a question has room in the connection's queue, then call
    /// [`on_room`](super::state::Dialogue::on_room).
    MakeRoom,
    /// Answer command `id`. Where the answer may be large, room was made for it.
    Ask {
        /// The channel.
        channel: ChannelName,
        /// The command's id.
        id: u32,
        /// What is asked.
        question: Question,
    },
    /// Send a ping frame of the WebSocket protocol.
    NativePing,
    /// Send what is queued, then close. Nothing follows.
    Close(CloseReason),
}
