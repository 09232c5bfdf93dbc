//! The revocations that this node is carrying out itself. The revocation feed reads them, too, like all others. This registry
//! makes sure that each of them is carried out once.
//!
//! An order is one revocation that this node was asked for. The revoker begins the order here before the commit, and ends it when
//! the result is known. For each revocation that the feed reads, it asks here which work remains. No I/O.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use protocol::id::RevocationId;
use store::{CommittedRevocation, HeardRevocation};
use tokio::sync::Notify;
use uuid::Uuid;

/// How many of its own revocations a node remembers until the feed reads them, normally at its next look. If looks fail for so
/// long that there are more, the oldest is forgotten, and the feed carries it out again. That does no harm, because its sessions
/// have ended already; only after a changed role do sockets reconnect once more.
const MAX_UNSEEN: usize = 65_536;

/// The revocations that this node is carrying out itself. Shared by the feed and by every order in flight.
#[derive(Default)]
pub(crate) struct InFlightRevocations(Mutex<State>);

#[derive(Default)]
struct State {
    /// Orders that are being committed. Their numbers are not known yet.
    committing: HashMap<Uuid, PendingCommit>,
    /// Revocations that were carried out here and that the feed has not read yet. The value is `looks` at that time.
    unseen: BTreeMap<RevocationId, u64>,
    /// The number of looks that have begun.
    looks: u64,
    /// Committed orders that the feed has read and whose task was dropped. The feed must carry them out.
    orphans: Vec<CommittedRevocation>,
}

/// An order that is being committed, and what the feed has read about it.
#[derive(Default)]
struct PendingCommit {
    seen: Option<CommittedRevocation>,
    wake: Arc<Notify>,
}

/// The work that remains for the feed after it has read a revocation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RemainingWork {
    /// Nothing: this node has carried the revocation out.
    Nothing,
    /// Set the tombstones. The task of the order closes the sockets.
    Tombstones,
    /// Everything: this node has no such order.
    Everything,
}

/// An order in flight. If it is dropped, the feed does the rest of its work.
pub(crate) struct InFlightRevocation {
    registry: Arc<InFlightRevocations>,
    origin: Uuid,
    wake: Arc<Notify>,
}

impl InFlightRevocation {
    /// Waits until the feed has read that the order is committed, and has set the tombstones.
    pub(crate) async fn seen(&self) {
        self.wake.notified().await;
    }

    /// Ends the order: from here on, its task carries it out. `id` is given if the database has answered; then the tombstones
    /// must be set already. Returns the revocation if the feed has read it.
    pub(crate) fn end(self, id: Option<RevocationId>) -> Option<CommittedRevocation> {
        self.registry.end(self.origin, id)
    }
}

impl Drop for InFlightRevocation {
    fn drop(&mut self) {
        // After `end`, the registry has nothing of this order.
        if let Some(seen) = self.registry.end(self.origin, None) {
            self.registry.0.lock().orphans.push(seen);
        }
    }
}

impl InFlightRevocations {
    /// Begins an order before its commit. Until the order ends, the feed sets its tombstones if the feed is faster, and leaves
    /// the sockets to the order's task.
    pub(crate) fn begin(registry: &Arc<Self>, origin: Uuid) -> InFlightRevocation {
        let slot = PendingCommit::default();
        let wake = Arc::clone(&slot.wake);
        registry.0.lock().committing.insert(origin, slot);
        InFlightRevocation { registry: Arc::clone(registry), origin, wake }
    }

    fn end(&self, origin: Uuid, id: Option<RevocationId>) -> Option<CommittedRevocation> {
        let mut state = self.0.lock();
        let seen = state.committing.remove(&origin).and_then(|slot| slot.seen);
        if let (None, Some(id)) = (&seen, id) {
            state.claim(id);
        }
        seen
    }

    /// Notes that this node is carrying out a revocation.
    pub(crate) fn claim(&self, id: RevocationId) {
        self.0.lock().claim(id);
    }

    /// The work that remains for a revocation that the feed has read. To be called once for each revocation.
    pub(crate) fn remaining_work(&self, heard: &HeardRevocation) -> RemainingWork {
        let mut state = self.0.lock();
        if heard.committed.id.is_some_and(|id| state.unseen.remove(&id).is_some()) {
            return RemainingWork::Nothing;
        }
        if state.committing.contains_key(&heard.origin) {
            RemainingWork::Tombstones
        } else {
            RemainingWork::Everything
        }
    }

    /// Hands a committed order back to its task, after its tombstones are set. `false` if the task has failed meanwhile.
    pub(crate) fn hand_over(&self, heard: &HeardRevocation) -> bool {
        let mut state = self.0.lock();
        let Some(slot) = state.committing.get_mut(&heard.origin) else {
            // The order has ended. If the database answered, the task carries it out; if the order failed, the task does not.
            return heard.committed.id.is_some_and(|id| state.unseen.remove(&id).is_some());
        };
        slot.seen = Some(heard.committed.clone());
        slot.wake.notify_one();
        true
    }

    /// Counts a look that begins. Returns its number, for [`Self::seen_all`].
    pub(crate) fn begin_look(&self) -> u64 {
        let mut state = self.0.lock();
        state.looks += 1;
        state.looks
    }

    /// Forgets the claims from before this look: the feed has read everything that was committed before the look began. Returns
    /// the revocations that the feed must carry out.
    pub(crate) fn seen_all(&self, look: u64) -> Vec<CommittedRevocation> {
        let mut state = self.0.lock();
        state.unseen.retain(|_, claimed| *claimed >= look);
        std::mem::take(&mut state.orphans)
    }
}

impl State {
    fn claim(&mut self, id: RevocationId) {
        if self.unseen.len() >= MAX_UNSEEN {
            self.unseen.pop_first();
        }
        self.unseen.insert(id, self.looks);
    }
}

#[cfg(test)]
#[path = "in_flight_revocations_tests.rs"]
mod tests;
