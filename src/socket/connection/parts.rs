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
    /// Present until the peer has signed in.
    pub(crate) unauthenticated: Option<TotalPermit>,
    /// Present if the handshake was authenticated.
    pub(crate) admitted: Option<Admitted>,
    /// Why the cookie of the handshake was ignored.
    pub(crate) cookie_refusal: Option<VerifyRefusal>,
    pub(crate) registration: Registration,
    /// The transport that carries the connection.
    pub(crate) transport: Transport,
    /// Over an emulated transport: what the reply to `connect` tells the client.
    pub(crate) emulation: Option<Box<Emulation>>,
}

impl ConnectionParts {
    /// A number from 0 to 1 that spreads the pings of connections that open together. It comes from the connection's random id.
    pub(crate) fn jitter(&self) -> f64 {
        f64::from(self.id.0.as_u128() as u32) / f64::from(u32::MAX)
    }
}
