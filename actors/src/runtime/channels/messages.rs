//! What a channel shard is asked: by connections and the server API, through `Realtime`.

use std::sync::Arc;

use actix::Message;
use logic::version::Version;
use protocol::{
    ClientInfo, HistoryRequest, HistoryResult, Payload, Position, PresenceStats, channel_name::ChannelName,
    id::ConnectionId,
};
use tokio::sync::oneshot;

use crate::runtime::channels::{
    byte_budget::WaitingBytes,
    reply::{Asker, Joining, Leaving, Published},
};

/// Something that needs the channel's history, so that it may have to wait for the database.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Ask {
    pub(crate) channel: ChannelName,
    pub(crate) what: What,
}

/// What is asked of a channel and its history.
pub(crate) enum What {
    /// Subscribe a connection.
    Join(Joining),
    /// Deliver to every subscriber, and keep.
    Publish(Box<Publishment>),
    /// What was published.
    History(HistoryRequest, Asker<HistoryResult>),
    /// Forget what was published.
    Remove(oneshot::Sender<Result<Position, protocol::ErrorCode>>),
}

/// A publication on its way.
pub(crate) struct Publishment {
    pub(crate) data: Payload,
    /// The publishing client; `None` for the server.
    pub(crate) info: Option<Arc<ClientInfo>>,
    pub(crate) tags: Vec<(String, String)>,
    /// Deliver, but do not keep.
    pub(crate) skip_history: bool,
    /// Published once under this key.
    pub(crate) key: Option<String>,
    /// Published only if nothing as new was.
    pub(crate) version: Option<Version>,
    pub(crate) asker: Asker<Published>,
    /// The payload's share of what may wait for this shard.
    pub(crate) bytes: WaitingBytes,
}

impl What {
    /// The caller answers the requester instead.
    pub(crate) fn forget(self) {
        match self {
            Self::Join(joining) => joining.forget(),
            Self::Publish(publishment) => publishment.asker.forget(),
            Self::History(_, asker) => asker.forget(),
            Self::Remove(_) => {}
        }
    }

    /// Whether the requester is still there: requests of a revoked connection are not carried out, even if they were queued before
    /// the cut.
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

/// A subscriber is seen like this from here on.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Show {
    pub(crate) channel: ChannelName,
    pub(crate) info: Arc<ClientInfo>,
}

/// The subscribers.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Presence {
    pub(crate) channel: ChannelName,
    pub(crate) asker: Asker<Vec<Arc<ClientInfo>>>,
}

/// How many are subscribed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct CountPresence {
    pub(crate) channel: ChannelName,
    pub(crate) asker: Asker<PresenceStats>,
}

/// The shard's channels that have subscribers.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ListChannels(pub(crate) oneshot::Sender<Vec<(ChannelName, usize)>>);
