//! Requests to a connection's own task, from the channel shards and from the server API.
//!
//! The connection's outbox queues them (bounded, see `outbox`), and its driver carries them out.

use logic::subscription::ConnectionDescription;
use protocol::{
    ErrorCode, Payload, UnsubscribeCode, channel_name::ChannelName, subscription::ServerSubscription,
};
use tokio::sync::oneshot;

/// Receives whether the request was carried out. `false`: there was nothing to do, or it is not permitted.
pub type Reply = oneshot::Sender<bool>;

/// Receives the result of a subscription: `true` once it is made, `false` if there was nothing to do (such as an
/// existing subscription), an error if it cannot be made. If the sender is dropped, it was not made.
pub type SubscribeReply = oneshot::Sender<Result<bool, ErrorCode>>;

/// One request.
#[derive(Debug)]
pub enum ConnectionRequest {
    /// A subscription is made: the channel has added it. The reply or push to the client follows.
    SubscriptionMade {
        /// The channel.
        channel: ChannelName,
        /// The number of the subscription: the connection may have a newer one to the same channel.
        number: u64,
    },
    /// A subscription could not be made, or is lost: forget it. If the client knows of it, the channel's shard
    /// informs the client.
    SubscriptionLost {
        /// The channel.
        channel: ChannelName,
        /// The number of the subscription: the connection may have a newer one to the same channel.
        number: u64,
    },
    /// Subscribe to a channel on behalf of the server. An existing subscription to it stays unchanged.
    Subscribe(Box<ServerSubscription>, SubscribeReply),
    /// End a subscription, and inform the client.
    Unsubscribe {
        /// The channel.
        channel: ChannelName,
        /// The reason that the client receives.
        code: UnsubscribeCode,
        /// Whether there was a subscription to end.
        reply: Reply,
    },
    /// Change when the connection's identity expires, and the information that other clients see of it.
    Refresh {
        /// In seconds since the epoch; `None`: it does not expire. A moment in the past ends the connection (3005).
        expires_at: Option<i64>,
        /// The `conn_info` that other members of its channels see; `None` leaves it unchanged.
        conn_info: Option<Payload>,
        /// Whether the connection was refreshed. A channel that cannot take the change now receives it later.
        reply: Reply,
    },
    /// End the subscriptions whose tokens are denied, and inform the client.
    EndDeniedSubscriptions(
        /// Whether there were any.
        Reply,
    ),
    /// Ping the peer, and end the connection if it does not answer soon: its place is needed.
    Probe,
    /// Describe the connection.
    Describe(oneshot::Sender<ConnectionDescription>),
}
