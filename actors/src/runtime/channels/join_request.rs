//! The requests to channels: to make and to end subscriptions, and to publish on behalf of the server.
//!
//! These types are plain values, which `Realtime` passes to the shards.

use std::sync::Arc;

use logic::{namespace::Terms, version::Version};
use protocol::{
    ClientInfo, ErrorCode, Lifetime, Payload, SubscribeResult, UnsubscribeCode, channel_name::ChannelName,
};

use crate::runtime::connection::{outbox::Outbox, request::SubscribeReply};

/// A subscription to be made.
pub struct ChannelJoin {
    /// The channel.
    pub channel: ChannelName,
    /// The number of the subscription, which is unique within the connection.
    pub number: u64,
    /// The connection's outbox.
    pub outbox: Outbox,
    /// The client's description, as others see it.
    pub info: Arc<ClientInfo>,
    /// What the subscription includes: recovery, presence, deltas and so on.
    pub terms: Terms,
    /// When the client must refresh the subscription. The channel sends this time to the client, but does not itself end the
    /// subscription.
    pub lifetime: Option<Lifetime>,
    /// Data for the client in the result.
    pub data: Option<Payload>,
    /// How the client learns the result.
    pub reply: JoinReply,
}

/// How a client learns the result of a join. With [`Self::Command`] and [`Self::Push`], the connection's own task also receives
/// `ConnectionRequest::SubscriptionMade`, or `SubscriptionLost` if the subscription cannot be made.
pub enum JoinReply {
    /// Answer the command with this id, with the subscription or an error.
    Command(u32),
    /// Push the subscription to the client, because the server subscribes an open connection. The recovered publications follow
    /// as pushes. If the subscription cannot be made, the client receives nothing. The requester, if there is one, is answered
    /// in both cases.
    Push(Option<SubscribeReply>),
    /// Report the result to the collector, which gathers the results of all subscriptions of a `connect` for one reply. The
    /// outbox holds back pushes until that reply.
    Collect(Arc<dyn JoinCollector>),
}

/// Gathers the results of the subscriptions that are made at `connect`.
pub trait JoinCollector: Send + Sync {
    /// Reserves `bytes` for missed publications in the reply to `connect`. `false` if there is not enough space left.
    fn takes(&self, bytes: usize) -> bool;

    /// Reports the result of one subscription. Called from another thread, once per channel.
    fn joined(&self, channel: &ChannelName, result: Result<SubscribeResult, ErrorCode>);
}

/// How a client learns that its subscription ended.
pub enum LeaveReply {
    /// By the reply to the command with this id.
    Answer(Outbox, u32),
    /// By a push with this code.
    Push(Outbox, UnsubscribeCode),
    /// Not at all.
    Silent,
}

/// A publication on behalf of the server.
#[derive(Clone, Debug)]
pub struct ServerPublication {
    /// The payload.
    pub data: Payload,
    /// Tags of the publication, as pairs of name and value.
    pub tags: Vec<(String, String)>,
    /// Whether the publication is delivered without being added to the history.
    pub skip_history: bool,
    /// Of all publications with one key within five minutes, only the first is published.
    pub idempotency_key: Option<String>,
    /// If set, the publication is published only if this version is not outdated (see `logic::version`). The version is ignored
    /// in channels without history, and if the publication skips the history.
    pub version: Option<Version>,
}
