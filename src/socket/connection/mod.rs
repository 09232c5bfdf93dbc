//! One open connection, independent of its transport: its driver and its registration with a session.
//!
//! Called by the WebSocket actor and by the task of an emulated stream.

pub(super) mod connect_subscriptions;
pub(super) mod driver;
pub(super) mod errands;
pub(super) mod orders;
pub(super) mod parts;
pub(super) mod registration;
