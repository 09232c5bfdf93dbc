//! [`Connection`]: the actor of one WebSocket. This is the only file that names `actix-web-actors`.
//!
//! The actor lives inside the task of its pump, on the worker that accepted the connection. It takes whole messages from its
//! stream, passes them to its driver, and polls the driver when the pump is awake. It receives no actor messages: replies and
//! deliveries go into the outbox, and a revocation cuts the outbox. The actor ends with the socket. A panic ends that socket
//! only.
//!
//! Handlers never await, never block and never use the database.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use actix::{Actor, ActorFuture, AsyncContext, StreamHandler};
use actix_http::{
    error::PayloadError,
    ws::{Message, ProtocolError},
};
use actix_web_actors::ws::WebsocketContext;
use bytes::Bytes;
use futures_util::{Stream, stream};
use logic::limits::Gcra;
use protocol::{Incoming, close::CloseReason};

use super::inbound::{Arrival, Inbound, MESSAGE_MAX};
use crate::socket::connection::{driver::Driver, parts::ConnectionParts};

/// The actor of one WebSocket.
pub(crate) struct Connection {
    driver: Driver,
    inbound: Inbound,
    /// Rate limit of frames without a command (pings, pongs, fragments); the same limit as for commands.
    other_frames: Gcra,
}

/// The actor context of a new connection. The actor takes its messages from `inbound`. The context is a stream of the encoded
/// pings and pongs that the actor sends. All other output goes through the outbox.
pub(crate) fn context(
    parts: ConnectionParts,
    inbound: Inbound,
) -> impl Stream<Item = Result<Bytes, actix_web::Error>> + Unpin {
    let connection =
        Connection { driver: Driver::new(parts), inbound, other_frames: Gcra::new(Instant::now()) };
    // The context's own decoder gets no bytes: `Inbound` decodes.
    WebsocketContext::create(connection, stream::pending::<Result<Bytes, PayloadError>>())
}

/// Polls the driver for as long as the actor lives. The context polls this future after the stream of messages.
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
        if connection.bound_input() {
            task.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Connection {
    /// Counts a frame without a command. Returns false if the limit is exceeded.
    fn check_frame_rate(&mut self) -> bool {
        let limit = self.driver.context().live().client.commands;
        self.other_frames.check(&limit, Instant::now()).is_allowed()
    }

    /// Limits the input of a peer that has not signed in. While the token of that peer is being verified, no message is taken.
    /// Large messages are accepted only from a peer that has signed in. Returns whether a pause has just ended.
    fn bound_input(&self) -> bool {
        if self.driver.is_signed_in() {
            self.inbound.set_limit(MESSAGE_MAX);
        }
        self.inbound.set_paused(self.driver.is_signing_in())
    }
}

impl Actor for Connection {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        <Self as StreamHandler<Arrival>>::add_stream(self.inbound.messages(), ctx);
        ctx.spawn(PollDriver);
    }
}

impl StreamHandler<Arrival> for Connection {
    fn handle(&mut self, arrival: Arrival, ctx: &mut Self::Context) {
        // Frames after the end or after a revocation are ignored.
        if !self.driver.outbox().is_open() {
            return;
        }
        match arrival {
            Ok(Incoming::Message(message)) => self.driver.on_frame(&message),
            Ok(Incoming::Close) => self.driver.outbox().close_from_peer(),
            Err(_) => self.driver.outbox().close(CloseReason::BadRequest),
            Ok(_) if !self.check_frame_rate() => {
                self.driver.outbox().close(CloseReason::TooManyRequests);
            }
            Ok(Incoming::Ping(payload)) => ctx.pong(&payload),
            Ok(Incoming::Pong) => self.driver.on_native_pong(),
            Ok(Incoming::Fragment) => {}
        }
        self.bound_input();
    }
}

/// The context requires a handler for what its own decoder finds. The decoder gets no bytes, so it finds nothing.
impl StreamHandler<Result<Message, ProtocolError>> for Connection {
    fn handle(&mut self, _: Result<Message, ProtocolError>, _: &mut Self::Context) {}
}
