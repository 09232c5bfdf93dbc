//! [`Connection`]: the actor of one WebSocket. This is the only file that names `actix-web-actors`.
//!
//! The actor lives inside the task of its pump, on the worker that accepted the connection. It takes frames from its stream and
//! passes whole messages to its driver, which it polls whenever the pump is awake. It receives no actor messages: replies and
//! deliveries go into the outbox, and a revocation cuts the outbox. It ends with the socket; a panic ends that socket only.
//!
//! Handlers never await, never block and never use the database.

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
use crate::socket::connection::{driver::Driver, parts::ConnectionParts};

/// The actor of one WebSocket.
pub(crate) struct Connection {
    driver: Driver,
    inbound: Inbound,
    fragments: Fragments,
    /// Rate limit of frames without a command (pings, pongs, fragments); the same limit as for commands.
    other_frames: Gcra,
}

/// The actor context of a new connection: a stream of outgoing frames, fed by the bytes in `inbound`.
pub(crate) fn context(
    parts: ConnectionParts,
    inbound: Inbound,
) -> impl Stream<Item = Result<Bytes, actix_web::Error>> + Unpin {
    let bytes = inbound.stream();
    let connection = Connection {
        driver: Driver::new(parts),
        inbound,
        fragments: Fragments::default(),
        other_frames: Gcra::new(Instant::now()),
    };
    WebsocketContext::create(connection, bytes)
}

/// Polls the driver for as long as the actor lives. The context polls this future after the stream of incoming frames.
struct PollDriver;

impl ActorFuture<Connection> for PollDriver {
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
        match self.fragments.add(item, self.driver.outbox().encoding()) {
            Ok(None) => {}
            Ok(Some(message)) => self.driver.on_frame(&message),
            Err(Malformed) => self.refuse(),
        }
    }

    /// Takes a permit for a frame without a command.
    fn check_frame_rate(&mut self) -> bool {
        let limit = self.driver.context().settings.client.commands;
        self.other_frames.check(&limit, Instant::now()).is_allowed()
    }

    /// Whether a whole message of this kind is allowed now. Text belongs to JSON, binary to Protobuf; only one of them was
    /// negotiated.
    fn accepts_message(&self, binary: bool) -> bool {
        self.driver.outbox().encoding().is_binary() == binary && !self.fragments.in_progress()
    }

    fn refuse(&self) {
        self.driver.outbox().close(CloseReason::BadRequest);
    }
}

impl Actor for Connection {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(PollDriver);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Connection {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        self.inbound.frame_decoded();
        // Frames after the end or after a revocation are ignored.
        if !self.driver.outbox().is_open() {
            return;
        }
        match message {
            Ok(Message::Text(text)) if self.accepts_message(false) => self.driver.on_frame(text.as_bytes()),
            Ok(Message::Binary(bytes)) if self.accepts_message(true) => self.driver.on_frame(&bytes),
            Ok(Message::Close(_)) => self.driver.outbox().close_from_peer(),
            Ok(Message::Text(_) | Message::Binary(_)) | Err(_) => self.refuse(),
            Ok(_) if !self.check_frame_rate() => {
                self.driver.outbox().close(CloseReason::TooManyRequests);
            }
            Ok(Message::Continuation(item)) => self.on_fragment(item),
            Ok(Message::Ping(payload)) => ctx.pong(&payload),
            Ok(Message::Pong(_)) => self.driver.on_native_pong(),
            Ok(Message::Nop) => {}
        }
    }
}
