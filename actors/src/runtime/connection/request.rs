//! Requests to a connection's own task, from the channel shards and from the server API.
//!
//! The connection's outbox queues these requests (bounded, see `outbox`), and the connection's driver carries them out.

use logic::subscription::ConnectionDescription;
use protocol::{
    ErrorCode, Payload, UnsubscribeCode, channel_name::ChannelName, subscription::ServerSubscription,
};
use tokio::sync::oneshot;

/// Receives whether the request was carried out. `false`: there was nothing to do, or the request is not permitted.
pub type Reply = oneshot::Sender<bool>;

/// Receives the result of a subscription. `true`: the subscription is made. `false`: there was nothing to do, for example
/// because the subscription exists. An error: it cannot be made. If the sender is dropped, the subscription was not made.
pub type SubscribeReply = oneshot::Sender<Result<bool, ErrorCode>>;

/// One request.
#[derive(Debug)]
pub enum ConnectionRequest {
    /// A subscription is made: the channel has added it. The reply or push to the client follows.
    SubscriptionMade {
        /// The channel.
        channel: ChannelName,
        /// The number of the subscription: the connection may have a newer subscription to the same channel.
        number: u64,
    },
    /// A subscription could not be made, or is lost: forget it. If the client believes that it has the subscription, the
    /// channel's shard informs the client.
    SubscriptionLost {
        /// The channel.
        channel: ChannelName,
        /// The number of the subscription: the connection may have a newer subscription to the same channel.
        number: u64,
    },
    /// Subscribe to a channel on behalf of the server. An existing subscription to this channel stays unchanged.
    Subscribe(Box<ServerSubscription>, SubscribeReply),
    /// End a subscription, and inform the client.
    Unsubscribe {
        /// The channel.
        channel: ChannelName,
        /// The reason that the client receives.
        code: UnsubscribeCode,
        /// Receives whether there was a subscription to end.
        reply: Reply,
    },
    /// Change when the connection's identity expires, and the information that other clients see about this client.
    Refresh {
        /// The new end, in seconds since the epoch; `None`: the identity does not expire. A moment in the past ends the
        /// connection (3005).
        expires_at: Option<i64>,
        /// The `conn_info` that other members of the connection's channels see; `None` leaves it unchanged.
        conn_info: Option<Payload>,
        /// Receives whether the request had an effect. If a channel's shard cannot accept the new information now, the
        /// information is sent later.
        reply: Reply,
    },
    /// End the subscriptions with denied tokens, and inform the client.
    EndDeniedSubscriptions(
        /// Receives whether there were such subscriptions.
        Reply,
    ),
    /// Ping the peer, and end the connection if the peer does not answer soon: another connection needs the place. Nothing
    /// happens if the peer has just answered a ping.
    Probe,
    /// Describe the connection.
    Describe(oneshot::Sender<ConnectionDescription>),
}
