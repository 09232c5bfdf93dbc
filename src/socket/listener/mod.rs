//! The listening sockets: accepting connections, TLS, HTTP/1.1, and the limits of connections that are not WebSockets.
//!
//! Called by the composition root. Passes upgrade requests to `websocket::handshake`, and everything else to the REST application.

pub(super) mod accept;
pub(super) mod http_deadline;
pub(super) mod plain_connection_limit;
