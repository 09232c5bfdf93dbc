//! The `Session` actor: the connections that one signed-in session holds on this node.
//!
//! One per session with sockets here; it lives on the session arbiter. Owns the list of its connections and their limit.
//! Who sends: `Directory` (attach, detach, revoke, describe, end, tell, renew). It dies when its last connection is gone or
//! it is revoked, and is never restarted with old state: the next connection starts a fresh one.
//!
//! Dying by a panic is fail-closed: dropping the list cuts every socket in it, because a connection that no session
//! knows could not be revoked.

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
};

use actix::{Actor, ActorContext, Context, Handler, Message, MessageResult};

use super::{
    Bearer, Transport,
    directory::{Directory, Instance},
};
use crate::runtime::connection::{close_waiter::ClosingGuard, outbox::Outbox, request::Control};
use logic::{
    denials::TokenMark,
    session_connections::{AttachRefused, SessionState},
};
use protocol::{
    Encoding,
    close::{CloseReason, Goodbye},
    id::{ConnectionId, SessionId, Subject},
};

/// What an operator or the session's owner sees of one connection.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// The connection.
    pub connection: ConnectionId,
    /// Its session.
    pub session: SessionId,
    /// For whom it speaks, and by which token.
    pub bearer: Bearer,
    /// How it is carried.
    pub transport: Transport,
    /// How its frames are encoded.
    pub encoding: Encoding,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// When it was attached, in milliseconds since the epoch.
    pub attached_at_ms: i64,
    /// Bytes waiting to be written to it.
    pub queued_bytes: usize,
}

/// Which connections are meant, and what each of them is told when it ends.
pub(crate) type Sentence = Arc<dyn Fn(ConnectionId, &Bearer) -> Option<Goodbye> + Send + Sync>;
/// Which connections are meant, and what each of them is asked to do.
pub(crate) type Request = Arc<dyn Fn(ConnectionId, &Outbox) -> Option<Control> + Send + Sync>;

#[derive(Message)]
#[rtype(result = "Result<(), AttachRefused>")]
pub(crate) struct Attach {
    pub(crate) connection: ConnectionId,
    pub(crate) member: Member,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Detach(pub(crate) ConnectionId);

#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Revoke {
    pub(crate) reason: CloseReason,
    pub(crate) guard: ClosingGuard,
}

/// Cuts some connections; the session stays.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Disconnect {
    pub(crate) sentence: Sentence,
    pub(crate) guard: ClosingGuard,
}

/// Asks some connections to do something. Answers how many were asked.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct Tell(pub(crate) Request);

/// A connection proved its identity anew, with another token.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Renew {
    pub(crate) connection: ConnectionId,
    pub(crate) token: TokenMark,
}

#[derive(Message)]
#[rtype(result = "Vec<ConnectionInfo>")]
pub(crate) struct Describe;

/// One connection, as its session knows it. Dropped while registered (the session actor died), it cuts the socket.
pub(crate) struct Member {
    pub(crate) outbox: Outbox,
    pub(crate) bearer: Bearer,
    pub(crate) transport: Transport,
    pub(crate) address: Option<IpAddr>,
    pub(crate) attached_at_ms: i64,
    pub(crate) registered: bool,
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.registered {
            self.outbox.cut(CloseReason::InsufficientState, None);
        }
    }
}

pub(crate) struct Session {
    id: SessionId,
    subject: Subject,
    instance: Instance,
    connections: SessionState<Member>,
    directory: Weak<Directory>,
}

impl Session {
    pub(crate) fn new(
        id: SessionId,
        subject: Subject,
        instance: Instance,
        limit: usize,
        directory: Weak<Directory>,
    ) -> Self {
        Self { id, subject, instance, connections: SessionState::new(limit), directory }
    }

    fn publish_count(&self) {
        self.instance.set_connections(self.connections.len());
    }

    fn leave_directory(&self) {
        if let Some(directory) = self.directory.upgrade() {
            directory.remove(self.id, &self.subject, &self.instance);
        }
    }

    fn info(&self, connection: ConnectionId, member: &Member) -> ConnectionInfo {
        ConnectionInfo {
            connection,
            session: self.id,
            bearer: member.bearer.clone(),
            transport: member.transport,
            encoding: member.outbox.encoding(),
            address: member.address,
            attached_at_ms: member.attached_at_ms,
            queued_bytes: member.outbox.queued_bytes(),
        }
    }
}

impl Actor for Session {
    type Context = Context<Self>;
}

impl Drop for Session {
    /// Also on a panic: no entry points to a session that is gone.
    fn drop(&mut self) {
        self.instance.set_connections(0);
        self.leave_directory();
    }
}

impl Handler<Attach> for Session {
    type Result = MessageResult<Attach>;

    fn handle(&mut self, message: Attach, _: &mut Self::Context) -> Self::Result {
        let result = self.connections.attach(message.connection, message.member);
        if let Some(member) = self.connections.get_mut(message.connection) {
            member.registered = true;
        }
        self.publish_count();
        MessageResult(result)
    }
}

impl Handler<Detach> for Session {
    type Result = ();

    fn handle(&mut self, message: Detach, ctx: &mut Self::Context) {
        if let Some(mut member) = self.connections.detach(message.0) {
            // Its end was declared by itself; what it still flushes may leave.
            member.registered = false;
        }
        self.publish_count();
        if self.connections.is_empty() {
            self.leave_directory();
            ctx.stop();
        }
    }
}

impl Handler<Revoke> for Session {
    type Result = ();

    fn handle(&mut self, message: Revoke, ctx: &mut Self::Context) {
        self.leave_directory();
        for (_, member) in self.connections.drain() {
            member.outbox.cut(message.reason, Some(message.guard.socket()));
        }
        self.publish_count();
        ctx.stop();
    }
}

impl Handler<Disconnect> for Session {
    type Result = ();

    /// Whoever is cut stays in the list until it is severed, so that a revocation still finds it.
    fn handle(&mut self, message: Disconnect, _: &mut Self::Context) {
        for (connection, member) in self.connections.iter() {
            if let Some(goodbye) = (message.sentence)(connection, &member.bearer) {
                member.outbox.cut(goodbye, Some(message.guard.socket()));
            }
        }
    }
}

impl Handler<Tell> for Session {
    type Result = usize;

    fn handle(&mut self, message: Tell, _: &mut Self::Context) -> usize {
        let asked = self.connections.iter().filter(|(connection, member)| {
            let outbox = &member.outbox;
            let control = outbox.is_open().then(|| (message.0)(*connection, outbox)).flatten();
            control.is_some_and(|control| outbox.tell(control).is_ok())
        });
        asked.count()
    }
}

impl Handler<Renew> for Session {
    type Result = ();

    fn handle(&mut self, message: Renew, _: &mut Self::Context) {
        if let Some(member) = self.connections.get_mut(message.connection) {
            member.bearer.token = message.token;
        }
    }
}

impl Handler<Describe> for Session {
    type Result = MessageResult<Describe>;

    fn handle(&mut self, _: Describe, _: &mut Self::Context) -> Self::Result {
        let open = self.connections.iter().filter(|(_, member)| member.outbox.is_open());
        MessageResult(open.map(|(connection, member)| self.info(connection, member)).collect())
    }
}
