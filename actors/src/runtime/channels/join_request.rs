//! What channels are asked for: subscriptions to be made and ended, and the server's own publications.
//!
//! Plain values. Connections make them, `Realtime` hands them to the shards.

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
    /// Which one of the connection's subscriptions, of all that it ever asked for.
    pub number: u64,
    /// How the connection is reached.
    pub outbox: Outbox,
    /// The client's description, as others see it.
    pub info: Arc<ClientInfo>,
    /// What the subscription is.
    pub terms: Terms,
    /// When the client must refresh the subscription; it is only told.
    pub lifetime: Option<Lifetime>,
    /// What the client gets along.
    pub data: Option<Payload>,
    /// How the client is told.
    pub reply: JoinReply,
}

/// How a client learns of its subscription. The connection's task gets `ConnectionRequest::SubscriptionMade` besides, or, if it cannot be made,
/// `ConnectionRequest::SubscriptionLost`, except where the result is handed over anyway.
pub enum JoinReply {
    /// Answer command `id`, with the subscription or an error.
    Command(u32),
    /// Push it: a subscription that the server made at runtime. What was recovered follows as publications. If it cannot
    /// be made, the client receives nothing. The requester is answered in any case.
    Push(Option<SubscribeReply>),
    /// One of those made at `connect`, whose answer is being gathered; the outbox is held meanwhile.
    Collect(Arc<dyn JoinCollector>),
}

/// Where the subscriptions that are made at `connect` come together.
pub trait JoinCollector: Send + Sync {
    /// Takes room for so many bytes of what the client missed, in the one answer that carries all of it. False if there is
    /// not so much left.
    fn takes(&self, bytes: usize) -> bool;

    /// One of them is made, or cannot be. Called from another thread, once per channel.
    fn joined(&self, channel: &ChannelName, result: Result<SubscribeResult, ErrorCode>);
}

/// How a client learns that its subscription ended.
pub enum LeaveReply {
    /// The command with this id is answered.
    Answer(Outbox, u32),
    /// A push says why.
    Push(Outbox, UnsubscribeCode),
    /// Not at all.
    Silent,
}

/// A publication of the server's own.
#[derive(Clone, Debug)]
pub struct ServerPublication {
    /// What is published.
    pub data: Payload,
    /// Names and values beside it.
    pub tags: Vec<(String, String)>,
    /// Whether it is delivered, but not kept.
    pub skip_history: bool,
    /// What is published twice under one key within five minutes is published once.
    pub idempotency_key: Option<String>,
    /// Published only if nothing as new was; without a history it means nothing.
    pub version: Option<Version>,
}
