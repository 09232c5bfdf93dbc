//! The rules of channels, sessions, limits and clients as plain structs. Their methods get the current time as an argument.
//!
//! The actors of `runtime` and the drivers of connections hold these structs and add messages, time and I/O. So each rule can
//! be tested here without an executor. This crate uses no actix, no tokio, no clock and no randomness.

pub mod bans;
pub mod channel_members;
pub mod client;
pub mod delta;
pub mod denials;
pub mod erasure;
pub mod history;
pub mod idempotency;
pub mod journal;
pub mod limits;
pub mod namespace;
pub mod session_connections;
pub mod spare_capacity;
pub mod subscription;
pub mod tally;
pub mod timetable;
pub mod tombstones;
pub mod version;
