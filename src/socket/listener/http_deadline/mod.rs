//! Deadlines for connections that are not WebSockets, so that a slow or silent peer cannot keep a connection open forever.
//!
//! `state` holds the deadline of one connection. `stream` reports what is read and written, and `request_tracker` reports when
//! requests begin and end.

pub(crate) mod request_tracker;
pub(crate) mod state;
pub(crate) mod stream;
