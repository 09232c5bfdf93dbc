//! The server API, and what belongs to connections: external sessions, emulated streams.
//!
//! This module depends only on `core`, `access` and `revocation`.

pub(crate) mod api;
pub(crate) mod emulated_streams;
pub(crate) mod external_sessions;
