//! The `Session` actor: the connections that one session has on this node.
//!
//! There is one actor per session with sockets on this node. All these actors run on one thread. The actor owns the list of its
//! connections and their limit. The `Directory` sends it messages (attach, revoke, disconnect, disconnect one, request, renew,
//! describe); an `Attachment` that is dropped sends `Detach`. The actor stops when its last connection is gone, or at
//! `Revoke`, which cuts all its connections. It is never restarted with old state: the next connection starts a new actor.
//!
//! After a panic, the list is dropped. This cuts every socket in the list, because a connection without a session could not be
//! revoked.

use std::{
    net::IpAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix::{Actor, ActorContext, Context, Handler, Message, MessageResult};
use logic::{
    denials::TokenMark,
    session_connections::{AttachRefused, SessionConnections},
};
use protocol::{
    close::CloseReason,
    id::{ConnectionId, SessionId, Subject},
};

use super::{
    roster::HeldPlace,
    token_index::TokenUse,
    types::{ConnectionIdentity, ConnectionInfo, DisconnectRule, RequestRule, Transport},
};
use crate::runtime::{
    connection::{close_waiter::CloseGuard, outbox::Outbox, request::ConnectionRequest},
    live::Live,
};

/// Identifies one actor among all actors that a session has had, and counts the connections of this actor.
#[derive(Clone)]
pub(crate) struct Incarnation(Arc<AtomicUsize>);

impl Incarnation {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    fn set_connections(&self, count: usize) {
        self.0.store(count, Ordering::Release);
    }
}

/// The registry of the session actors. An actor removes itself when it ends.
pub(crate) trait SessionRegistry: Send + Sync {
    /// Removes this actor. A newer actor of the same session stays.
    fn remove(&self, session: SessionId, subject: &Subject, incarnation: &Incarnation);
}

#[derive(Message)]
#[rtype(result = "Result<(), AttachRefused>")]
pub(crate) struct Attach {
    pub(crate) connection: ConnectionId,
    pub(crate) attached: AttachedConnection,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Detach(pub(crate) ConnectionId);

/// Cuts every connection of the session, and stops the actor.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Revoke {
    pub(crate) reason: CloseReason,
    pub(crate) guard: CloseGuard,
}

/// Ends some connections; the session stays.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Disconnect {
    pub(crate) rule: DisconnectRule,
    pub(crate) manner: Manner,
    pub(crate) guard: CloseGuard,
}

/// The fate of the queued frames when a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The frames are dropped: the connection must not receive them.
    Cut,
    /// The frames leave first.
    Flush,
}

/// Ends one connection, if one is open, after its queued frames have left.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct DisconnectOne {
    pub(crate) reason: CloseReason,
    pub(crate) guard: CloseGuard,
}

/// Sends requests to some connections. The answer is how many connections received one.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct Request(pub(crate) RequestRule);

/// A connection proved its identity again, with another token.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Renew {
    pub(crate) connection: ConnectionId,
    pub(crate) token: TokenMark,
    pub(crate) token_use: Option<TokenUse>,
}

#[derive(Message)]
#[rtype(result = "Vec<ConnectionInfo>")]
pub(crate) struct Describe;

/// One connection, as its session knows it. If this value is dropped while it is registered (because the session actor died),
/// its drop cuts the socket.
pub(crate) struct AttachedConnection {
    pub(crate) outbox: Outbox,
    pub(crate) identity: ConnectionIdentity,
    /// As long as this value exists, a denial of the connection's token finds the session (see `token_index`).
    pub(crate) token_use: Option<TokenUse>,
    /// As long as this value exists, the connection is in the roster.
    pub(crate) _place: HeldPlace,
    pub(crate) transport: Transport,
    pub(crate) address: Option<IpAddr>,
    pub(crate) attached_at_ms: i64,
    pub(crate) registered: bool,
}

impl Drop for AttachedConnection {
    fn drop(&mut self) {
        if self.registered {
            self.outbox.cut(CloseReason::InsufficientState, None);
        }
    }
}

pub(crate) struct Session {
    id: SessionId,
    subject: Subject,
    incarnation: Incarnation,
    connections: SessionConnections<AttachedConnection>,
    live: Live,
    registry: Weak<dyn SessionRegistry>,
}

impl Session {
    pub(crate) fn new(
        id: SessionId,
        subject: Subject,
        incarnation: Incarnation,
        live: Live,
        registry: Weak<dyn SessionRegistry>,
    ) -> Self {
        let connections = SessionConnections::new(live.load().connections_per_session);
        Self { id, subject, incarnation, connections, live, registry }
    }

    fn publish_count(&self) {
        self.incarnation.set_connections(self.connections.len());
    }

    fn unregister(&self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.remove(self.id, &self.subject, &self.incarnation);
        }
    }

    /// Requests a ping of every peer that has not just answered one. A connection is closed if its peer does not answer, so its
    /// place becomes free.
    fn probe(&self) {
        for (_, attached) in self.connections.iter() {
            // An error means that the connection has ended.
            let _ = attached.outbox.request(ConnectionRequest::Probe);
        }
    }

    fn info(&self, connection: ConnectionId, attached: &AttachedConnection) -> ConnectionInfo {
        ConnectionInfo {
            connection,
            session: self.id,
            identity: attached.identity.clone(),
            transport: attached.transport,
            encoding: attached.outbox.encoding(),
            address: attached.address,
            attached_at_ms: attached.attached_at_ms,
            queued_bytes: attached.outbox.queued_bytes(),
        }
    }
}

impl Actor for Session {
    type Context = Context<Self>;
}

impl Drop for Session {
    /// Also runs after a panic, so no entry of the registry points to an actor that has ended.
    fn drop(&mut self) {
        self.incarnation.set_connections(0);
        self.unregister();
    }
}

impl Handler<Attach> for Session {
    type Result = MessageResult<Attach>;

    fn handle(&mut self, message: Attach, _: &mut Self::Context) -> Self::Result {
        self.connections.set_limit(self.live.load().connections_per_session);
        let result = self.connections.attach(message.connection, message.attached);
        if let Some(attached) = self.connections.get_mut(message.connection) {
            attached.registered = true;
        }
        if result.is_err() {
            self.probe();
        }
        self.publish_count();
        MessageResult(result)
    }
}

impl Handler<Detach> for Session {
    type Result = ();

    fn handle(&mut self, message: Detach, ctx: &mut Self::Context) {
        if let Some(mut attached) = self.connections.detach(message.0) {
            // The connection has declared its own end; frames that it still flushes may leave.
            attached.registered = false;
        }
        self.publish_count();
        if self.connections.is_empty() {
            self.unregister();
            ctx.stop();
        }
    }
}

impl Handler<Revoke> for Session {
    type Result = ();

    fn handle(&mut self, message: Revoke, ctx: &mut Self::Context) {
        self.unregister();
        for (_, attached) in self.connections.drain() {
            attached.outbox.cut(message.reason, Some(message.guard.socket()));
        }
        self.publish_count();
        ctx.stop();
    }
}

impl Handler<Disconnect> for Session {
    type Result = ();

    /// A connection that ends stays in the list until it is severed, so that a revocation still finds it.
    fn handle(&mut self, message: Disconnect, _: &mut Self::Context) {
        for (connection, attached) in self.connections.iter() {
            if let Some(close_message) = (message.rule)(connection, &attached.identity) {
                match message.manner {
                    Manner::Cut => attached.outbox.cut(close_message, Some(message.guard.socket())),
                    Manner::Flush if attached.outbox.is_open() => {
                        attached.outbox.close_with(close_message, Some(message.guard.socket()));
                    }
                    // The connection is ending already. It is not counted: a guard that is dropped here would count it as closed.
                    Manner::Flush => {}
                }
            }
        }
    }
}

impl Handler<DisconnectOne> for Session {
    type Result = ();

    fn handle(&mut self, message: DisconnectOne, _: &mut Self::Context) {
        if let Some((_, attached)) = self.connections.iter().find(|(_, attached)| attached.outbox.is_open()) {
            attached.outbox.close_with(message.reason, Some(message.guard.socket()));
        }
    }
}

impl Handler<Request> for Session {
    type Result = usize;

    fn handle(&mut self, message: Request, _: &mut Self::Context) -> usize {
        let reached = self.connections.iter().filter(|(connection, attached)| {
            let outbox = &attached.outbox;
            let request = outbox.is_open().then(|| (message.0)(*connection, outbox)).flatten();
            request.is_some_and(|request| outbox.request(request).is_ok())
        });
        reached.count()
    }
}

impl Handler<Renew> for Session {
    type Result = ();

    fn handle(&mut self, message: Renew, _: &mut Self::Context) {
        if let Some(attached) = self.connections.get_mut(message.connection) {
            attached.identity.token = message.token;
            attached.token_use = message.token_use;
        }
    }
}

impl Handler<Describe> for Session {
    type Result = MessageResult<Describe>;

    fn handle(&mut self, _: Describe, _: &mut Self::Context) -> Self::Result {
        let open = self.connections.iter().filter(|(_, attached)| attached.outbox.is_open());
        MessageResult(open.map(|(connection, attached)| self.info(connection, attached)).collect())
    }
}
