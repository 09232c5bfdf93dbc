//! The values that the client state and its driver exchange: effects to perform, results, and requests of the server.
//!
//! This file has only plain values.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{
    ClientInfo, ErrorCode, HistoryRequest, Lifetime, Payload, SubscribeResult, UnsubscribeCode,
    channel_name::ChannelName, close::CloseReason, subscription::ServerSubscription,
};
use secrecy::SecretString;

use crate::namespace::Terms;

/// The command for which a token is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `connect`. The connection may have no session yet. Then the driver must first register it with the session of the token,
    /// and then pass the result to the client state, so that a revocation finds the connection.
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

/// A request to a channel to accept a subscription.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// The channel.
    pub channel: ChannelName,
    /// The number of the subscription. It is unique within the connection, even if the client subscribes to a channel again.
    pub number: u64,
    /// The connection as members of the channel see it.
    pub info: Arc<ClientInfo>,
    /// The terms of the subscription.
    pub terms: Terms,
    /// Time until the subscription expires; `None` for no expiry.
    pub lifetime: Option<Lifetime>,
    /// Data for the client, sent with the result.
    pub data: Option<Payload>,
}

/// How the client learns that a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnsubscribeNotice {
    /// The client unsubscribed, and receives a reply to this command.
    Reply(u32),
    /// The server ended the subscription, and the client receives an unsubscribe push with this code.
    Push(UnsubscribeCode),
}

/// A request of the server, or of a channel, to a connection.
#[derive(Clone, Debug)]
pub enum ServerRequest {
    /// The channel has accepted the subscription with this number.
    Confirm(ChannelName, u64),
    /// Remove the subscription with this number, because it was refused or lost. The channel informs the client if necessary.
    Forget(ChannelName, u64),
    /// Make a server-side subscription. An existing subscription stays unchanged.
    Subscribe(Box<ServerSubscription>),
    /// End a subscription, and notify the client with this code.
    Unsubscribe(ChannelName, UnsubscribeCode),
    /// Set the expiry of the connection, and optionally its info.
    Refresh {
        /// Seconds since the Unix epoch; `None` for no expiry.
        expires_at: Option<i64>,
        /// The new connection info that members of channels see; `None` keeps the old one.
        conn_info: Option<Payload>,
    },
    /// Find out soon whether the peer still answers, because another connection needs this connection's place.
    Probe,
}

/// The results of the subscriptions that were made at `connect`.
pub type JoinResults = Vec<(ChannelName, Result<SubscribeResult, ErrorCode>)>;

/// A query of a client about a channel.
#[derive(Clone, Debug)]
pub enum ChannelQuery {
    /// The subscribers that are visible in presence.
    Presence,
    /// The number of subscribers that are visible in presence, and the number of their users.
    PresenceStats,
    /// Publications of the history.
    History(HistoryRequest),
}

impl ChannelQuery {
    /// Whether the answer may be large, so that space in the outbox must be reserved for it.
    #[must_use]
    pub fn is_large(&self) -> bool {
        match self {
            Self::Presence => true,
            Self::History(request) => wants_publications(request),
            Self::PresenceStats => false,
        }
    }
}

/// Whether a history request is for publications, and not only for the position of the channel.
pub(super) fn wants_publications(request: &HistoryRequest) -> bool {
    request.limit != 0
}

/// An action that the driver must perform.
#[derive(Debug)]
pub enum Effect {
    /// Send this message.
    Reply(Bytes),
    /// Verify this token, then call [`on_verified`](super::ClientState::on_verified).
    Verify {
        /// The command that waits for the result.
        purpose: Purpose,
        /// The token; `None` for an anonymous connection.
        token: Option<SecretString>,
    },
    /// Verify this subscription token, then call
    /// [`on_subscription_verified`](super::ClientState::on_subscription_verified).
    VerifySubscription {
        /// The command that waits for the result.
        purpose: Purpose,
        /// The channel that the token must name.
        channel: ChannelName,
        /// The token.
        token: SecretString,
    },
    /// Subscribe to the channel, and reply to command `id` before the first push of the channel. Without `id`, send a
    /// subscribe push instead of the reply.
    Join {
        /// The subscription.
        request: Box<JoinRequest>,
        /// The command's id.
        id: Option<u32>,
    },
    /// Hold the output until [`Effect::Release`], make these subscriptions, then call
    /// [`on_connect_subscriptions`](super::ClientState::on_connect_subscriptions).
    ConnectSubscriptions(Vec<JoinRequest>),
    /// Send this message first, then the output that was held.
    Release(Bytes),
    /// End the subscription, and notify the client.
    Leave {
        /// The channel.
        channel: ChannelName,
        /// How the client is notified.
        notice: UnsubscribeNotice,
    },
    /// Publish the data to the channel, and reply to command `id` when this is done.
    Publish {
        /// The channel.
        channel: ChannelName,
        /// The command's id.
        id: u32,
        /// The data.
        data: Payload,
        /// The publisher as other clients see it.
        info: Arc<ClientInfo>,
    },
    /// Reserve space for a large answer in the outbox, then call
    /// [`on_answer_space`](super::ClientState::on_answer_space).
    ReserveAnswerSpace,
    /// Answer command `id`. If the answer may be large, space in the outbox is already reserved for it.
    Query {
        /// The channel.
        channel: ChannelName,
        /// The command's id.
        id: u32,
        /// The query.
        query: ChannelQuery,
    },
    /// Send a ping frame of the WebSocket protocol.
    NativePing,
    /// Send the queued output, then close. This is the last effect of the connection.
    Close(CloseReason),
}
