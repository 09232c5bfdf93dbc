//! Realtime connections: the listening sockets, admission, WebSockets and the emulated transports.
//!
//! The path of a WebSocket: `listener` (accept, TLS, HTTP/1.1) → `websocket` (handshake, pump, frames) → `admission` (origin,
//! limits, credential) → `connection` (driver) → `logic::client` (protocol rules) → `Realtime`. REST requests leave this path
//! in `listener`. Emulated transports enter through the REST application and share `admission` and `connection`.
//!
//! No code here runs SQL. The services verify tokens.

mod admission;
mod connection;
pub mod emulation;
mod listener;
mod settings;
mod shared;
mod websocket;

pub use domain::client::connection_limits::ConnectionLimits;
pub use listener::{
    accept::{ConnectionFacts, Listener, Mark, serve},
    http_deadline::state::HttpTimeouts,
    tls_handshakes::TlsConfig,
};
pub use logic::client::ClientConfig;
pub use settings::SocketSettings;
pub use shared::SocketContext;
