//! The requesters that a shard answers: a client's command, the server API, or a joining connection.
//!
//! A request that is dropped without an answer (the shard died, or the message was lost) answers with error 100 in `Drop`.

use std::sync::Arc;

use protocol::{
    Answer, ClientInfo, ErrorCode, HistoryResult, Position, PresenceStats, Push, SubscribeResult,
    channel_name::ChannelName,
};
use tokio::sync::oneshot;

use crate::runtime::{
    channels::join_request::{ChannelJoin, JoinReply, LeaveReply},
    connection::{
        outbox::{Outbox, Reservation},
        request::{ConnectionRequest, SubscribeReply},
    },
};

/// A command that waits for its reply.
pub(crate) struct Reply {
    outbox: Outbox,
    id: u32,
    armed: bool,
    #[expect(dead_code, reason = "gives itself back when it is dropped, behind the answer")]
    room: Option<Reservation>,
}

impl Reply {
    pub(crate) fn new(outbox: Outbox, id: u32) -> Self {
        Self { outbox, id, armed: true, room: None }
    }

    /// Into room that was taken before.
    pub(crate) fn within(outbox: Outbox, id: u32, room: Option<Reservation>) -> Self {
        Self { outbox, id, armed: true, room }
    }

    /// Whether the connection still is; nothing of one that was cut is done.
    pub(crate) fn is_wanted(&self) -> bool {
        self.outbox.is_open()
    }

    pub(crate) fn give(mut self, answer: &Answer) {
        self.armed = false;
        let _ = self.outbox.push(self.outbox.encoding().reply(self.id, answer));
    }

    /// The caller answers instead.
    pub(crate) fn forget(mut self) {
        self.armed = false;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.armed {
            let answer = Answer::Error(ErrorCode::Internal);
            let _ = self.outbox.push(self.outbox.encoding().reply(self.id, &answer));
        }
    }
}

/// The requester of a `T`.
pub(crate) enum Asker<T> {
    /// A client.
    Command(Reply),
    /// The server API; a dropped sender is an internal error to it.
    Server(oneshot::Sender<Result<T, ErrorCode>>),
}

impl<T: Told> Asker<T> {
    pub(crate) fn give(self, result: Result<T, ErrorCode>) {
        match self {
            Self::Command(reply) => reply.give(&result.map_or_else(Answer::Error, T::told)),
            // The requester may be gone.
            Self::Server(sender) => drop(sender.send(result)),
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        match self {
            Self::Command(reply) => reply.is_wanted(),
            Self::Server(sender) => !sender.is_closed(),
        }
    }

    pub(crate) fn is_command(&self) -> bool {
        matches!(self, Self::Command(_))
    }

    pub(crate) fn forget(self) {
        if let Self::Command(reply) = self {
            reply.forget();
        }
    }
}

/// What a client is told of a result.
pub(crate) trait Told {
    fn told(self) -> Answer;
}

/// Where a publication is, if positions are counted.
pub(crate) type Published = Option<Position>;

impl Told for Published {
    fn told(self) -> Answer {
        Answer::Publish
    }
}

impl Told for Vec<Arc<ClientInfo>> {
    fn told(self) -> Answer {
        Answer::Presence(self)
    }
}

impl Told for PresenceStats {
    fn told(self) -> Answer {
        Answer::PresenceStats(self)
    }
}

impl Told for HistoryResult {
    fn told(self) -> Answer {
        Answer::History(self)
    }
}

/// A subscription that is being made.
pub(crate) struct Joining(Option<ChannelJoin>);

impl Joining {
    pub(crate) fn new(join: ChannelJoin) -> Self {
        Self(Some(join))
    }

    /// What is asked for.
    pub(crate) fn join(&self) -> Option<&ChannelJoin> {
        self.0.as_ref()
    }

    /// If it is this connection's, it will be seen like this.
    pub(crate) fn show(&mut self, info: &Arc<ClientInfo>) {
        if let Some(join) = self.0.as_mut().filter(|join| join.info.client == info.client) {
            join.info = Arc::clone(info);
        }
    }

    /// Takes it on: from here on the taker answers.
    pub(crate) fn take(mut self) -> Option<ChannelJoin> {
        self.0.take()
    }

    /// The caller answers instead, or the connection is gone.
    pub(crate) fn forget(mut self) {
        self.0 = None;
    }

    /// It is not wanted any more: the connection has left before it was in. Its task is told nothing, because it may have
    /// asked anew.
    pub(crate) fn cancel(mut self) {
        if let Some(join) = self.0.take() {
            send_refusal(join, ErrorCode::Internal);
        }
    }

    /// It cannot be made.
    pub(crate) fn fail(mut self, error: ErrorCode) {
        if let Some(join) = self.0.take() {
            refuse(join, error);
        }
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        if let Some(join) = self.0.take() {
            refuse(join, ErrorCode::Internal);
        }
    }
}

fn refuse(join: ChannelJoin, error: ErrorCode) {
    if !matches!(join.reply, JoinReply::Collect(_)) {
        // Before the client, whose next command must find that there is no subscription.
        let _ = join.outbox.request(ConnectionRequest::SubscriptionLost {
            channel: join.channel.clone(),
            number: join.number,
        });
    }
    send_refusal(join, error);
}

fn send_refusal(join: ChannelJoin, error: ErrorCode) {
    match join.reply {
        JoinReply::Command(id) => {
            let _ = join.outbox.push(join.outbox.encoding().reply(id, &Answer::Error(error)));
        }
        // The client has not heard of it yet.
        JoinReply::Push(asker) => answer(asker, Err(error)),
        JoinReply::Collect(gather) => gather.joined(&join.channel, Err(error)),
    }
}

/// The requester may be gone.
fn answer(asker: Option<SubscribeReply>, made: Result<bool, ErrorCode>) {
    let _ = asker.map(|asker| asker.send(made));
}

/// Answers a join with the subscription's result.
pub(crate) fn accept(
    channel: &ChannelName,
    number: u64,
    outbox: &Outbox,
    reply: JoinReply,
    result: SubscribeResult,
) {
    let encoding = outbox.encoding();
    if !matches!(reply, JoinReply::Collect(_)) {
        // Before the client, whose next command must find that there is a subscription.
        let _ = outbox.request(ConnectionRequest::SubscriptionMade { channel: channel.clone(), number });
    }
    match reply {
        JoinReply::Command(id) => {
            let _ = outbox.push(encoding.reply(id, &Answer::Subscribe(Box::new(result))));
        }
        JoinReply::Push(asker) => {
            let _ =
                outbox.push(encoding.push(&Push::Subscribe { channel: channel.as_str(), result: &result }));
            let form = crate::runtime::channels::fan_out::whole(result.delta);
            for publication in &result.publications {
                let push = Push::Publication { channel: channel.as_str(), publication, form };
                let _ = outbox.push(encoding.push(&push));
            }
            answer(asker, Ok(true));
        }
        JoinReply::Collect(gather) => gather.joined(channel, Ok(result)),
    }
}

/// A subscription that ends: its answer or push is sent even if the shard is gone.
pub(crate) struct Leaving {
    channel: ChannelName,
    left: LeaveReply,
}

impl Leaving {
    pub(crate) fn new(channel: ChannelName, left: LeaveReply) -> Self {
        Self { channel, left }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        match &self.left {
            LeaveReply::Answer(outbox, id) => {
                let _ = outbox.push(outbox.encoding().reply(*id, &Answer::Unsubscribe));
            }
            LeaveReply::Push(outbox, code) => {
                let push = Push::Unsubscribe { channel: self.channel.as_str(), code: *code };
                let _ = outbox.push(outbox.encoding().push(&push));
            }
            LeaveReply::Silent => {}
        }
    }
}
