//! The revocation feed: what other nodes and the command line revoked reaches this node's tombstones, cache and sockets.
//!
//! Runs on the database's runtime. It looks when it is notified and at least every [`POLL`]; only while its last look is
//! fresh may anything be answered from memory. After a gap it goes on from where it was, so what was revoked meanwhile is
//! carried out before memory is trusted again.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use portcullis_actors::id::RevocationId;
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

use super::{Parts, Services};
use crate::store::{RevocationListener, StoreError, Watermark};

/// How often to look when nothing notifies.
const POLL: Duration = Duration::from_millis(300);
/// How old the last look may be before nothing is answered from memory.
const FRESH: Duration = Duration::from_secs(1);
/// How long to wait after the database could not be reached.
const RETRY: Duration = Duration::from_millis(200);
/// How long an asker waits for the first look after the start.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(2);
/// How many revocations are remembered as carried out, so that this node does not repeat its own.
const RECENT: usize = 1024;

/// How current this node's view of revocations is.
pub(super) struct Feed {
    origin: Instant,
    /// When the last look that succeeded began, in milliseconds after `origin`.
    looked_ms: AtomicU64,
    begun: watch::Sender<bool>,
    own: Mutex<Own>,
}

/// What this node carries out itself.
#[derive(Default)]
struct Own {
    /// Orders that are being committed: their numbers are not known yet.
    under_way: HashSet<Uuid>,
    /// The latest revocations that were or are being carried out.
    recent: VecDeque<RevocationId>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            looked_ms: AtomicU64::new(0),
            begun: watch::Sender::new(false),
            own: Mutex::default(),
        }
    }
}

impl Feed {
    /// Whether every revocation that committed more than [`FRESH`] ago has been carried out here.
    pub(super) fn is_current(&self) -> bool {
        let looked = Duration::from_millis(self.looked_ms.load(Ordering::Acquire));
        *self.begun.borrow() && self.origin.elapsed().saturating_sub(looked) < FRESH
    }

    /// Waits, bounded, for the first look. Before that not even the database's word is enough: a revocation that commits
    /// after it, and before the first look, would never be announced to what was let in.
    pub(super) async fn has_begun(&self) -> bool {
        if *self.begun.borrow() {
            return true;
        }
        let mut begun = self.begun.subscribe();
        let first_look = timeout(FIRST_LOOK_WITHIN, begun.wait_for(|begun| *begun)).await;
        matches!(first_look, Ok(Ok(_)))
    }

    /// An order is about to be committed here; the feed leaves it alone until it has ended.
    pub(super) fn begin(&self, origin: Uuid) {
        self.own.lock().under_way.insert(origin);
    }

    /// The order has ended: this node carries it out under that number, or, without one, whoever hears of it.
    pub(super) fn end(&self, origin: Uuid, id: Option<RevocationId>) {
        if let Some(id) = id {
            self.claim(id);
        }
        self.own.lock().under_way.remove(&origin);
    }

    /// Remembers that a revocation is being carried out here. `false` if it was before.
    pub(super) fn claim(&self, id: RevocationId) -> bool {
        let recent = &mut self.own.lock().recent;
        if recent.contains(&id) {
            return false;
        }
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(id);
        true
    }

    fn is_under_way(&self, origin: Uuid) -> bool {
        self.own.lock().under_way.contains(&origin)
    }

    fn recent(&self) -> Vec<RevocationId> {
        self.own.lock().recent.iter().copied().collect()
    }

    fn looked(&self, began: Instant) {
        let looked = began.duration_since(self.origin).as_millis();
        self.looked_ms.store(u64::try_from(looked).unwrap_or(u64::MAX), Ordering::Release);
        self.begun.send_if_modified(|begun| !std::mem::replace(begun, true));
    }
}

/// Follows the database until told to stop, or until the services are gone.
pub(super) async fn run(parts: Weak<Parts>, mut stop: watch::Receiver<bool>) {
    let mut place = None;
    let mut lost = false;
    loop {
        let end = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            end = follow(&parts, &mut place, &mut lost) => end,
        };
        let Some(error) = end else { return };
        if !std::mem::replace(&mut lost, true) {
            tracing::warn!(%error, "revocations made elsewhere cannot be heard of: nothing is answered from memory");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Follows on one connection. `None` when the services are gone.
async fn follow(parts: &Weak<Parts>, place: &mut Option<Watermark>, lost: &mut bool) -> Option<StoreError> {
    let store = parts.upgrade()?.store.clone();
    let mut listener = match store.listen().await {
        Ok(listener) => listener,
        Err(error) => return Some(error),
    };
    drop(store);
    loop {
        // Strong only while looking, so that the feed keeps nothing alive.
        let services = Services(parts.upgrade()?);
        if let Err(error) = look(&services, &listener, place).await {
            return Some(error);
        }
        drop(services);
        if std::mem::replace(lost, false) {
            tracing::info!("revocations are heard of again");
        }
        if let Ok(Err(error)) = timeout(POLL, listener.next()).await {
            return Some(error);
        }
    }
}

/// Carries out everything since the last look, and only then counts as having looked.
async fn look(
    services: &Services,
    listener: &RevocationListener,
    place: &mut Option<Watermark>,
) -> Result<(), StoreError> {
    let began = Instant::now();
    let next = match place {
        None => listener.watermark().await?,
        Some(place) => {
            let (found, mut next) = listener.since(*place, &services.feed.recent()).await?;
            for heard in found {
                if services.feed.is_under_way(heard.origin) {
                    // Its own part of this node is at it; should that fail after all, it is found again next time.
                    next = next.min(heard.at);
                } else {
                    services.carry_out_elsewhere(heard.committed);
                }
            }
            next
        }
    };
    *place = Some(next);
    services.feed.looked(began);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_current_before_the_first_look() {
        let feed = Feed::default();
        assert!(!feed.is_current());
        feed.looked(Instant::now());
        assert!(feed.is_current());
    }

    #[test]
    fn a_look_that_began_too_long_ago_is_not_current() {
        let feed = Feed { origin: Instant::now() - FRESH * 2, ..Feed::default() };
        feed.looked(feed.origin + FRESH / 2);
        assert!(!feed.is_current());
        feed.looked(Instant::now());
        assert!(feed.is_current());
    }

    #[test]
    fn a_revocation_is_claimed_once() {
        let feed = Feed::default();
        assert!(feed.claim(RevocationId(1)));
        assert!(!feed.claim(RevocationId(1)));
    }

    #[test]
    fn an_order_under_way_is_left_alone_until_it_ends_and_claimed_if_it_committed() {
        let feed = Feed::default();
        let (committed, failed) = (Uuid::from_u128(1), Uuid::from_u128(2));
        feed.begin(committed);
        feed.begin(failed);
        assert!(feed.is_under_way(committed) && feed.is_under_way(failed));
        feed.end(committed, Some(RevocationId(7)));
        feed.end(failed, None);
        assert!(!feed.is_under_way(committed) && !feed.is_under_way(failed));
        assert!(!feed.claim(RevocationId(7)), "this node carries it out itself");
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let feed = Feed::default();
        for id in 0..=i64::try_from(RECENT).unwrap() {
            feed.claim(RevocationId(id));
        }
        assert_eq!(feed.recent().len(), RECENT);
        assert!(feed.claim(RevocationId(0)), "the first has been forgotten");
    }
}
