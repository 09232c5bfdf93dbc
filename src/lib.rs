//! Portcullis: a realtime session and WebSocket server. A revocation ends tokens and open sockets at once.
//!
//! `ARCHITECTURE.md` describes the parts. In short: [`app`] puts the parts together; requests enter through [`http`] and
//! [`socket`], which call [`service`]. The services apply the rules of [`domain`] and keep lasting data in [`store`]. Live sessions and
//! channels are in the memory of actors (crate `actors`), behind one handle.

pub mod acme;
pub mod app;
pub mod cli;
pub mod config;
pub mod drill;
pub mod fd_limits;
pub mod http;
pub mod lifecycle;
mod metric_table;
pub mod pages;
pub mod postgres;
pub mod secrets;
pub mod socket;
pub mod telemetry;
pub mod tls;
mod traces;
pub mod unix_socket;
