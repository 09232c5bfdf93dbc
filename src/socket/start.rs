//! What a connection starts with, and what it knows of its place.

use std::{net::IpAddr, sync::Arc};

use actors::runtime::{Outbox, Transport};
use protocol::{
    Emulation,
    id::{ConnectionId, DeviceId},
};

use super::{
    anchor::{Anchor, Held},
    dialogue::{Identity, VerifyRefusal},
    door::{Admitted, Door},
    permits::Permit,
};

/// Who speaks, for as long as the driver lives; the place itself is the anchor's.
pub(super) struct Place {
    pub(super) who: Identity,
    pub(super) device: Option<DeviceId>,
}

impl Place {
    pub(super) fn take(admitted: Admitted, anchor: &Anchor) -> Self {
        anchor.hold(Held { _attachment: admitted.attachment, _permit: admitted.permit, _row: admitted.row });
        Self { who: admitted.identity, device: admitted.device }
    }
}

/// What a connection starts with.
pub(super) struct Start {
    pub(super) id: ConnectionId,
    pub(super) address: IpAddr,
    pub(super) door: Arc<Door>,
    pub(super) outbox: Outbox,
    pub(super) permit: Permit,
    /// There when the handshake was authenticated.
    pub(super) admitted: Option<Admitted>,
    /// Why the cookie that came with the handshake was passed over.
    pub(super) unproven: Option<VerifyRefusal>,
    pub(super) anchor: Anchor,
    /// What carries it.
    pub(super) transport: Transport,
    /// Over an emulated transport: what the client is told at `connect`.
    pub(super) emulation: Option<Box<Emulation>>,
}
