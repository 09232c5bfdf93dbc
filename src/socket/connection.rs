//! The `Connection` actor: one WebSocket. The only file that names `actix-web-actors`.
//!
//! Lives inside its pump's task, on the worker that accepted it. Owns the dialogue's state, the connection's place in its
//! session and in its channels. Takes frames from its stream, its own timer and the outcomes of its own
//! verifications; nobody sends it messages: replies and deliveries go into the outbox, and a revocation cuts the
//! outbox. It dies with the socket; a panic ends that socket only. On its way out, whatever the way, it leaves its
//! channels and its session.
//!
//! Handlers never await, never block and never touch the database: they decode, ask the dialogue, and perform.

use std::{net::IpAddr, sync::Arc, time::Instant};

use actix::{Actor, ActorFutureExt, AsyncContext, SpawnHandle, StreamHandler, WrapFuture};
use actix_http::ws::{Item, Message, ProtocolError};
use actix_web_actors::ws::WebsocketContext;
use bytes::Bytes;
use futures_util::Stream;
use portcullis_actors::{
    close::CloseReason,
    id::ConnectionId,
    logic::{channel::ChannelName, limits::Gcra},
    protocol::ClientInfo,
    runtime::{End, Join, JoinReply, Left, Membership, Outbox, Terms},
};

use super::{
    anchor::Anchor,
    dialogue::{Dialogue, Effect, Identity, Purpose, VerifyRefusal},
    door::{Admitted, Door},
    fragments::{Fragments, Malformed},
    inbound::Inbound,
    permits::Permit,
    start::{Place, Start},
};

pub(super) struct Connection {
    id: ConnectionId,
    address: IpAddr,
    door: Arc<Door>,
    outbox: Outbox,
    dialogue: Dialogue,
    place: Option<Place>,
    anchor: Anchor,
    inbound: Inbound,
    channels: Vec<(ChannelName, Membership)>,
    /// The shards' generation that `channels` was last compared with.
    channel_epoch: u64,
    timer: Option<(Instant, SpawnHandle)>,
    fragments: Fragments,
    /// Frames that carry no command (pings, pongs, fragments) are limited like commands.
    other_frames: Gcra,
    _permit: Permit,
}

/// The context of a fresh connection: bytes in, frames out.
pub(super) fn context(start: Start) -> impl Stream<Item = Result<Bytes, actix_web::Error>> + Unpin {
    let bytes = start.inbound.stream();
    WebsocketContext::create(Connection::new(start), bytes)
}

impl Connection {
    fn new(start: Start) -> Self {
        let now = Instant::now();
        let identity = start.admitted.as_ref().map(|admitted| admitted.identity.clone());
        let config = Arc::clone(&start.door.settings.dialogue);
        if start.admitted.is_none() {
            start.door.enter_lobby(start.id, start.outbox.clone());
        }
        Self {
            id: start.id,
            address: start.address,
            dialogue: Dialogue::new(config, start.outbox.encoding(), start.id, now, start.jitter, identity),
            place: start.admitted.map(|admitted| Place::take(admitted, &start.anchor)),
            anchor: start.anchor,
            inbound: start.inbound,
            channels: Vec::new(),
            channel_epoch: start.door.realtime.channel_epoch(),
            timer: None,
            fragments: Fragments::default(),
            other_frames: Gcra::new(now),
            door: start.door,
            outbox: start.outbox,
            _permit: start.permit,
        }
    }

    fn on_message(&mut self, message: &[u8], ctx: &mut WebsocketContext<Self>) {
        self.forget_lost_channels();
        let effects = self.dialogue.on_frame(Instant::now(), message, self.door.accepting());
        self.perform(effects, ctx);
    }

    fn on_fragment(&mut self, item: Item, ctx: &mut WebsocketContext<Self>) {
        match self.fragments.add(item, self.outbox.encoding()) {
            Ok(None) => {}
            Ok(Some(message)) => self.on_message(&message, ctx),
            Err(Malformed) => self.refuse(),
        }
    }

    /// A shard that died took its subscriptions along; its subscribers were told, and may subscribe again.
    fn forget_lost_channels(&mut self) {
        let epoch = self.door.realtime.channel_epoch();
        if epoch == self.channel_epoch {
            return;
        }
        self.channel_epoch = epoch;
        let (realtime, dialogue, id) = (&self.door.realtime, &mut self.dialogue, self.id);
        self.channels.retain(|(channel, membership)| {
            let kept = realtime.still_member(channel, *membership);
            if !kept {
                dialogue.channel_lost(channel);
                // The successor may hold a join that was on its way when the shard died.
                realtime.leave(channel.clone(), id, Left::Silent);
            }
            kept
        });
    }

    fn perform(&mut self, effects: Vec<Effect>, ctx: &mut WebsocketContext<Self>) {
        for effect in effects {
            match effect {
                // An error means that the connection has ended: nothing more to do about it.
                Effect::Reply(reply) => drop(self.outbox.push_from_owner(reply)),
                Effect::Verify { purpose, token } => self.verify(purpose, token, ctx),
                Effect::Join { channel, id, terms } => self.join(channel, id, terms, ctx),
                Effect::Leave { channel, id } => {
                    self.channels.retain(|(joined, _)| *joined != channel);
                    self.door.realtime.leave(channel, self.id, Left::Answer(self.outbox.clone(), id));
                }
                Effect::Publish { channel, id, data } => self.publish(channel, id, data, ctx),
                Effect::NativePing => ctx.ping(b""),
                Effect::Close(reason) => self.outbox.close(reason),
            }
        }
        self.rearm(ctx);
    }

    /// What others see of this connection.
    fn info(&self) -> Option<Arc<ClientInfo>> {
        let who = &self.place.as_ref()?.who;
        let (user, conn_info) = (who.subject.clone(), who.conn_info.clone());
        Some(Arc::new(ClientInfo { user, client: self.id, conn_info, chan_info: None }))
    }

    fn join(&mut self, channel: ChannelName, id: u32, terms: Terms, ctx: &mut WebsocketContext<Self>) {
        let Some(info) = self.info() else { return };
        let join = Join {
            channel: channel.clone(),
            outbox: self.outbox.clone(),
            info,
            terms,
            lifetime: None,
            data: None,
            reply: JoinReply::Command(id),
        };
        match self.door.realtime.join(join) {
            Ok(membership) => self.channels.push((channel, membership)),
            Err(_) => {
                let effects = self.dialogue.on_busy(id, Some(&channel));
                self.perform(effects, ctx);
            }
        }
    }

    fn publish(
        &mut self,
        channel: ChannelName,
        id: u32,
        data: portcullis_actors::protocol::Payload,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let Some(place) = &self.place else { return };
        if !self.door.publications.allow(&place.who.subject, Instant::now()) {
            let effects = self.dialogue.on_too_often(id);
            return self.perform(effects, ctx);
        }
        let Some(info) = self.info() else { return };
        if self.door.realtime.publish(channel, data, info, self.outbox.clone(), id).is_err() {
            let effects = self.dialogue.on_busy(id, None);
            self.perform(effects, ctx);
        }
    }

    fn verify(&mut self, purpose: Purpose, token: secrecy::SecretString, ctx: &mut WebsocketContext<Self>) {
        let (door, id, outbox, address) =
            (Arc::clone(&self.door), self.id, self.outbox.clone(), self.address);
        let registered = self.place.is_some();
        let verified = async move {
            if registered {
                return door.identify(&token, id).await.map(|who| (who, None));
            }
            let admitted = door.admit(&token, id, &outbox, address).await?;
            Ok((admitted.identity.clone(), Some(admitted)))
        };
        ctx.spawn(verified.into_actor(self).map(move |outcome, connection, ctx| {
            connection.on_verified(purpose, outcome, ctx);
        }));
    }

    fn on_verified(
        &mut self,
        purpose: Purpose,
        outcome: Result<(Identity, Option<Admitted>), VerifyRefusal>,
        ctx: &mut WebsocketContext<Self>,
    ) {
        let outcome = outcome.map(|(who, admitted)| {
            if let Some(admitted) = admitted {
                self.door.leave_lobby(self.id);
                self.place = Some(Place::take(admitted, &self.anchor));
            }
            who
        });
        let accepting = self.door.accepting();
        let effects = self.dialogue.on_verified(Instant::now(), purpose, outcome, accepting);
        self.perform(effects, ctx);
    }

    /// One timer, for whatever is due next.
    fn rearm(&mut self, ctx: &mut WebsocketContext<Self>) {
        let next = self.dialogue.next_deadline();
        match (&self.timer, next) {
            (Some((armed, _)), Some(next)) if *armed <= next => return,
            (Some((_, handle)), _) => {
                ctx.cancel_future(*handle);
            }
            (None, _) => {}
        }
        self.timer = next.map(|at| {
            let wait = at.saturating_duration_since(Instant::now());
            let handle = ctx.run_later(wait, |connection, ctx| {
                connection.timer = None;
                let effects = connection.dialogue.on_tick(Instant::now());
                connection.perform(effects, ctx);
            });
            (at, handle)
        });
    }

    /// Spends a permit for a frame that carries no command.
    fn may_send_another(&mut self) -> bool {
        let limit = self.door.settings.dialogue.commands;
        self.other_frames.check(&limit, Instant::now()).is_allowed()
    }

    /// Whether a whole message of this kind may come now: the other kind belongs to an encoding that was not negotiated.
    fn takes_whole(&self, binary: bool) -> bool {
        self.outbox.encoding().is_binary() == binary && !self.fragments.under_way()
    }

    fn refuse(&self) {
        self.outbox.close(CloseReason::BadRequest);
    }
}

impl Actor for Connection {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.rearm(ctx);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Connection {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.inbound.frame_decoded();
        // What came behind the end, or behind a revocation, is not heard.
        if !self.outbox.is_open() {
            return;
        }
        match message {
            Ok(Message::Text(text)) if self.takes_whole(false) => self.on_message(text.as_bytes(), ctx),
            Ok(Message::Binary(bytes)) if self.takes_whole(true) => self.on_message(&bytes, ctx),
            Ok(Message::Close(_)) => self.outbox.peer_closed(),
            Ok(Message::Text(_) | Message::Binary(_)) | Err(_) => self.refuse(),
            Ok(_) if !self.may_send_another() => {
                self.outbox.close(CloseReason::TooManyRequests);
            }
            Ok(Message::Continuation(item)) => self.on_fragment(item, ctx),
            Ok(Message::Ping(payload)) => ctx.pong(&payload),
            Ok(Message::Pong(_)) => {
                self.dialogue.on_native_pong();
                self.rearm(ctx);
            }
            Ok(Message::Nop) => {}
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for (channel, _) in self.channels.drain(..) {
            self.door.realtime.leave(channel, self.id, Left::Silent);
        }
        self.door.leave_lobby(self.id);
        if let Some(place) = &self.place {
            let end = self.outbox.end();
            let goodbye = end.as_ref().and_then(End::goodbye);
            self.door.note("socket.closed", self.id, self.address, &place.who, place.device, goodbye);
        }
    }
}
