//! The messages to a channel shard. `Realtime` sends them for connections and the server API.

use std::{collections::HashSet, sync::Arc};

use actix::Message;
use logic::{erasure::Erasure, version::Version};
use protocol::{
    ClientInfo, HistoryRequest, HistoryResult, Payload, Position, PresenceStats, channel_name::ChannelName,
    id::ConnectionId,
};
use tokio::sync::oneshot;

use crate::runtime::{
    byte_budget::WaitingBytes,
    channels::reply::{Asker, Joining, Leaving, Published},
};

/// A request that needs the channel's history, so it may have to wait for the database.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Ask {
    pub(crate) channel: ChannelName,
    pub(crate) what: What,
}

/// The requests that need the history of a channel.
pub(crate) enum What {
    /// Subscribe a connection.
    Join(Joining),
    /// Deliver a publication to every subscriber, and add it to the history.
    Publish(Box<Publishment>),
    /// Return publications from the history.
    History(HistoryRequest, Asker<HistoryResult>),
    /// Remove the publications from the history.
    Remove(oneshot::Sender<Result<Position, protocol::ErrorCode>>),
}

/// A publication that is not yet delivered.
pub(crate) struct Publishment {
    pub(crate) data: Payload,
    /// The publishing client; `None` for the server.
    pub(crate) info: Option<Arc<ClientInfo>>,
    pub(crate) tags: Vec<(String, String)>,
    /// Deliver the publication, but do not add it to the history.
    pub(crate) skip_history: bool,
    /// The idempotency key: of all publications with one key, only the first is published.
    pub(crate) key: Option<String>,
    /// If set, the publication is published only if this version is not outdated (see `logic::version`).
    pub(crate) version: Option<Version>,
    pub(crate) asker: Asker<Published>,
    /// The payload's share of the bytes that may wait for this shard.
    pub(crate) bytes: WaitingBytes,
}

impl What {
    /// Drops the request without an answer, because the caller answers the requester.
    pub(crate) fn forget(self) {
        match self {
            Self::Join(joining) => joining.forget(),
            Self::Publish(publishment) => publishment.asker.forget(),
            Self::History(_, asker) => asker.forget(),
            Self::Remove(_) => {}
        }
    }

    /// Whether the requester still waits: its connection is open, or its call through the server API has not ended. Otherwise
    /// the request is not carried out, even if it was enqueued before the connection or the call ended. A removal is always
    /// carried out.
    pub(crate) fn is_wanted(&self) -> bool {
        match self {
            Self::Join(joining) => joining.join().is_some_and(|join| join.outbox.is_open()),
            Self::Publish(publishment) => publishment.asker.is_wanted(),
            Self::History(_, asker) => asker.is_wanted(),
            Self::Remove(_) => true,
        }
    }
}

/// Ends a connection's subscription.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave {
    pub(crate) channel: ChannelName,
    pub(crate) connection: ConnectionId,
    pub(crate) leaving: Leaving,
}

/// Changes the info that other clients see about a subscriber.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Show {
    pub(crate) channel: ChannelName,
    pub(crate) info: Arc<ClientInfo>,
}

/// Asks for the subscribers that are visible in presence.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Presence {
    pub(crate) channel: ChannelName,
    pub(crate) asker: Asker<Vec<Arc<ClientInfo>>>,
}

/// Asks for the number of subscribers that are visible in presence, and of their users.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CountPresence {
    pub(crate) channel: ChannelName,
    pub(crate) asker: Asker<PresenceStats>,
}

/// Asks for the shard's channels that have subscribers, each with the number of subscribers.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ListChannels(pub(crate) oneshot::Sender<Vec<(ChannelName, usize)>>);

/// Asks for all subscribers of a channel, whether or not presence shows them.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ListMembers {
    pub(crate) channel: ChannelName,
    pub(crate) answer: oneshot::Sender<Result<Vec<Arc<ClientInfo>>, protocol::ErrorCode>>,
}

/// Replaces publications in memory: in one channel, or in every channel of the shard. The answer is their number.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Erase {
    pub(crate) channel: Option<ChannelName>,
    pub(crate) erasure: Erasure,
    pub(crate) answer: oneshot::Sender<u64>,
}

/// Makes the shard read these durable channels again, or all of its durable channels if none is named: publications were
/// changed in the journal.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Reread(pub(crate) Option<Arc<HashSet<ChannelName>>>);
