//! What a connection starts with, and what it knows of its place.

use std::{net::IpAddr, sync::Arc};

use actors::runtime::{Outbox, Transport};
use protocol::{
    Emulation,
    id::{ConnectionId, DeviceId},
};

use crate::socket::{
    admission::connection_limits::Permit,
    connection::registration::{Anchor, Held},
    shared::{Admitted, Door},
};
use logic::client::{Identity, VerifyRefusal};

/// Who speaks, for as long as the driver lives; the place itself is the anchor's.
pub(in crate::socket) struct Place {
    pub(in crate::socket) who: Identity,
    pub(in crate::socket) device: Option<DeviceId>,
}

impl Place {
    pub(in crate::socket) fn take(admitted: Admitted, anchor: &Anchor) -> Self {
        anchor.hold(Held { _attachment: admitted.attachment, _permit: admitted.permit, _row: admitted.row });
        Self { who: admitted.identity, device: admitted.device }
    }
}

/// What a connection starts with.
pub(in crate::socket) struct Start {
    pub(in crate::socket) id: ConnectionId,
    pub(in crate::socket) address: IpAddr,
    pub(in crate::socket) door: Arc<Door>,
    pub(in crate::socket) outbox: Outbox,
    pub(in crate::socket) permit: Permit,
    /// There when the handshake was authenticated.
    pub(in crate::socket) admitted: Option<Admitted>,
    /// Why the cookie that came with the handshake was passed over.
    pub(in crate::socket) cookie_refusal: Option<VerifyRefusal>,
    pub(in crate::socket) anchor: Anchor,
    /// What carries it.
    pub(in crate::socket) transport: Transport,
    /// Over an emulated transport: what the client is told at `connect`.
    pub(in crate::socket) emulation: Option<Box<Emulation>>,
}
