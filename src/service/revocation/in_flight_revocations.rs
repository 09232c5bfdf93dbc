//! The revocations that this node is carrying out itself, so that the revocation feed, which sees them like all others, neither
//! repeats them nor leaves them undone.
//!
//! The revoker begins an order here before it commits, and ends it when it knows the result. The feed asks here, once for each
//! revocation that it sees, what is left to do. No I/O.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use protocol::id::RevocationId;
use store::{CommittedRevocation, HeardRevocation};
use tokio::sync::Notify;
use uuid::Uuid;

/// How many of its own revocations a node remembers until the feed sees them, which is at its next look. If the looks fail for
/// so long that there are more, the oldest is forgotten and is carried out again when it is seen: its sessions have ended
/// already; after a changed role their sockets reconnect once more.
const MAX_UNSEEN: usize = 65_536;

/// The revocations that this node is carrying out itself. Shared by the feed and by every order in flight.
#[derive(Default)]
pub(crate) struct InFlightRevocations(Mutex<State>);

#[derive(Default)]
struct State {
    /// Orders that are being committed. Their numbers are not known yet.
    committing: HashMap<Uuid, PendingCommit>,
    /// Revocations that were carried out here and that the feed has not seen yet, with the number of looks begun by then.
    unseen: BTreeMap<RevocationId, u64>,
    /// The number of looks begun.
    looks: u64,
    /// Committed orders, seen by the feed, that no request waits for any more.
    orphans: Vec<CommittedRevocation>,
}

/// An order that is being committed, and what the feed has seen of it.
#[derive(Default)]
struct PendingCommit {
    seen: Option<CommittedRevocation>,
    wake: Arc<Notify>,
}

/// What the feed has to do for a revocation that it sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RemainingWork {
    /// Nothing: this node has carried it out.
    Nothing,
    /// Set the tombstones. The request that gave the order closes the sockets.
    Tombstones,
    /// Everything: it was ordered elsewhere.
    Everything,
}

/// An order in flight. Dropping it leaves the rest of the work to the feed.
pub(crate) struct InFlightRevocation {
    registry: Arc<InFlightRevocations>,
    origin: Uuid,
    wake: Arc<Notify>,
}

impl InFlightRevocation {
    /// Waits until the feed has seen that the order is committed, and has set the tombstones.
    pub(crate) async fn seen(&self) {
        self.wake.notified().await;
    }

    /// Ends the order: the request carries it out from here on. `id` is given if the database has answered, and the tombstones
    /// are set. Returns the revocation if the feed has seen it.
    pub(crate) fn end(self, id: Option<RevocationId>) -> Option<CommittedRevocation> {
        self.registry.end(self.origin, id)
    }
}

impl Drop for InFlightRevocation {
    fn drop(&mut self) {
        // After `end` there is nothing left.
        if let Some(seen) = self.registry.end(self.origin, None) {
            self.registry.0.lock().orphans.push(seen);
        }
    }
}

impl InFlightRevocations {
    /// Begins an order that is about to be committed here. Until it ends, the feed only sets the tombstones if it is faster,
    /// and leaves the sockets to the request.
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

    /// What is left to do for a revocation that the feed sees. Each revocation is seen once.
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

    /// Hands a committed order back to its request, after its tombstones are set. `false` if the request has ended meanwhile.
    pub(crate) fn hand_over(&self, heard: &HeardRevocation) -> bool {
        let mut state = self.0.lock();
        let Some(slot) = state.committing.get_mut(&heard.origin) else {
            // The database answered meanwhile and the request carries it out, or the request failed and does not.
            return heard.committed.id.is_some_and(|id| state.unseen.remove(&id).is_some());
        };
        slot.seen = Some(heard.committed.clone());
        slot.wake.notify_one();
        true
    }

    /// A look begins. Its number is for [`Self::seen_all`].
    pub(crate) fn begin_look(&self) -> u64 {
        let mut state = self.0.lock();
        state.looks += 1;
        state.looks
    }

    /// The feed has seen everything that was committed before this look began, so earlier claims can be forgotten. Returns the
    /// revocations that are left for the feed to carry out.
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
