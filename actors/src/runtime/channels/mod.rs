//! `Realtime` for channels: what connections and the server API ask of them.
//!
//! Connections get their answers through their outboxes and wait for nothing; the server API awaits. Whether something is
//! allowed has been decided before, by the rules of `logic::namespace`; here it is done.

pub(crate) mod byte_budget;
pub(crate) mod clock;
pub(crate) mod fan_out;
pub(crate) mod join_request;
pub(crate) mod messages;
pub(crate) mod reply;
pub(crate) mod room;
pub(crate) mod server_subscribe;
pub(crate) mod shard;

use std::{sync::Arc, time::Duration};

use logic::{history::PAGE_BYTES, journal::Retention, namespace::Namespaces};
use protocol::{
    ClientInfo, ErrorCode, HistoryRequest, HistoryResult, Payload, Position, PresenceStats,
    channel_name::ChannelName, id::ConnectionId,
};
use tokio::sync::oneshot;

use super::realtime::Realtime;
use crate::runtime::{
    channels::{
        join_request::{ChannelJoin, LeaveReply, ServerPublication},
        messages::{Ask, CountPresence, Leave, ListChannels, Presence, Publishment, Show, What},
        reply::{Asker, Joining, Leaving, Reply},
        shard::{Shard, shard_of},
    },
    connection::outbox::{Outbox, Reservation},
    supervision::LaneError,
};

/// The most queue space of one answer to `history` or `presence`: a full page and the reply around it.
pub const ANSWER_BYTES: usize = PAGE_BYTES + 64 * 1024;

impl Realtime {
    /// Subscribes. Whatever comes of it is told as [`ChannelJoin::reply`] says, before the channel's first push.
    ///
    /// # Errors
    /// When the shard takes no message now; then no answer was sent.
    pub fn join(&self, join: ChannelJoin) -> Result<(), LaneError> {
        self.ask_channel(join.channel.clone(), What::Join(Joining::new(join)))
    }

    /// Unsubscribes. The answer or push in `told` is sent in any case.
    pub fn leave(&self, channel: ChannelName, connection: ConnectionId, told: LeaveReply) {
        let leaving = Leaving::new(channel.clone(), told);
        // Past the bound, because a lost leave would deliver for ever: at most one per join that was let through.
        self.shard(&channel).lane.control(Leave { channel, connection, leaving });
    }

    /// Changes the info of a subscriber that presence and leaves show. It is not announced.
    ///
    /// # Errors
    /// When the shard takes no message now: it is seen as before.
    pub fn show(&self, channel: &ChannelName, info: Arc<ClientInfo>) -> Result<(), LaneError> {
        self.shard(channel).lane.try_send(Show { channel: channel.clone(), info })
    }

    /// Publishes; the reply to command `id` goes into the outbox after the fan-out.
    ///
    /// # Errors
    /// When the lane of the shard is full. The caller replies with the temporary error 100.
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

    /// Answers command `id` with the subscribers, within [`ANSWER_BYTES`] that were reserved.
    ///
    /// # Errors
    /// When the lane of the shard is full. The caller replies with the temporary error 100.
    pub fn presence(
        &self,
        channel: ChannelName,
        outbox: Outbox,
        id: u32,
        room: Reservation,
    ) -> Result<(), LaneError> {
        let lane = &self.shard(&channel).lane;
        let asker = Asker::Command(Reply::within(outbox, id, Some(room)));
        lane.offer(Presence { channel, asker }).map_err(|(error, message)| {
            message.asker.forget();
            error
        })
    }

    /// Answers command `id` with how many are subscribed.
    ///
    /// # Errors
    /// When the lane of the shard is full. The caller replies with the temporary error 100.
    pub fn presence_stats(&self, channel: ChannelName, outbox: Outbox, id: u32) -> Result<(), LaneError> {
        let lane = &self.shard(&channel).lane;
        let asker = Asker::Command(Reply::new(outbox, id));
        lane.offer(CountPresence { channel, asker }).map_err(|(error, message)| {
            message.asker.forget();
            error
        })
    }

    /// Answers command `id` with what was published, within [`ANSWER_BYTES`] that were reserved; a question that asks only
    /// for the position needs none.
    ///
    /// # Errors
    /// When the lane of the shard is full. The caller replies with the temporary error 100.
    pub fn history(
        &self,
        channel: ChannelName,
        request: HistoryRequest,
        outbox: Outbox,
        id: u32,
        room: Option<Reservation>,
    ) -> Result<(), LaneError> {
        self.ask_channel(channel, What::History(request, Asker::Command(Reply::within(outbox, id, room))))
    }

    /// Publishes in the server's name. Answers with the position, if the channel has positions.
    ///
    /// # Errors
    /// 102 unknown namespace, 107 too much data, 100 anything that may be tried again.
    pub async fn publish_as_server(
        &self,
        channel: ChannelName,
        publication: ServerPublication,
    ) -> Result<Option<Position>, ErrorCode> {
        let size = publication.data.as_bytes().len();
        if size > self.namespaces().options(&channel)?.max_publication_bytes {
            return Err(ErrorCode::BadRequest);
        }
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

    /// The subscribers.
    ///
    /// # Errors
    /// 102 unknown namespace, 108 it does not tell, 100 anything that may be tried again.
    pub async fn presence_of(&self, channel: ChannelName) -> Result<Vec<Arc<ClientInfo>>, ErrorCode> {
        self.namespaces().with_presence(&channel)?;
        self.wait(|sender| {
            let lane = &self.shard(&channel).lane;
            lane.try_send(Presence { channel, asker: Asker::Server(sender) })
        })
        .await
    }

    /// How many are subscribed.
    ///
    /// # Errors
    /// 102 unknown namespace, 108 it does not tell, 100 anything that may be tried again.
    pub async fn presence_stats_of(&self, channel: ChannelName) -> Result<PresenceStats, ErrorCode> {
        self.namespaces().with_presence(&channel)?;
        self.wait(|sender| {
            let lane = &self.shard(&channel).lane;
            lane.try_send(CountPresence { channel, asker: Asker::Server(sender) })
        })
        .await
    }

    /// What was published. Answers with the requested number of publications, or fewer if there are fewer.
    ///
    /// # Errors
    /// 102 unknown namespace, 107 the beginning in reverse, 108 nothing is kept, 112 a position of another epoch, 100
    /// anything that may be tried again.
    pub async fn history_of(
        &self,
        channel: ChannelName,
        request: HistoryRequest,
    ) -> Result<HistoryResult, ErrorCode> {
        self.namespaces().with_history(&channel)?;
        self.wait(|sender| self.ask_channel(channel, What::History(request, Asker::Server(sender)))).await
    }

    /// Forgets what was published; epoch and offset stay.
    ///
    /// # Errors
    /// 102 unknown namespace, 108 nothing is kept, 100 anything that may be tried again.
    pub async fn remove_history(&self, channel: ChannelName) -> Result<(), ErrorCode> {
        self.namespaces().with_history(&channel)?;
        self.wait(|sender| self.ask_channel(channel, What::Remove(sender))).await.map(drop)
    }

    /// Channels with subscribers on this node, and how many. A shard that does not answer is left out.
    pub async fn channels(&self) -> Vec<(ChannelName, usize)> {
        let ask = |shard: &Shard| {
            let (sender, answer) = oneshot::channel();
            let _ = shard.lane.try_send(ListChannels(sender));
            answer
        };
        let asked: Vec<_> = self.0.channels.iter().map(ask).collect();
        let mut channels = Vec::new();
        for answer in asked {
            channels.extend(answer.await.unwrap_or_default());
        }
        channels
    }

    /// Which channels there are.
    #[must_use]
    pub fn namespaces(&self) -> &Arc<Namespaces> {
        &self.0.settings.namespaces
    }

    /// How much of a durable channel is kept, and how long the channel is remembered without that; `None` for a channel
    /// that is not durable, or does not exist.
    #[must_use]
    pub fn retention(&self, channel: &ChannelName) -> Option<(Retention, Duration)> {
        let options = self.namespaces().options(channel).ok()?;
        options.durable.then(|| (Retention::of(options), options.history_meta_ttl))
    }

    pub(crate) fn shard(&self, channel: &ChannelName) -> &Shard {
        &self.0.channels[shard_of(channel, self.0.channels.len())]
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
