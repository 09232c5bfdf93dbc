//! The `Connection` actor: one WebSocket. The only file that names `actix-web-actors`.
//!
//! Lives inside its pump's task, on the worker that accepted it. Takes frames from its stream and hands whole messages to
//! its driver, which it polls whenever the pump is awake; nobody sends it messages: replies and deliveries go into the
//! outbox, and a revocation cuts the outbox. It dies with the socket; a panic ends that socket only.
//!
//! Handlers never await, never block and never touch the database.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use actix::{Actor, ActorFuture, AsyncContext, StreamHandler};
use actix_http::ws::{Item, Message, ProtocolError};
use actix_web_actors::ws::WebsocketContext;
use bytes::Bytes;
use futures_util::Stream;
use logic::limits::Gcra;
use protocol::close::CloseReason;

use super::{
    fragments::{Fragments, Malformed},
    inbound::Inbound,
};
use crate::socket::connection::{driver::Driver, parts::Start};

pub(in crate::socket) struct Connection {
    driver: Driver,
    inbound: Inbound,
    fragments: Fragments,
    /// Frames that carry no command (pings, pongs, fragments) are limited like commands.
    other_frames: Gcra,
}

/// The context of a fresh connection: bytes in, frames out.
pub(in crate::socket) fn context(
    start: Start,
    inbound: Inbound,
) -> impl Stream<Item = Result<Bytes, actix_web::Error>> + Unpin {
    let bytes = inbound.stream();
    let connection = Connection {
        driver: Driver::new(start),
        inbound,
        fragments: Fragments::default(),
        other_frames: Gcra::new(Instant::now()),
    };
    WebsocketContext::create(connection, bytes)
}

/// Polls the driver for as long as the actor lives. The context polls it after the stream of frames, which it began with.
struct Drive;

impl ActorFuture<Connection> for Drive {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        connection: &mut Connection,
        ctx: &mut WebsocketContext<Connection>,
        task: &mut Context<'_>,
    ) -> Poll<()> {
        connection.driver.poll(task);
        if connection.driver.take_ping() {
            ctx.ping(b"");
        }
        Poll::Pending
    }
}

impl Connection {
    fn on_fragment(&mut self, item: Item) {
        match self.fragments.add(item, self.driver.outbox.encoding()) {
            Ok(None) => {}
            Ok(Some(message)) => self.driver.hear(&message),
            Err(Malformed) => self.refuse(),
        }
    }

    /// Spends a permit for a frame that carries no command.
    fn may_send_another(&mut self) -> bool {
        let limit = self.driver.door.settings.client.commands;
        self.other_frames.check(&limit, Instant::now()).is_allowed()
    }

    /// Whether a whole message of this kind may come now: the other kind belongs to an encoding that was not negotiated.
    fn takes_whole(&self, binary: bool) -> bool {
        self.driver.outbox.encoding().is_binary() == binary && !self.fragments.under_way()
    }

    fn refuse(&self) {
        self.driver.outbox.close(CloseReason::BadRequest);
    }
}

impl Actor for Connection {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Drive);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Connection {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.inbound.frame_decoded();
        // What came behind the end, or behind a revocation, is not heard.
        if !self.driver.outbox.is_open() {
            return;
        }
        match message {
            Ok(Message::Text(text)) if self.takes_whole(false) => self.driver.hear(text.as_bytes()),
            Ok(Message::Binary(bytes)) if self.takes_whole(true) => self.driver.hear(&bytes),
            Ok(Message::Close(_)) => self.driver.outbox.peer_closed(),
            Ok(Message::Text(_) | Message::Binary(_)) | Err(_) => self.refuse(),
            Ok(_) if !self.may_send_another() => {
                self.driver.outbox.close(CloseReason::TooManyRequests);
            }
            Ok(Message::Continuation(item)) => self.on_fragment(item),
            Ok(Message::Ping(payload)) => ctx.pong(&payload),
            Ok(Message::Pong(_)) => self.driver.native_pong(),
            Ok(Message::Nop) => {}
        }
    }
}
