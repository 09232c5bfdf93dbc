//! The subscriber that does not read in the second round, and the publications that fill its queue.
//!
//! The publications to all subscribers would need a long time to fill its queue. So there is a second channel for
//! only this subscriber and one publisher.

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::connections::Connections;

const CHANNEL: &str = "ephemeral:fanout-stalled";
/// Bytes of each publication in the second channel.
pub(super) const FILLER_SIZE: usize = 32 * 1024;
/// Slightly more than the queue of the connection (1 MiB) and the buffers of the kernel hold. It must not be much
/// more, because the server waits only a few seconds for the subscriber to read again.
const OVERFLOW: usize = 7 * 256 * 1024;

/// The subscriber that does not read, and the publications in its second channel. The second channel has the same
/// publications in both rounds, so that the rounds differ only in whether this subscriber reads.
pub(super) struct Stalled {
    filled: usize,
    resume: Option<oneshot::Sender<()>>,
    filler: Bytes,
}

impl Stalled {
    /// Subscribes the first and the last connection to the second channel. The last one still reads.
    pub(super) fn new(connections: &Connections) -> Self {
        let subscribe = |id: u32| format!("{{\"id\":{id},\"subscribe\":{{\"channel\":\"{CHANNEL}\"}}}}");
        let last = connections.len() - 1;
        for connection in [0, last] {
            connections.send(connection, subscribe(4_000_000_000).into());
        }
        let fill = "x".repeat(FILLER_SIZE);
        let filler =
            format!("{{\"id\":4000000001,\"publish\":{{\"channel\":\"{CHANNEL}\",\"data\":\"{fill}\"}}}}");
        Self { filled: 0, resume: None, filler: filler.into() }
    }

    /// Stops the last connection from reading.
    pub(super) fn stall(&mut self, connections: &Connections) {
        self.filled = 0;
        self.resume = Some(connections.stall(connections.len() - 1));
    }

    /// Publishes in the second channel, so that the queue overflows after a sixth of the publications. That must
    /// happen before the write deadline of the server (10 s without progress, close code 3009). Then the connection
    /// reads again.
    pub(super) fn fill(&mut self, connections: &Connections, sent: usize, publications: usize) {
        let due = OVERFLOW.min(OVERFLOW * 6 * sent / publications.max(1));
        while self.filled < due {
            connections.send(0, self.filler.clone());
            self.filled += FILLER_SIZE;
            if self.filled >= OVERFLOW {
                self.resume = None;
            }
        }
    }
}
