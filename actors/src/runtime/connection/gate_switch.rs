//! A gate that a test can close and open. The tests of the pump (`src/socket/websocket`) use it.
//!
//! The gate of a node has no such switch: only `Realtime` opens and closes it, and without a renewal it closes by itself.

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use protocol::Encoding;

use super::{
    delivery_gate::DeliveryGate,
    outbox::{Outbox, OutboxReader, outbox_behind},
};

/// The switch of a gate.
#[doc(hidden)]
pub struct GateSwitch(Arc<DeliveryGate>);

/// An outbox behind a gate of its own.
#[doc(hidden)]
#[must_use]
pub fn switched_outbox(limit: usize, encoding: Encoding) -> (GateSwitch, Outbox, OutboxReader) {
    let gate = Arc::new(DeliveryGate::new(Instant::now()));
    let (outbox, reader) = outbox_behind(Arc::clone(&gate), Arc::default(), limit, encoding);
    (GateSwitch(gate), outbox, reader)
}

impl GateSwitch {
    /// Closes the gate.
    pub fn close(&self) {
        self.0.close(Instant::now());
    }

    /// Opens the gate, and wakes the connections that wait.
    pub fn open(&self) {
        self.0.open().iter().filter_map(Weak::upgrade).for_each(|connection| connection.resume());
    }
}
