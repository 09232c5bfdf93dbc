//! Which revocations this node carries out itself, so that the feed, which hears of them like of all others, neither repeats
//! them nor leaves them undone.
//!
//! `revoke` begins an order here before it commits and ends it when it knows what became of it; the feed asks here, once per
//! revocation it hears of, what is left for it to do. No I/O.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use protocol::id::RevocationId;
use tokio::sync::Notify;
use uuid::Uuid;

use store::{CommittedRevocation, HeardRevocation};

/// How many of its own revocations a node remembers until it hears of them, which is at its next look. Should the looks fail
/// for so long that there are more, the oldest is forgotten, and carried out once more when it is heard of: its sessions
/// have ended already, and after a changed role their sockets come back once more.
const UNHEARD: usize = 65_536;

/// What this node carries out itself. Shared by the feed and by every order under way.
#[derive(Default)]
pub(crate) struct Own(Mutex<State>);

#[derive(Default)]
struct State {
    /// Orders that are being committed: their numbers are not known yet.
    under_way: HashMap<Uuid, Slot>,
    /// Revocations carried out here and not heard of yet, with the number of looks begun when they were.
    unheard: BTreeMap<RevocationId, u64>,
    /// Looks begun.
    looks: u64,
    /// Seen to be committed, but whoever gave the order is gone.
    orphans: Vec<CommittedRevocation>,
}

/// An order that is being committed, and what the feed has seen of it.
#[derive(Default)]
struct Slot {
    seen: Option<CommittedRevocation>,
    wake: Arc<Notify>,
}

/// Who carries a revocation out that was heard of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// This node has done so.
    Done,
    /// The order's own path will cut the sockets: the doors are to be shut.
    Shut,
    /// Nobody else: all of it is to be done.
    All,
}

/// An order under way. Dropping it hands what is left of it to the feed.
pub(crate) struct UnderWay {
    own: Arc<Own>,
    origin: Uuid,
    wake: Arc<Notify>,
}

impl UnderWay {
    /// Waits until the feed has seen that the order is committed, and has shut the doors.
    pub(crate) async fn seen(&self) {
        self.wake.notified().await;
    }

    /// The order has ended: its own path carries it out. With `id` it was answered, and its doors are shut. What the feed
    /// saw of it, if it did.
    pub(crate) fn end(self, id: Option<RevocationId>) -> Option<CommittedRevocation> {
        self.own.end(self.origin, id)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // Nothing is left after `end`.
        if let Some(seen) = self.own.end(self.origin, None) {
            self.own.0.lock().orphans.push(seen);
        }
    }
}

impl Own {
    /// An order is about to be committed here. Until it ends the feed shuts the doors for it, should it be faster, and
    /// leaves the rest to its own path.
    pub(crate) fn begin(own: &Arc<Self>, origin: Uuid) -> UnderWay {
        let slot = Slot::default();
        let wake = Arc::clone(&slot.wake);
        own.0.lock().under_way.insert(origin, slot);
        UnderWay { own: Arc::clone(own), origin, wake }
    }

    fn end(&self, origin: Uuid, id: Option<RevocationId>) -> Option<CommittedRevocation> {
        let mut state = self.0.lock();
        let seen = state.under_way.remove(&origin).and_then(|slot| slot.seen);
        if let (None, Some(id)) = (&seen, id) {
            state.claim(id);
        }
        seen
    }

    /// Remembers that a revocation is being carried out here.
    pub(crate) fn claim(&self, id: RevocationId) {
        self.0.lock().claim(id);
    }

    /// Who carries out what was heard of. Each revocation is heard of once.
    pub(crate) fn share(&self, heard: &HeardRevocation) -> Share {
        let mut state = self.0.lock();
        if heard.committed.id.is_some_and(|id| state.unheard.remove(&id).is_some()) {
            return Share::Done;
        }
        if state.under_way.contains_key(&heard.origin) { Share::Shut } else { Share::All }
    }

    /// Hands a committed order, whose doors are shut, to its own path. `false` if that has ended meanwhile.
    pub(crate) fn hand_over(&self, heard: &HeardRevocation) -> bool {
        let mut state = self.0.lock();
        let Some(slot) = state.under_way.get_mut(&heard.origin) else {
            // It was answered meanwhile and carries itself out, or it failed and does not.
            return heard.committed.id.is_some_and(|id| state.unheard.remove(&id).is_some());
        };
        slot.seen = Some(heard.committed.clone());
        slot.wake.notify_one();
        true
    }

    /// A look begins. Its number is for [`Self::heard_all`].
    pub(crate) fn begin_look(&self) -> u64 {
        let mut state = self.0.lock();
        state.looks += 1;
        state.looks
    }

    /// Everything committed before that look began has been heard of, so what was claimed before it need not be remembered.
    /// Returns what nobody is left to carry out.
    pub(crate) fn heard_all(&self, look: u64) -> Vec<CommittedRevocation> {
        let mut state = self.0.lock();
        state.unheard.retain(|_, claimed| *claimed >= look);
        std::mem::take(&mut state.orphans)
    }
}

impl State {
    fn claim(&mut self, id: RevocationId) {
        if self.unheard.len() >= UNHEARD {
            self.unheard.pop_first();
        }
        self.unheard.insert(id, self.looks);
    }
}

#[cfg(test)]
#[path = "in_flight_revocations_tests.rs"]
mod tests;
