//! Background work: expiring sessions, clearing channels, refreshing bans, following revocations of other nodes.
//!
//! Depends on every other room; no room depends on it.

pub(crate) mod channel_retention;
pub(crate) mod expiry;
pub(crate) mod revocation_feed;
