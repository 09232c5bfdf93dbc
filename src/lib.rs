//! Portcullis: a realtime session and WebSocket server in which revocation shuts every door.
//!
//! The map is in `ARCHITECTURE.md`. In short: [`app`] puts the parts together; requests enter through [`http`] and
//! [`socket`], act through [`service`], which applies the rules of [`domain`] and keeps what must last in [`store`]; live
//! sessions and channels are the actors of `portcullis_actors`, behind one handle.

pub mod app;
pub mod cli;
pub mod config;
pub mod fd_limits;
pub mod http;
pub mod lifecycle;
pub mod postgres;
pub mod secrets;
pub mod socket;
pub mod telemetry;
pub mod tls;
