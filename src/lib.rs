//! Portcullis: a realtime session and WebSocket server whose revocations end tokens and open sockets at once.
//!
//! The map is in `ARCHITECTURE.md`. In short: [`app`] puts the parts together; requests enter through [`http`] and
//! [`socket`], which call [`service`]. The services apply the rules of [`domain`] and keep lasting data in [`store`].
//! Live sessions and channels are actors of the crate `actors`, behind one handle.

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
