//! The revocation feed: what other nodes and the command line revoked or denied reaches this node's tombstones, denials,
//! cache and sockets.
//!
//! Runs on the database's runtime. It looks when it is notified and at least every [`POLL`]; only while its last look is
//! fresh may anything be answered from memory. After a gap it goes on from where it was, so what was revoked meanwhile is
//! carried out before memory is trusted again.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};

use crate::{
    Parts, Services,
    revocation::in_flight_revocations::{Own, Share},
};
use store::{HeardRevocation, RevocationListener, StoreError, Watermark};

/// How often to look when nothing notifies.
const POLL: Duration = Duration::from_millis(300);
/// How old the last look may be before nothing is answered from memory.
const FRESH: Duration = Duration::from_secs(1);
/// How long to wait after the database could not be reached.
const RETRY: Duration = Duration::from_millis(200);
/// How long an asker waits for the first look after the start.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(2);
/// How current this node's view of revocations is.
pub(crate) struct Feed {
    origin: Instant,
    /// When the last look that succeeded began, in milliseconds after `origin`.
    looked_ms: AtomicU64,
    /// When the looks that have been fresh without a gap began, likewise.
    since_ms: AtomicU64,
    begun: watch::Sender<bool>,
    /// What this node carries out itself.
    pub(crate) own: Arc<Own>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            looked_ms: AtomicU64::new(0),
            since_ms: AtomicU64::new(0),
            begun: watch::Sender::new(false),
            own: Arc::default(),
        }
    }
}

impl Feed {
    /// Whether every revocation that committed more than [`FRESH`] ago has been carried out here.
    pub(crate) fn is_current(&self) -> bool {
        let looked = Duration::from_millis(self.looked_ms.load(Ordering::Acquire));
        *self.begun.borrow() && self.origin.elapsed().saturating_sub(looked) < FRESH
    }

    /// Waits, bounded, for the first look. Before that not even the database's word is enough: a revocation that commits
    /// after it, and before the first look, would never be announced to what was let in.
    pub(crate) async fn has_begun(&self) -> bool {
        if *self.begun.borrow() {
            return true;
        }
        let mut begun = self.begun.subscribe();
        let first_look = timeout(FIRST_LOOK_WITHIN, begun.wait_for(|begun| *begun)).await;
        matches!(first_look, Ok(Ok(_)))
    }

    /// For how long that has been so without a gap; zero if it is not so.
    pub(crate) fn current_for(&self) -> Duration {
        let since = Duration::from_millis(self.since_ms.load(Ordering::Acquire));
        if self.is_current() { self.origin.elapsed().saturating_sub(since) } else { Duration::ZERO }
    }

    fn looked(&self, began: Instant) {
        let looked = began.duration_since(self.origin).as_millis();
        let looked = u64::try_from(looked).unwrap_or(u64::MAX);
        if !self.is_current() {
            self.since_ms.store(looked, Ordering::Release);
        }
        self.looked_ms.store(looked, Ordering::Release);
        self.begun.send_if_modified(|begun| !std::mem::replace(begun, true));
    }
}

/// Follows the database until told to stop, or until the services are gone.
pub(crate) async fn run(parts: Weak<Parts>, mut stop: watch::Receiver<bool>) {
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
    let number = services.feed.own.begin_look();
    let next = match place {
        None => {
            let first = listener.watermark().await?;
            // What commits from here on is heard of as well.
            let denials = listener.denials(services.clock.now()).await?;
            services.realtime.fill_denials(&denials, services.clock.now_ms());
            first
        }
        Some(place) => {
            let (found, next) = listener.since(place).await?;
            for heard in found {
                carry_out(services, heard);
            }
            services.heard_denials(listener.denials_between(place, &next).await?);
            if !services.feed.is_current() {
                services.outlived_the_gap().await?;
            }
            next
        }
    };
    *place = Some(next);
    for orphan in services.feed.own.heard_all(number) {
        services.cut_unasked(orphan);
    }
    services.feed.looked(began);
    Ok(())
}

/// What can be seen is committed: the doors are shut before anything else is answered from memory, also when the order's own
/// path still waits for an answer that may never come.
fn carry_out(services: &Services, heard: HeardRevocation) {
    let share = services.feed.own.share(&heard);
    if share == Share::Done {
        return;
    }
    services.shut(&heard.committed);
    if share == Share::All || !services.feed.own.hand_over(&heard) {
        services.cut_unasked(heard.committed);
    }
}

#[cfg(test)]
#[path = "revocation_feed_tests.rs"]
mod tests;
