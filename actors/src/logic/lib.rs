//! The rules of the actors as plain structs: `&mut self`, and `now` passed in.
//!
//! The actors of `runtime` hold these and add nothing but messages and time, so everything that can go wrong in a
//! rule can be tested here without an executor. Nothing in here knows actix, tokio, a clock or randomness.

pub mod bans;
pub mod channel_members;
pub mod client;
pub mod delta;
pub mod denials;
pub mod history;
pub mod idempotency;
pub mod journal;
pub mod limits;
pub mod namespace;
pub mod session_connections;
pub mod subscription;
pub mod tombstones;
pub mod version;
