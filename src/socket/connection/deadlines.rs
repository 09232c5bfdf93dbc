//! Deadlines for writing to a peer, the same for WebSockets and emulated streams.

use std::time::Duration;

/// Maximum time of a write without progress. After it the connection ends.
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Time for the peer to take the last message after a cut. After it the connection is reset.
pub(crate) const CUT_DEADLINE: Duration = Duration::from_millis(250);
/// Time that the stream stays open after the last message, so that the peer can close first.
pub(crate) const LINGER: Duration = Duration::from_millis(700);
