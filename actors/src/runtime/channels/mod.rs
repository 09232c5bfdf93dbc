//! The operations of `Realtime` on channels, for connections and the server API.
//!
//! Connections do not wait: they receive the answers in their outboxes. The server API awaits the answers. These operations
//! check no permissions; their callers have checked them with `logic::namespace` before.

pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod fan_out;
pub(crate) mod join_request;
pub(crate) mod messages;
pub(crate) mod reply;
pub(crate) mod room;
pub(crate) mod server_subscribe;
pub(crate) mod shard;

use std::{collections::HashSet, sync::Arc, time::Duration};

use logic::{erasure::Erasure, history::PAGE_BYTES, journal::Retention, namespace::Namespaces};
use protocol::{
    ClientInfo, ErrorCode, HistoryRequest, HistoryResult, Payload, Position, PresenceStats,
    channel_name::ChannelName, id::ConnectionId,
};
use tokio::sync::oneshot;

use super::realtime::Realtime;
use crate::runtime::{
    channels::{
        join_request::{ChannelJoin, LeaveReply, ServerPublication},
        messages::{
            Ask, CountPresence, Erase, Leave, ListChannels, ListMembers, Presence, Publishment, Reread, Show,
            What,
        },
        reply::{Asker, Joining, Leaving, Reply},
        shard::{Shard, shard_of},
    },
    connection::outbox::{Outbox, Reservation},
    supervision::LaneError,
};

/// The largest space that one answer to `history` or `presence` needs in the outbox: a full page and the reply around it.
pub const ANSWER_BYTES: usize = PAGE_BYTES + 64 * 1024;

impl Realtime {
    /// Subscribes a connection. The result is reported in the way that [`ChannelJoin::reply`] states, before the channel's
    /// first push.
    ///
    /// # Errors
    /// When the lane of the shard is full, or the shard restarts. Then the caller must answer the request.
    pub fn join(&self, join: ChannelJoin) -> Result<(), LaneError> {
        self.ask_channel(join.channel.clone(), What::Join(Joining::new(join)))
    }

    /// Unsubscribes a connection. The answer or push in `reply` is sent in any case.
    pub fn leave(&self, channel: ChannelName, connection: ConnectionId, reply: LeaveReply) {
        let leaving = Leaving::new(channel.clone(), reply);
        // The message may exceed the lane's bound: without it, the channel would deliver to the connection for ever. There is
        // at most one leave per enqueued join.
        self.shard(&channel).lane.control(Leave { channel, connection, leaving });
    }

    /// Changes the info that presence and leave messages show about a subscriber. The change is not announced.
    ///
    /// # Errors
    /// When the lane of the shard is full, or the shard restarts. Then the old info stays.
    pub fn show(&self, channel: &ChannelName, info: Arc<ClientInfo>) -> Result<(), LaneError> {
        self.shard(channel).lane.try_send(Show { channel: channel.clone(), info })
    }

    /// Publishes. The reply to command `id` is enqueued after the publication has been delivered to all subscribers.
    ///
    /// # Errors
    /// When the lane of the shard is full, too many bytes of payloads wait for the shard, or the shard restarts. The caller
    /// replies with the temporary error 100.
    pub fn publish(
        &self,
        channel: ChannelName,
        data: Payload,
        info: Arc<ClientInfo>,
        outbox: Outbox,
        id: u32,
    ) -> Result<(), LaneError> {
        let bytes = self.shard(&channel).waiting.take(data.as_bytes().len()).ok_or(LaneError::Full)?;
        let asker = Asker::Command(Reply::new(outbox, id));
        let publishment = Publishment {
            data,
            info: Some(info),
            tags: Vec::new(),
            skip_history: false,
            key: None,
            version: None,
            asker,
            bytes,
        };
        self.ask_channel(channel, What::Publish(Box::new(publishment)))
    }

    /// Answers command `id` with the subscribers that are visible in presence. `space` reserves [`ANSWER_BYTES`] for the
    /// answer.
    ///
    /// # Errors
    /// When the lane of the shard is full, or the shard restarts. The caller replies with the temporary error 100.
    pub fn presence(
        &self,
        channel: ChannelName,
        outbox: Outbox,
        id: u32,
        space: Reservation,
    ) -> Result<(), LaneError> {
        let lane = &self.shard(&channel).lane;
        let asker = Asker::Command(Reply::within(outbox, id, Some(space)));
        lane.offer(Presence { channel, asker }).map_err(|(error, message)| {
            message.asker.forget();
            error
        })
    }

    /// Answers command `id` with the numbers of subscribers and users that are visible in presence.
    ///
    /// # Errors
    /// When the lane of the shard is full, or the shard restarts. The caller replies with the temporary error 100.
    pub fn presence_stats(&self, channel: ChannelName, outbox: Outbox, id: u32) -> Result<(), LaneError> {
        let lane = &self.shard(&channel).lane;
        let asker = Asker::Command(Reply::new(outbox, id));
        lane.offer(CountPresence { channel, asker }).map_err(|(error, message)| {
            message.asker.forget();
            error
        })
    }

    /// Answers command `id` with publications. `space` reserves [`ANSWER_BYTES`] for the answer; a request for the position
    /// alone needs no reservation.
    ///
    /// # Errors
    /// When the lane of the shard is full, or the shard restarts. The caller replies with the temporary error 100.
    pub fn history(
        &self,
        channel: ChannelName,
        request: HistoryRequest,
        outbox: Outbox,
        id: u32,
        space: Option<Reservation>,
    ) -> Result<(), LaneError> {
        self.ask_channel(channel, What::History(request, Asker::Command(Reply::within(outbox, id, space))))
    }

    /// Publishes on behalf of the server. Returns the position of the publication. If its version is outdated, returns the
    /// channel's newest position; if its idempotency key was used before, returns the result of the first publication with this
    /// key. `None` if the channel has no positions or the publication skips the history.
    ///
    /// # Errors
    /// 102: unknown namespace. 107: too much data, or data of a kind that the namespace does not admit. 100: temporary; the
    /// caller may retry.
    pub async fn publish_as_server(
        &self,
        channel: ChannelName,
        publication: ServerPublication,
    ) -> Result<Option<Position>, ErrorCode> {
        if !self.namespaces().options(&channel)?.admits(&publication.data) {
            return Err(ErrorCode::BadRequest);
        }
        let size = publication.data.as_bytes().len();
        let bytes = self.shard(&channel).waiting.take(size).ok_or(ErrorCode::Internal)?;
        let ServerPublication { data, tags, skip_history, idempotency_key: key, version } = publication;
        self.wait(|sender| {
            let asker = Asker::Server(sender);
            let publishment =
                Publishment { data, info: None, tags, skip_history, key, version, asker, bytes };
            self.ask_channel(channel, What::Publish(Box::new(publishment)))
        })
        .await
    }

    /// The subscribers that are visible in presence.
    ///
    /// # Errors
    /// 102: unknown namespace. 108: the channel has no presence. 100: temporary; the caller may retry.
    pub async fn presence_of(&self, channel: ChannelName) -> Result<Vec<Arc<ClientInfo>>, ErrorCode> {
        self.namespaces().with_presence(&channel)?;
        self.wait(|sender| {
            let lane = &self.shard(&channel).lane;
            lane.try_send(Presence { channel, asker: Asker::Server(sender) })
        })
        .await
    }

    /// The numbers of subscribers and users that are visible in presence.
    ///
    /// # Errors
    /// 102: unknown namespace. 108: the channel has no presence. 100: temporary; the caller may retry.
    pub async fn presence_stats_of(&self, channel: ChannelName) -> Result<PresenceStats, ErrorCode> {
        self.namespaces().with_presence(&channel)?;
        self.wait(|sender| {
            let lane = &self.shard(&channel).lane;
            lane.try_send(CountPresence { channel, asker: Asker::Server(sender) })
        })
        .await
    }

    /// The publications of the channel: the requested number, or fewer if the channel has fewer or if they exceed 16 MiB.
    ///
    /// # Errors
    /// 102: unknown namespace. 107: reverse order from offset 0. 108: the channel keeps no history. 112: the position is of
    /// another epoch. 100: temporary; the caller may retry.
    pub async fn history_of(
        &self,
        channel: ChannelName,
        request: HistoryRequest,
    ) -> Result<HistoryResult, ErrorCode> {
        self.namespaces().with_history(&channel)?;
        self.wait(|sender| self.ask_channel(channel, What::History(request, Asker::Server(sender)))).await
    }

    /// Removes the publications of the channel. The channel's epoch and newest offset stay.
    ///
    /// # Errors
    /// 102: unknown namespace. 108: the channel keeps no history. 100: temporary; the caller may retry.
    pub async fn remove_history(&self, channel: ChannelName) -> Result<(), ErrorCode> {
        self.namespaces().with_history(&channel)?;
        self.wait(|sender| self.ask_channel(channel, What::Remove(sender))).await.map(drop)
    }

    /// Makes the shards read these durable channels again, or all of them: publications were changed in the journal.
    ///
    /// # Errors
    /// When the lane of a shard is full, or the shard restarts. Then the caller calls again; this may be repeated.
    pub fn reread_channels(&self, channels: Option<HashSet<ChannelName>>) -> Result<(), LaneError> {
        let channels = channels.map(Arc::new);
        let send = |shard: &Shard| shard.lane.try_send(Reread(channels.clone()));
        self.0.channels.iter().try_for_each(send)
    }

    /// The channels with subscribers on this node, each with the number of subscribers. The channels of a shard that
    /// does not answer are missing.
    pub async fn channels(&self) -> Vec<(ChannelName, usize)> {
        let ask = |shard: &Shard| {
            let (sender, answer) = oneshot::channel();
            let _ = shard.lane.try_send(ListChannels(sender));
            answer
        };
        let answers: Vec<_> = self.0.channels.iter().map(ask).collect();
        let mut channels = Vec::new();
        for answer in answers {
            channels.extend(answer.await.unwrap_or_default());
        }
        channels
    }

    /// All subscribers of the channel on this node, whether or not presence shows them.
    ///
    /// # Errors
    /// 100: temporary; the caller may retry.
    pub async fn members_of(&self, channel: ChannelName) -> Result<Vec<Arc<ClientInfo>>, ErrorCode> {
        let lane = &self.shard(&channel).lane;
        self.wait(|answer| lane.try_send(ListMembers { channel: channel.clone(), answer })).await
    }

    /// Replaces publications in the memory of this node: in one channel, or in all channels. Their offsets stay. Returns their
    /// number. Unless the erasure leaves durable channels as they are, erase their publications in the journal first.
    ///
    /// # Errors
    /// 100: some of the channels did not answer. The caller may retry, because an erasure may be repeated.
    pub async fn erase(&self, channel: Option<ChannelName>, erasure: Erasure) -> Result<u64, ErrorCode> {
        let mut answers = Vec::new();
        for shard in self.0.channels.iter() {
            let (answer, erased) = oneshot::channel();
            let message = Erase { channel: channel.clone(), erasure: erasure.clone(), answer };
            shard.lane.try_send(message).map_err(|_| ErrorCode::Internal)?;
            answers.push(erased);
        }
        let mut total = 0;
        for erased in answers {
            total += erased.await.map_err(|_| ErrorCode::Internal)?;
        }
        Ok(total)
    }

    /// The namespaces, with the options of their channels.
    #[must_use]
    pub fn namespaces(&self) -> Arc<Namespaces> {
        Arc::clone(self.0.live.load().namespaces())
    }

    /// How much history a durable channel keeps, and how long it keeps its position without any history. `None` if the channel
    /// is not durable, or its namespace is unknown.
    #[must_use]
    pub fn retention(&self, channel: &ChannelName) -> Option<(Retention, Duration)> {
        let namespaces = self.namespaces();
        let options = namespaces.options(channel).ok()?;
        options.durable.then(|| (Retention::of(options), options.history_meta_ttl))
    }

    pub(crate) fn shard(&self, channel: &ChannelName) -> &Shard {
        &self.0.channels[shard_of(channel, self.0.channels.len(), &self.0.hashes)]
    }

    fn ask_channel(&self, channel: ChannelName, what: What) -> Result<(), LaneError> {
        let lane = &self.shard(&channel).lane;
        lane.offer(Ask { channel, what }).map_err(|(error, message)| {
            message.what.forget();
            error
        })
    }

    async fn wait<T>(
        &self,
        send: impl FnOnce(oneshot::Sender<Result<T, ErrorCode>>) -> Result<(), LaneError>,
    ) -> Result<T, ErrorCode> {
        let (sender, answer) = oneshot::channel();
        send(sender).map_err(|_| ErrorCode::Internal)?;
        answer.await.unwrap_or(Err(ErrorCode::Internal))
    }
}
