//! How the rest of the server reaches one connection: its queue of frames, the requests to its own task, and the
//! guards with which a revocation waits for the end of its socket.
//!
//! Everything that is sent to a connection passes through here. This room uses neither `sessions` nor `channels`.

pub(crate) mod close_waiter;
pub(crate) mod outbox;
pub(crate) mod request;
