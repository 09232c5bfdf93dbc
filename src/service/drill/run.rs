//! One drill: first this node revokes a session whose doors are open here, then, if there are other nodes, another node revokes one.
//!
//! The time of a door begins before the revocation is requested. On the other node it begins when that node has claimed the
//! session, before it requests the revocation; the claim has the time of the database, and the clock of this node is compared with it
//! when the claim is read. In both parts the time that is measured is never shorter than the real one.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use domain::drill::{DrillOutcome, DrillReport, DrillStarter, DrilledDoor, RevokedBy};
use store::{NewDrill, Store};
use uuid::Uuid;

use super::{
    canary::{Canary, CanarySession},
    doors::{DoorClosed, HeldDoors, NodeDoors},
};
use crate::core::{clock::Clock, failure::Failure};

/// How long a node waits until another node has claimed its session. Nodes look for offers every half second.
const CLAIMED_WITHIN: Duration = Duration::from_secs(3);
/// How often a node looks whether its session is claimed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The parts that a drill uses.
pub(crate) struct Run<'d> {
    pub(crate) store: &'d Store,
    pub(crate) clock: &'d Clock,
    pub(crate) canary: &'d Canary,
    pub(crate) doors: &'d dyn NodeDoors,
    /// How many connections are open for the drill.
    pub(crate) held: &'d AtomicUsize,
    /// The id of this process.
    pub(crate) node: Uuid,
}

/// Why a drill ended early.
enum Stopped {
    /// A use case failed.
    Failed(Failure),
    /// A door could not be opened.
    Closed(DoorClosed),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<DoorClosed> for Stopped {
    fn from(closed: DoorClosed) -> Self {
        Self::Closed(closed)
    }
}

impl From<store::StoreError> for Stopped {
    fn from(error: store::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Stopped {
    fn note(&self) -> String {
        match self {
            Self::Failed(failure) => failure.to_string(),
            Self::Closed(closed) => closed.to_string(),
        }
    }
}

/// Counts the connections of the drill as long as it lives.
struct Held<'h>(&'h AtomicUsize);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Run<'_> {
    /// Carries the drill out. `None` if this node has answered the request already.
    ///
    /// # Errors
    /// `Unavailable` if the drill cannot begin. A drill that began has a report, also if it could not be finished.
    pub(crate) async fn carry_out(
        &self,
        started_by: DrillStarter,
        request: Option<Uuid>,
    ) -> Result<Option<DrillReport>, Failure> {
        let (drill, now) = (Uuid::new_v4(), self.clock.now());
        let new = NewDrill { id: drill, node: self.node, request, started_by, now };
        if !self.store.begin_drill(new).await? {
            return Ok(None);
        }
        let (doors, note) = self.both_parts(drill).await;
        let stopped = doors.is_err();
        let doors = doors.unwrap_or_else(|doors| doors);
        let outcome = match DrillOutcome::of(&doors) {
            DrillOutcome::Passed | DrillOutcome::Late if stopped => DrillOutcome::Failed,
            outcome => outcome,
        };
        Ok(Some(DrillReport { doors, drill, note, node: self.node, outcome }))
    }

    /// The doors of both parts, and a note. `Err` has the doors of a drill that ended early.
    async fn both_parts(&self, drill: Uuid) -> (Result<Vec<DrilledDoor>, Vec<DrilledDoor>>, Option<String>) {
        let mut doors = match self.by_this_node().await {
            Ok(doors) => doors,
            Err(stopped) => return (Err(Vec::new()), Some(stopped.note())),
        };
        match self.by_other_node(drill).await {
            Ok(OtherPart::Watched(more)) => {
                doors.extend(more);
                (Ok(doors), None)
            }
            Ok(OtherPart::Alone) => (Ok(doors), None),
            Ok(OtherPart::Unclaimed) => {
                (Ok(doors), Some("no other node has taken the session to revoke it".to_owned()))
            }
            Err(stopped) => (Err(doors), Some(stopped.note())),
        }
    }

    /// Revokes a session on this node while its doors are open here.
    async fn by_this_node(&self) -> Result<Vec<DrilledDoor>, Stopped> {
        let (session, held) = self.open().await?;
        let _counted = self.count(&*held);
        let requested_at = Instant::now();
        let watch = async { Ok::<_, Stopped>(held.watch(requested_at).await) };
        let revoke = async { Ok(self.canary.revoke(session.id, session.user).await?) };
        let (seen, ()) = tokio::try_join!(watch, revoke)?;
        let judge = |(door, seen)| DrilledDoor::judge(door, RevokedBy::ThisNode, seen);
        Ok(seen.into_iter().map(judge).collect())
    }

    /// Offers a session to the other nodes while its doors are open here, and watches the doors when a node has claimed it.
    async fn by_other_node(&self, drill: Uuid) -> Result<OtherPart, Stopped> {
        let nodes = self.store.active_nodes(self.clock.now()).await?;
        if nodes.iter().all(|node| *node == self.node) {
            return Ok(OtherPart::Alone);
        }
        let (session, held) = self.open().await?;
        let _counted = self.count(&*held);
        self.store.offer_canary(drill, session.id).await?;
        let claimed = self.claimed(drill).await;
        let part = match claimed {
            Ok(Some(at)) => {
                let seen = held.watch(at).await;
                let judge = |(door, seen)| DrilledDoor::judge(door, RevokedBy::OtherNode, seen);
                Ok(OtherPart::Watched(seen.into_iter().map(judge).collect()))
            }
            Ok(None) => Ok(OtherPart::Unclaimed),
            Err(stopped) => Err(stopped),
        };
        // Nothing happens if the other node has revoked the session. If it cannot be revoked now, it ends by itself.
        if let Err(failure) = self.canary.revoke(session.id, session.user).await {
            tracing::warn!(%failure, "a session of a drill is open until it expires");
        }
        part
    }

    /// When another node has claimed the session; `None` if none has, and the offer is withdrawn.
    async fn claimed(&self, drill: Uuid) -> Result<Option<Instant>, Stopped> {
        let deadline = Instant::now() + CLAIMED_WITHIN;
        loop {
            let asked = Instant::now();
            if let Some(claim) = self.store.canary_claim(drill).await? {
                // The database has read its clock after `asked`, so the claim is at most this old.
                return Ok(Some(asked.checked_sub(claim.ago).unwrap_or(asked)));
            }
            // If a node is faster than the withdrawal, the next look finds its claim.
            if asked >= deadline && self.store.withdraw_canary(drill).await? {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Opens a session, and every door with it. If a door cannot be opened, the session is revoked.
    async fn open(&self) -> Result<(CanarySession, Box<dyn HeldDoors>), Stopped> {
        let refused = || DoorClosed("the canary account may not sign in".to_owned());
        let session = self.canary.sign_in().await?.ok_or_else(refused)?;
        match self.doors.open(session.tokens.clone()).await {
            Ok(held) => Ok((session, held)),
            Err(closed) => {
                self.canary.revoke(session.id, session.user).await?;
                Err(closed.into())
            }
        }
    }

    fn count(&self, held: &dyn HeldDoors) -> Held<'_> {
        self.held.store(held.connections(), Ordering::Release);
        Held(self.held)
    }
}

/// What became of the part with another node.
enum OtherPart {
    /// Another node has revoked the session, and the doors were watched.
    Watched(Vec<DrilledDoor>),
    /// No other node has claimed the session in time.
    Unclaimed,
    /// There are no other nodes.
    Alone,
}
