//! The messages to a channel shard. `Realtime` sends them for connections and the server API.

use std::sync::Arc;

use actix::Message;
use logic::version::Version;
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
    /// Deliver it, but do not add it to the history.
    pub(crate) skip_history: bool,
    /// The idempotency key: of all publications with one key, only the first is published.
    pub(crate) key: Option<String>,
    /// If set, it is published only if its version is newer than the channel's newest.
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

    /// Whether the requester still exists. Requests of a connection that was cut are not carried out, even if they
    /// were enqueued before the cut.
    pub(crate) fn is_wanted(&self) -> bool {
        match self {
            Self::Join(joining) => joining.join().is_some_and(|join| join.outbox.is_open()),
            Self::Publish(publishment) => publishment.asker.is_wanted(),
            Self::History(_, asker) => asker.is_wanted(),
            Self::Remove(_) => true,
        }
    }
}

/// End a connection's subscription.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave {
    pub(crate) channel: ChannelName,
    pub(crate) connection: ConnectionId,
    pub(crate) leaving: Leaving,
}

/// Changes the info that others see of a subscriber.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Show {
    pub(crate) channel: ChannelName,
    pub(crate) info: Arc<ClientInfo>,
}

/// Asks for the subscribers.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Presence {
    pub(crate) channel: ChannelName,
    pub(crate) asker: Asker<Vec<Arc<ClientInfo>>>,
}

/// Asks for the number of subscribers.
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
