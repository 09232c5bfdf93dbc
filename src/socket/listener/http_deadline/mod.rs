//! Deadlines for connections that are not WebSockets: a slow or silent peer cannot hold one forever.
//!
//! `state` holds the deadline of one connection, `stream` reports what is read and written, `request_tracker` reports when
//! requests begin and end.

pub(in crate::socket) mod request_tracker;
pub(in crate::socket) mod state;
pub(in crate::socket) mod stream;
