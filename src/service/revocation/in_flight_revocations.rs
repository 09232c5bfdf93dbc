//! The revocations that this node is carrying out itself. The revocation feed reads them from the database, too, like all other
//! revocations. This registry tells the feed which revocations need not be carried out again.
//!
//! An order is one revocation that this node was asked for. The revoker begins the order here before the commit, and ends it
//! when the result is known. The feed asks here, for each revocation that it reads, which work remains. This file does no I/O.

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
/// long that there are more revocations, the oldest revocation is forgotten, and the feed carries it out again. That does no
/// harm, because its sessions have ended already. There is one exception: after a changed role, sockets are cut a second time,
/// and their clients reconnect.
const MAX_UNSEEN: usize = 65_536;

/// The revocations that this node is carrying out itself. The feed and every order in flight share this registry.
#[derive(Default)]
pub(crate) struct InFlightRevocations(Mutex<State>);

#[derive(Default)]
struct State {
    /// Orders that are being committed, by their ids (`origin`). The numbers of the revocations are not known yet.
    committing: HashMap<Uuid, PendingCommit>,
    /// Committed revocations that tasks of this node carry out or have carried out, and that the feed has not read yet. The
    /// value is `looks` at the time of the claim.
    unseen: BTreeMap<RevocationId, u64>,
    /// The number of looks that have begun.
    looks: u64,
    /// Orders that the feed has read and whose tasks were dropped before `end`. The feed must close their sockets.
    abandoned: Vec<CommittedRevocation>,
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
    /// Nothing: a task of this node carries the revocation out, or has done so.
    Nothing,
    /// Set the tombstones. The task of the order closes the sockets.
    Tombstones,
    /// Everything: no task of this node carries the revocation out.
    Everything,
}

/// An order in flight. If it is dropped before `end`, the feed does the remaining work.
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

    /// Removes the order from this registry. `id` is the number of the revocation, if the database has answered that the order
    /// is committed; then the tombstones must be set already. Returns the revocation if the feed has read it. With a number or
    /// a returned revocation, the task must do the remaining work. Without either, the feed does it if the order was committed
    /// anyway.
    pub(crate) fn end(self, id: Option<RevocationId>) -> Option<CommittedRevocation> {
        self.registry.end(self.origin, id)
    }
}

impl Drop for InFlightRevocation {
    fn drop(&mut self) {
        // This also runs after `end`. Then the registry has no entry for the order, and nothing happens here.
        if let Some(seen) = self.registry.end(self.origin, None) {
            self.registry.0.lock().abandoned.push(seen);
        }
    }
}

impl InFlightRevocations {
    /// Begins an order before its commit. If the feed reads the order before the database has answered the task of the order,
    /// the feed sets the tombstones and leaves the sockets to the task.
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

    /// Notes that a task of this node carries out a revocation. The feed then does nothing for this revocation.
    pub(crate) fn claim(&self, id: RevocationId) {
        self.0.lock().claim(id);
    }

    /// The work that remains for a revocation that the feed has read. Call this once for each revocation.
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

    /// Hands a committed order back to its task, after its tombstones are set. `false` if the order has ended meanwhile and its
    /// task does not know that the order is committed. Then the feed must close the sockets.
    pub(crate) fn hand_over(&self, heard: &HeardRevocation) -> bool {
        let mut state = self.0.lock();
        let Some(slot) = state.committing.get_mut(&heard.origin) else {
            // The order has ended. If the database had answered, the task does the remaining work. If the order had failed, the
            // task does nothing more.
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
    /// the orders whose tasks were dropped. The feed must close their sockets.
    pub(crate) fn seen_all(&self, look: u64) -> Vec<CommittedRevocation> {
        let mut state = self.0.lock();
        state.unseen.retain(|_, claimed| *claimed >= look);
        std::mem::take(&mut state.abandoned)
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
