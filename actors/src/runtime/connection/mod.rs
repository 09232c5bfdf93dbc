//! The ways from the rest of the server to one connection: the queue of its frames, the requests to its own task (see
//! `outbox`), the guards that let a revocation wait until the socket is severed, and the gate that holds deliveries back.
//!
//! Everything that another part sends to a connection passes through this module. This module uses the clock of `channels`, and
//! nothing else of `channels` or `sessions`. This file has the operations of [`Realtime`] on outboxes and on the gate.

pub(crate) mod close_waiter;
pub(crate) mod connection_end;
pub(crate) mod delivery_gate;
pub(crate) mod gate_switch;
pub(crate) mod outbox;
mod queue;
pub(crate) mod queued_bytes;
pub(crate) mod request;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::Encoding;

use self::outbox::{Outbox, OutboxReader, outbox_behind};
use super::realtime::Realtime;

/// This many connections are woken or ended before other tasks of the thread get their turn.
const WITHOUT_PAUSE: usize = 256;

impl Realtime {
    /// The queue of a new connection, which holds at most `limit` bytes.
    #[must_use]
    pub fn outbox(&self, limit: usize, encoding: Encoding) -> (Outbox, OutboxReader) {
        outbox_behind(Arc::clone(&self.0.gate), Arc::clone(&self.0.queued), limit, encoding)
    }

    /// How many bytes wait in the queues of all connections. The cost does not depend on the number of connections.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.0.queued.total()
    }

    /// Holds back the deliveries of this node. Until [`Self::release_deliveries`], connections receive only frames of their own
    /// tasks (replies and pings), and refusals of their commands. Call this periodically: the waiting time of a connection
    /// counts only up to the `now` of the last call.
    pub fn hold_deliveries(&self, now: Instant) {
        self.0.gate.close(now);
    }

    /// Keeps the open gate open until `until`. After the first call, the gate closes by itself if the next call is late. A call
    /// does not open a closed gate.
    pub fn renew_deliveries(&self, until: Instant) {
        self.0.gate.renew(until);
    }

    /// Whether the deliveries of this node are held back. Costs one atomic load.
    #[must_use]
    pub fn holds_deliveries(&self) -> bool {
        self.0.gate.is_closed()
    }

    /// How many connections have deliveries that are held back.
    #[must_use]
    pub fn held_connections(&self) -> usize {
        self.0.gate.held()
    }

    /// Lets deliveries leave again, in their order, and returns how many connections were waiting. Call this after the node has
    /// carried out the revocations that it had missed.
    pub async fn release_deliveries(&self) -> usize {
        let mut waiting = self.0.gate.open();
        let held = waiting.len();
        while !waiting.is_empty() {
            for connection in waiting.drain(..waiting.len().min(WITHOUT_PAUSE)) {
                if let Some(connection) = connection.upgrade() {
                    connection.resume();
                }
            }
            tokio::task::yield_now().await;
        }
        held
    }

    /// Ends the connections with deliveries that have been held back for `limit`, and returns their number. Their clients
    /// reconnect (3010) and recover.
    pub async fn end_held_connections(&self, limit: Duration) -> usize {
        let mut ended = 0;
        loop {
            let overdue = self.0.gate.take_overdue(limit, WITHOUT_PAUSE);
            if overdue.is_empty() {
                return ended;
            }
            for connection in overdue.iter().filter_map(std::sync::Weak::upgrade) {
                connection.give_up();
                ended += 1;
            }
            tokio::task::yield_now().await;
        }
    }
}
