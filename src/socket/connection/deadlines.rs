//! Deadlines for writing to a peer, the same for WebSockets and emulated streams.

use std::{future::Future, pin::Pin, task::Context, time::Duration};

use actix_rt::time::{Sleep, sleep};
use actors::runtime::{ConnectionEnd, OutboxReader};

/// Maximum time of a write without progress. After this time the connection ends.
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Time for the peer to take all messages that were queued before an orderly end. After this time the connection is cut.
pub(crate) const FLUSH_DEADLINE: Duration = Duration::from_secs(2);
/// Time for the peer to take the last message after a cut. After this time the connection is reset.
pub(crate) const CUT_DEADLINE: Duration = Duration::from_millis(250);
/// Time that the stream stays open after the last message, so that the peer can close first.
pub(crate) const LINGER: Duration = Duration::from_millis(700);

/// The deadline of an orderly end. A peer that reads slowly does not prolong it.
#[derive(Default)]
pub(crate) struct FlushDeadline(Option<Pin<Box<Sleep>>>);

impl FlushDeadline {
    /// The cut that replaces an orderly end when `FLUSH_DEADLINE` has passed. The time begins with the first call after the end
    /// was declared.
    pub(crate) fn poll_over(&mut self, outbox: &OutboxReader, cx: &mut Context<'_>) -> Option<ConnectionEnd> {
        let Some(ConnectionEnd::Flush(close_message)) = outbox.end() else { return None };
        let deadline = self.0.get_or_insert_with(|| Box::pin(sleep(FLUSH_DEADLINE)));
        deadline.as_mut().poll(cx).is_ready().then_some(ConnectionEnd::Cut(close_message))
    }
}
