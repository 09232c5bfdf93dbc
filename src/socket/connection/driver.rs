//! [`Driver`]: runs the client state of one connection, independent of its transport.
//!
//! The driver lives in the task that owns the stream, and is polled whenever that task is awake. It passes frames, expired
//! timers, results of its work, and requests from the connection's outbox to the client state, and performs the effects. It
//! holds the tokens of subscriptions, and shares the registration with the owner of the stream. It never blocks and never uses
//! the database directly. When it is dropped, the connection leaves all channels.

use std::{
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use actors::runtime::{
    ANSWER_BYTES, ChannelJoin, ConnectionEnd, ConnectionRequest, JoinCollector as _, JoinReply, LaneError,
    LeaveReply, Outbox, Reservation, SubscribeReply, TokenUse, Transport,
};
use logic::{
    client::{
        ChannelQuery, ClientState, ConnectionParameters, Effect, JoinRequest, Purpose, ServerRequest,
        SubscriptionGrant, SubscriptionRefusal, UnsubscribeNotice,
    },
    denials::TokenMark,
};
use protocol::{
    ClientInfo, ErrorCode, Payload, UnsubscribeCode,
    channel_name::ChannelName,
    close::{CloseMessage, CloseReason},
    id::{ConnectionId, Subject},
    subscription::ServerSubscription,
};

use super::{
    connect_subscriptions::{self, ConnectSubscriptions},
    deadline_timer::DeadlineTimer,
    parts::ConnectionParts,
    presence_update::PresenceUpdate,
    registration::{RegisteredIdentity, Registration},
    subscription_tokens::SubscriptionTokens,
    verification::Verification,
    work::{Work, WorkResult},
};
use crate::socket::{
    admission::{connection_limits::TotalPermit, register::Admitted},
    shared::SocketContext,
};

/// One connection.
pub(crate) struct Driver {
    id: ConnectionId,
    address: IpAddr,
    transport: Transport,
    context: Arc<SocketContext>,
    outbox: Outbox,
    client: ClientState,
    registered: Option<Box<RegisteredIdentity>>,
    registration: Registration,
    timer: DeadlineTimer,
    work: Work,
    subscription_tokens: SubscriptionTokens,
    /// While a server-side subscription is being started: sends the result to the requester of the subscription.
    subscribe_reply: Option<SubscribeReply>,
    /// Space in the output queue for the answer to the query that is being sent.
    answer_space: Option<Reservation>,
    presence_update: PresenceUpdate,
    ping_due: bool,
    /// The permit for a peer that has not signed in; `None` after the sign-in.
    unauthenticated: Option<TotalPermit>,
}

impl Driver {
    pub(crate) fn new(parts: ConnectionParts) -> Self {
        let now = Instant::now();
        let identity = parts.admitted.as_ref().map(|admitted| admitted.identity.clone());
        let config = Arc::clone(&parts.context.live().client);
        if parts.admitted.is_none() {
            parts.context.add_unregistered(parts.id, parts.outbox.clone());
        }
        let parameters = ConnectionParameters {
            client: parts.id,
            encoding: parts.outbox.encoding(),
            now,
            unix_seconds: parts.context.unix_seconds(),
            jitter: parts.jitter(),
            emulation: parts.emulation,
            cookie_refusal: parts.cookie_refusal,
        };
        let registered = parts.admitted.map(|admitted| Box::new(parts.registration.hold(admitted)));
        let mut driver = Self {
            id: parts.id,
            address: parts.address,
            transport: parts.transport,
            client: ClientState::new(config, parameters, identity),
            registered,
            registration: parts.registration,
            timer: DeadlineTimer::default(),
            work: Work::default(),
            subscription_tokens: SubscriptionTokens::default(),
            subscribe_reply: None,
            answer_space: None,
            presence_update: PresenceUpdate::default(),
            ping_due: false,
            context: parts.context,
            outbox: parts.outbox,
            unauthenticated: parts.unauthenticated,
        };
        driver.timer.set(driver.client.next_deadline());
        driver
    }

    /// The connection's output queue.
    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The context that all connections share.
    pub(crate) fn context(&self) -> &SocketContext {
        &self.context
    }

    /// Whether the connection is registered with a session: its peer has proved its identity, or is admitted as anonymous.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.registered.is_some()
    }

    /// Whether the first token of the peer is being verified, or an anonymous connection is being registered.
    pub(crate) fn is_signing_in(&self) -> bool {
        self.registered.is_none() && self.work.is_in_progress()
    }

    /// A whole frame arrived. [`Self::poll`] must follow.
    pub(crate) fn on_frame(&mut self, frame: &[u8]) {
        // Requests of the server that came before this frame are handled before it.
        self.take_server_requests();
        self.take_settings();
        let effects = self.client.on_frame(Instant::now(), frame, self.context.accepting());
        self.perform(effects);
    }

    /// A pong frame arrived.
    pub(crate) fn on_native_pong(&mut self) {
        self.client.on_native_pong(Instant::now());
        self.timer.set(self.client.next_deadline());
    }

    /// Whether a ping frame must be sent now.
    pub(crate) fn take_ping(&mut self) -> bool {
        std::mem::take(&mut self.ping_due)
    }

    /// Handles everything that is due without a frame, and registers the task for the next wake-up.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        self.take_settings();
        loop {
            self.take_server_requests();
            while self.client.is_membership_known() {
                let effects = self.client.on_membership_known(Instant::now(), self.context.accepting());
                self.perform(effects);
            }
            if let Poll::Ready(result) = self.work.poll(cx) {
                self.on_work_result(result);
            } else if self.timer.poll(cx).is_ready() {
                let effects = self.client.on_tick(Instant::now());
                self.perform(effects);
            } else if self.presence_update.poll(cx).is_ready() {
                self.presence_update.send(&self.context.realtime, &self.client);
            } else {
                return;
            }
        }
    }

    /// Takes over the limits and namespaces of a reload.
    fn take_settings(&mut self) {
        let live = self.context.live();
        if !Arc::ptr_eq(self.client.config(), &live.client) {
            self.client.reconfigure(Arc::clone(&live.client));
        }
    }

    fn on_work_result(&mut self, result: WorkResult) {
        let (now, accepting) = (Instant::now(), self.context.accepting());
        let before = self.conn_info();
        let effects = match result {
            WorkResult::Identity { purpose, outcome } => {
                let outcome = outcome.map(|(identity, admitted)| {
                    self.register(admitted);
                    identity
                });
                self.client.on_verified(now, purpose, outcome, accepting)
            }
            WorkResult::SubscriptionToken { purpose, channel, token_use, outcome } => {
                self.on_subscription_token(purpose, channel, token_use, outcome)
            }
            WorkResult::ConnectSubscriptions(results) => {
                self.client.on_connect_subscriptions(now, results, accepting)
            }
            WorkResult::AnswerSpace(space) => {
                self.answer_space = Some(space);
                self.client.on_answer_space(now, accepting)
            }
        };
        self.perform(effects);
        // If the query was refused, the reserved space is not needed.
        self.answer_space = None;
        // With the first identity there are no subscriptions to update.
        if before.is_some() && self.conn_info() != before {
            self.presence_update.send(&self.context.realtime, &self.client);
        }
    }

    /// Passes the result of a verification to the client state. The client state checks the denials once more before it acts on
    /// the token. If the client state accepts the token, the token stays in the index, so that its revocation finds this
    /// connection.
    fn on_subscription_token(
        &mut self,
        purpose: Purpose,
        channel: ChannelName,
        token_use: Option<TokenUse>,
        outcome: Result<SubscriptionGrant, SubscriptionRefusal>,
    ) -> Vec<Effect> {
        let (context, subject) = (&self.context, self.client.identity().map(|known| known.subject.clone()));
        let is_denied = |token: &TokenMark| {
            let denied = |user| context.realtime.denied(user, token, Some(&channel), context.now_ms());
            subject.as_ref().is_none_or(|user| denied(user).is_some())
        };
        let (now, accepting) = (Instant::now(), context.accepting());
        let token = outcome.as_ref().ok().map(|grant| grant.token.clone());
        let effects = self.client.on_subscription_verified(now, purpose, outcome, is_denied, accepting);
        if let Some(token) = token {
            let current = |channel: &ChannelName| self.client.subscription_token(channel);
            self.subscription_tokens.keep(channel, &token, token_use, current);
        }
        effects
    }

    fn register(&mut self, admitted: Option<Admitted>) {
        if let Some(admitted) = admitted {
            self.context.remove_unregistered(self.id);
            self.unauthenticated = None;
            self.registered = Some(Box::new(self.registration.hold(admitted)));
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                // An error means that the connection has ended. There is nothing left to do.
                Effect::Reply(reply) => drop(self.outbox.push_from_owner(reply)),
                Effect::Release(first) => drop(self.outbox.release(first)),
                Effect::Verify { purpose, token } => {
                    self.work.begin(self.verification().identity(purpose, token));
                }
                Effect::VerifySubscription { purpose, channel, token } => {
                    let identity = self.client.identity().cloned();
                    self.work.begin(self.verification().subscription(identity, purpose, channel, token));
                }
                Effect::Join { request, id } => self.join(*request, id),
                Effect::ConnectSubscriptions(requests) => self.make_connect_subscriptions(requests),
                Effect::Leave { channel, notice } => self.leave(channel, notice),
                Effect::Publish { channel, id, data, info } => self.publish(channel, id, data, info),
                Effect::ReserveAnswerSpace => self.reserve_answer_space(),
                Effect::Query { channel, id, query } => self.query(channel, id, query),
                Effect::NativePing => self.ping_due = true,
                Effect::Close(reason) => self.outbox.close(reason),
            }
        }
        self.timer.set(self.client.next_deadline());
    }

    fn verification(&self) -> Verification {
        Verification {
            context: Arc::clone(&self.context),
            id: self.id,
            outbox: self.outbox.clone(),
            address: self.address,
            transport: self.transport,
            registered: self.registered.as_ref().map(|registered| registered.identity.clone()),
        }
    }

    fn join(&mut self, request: JoinRequest, id: Option<u32>) {
        let (channel, number) = (request.channel.clone(), request.number);
        let subscribe_reply = self.subscribe_reply.take();
        let reply = id.map_or_else(|| JoinReply::Push(subscribe_reply), JoinReply::Command);
        if self.send_join(request, reply).is_err() {
            let effects = self.client.on_busy(id, Some((&channel, number)));
            self.perform(effects);
        }
    }

    /// Makes the subscriptions that have results in the reply to `connect`. The output is held until that reply is ready.
    fn make_connect_subscriptions(&mut self, requests: Vec<JoinRequest>) {
        self.outbox.hold();
        let channels: Vec<ChannelName> = requests.iter().map(|request| request.channel.clone()).collect();
        let (collector, results) = ConnectSubscriptions::of(requests.len());
        let collector = Arc::new(collector);
        for request in requests {
            let channel = request.channel.clone();
            if self.send_join(request, JoinReply::Collect(Arc::clone(&collector) as _)).is_err() {
                collector.joined(&channel, Err(ErrorCode::Internal));
            }
        }
        self.work.begin(async move {
            let lost = || channels.into_iter().map(|channel| (channel, Err(ErrorCode::Internal))).collect();
            WorkResult::ConnectSubscriptions(connect_subscriptions::all(results).await.unwrap_or_else(lost))
        });
    }

    fn send_join(&self, request: JoinRequest, reply: JoinReply) -> Result<(), LaneError> {
        let JoinRequest { channel, number, info, terms, lifetime, data } = request;
        let outbox = self.outbox.clone();
        let join = ChannelJoin { channel, number, outbox, info, terms, lifetime, data, reply };
        self.context.realtime.join(join).map(drop)
    }

    fn leave(&mut self, channel: ChannelName, notice: UnsubscribeNotice) {
        let left = match notice {
            UnsubscribeNotice::Reply(id) => LeaveReply::Answer(self.outbox.clone(), id),
            UnsubscribeNotice::Push(code) => LeaveReply::Push(self.outbox.clone(), code),
        };
        self.context.realtime.leave(channel, self.id, left);
    }

    fn publish(&mut self, channel: ChannelName, id: u32, data: Payload, info: Arc<ClientInfo>) {
        // Anonymous connections do not share a limit: each connection counts as a user.
        let anonymous = info.user.is_anonymous().then(|| Subject::new(&info.client.to_string()));
        if !self.context.may_publish(anonymous.as_ref().unwrap_or(&info.user), &channel, &data) {
            let effects = self.client.on_publish_limited(id);
            return self.perform(effects);
        }
        let outbox = self.outbox.clone();
        let published = self.context.realtime.publish(channel, data, info, outbox, id);
        self.answer_if_busy(id, published);
    }

    /// Waits until the output queue has space for a large answer. Without the reservation, a large answer could overflow the
    /// queue and end the connection.
    fn reserve_answer_space(&mut self) {
        let outbox = self.outbox.clone();
        self.work.begin(async move { WorkResult::AnswerSpace(outbox.reserve_in_turn(ANSWER_BYTES).await) });
    }

    fn query(&mut self, channel: ChannelName, id: u32, query: ChannelQuery) {
        let (realtime, outbox) = (&self.context.realtime, self.outbox.clone());
        let large = query.is_large();
        let sent = match (query, self.answer_space.take()) {
            (ChannelQuery::PresenceStats, _) => realtime.presence_stats(channel, outbox, id),
            (ChannelQuery::Presence, Some(space)) => realtime.presence(channel, outbox, id, space),
            (ChannelQuery::History(request), space) if space.is_some() || !large => {
                realtime.history(channel, request, outbox, id, space)
            }
            // The client state requests the space first, so this does not happen. If it did, the client could retry.
            (ChannelQuery::Presence | ChannelQuery::History(_), _) => Err(LaneError::Full),
        };
        self.answer_if_busy(id, sent);
    }

    fn answer_if_busy(&mut self, id: u32, sent: Result<(), LaneError>) {
        if sent.is_err() {
            let effects = self.client.on_busy(Some(id), None);
            self.perform(effects);
        }
    }

    /// Handles the requests of the server in the outbox, in their order, and answers the requesters that wait for a result.
    fn take_server_requests(&mut self) {
        while self.client.takes_server_requests()
            && let Some(control) = self.outbox.next_request()
        {
            match control {
                ConnectionRequest::SubscriptionMade { channel, number } => {
                    self.handle(ServerRequest::Confirm(channel, number));
                }
                ConnectionRequest::SubscriptionLost { channel, number } => {
                    self.handle(ServerRequest::Forget(channel, number));
                }
                ConnectionRequest::Subscribe(subscription, reply) => {
                    self.subscribe_for_server(subscription, reply);
                }
                ConnectionRequest::Unsubscribe { channel, code, reply } => {
                    let done = self.handle(ServerRequest::Unsubscribe(channel, code));
                    if done && code == UnsubscribeCode::StateInvalidated {
                        self.outbox.end_if_held_back();
                    }
                    let _ = reply.send(done);
                }
                ConnectionRequest::Refresh { expires_at, conn_info, reply } => {
                    let info_changes = conn_info.is_some();
                    let done = self.handle(ServerRequest::Refresh { expires_at, conn_info });
                    if done && info_changes {
                        self.presence_update.send(&self.context.realtime, &self.client);
                    }
                    let _ = reply.send(done);
                }
                ConnectionRequest::EndDeniedSubscriptions(reply) => {
                    let _ = reply.send(self.end_denied_subscriptions());
                }
                ConnectionRequest::Probe => drop(self.handle(ServerRequest::Probe)),
                ConnectionRequest::Describe(reply) => drop(reply.send(self.client.describe())),
            }
        }
    }

    /// Returns whether the request was done.
    fn handle(&mut self, request: ServerRequest) -> bool {
        let (effects, done) = self.client.on_server_request(Instant::now(), request);
        self.perform(effects);
        done == Ok(true)
    }

    /// Begins a server-side subscription. The channel then reports the result to the requester. If the subscription cannot
    /// begin, the requester is answered here.
    fn subscribe_for_server(&mut self, subscription: Box<ServerSubscription>, reply: SubscribeReply) {
        let request = ServerRequest::Subscribe(subscription);
        let (effects, begun) = self.client.on_server_request(Instant::now(), request);
        if begun == Ok(true) {
            self.subscribe_reply = Some(reply);
            self.perform(effects);
        } else {
            self.perform(effects);
            let _ = reply.send(begun);
        }
    }

    /// The connection info that members of channels see, once the identity is known.
    fn conn_info(&self) -> Option<Option<Payload>> {
        self.client.identity().map(|identity| identity.conn_info.clone())
    }

    /// Ends the subscriptions with denied tokens. The client subscribes again with another token. Returns whether there were
    /// such subscriptions.
    fn end_denied_subscriptions(&mut self) -> bool {
        let Some(subject) = self.client.identity().map(|identity| identity.subject.clone()) else {
            return false;
        };
        let (realtime, now_ms) = (&self.context.realtime, self.context.now_ms());
        let denied = self.client.subscriptions_by(|channel, token| {
            realtime.denied(&subject, token, Some(channel), now_ms).is_some()
        });
        let any = !denied.is_empty();
        for channel in denied {
            self.handle(ServerRequest::Unsubscribe(channel, UnsubscribeCode::StateInvalidated));
        }
        if any {
            // Deliveries that are held back may come from these channels.
            self.outbox.end_if_held_back();
        }
        any
    }
}

/// The label of a close. The codes that applications choose share one label, because there may be hundreds of them.
fn code_label(close_message: Option<&CloseMessage>) -> String {
    match close_message.map(CloseMessage::code) {
        Some(code) if CloseReason::from_code(code).is_some() => code.to_string(),
        Some(_) => "other".to_owned(),
        None => "none".to_owned(),
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        for channel in self.client.channels() {
            self.context.realtime.leave(channel.clone(), self.id, LeaveReply::Silent);
        }
        self.context.remove_unregistered(self.id);
        let end = self.outbox.end();
        let close_message = end.as_ref().and_then(ConnectionEnd::close_message);
        metrics::counter!("connections_closed_total", "code" => code_label(close_message)).increment(1);
        if let Some(registered) = &self.registered {
            let RegisteredIdentity { identity, device } = &**registered;
            self.context.audit("socket.closed", self.id, self.address, identity, *device, close_message);
        }
    }
}
