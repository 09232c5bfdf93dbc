//! What others ask a connection's own task to do: the way back from shards, and in from the server API.
//!
//! Carried by the connection's outbox, taken by its pump, carried out by its driver. Bounded; see `outbox`.

use logic::subscription::ConnectionDescription;
use protocol::{
    ErrorCode, Payload, UnsubscribeCode, channel_name::ChannelName, subscription::ServerSubscription,
};
use tokio::sync::oneshot;

/// Says whether it was done; not, if there was nothing to be done, or it may not be.
pub type Reply = oneshot::Sender<bool>;

/// Says whether a subscription was made, once it is; not, if there was nothing to be done, and why, if it cannot be. One
/// that is dropped was not.
pub type SubscribeReply = oneshot::Sender<Result<bool, ErrorCode>>;

/// Something to do.
#[derive(Debug)]
pub enum ConnectionRequest {
    /// A subscription is made: the channel has taken it in. The client is told right after.
    SubscriptionMade {
        /// The channel.
        channel: ChannelName,
        /// Which one: meanwhile there may be another one of the same channel.
        number: u64,
    },
    /// A subscription could not be made, or is lost: forget it. The client has been told.
    SubscriptionLost {
        /// The channel.
        channel: ChannelName,
        /// Which one: meanwhile there may be another one of the same channel.
        number: u64,
    },
    /// Subscribe to a channel in the server's name. One that is subscribed already stays as it is.
    Subscribe(Box<ServerSubscription>, SubscribeReply),
    /// End a subscription, and tell the client so.
    Unsubscribe {
        /// The channel.
        channel: ChannelName,
        /// What the client is told.
        code: UnsubscribeCode,
        /// Whether there was one.
        reply: Reply,
    },
    /// The identity of the connection holds until then, from now on, and others see it so.
    Refresh {
        /// Seconds since the epoch; `None` for no end, a moment that is past ends the connection (3005).
        expires_at: Option<i64>,
        /// What members of channels see of it beside its name; `None` leaves that as it is.
        conn_info: Option<Payload>,
        /// Whether the user is known, and every channel will show the change.
        reply: Reply,
    },
    /// End the subscriptions whose tokens are denied, and tell the client so.
    EndDeniedSubscriptions(
        /// Whether there were any.
        Reply,
    ),
    /// Say what the connection is.
    Describe(oneshot::Sender<ConnectionDescription>),
}
