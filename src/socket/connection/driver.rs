//! The driver of one connection, whatever carries it: asks the client, performs what it answers, and owns the connection's
//! place in its session and in its channels.
//!
//! Lives in the task that owns the stream; polled whenever that task is awake. It takes frames, its timer, the outcome of
//! the one thing that it waits for, and what others ask of the connection through its outbox. It never blocks and never
//! touches the database. On its way out, whatever the way, it leaves its channels and its session.

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use actix_rt::time::{Sleep, sleep_until};
use actors::runtime::{End, Left, Outbox, Reserved, SubscribeReply, Transport};
use protocol::{channel_name::ChannelName, id::ConnectionId};

use crate::socket::{
    admission::connection_limits::Permit,
    connection::{
        parts::{Place, Start},
        registration::Anchor,
    },
    shared::{Admitted, Door},
};
use logic::client::{
    ClientState, ConnectionParameters, Effect, Identity, JoinResults, Purpose, SubscriptionGrant,
    SubscriptionRefusal, UnsubscribeNotice, VerifyRefusal,
};

/// What becomes of something that a dialogue waits for.
pub(in crate::socket) enum Outcome {
    Proof(Purpose, Box<Result<(Identity, Option<Admitted>), VerifyRefusal>>),
    Subscription(Purpose, Result<SubscriptionGrant, SubscriptionRefusal>),
    JoinResults(JoinResults),
    Room(Reserved),
}

/// The one thing that a dialogue waits for at a time.
pub(in crate::socket) type Awaited = Pin<Box<dyn Future<Output = Outcome>>>;

/// One connection.
pub(in crate::socket) struct Driver {
    pub(in crate::socket) id: ConnectionId,
    pub(in crate::socket) address: IpAddr,
    pub(in crate::socket) transport: Transport,
    pub(in crate::socket) door: Arc<Door>,
    pub(in crate::socket) outbox: Outbox,
    pub(in crate::socket) client: ClientState,
    pub(in crate::socket) place: Option<Box<Place>>,
    anchor: Anchor,
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
    pub(in crate::socket) awaited: Option<Awaited>,
    /// Who asked for the subscription that is being begun.
    pub(in crate::socket) asked_by: Option<SubscribeReply>,
    /// Taken for the answer to the question that is being asked.
    pub(in crate::socket) room: Option<Reserved>,
    ping_due: bool,
    _permit: Permit,
}

impl Driver {
    pub(in crate::socket) fn new(start: Start) -> Self {
        let now = Instant::now();
        let identity = start.admitted.as_ref().map(|admitted| admitted.identity.clone());
        let config = Arc::clone(&start.door.settings.client);
        if start.admitted.is_none() {
            start.door.enter_lobby(start.id, start.outbox.clone());
        }
        let opening = ConnectionParameters {
            client: start.id,
            encoding: start.outbox.encoding(),
            now,
            unix_seconds: start.door.unix_seconds(),
            jitter: jitter(start.id),
            emulation: start.emulation,
            cookie_refusal: start.cookie_refusal,
        };
        let mut driver = Self {
            id: start.id,
            address: start.address,
            transport: start.transport,
            client: ClientState::new(config, opening, identity),
            place: start.admitted.map(|admitted| Box::new(Place::take(admitted, &start.anchor))),
            anchor: start.anchor,
            timer: None,
            awaited: None,
            asked_by: None,
            room: None,
            ping_due: false,
            door: start.door,
            outbox: start.outbox,
            _permit: start.permit,
        };
        driver.rearm();
        driver
    }

    /// A whole frame came. [`Self::poll`] must follow.
    pub(in crate::socket) fn hear(&mut self, frame: &[u8]) {
        // What others asked before this frame came is older than it.
        self.obey();
        let effects = self.client.on_frame(Instant::now(), frame, self.door.accepting());
        self.perform(effects);
    }

    /// A pong frame came.
    pub(in crate::socket) fn native_pong(&mut self) {
        self.client.on_native_pong();
        self.rearm();
    }

    /// Whether a ping frame is to be sent now.
    pub(in crate::socket) fn take_ping(&mut self) -> bool {
        std::mem::take(&mut self.ping_due)
    }

    /// Does what there is to be done without a frame, and asks to be woken when there is more.
    pub(in crate::socket) fn poll(&mut self, cx: &mut Context<'_>) {
        loop {
            self.obey();
            while self.client.is_membership_known() {
                let effects = self.client.on_membership_known(Instant::now(), self.door.accepting());
                self.perform(effects);
            }
            if let Some(awaited) = &mut self.awaited
                && let Poll::Ready(outcome) = awaited.as_mut().poll(cx)
            {
                self.awaited = None;
                self.settle(outcome);
            } else if let Some((_, timer)) = &mut self.timer
                && timer.as_mut().poll(cx).is_ready()
            {
                self.timer = None;
                let effects = self.client.on_tick(Instant::now());
                self.perform(effects);
            } else {
                return;
            }
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        let (now, accepting) = (Instant::now(), self.door.accepting());
        // A denial may have come while a token was on its way from the verifier into the table.
        let may_be_denied = matches!(outcome, Outcome::Subscription(_, Ok(_)));
        let before = self.seen_as();
        let effects = match outcome {
            Outcome::Proof(purpose, outcome) => {
                let outcome = outcome.map(|(who, admitted)| {
                    self.enter(admitted);
                    who
                });
                self.client.on_verified(now, purpose, outcome, accepting)
            }
            Outcome::Subscription(purpose, outcome) => {
                self.client.on_subscription_verified(now, purpose, outcome, accepting)
            }
            Outcome::JoinResults(gathered) => self.client.on_connect_subscriptions(now, gathered, accepting),
            Outcome::Room(room) => {
                self.room = Some(room);
                self.client.on_answer_space(now, accepting)
            }
        };
        self.perform(effects);
        // If the question was not asked after all.
        self.room = None;
        if may_be_denied {
            self.judge();
        }
        // Who speaks for the first time has been shown nowhere.
        if before.is_some() && self.seen_as() != before {
            // A channel that takes no message now goes on showing what it did.
            self.show();
        }
    }

    fn enter(&mut self, admitted: Option<Admitted>) {
        if let Some(admitted) = admitted {
            self.door.leave_lobby(self.id);
            self.place = Some(Box::new(Place::take(admitted, &self.anchor)));
        }
    }

    pub(in crate::socket) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                // An error means that the connection has ended: nothing more to do about it.
                Effect::Reply(reply) => drop(self.outbox.push_from_owner(reply)),
                Effect::Release(first) => drop(self.outbox.release(first)),
                Effect::Verify { purpose, token } => self.verify(purpose, token),
                Effect::VerifySubscription { purpose, channel, token } => {
                    self.verify_subscription(purpose, channel, token);
                }
                Effect::Join { request, id } => self.join(*request, id),
                Effect::ConnectSubscriptions(requests) => self.gather(requests),
                Effect::Leave { channel, notice } => self.leave(channel, notice),
                Effect::Publish { channel, id, data, info } => self.publish(channel, id, data, info),
                Effect::ReserveAnswerSpace => self.make_room(),
                Effect::Query { channel, id, query } => self.ask(channel, id, query),
                Effect::NativePing => self.ping_due = true,
                Effect::Close(reason) => self.outbox.close(reason),
            }
        }
        self.rearm();
    }

    fn leave(&mut self, channel: ChannelName, notice: UnsubscribeNotice) {
        let left = match notice {
            UnsubscribeNotice::Reply(id) => Left::Answer(self.outbox.clone(), id),
            UnsubscribeNotice::Push(code) => Left::Push(self.outbox.clone(), code),
        };
        self.door.realtime.leave(channel, self.id, left);
    }

    /// One timer, for whatever is due next. One that is due too early does no harm.
    fn rearm(&mut self) {
        let next = self.client.next_deadline();
        self.timer = match (self.timer.take(), next) {
            (_, None) => None,
            (Some((armed, timer)), Some(next)) if armed <= next => Some((armed, timer)),
            (Some((_, mut timer)), Some(next)) => {
                timer.as_mut().reset(next.into());
                Some((next, timer))
            }
            (None, Some(next)) => Some((next, Box::pin(sleep_until(next.into())))),
        };
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        for channel in self.client.channels() {
            self.door.realtime.leave(channel.clone(), self.id, Left::Silent);
        }
        self.door.leave_lobby(self.id);
        if let Some(place) = &self.place {
            let end = self.outbox.end();
            let goodbye = end.as_ref().and_then(End::goodbye);
            self.door.note("socket.closed", self.id, self.address, &place.who, place.device, goodbye);
        }
    }
}

/// Spreads the pings of connections that open together; the connection's own random id is as good a die as any.
fn jitter(id: ConnectionId) -> f64 {
    f64::from(id.0.as_u128() as u32) / f64::from(u32::MAX)
}
