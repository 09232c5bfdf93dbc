//! The listening sockets: accepting connections, TLS, HTTP/1.1, and the limits of connections that are not WebSockets.
//!
//! The composition root starts the listeners. WebSocket handshakes are passed to `websocket::handshake`, and all other requests
//! to the REST application.

pub(crate) mod accept;
mod declined_upgrade;
pub(crate) mod http_deadline;
mod plain_connection_limit;
pub(crate) mod plain_connections;
pub(crate) mod tls_handshakes;
mod worker_lag;
