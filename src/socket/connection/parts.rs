//! [`ConnectionParts`]: what a driver is made from.

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
