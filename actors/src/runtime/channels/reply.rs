//! The requesters that a shard answers: a client's command, the server API, or a connection that subscribes.
//!
//! If a request is dropped without an answer (the shard failed, or the message was lost), its `Drop` answers with error 100.

use std::{collections::VecDeque, sync::Arc};

use protocol::{
    Answer, ClientInfo, ErrorCode, HistoryResult, Position, PresenceStats, Push, SubscribeResult,
    channel_name::ChannelName, id::ConnectionId,
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
    #[expect(dead_code, reason = "its drop releases the reservation after the answer was enqueued")]
    space: Option<Reservation>,
}

impl Reply {
    pub(crate) fn new(outbox: Outbox, id: u32) -> Self {
        Self { outbox, id, armed: true, space: None }
    }

    /// A reply that may have reserved space.
    pub(crate) fn within(outbox: Outbox, id: u32, space: Option<Reservation>) -> Self {
        Self { outbox, id, armed: true, space }
    }

    /// Whether the connection is open. Commands of a connection that was cut are not carried out.
    pub(crate) fn is_wanted(&self) -> bool {
        self.outbox.is_open()
    }

    pub(crate) fn give(mut self, answer: &Answer) {
        self.armed = false;
        let frame = self.outbox.encoding().reply(self.id, answer);
        let _ = match answer {
            Answer::Error(_) => self.outbox.push_refusal(frame),
            _ => self.outbox.push(frame),
        };
    }

    /// Drops the request without an answer, because the caller answers.
    pub(crate) fn forget(mut self) {
        self.armed = false;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.armed {
            let answer = Answer::Error(ErrorCode::Internal);
            let _ = self.outbox.push_refusal(self.outbox.encoding().reply(self.id, &answer));
        }
    }
}

/// The requester of a `T`.
pub(crate) enum Asker<T> {
    /// A client's command.
    Command(Reply),
    /// The server API. It treats a dropped sender as error 100.
    Server(oneshot::Sender<Result<T, ErrorCode>>),
}

impl<T: IntoAnswer> Asker<T> {
    pub(crate) fn give(self, result: Result<T, ErrorCode>) {
        match self {
            Self::Command(reply) => reply.give(&result.map_or_else(Answer::Error, T::into_answer)),
            // The requester may have stopped waiting.
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

/// Converts a result into the answer for a client.
pub(crate) trait IntoAnswer {
    fn into_answer(self) -> Answer;
}

/// The position after a publication; `None` if the publication has no position.
pub(crate) type Published = Option<Position>;

impl IntoAnswer for Published {
    fn into_answer(self) -> Answer {
        Answer::Publish
    }
}

impl IntoAnswer for Vec<Arc<ClientInfo>> {
    fn into_answer(self) -> Answer {
        Answer::Presence(self)
    }
}

impl IntoAnswer for PresenceStats {
    fn into_answer(self) -> Answer {
        Answer::PresenceStats(self)
    }
}

impl IntoAnswer for HistoryResult {
    fn into_answer(self) -> Answer {
        Answer::History(self)
    }
}

/// A subscription that is being made, and the later requests of its connection about the same channel.
pub(crate) struct Joining {
    join: Option<ChannelJoin>,
    next: FollowUps,
}

/// The requests that a connection has sent while its subscription was being made, in their order.
pub(crate) type FollowUps = VecDeque<FollowUp>;

/// A request that waits until the subscription before it is made. Dropping this value answers the request.
pub(crate) enum FollowUp {
    Leave(Leaving),
    Join(Box<Joining>),
}

/// The largest number of follow-ups of one subscription. A further subscription is refused; a leave is always accepted.
const FOLLOW_UPS_MAX: usize = 64;

impl Joining {
    pub(crate) fn new(join: ChannelJoin) -> Self {
        Self { join: Some(join), next: FollowUps::new() }
    }

    /// The request, until it was taken.
    pub(crate) fn join(&self) -> Option<&ChannelJoin> {
        self.join.as_ref()
    }

    /// Whether this connection requests the subscription.
    pub(crate) fn is_of(&self, connection: ConnectionId) -> bool {
        self.join.as_ref().is_some_and(|join| join.info.client == connection)
    }

    /// Replaces the visible info in the request and its follow-ups, if `info` describes the same connection.
    pub(crate) fn show(&mut self, info: &Arc<ClientInfo>) {
        if let Some(join) = self.join.as_mut().filter(|join| join.info.client == info.client) {
            join.info = Arc::clone(info);
        }
        for follow_up in &mut self.next {
            if let FollowUp::Join(joining) = follow_up {
                joining.show(info);
            }
        }
    }

    /// Lets a request of the same connection wait until this subscription is made. A subscription above the limit is dropped;
    /// the drop refuses the subscription.
    pub(crate) fn then(&mut self, follow_up: FollowUp) {
        if self.next.len() < FOLLOW_UPS_MAX || matches!(follow_up, FollowUp::Leave(_)) {
            self.next.push_back(follow_up);
        }
    }

    /// Takes the follow-ups of this subscription.
    pub(crate) fn take_follow_ups(&mut self) -> FollowUps {
        std::mem::take(&mut self.next)
    }

    /// The same request, with these follow-ups.
    pub(crate) fn followed_by(self, next: FollowUps) -> Self {
        debug_assert!(self.next.is_empty(), "only the first request of a connection has follow-ups");
        let mut joining = self;
        joining.next = next;
        joining
    }

    /// Takes the request. From now on, the caller must answer it.
    pub(crate) fn take(mut self) -> Option<ChannelJoin> {
        self.join.take()
    }

    /// Drops the request without an answer, because the caller answers or the connection has ended.
    pub(crate) fn forget(mut self) {
        self.join = None;
    }

    /// Refuses the request with this error.
    pub(crate) fn fail(mut self, error: ErrorCode) {
        if let Some(join) = self.join.take() {
            refuse(join, error);
        }
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        if let Some(join) = self.join.take() {
            refuse(join, ErrorCode::Internal);
        }
    }
}

fn refuse(join: ChannelJoin, error: ErrorCode) {
    if !matches!(join.reply, JoinReply::Collect(_)) {
        // The connection's own task must be informed before the client: the client's next command must find no subscription.
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
            let _ = join.outbox.push_refusal(join.outbox.encoding().reply(id, &Answer::Error(error)));
        }
        // The client was not informed of the subscription, so it receives nothing.
        JoinReply::Push(asker) => answer(asker, Err(error)),
        JoinReply::Collect(gather) => gather.joined(&join.channel, Err(error)),
    }
}

/// Answers the requester, if there is one and it still waits.
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
        // The connection's own task must be informed before the client: the client's next command must find the subscription.
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

/// A subscription that ends. Its `Drop` sends the answer or push, so the client is informed even if the shard has failed.
pub(crate) struct Leaving {
    channel: ChannelName,
    left: LeaveReply,
}

impl Leaving {
    pub(crate) fn new(channel: ChannelName, left: LeaveReply) -> Self {
        Self { channel, left }
    }

    /// Whether a command of the client requested the end.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self.left, LeaveReply::Answer(..))
    }

    /// Whether the connection has ended, so that no answer is needed.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.left, LeaveReply::Silent)
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
