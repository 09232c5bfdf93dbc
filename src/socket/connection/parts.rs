//! [`ConnectionParts`]: the parts that a driver is made from.

use std::{net::IpAddr, sync::Arc};

use actors::runtime::{Outbox, Transport};
use logic::client::VerifyRefusal;
use protocol::{Emulation, id::ConnectionId};

use super::registration::Registration;
use crate::socket::{
    admission::{connection_limits::TotalPermit, register::Admitted},
    shared::SocketContext,
};

/// What a connection starts with.
pub(crate) struct ConnectionParts {
    pub(crate) id: ConnectionId,
    pub(crate) address: IpAddr,
    pub(crate) context: Arc<SocketContext>,
    pub(crate) outbox: Outbox,
    /// The permit for a peer that has not signed in; `None` if the handshake was authenticated.
    pub(crate) unauthenticated: Option<TotalPermit>,
    /// The identity and the registration of a connection after an authenticated handshake; otherwise `None`.
    pub(crate) admitted: Option<Admitted>,
    /// Why the cookie of the request was ignored; `None` if no cookie was ignored.
    pub(crate) cookie_refusal: Option<VerifyRefusal>,
    pub(crate) registration: Registration,
    /// The transport that carries the connection.
    pub(crate) transport: Transport,
    /// The values that the reply to `connect` gives to the client of an emulated transport; `None` for a WebSocket.
    pub(crate) emulation: Option<Box<Emulation>>,
}

impl ConnectionParts {
    /// A number from 0 to 1 that spreads the pings of connections with the same start. It comes from the connection's random
    /// id.
    pub(crate) fn jitter(&self) -> f64 {
        f64::from(self.id.0.as_u128() as u32) / f64::from(u32::MAX)
    }
}
