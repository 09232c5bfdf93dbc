//! The server API, and what belongs to connections: external sessions, emulated streams, what channels offer.
//!
//! This module depends only on `core`, `access` and `revocation`.

pub(crate) mod api;
pub(crate) mod channel_guide;
pub(crate) mod emulated_streams;
pub(crate) mod external_sessions;
