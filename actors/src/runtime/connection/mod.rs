//! One connection, as the rest of the server reaches it: its queue of frames, the requests to its own task, and the count of
//! sockets that a revocation waits for.
//!
//! Everything that sends to a connection enters here. This room knows no session and no channel.

pub(crate) mod close_waiter;
pub(crate) mod outbox;
pub(crate) mod request;
