//! Drills: this node opens its doors with a session of the canary account, revokes the session, and measures when a client from
//! outside sees each door shut.
//!
//! The client is behind the port [`doors::NodeDoors`], which the composition root fills in. `upkeep` runs drills by schedule and at
//! the request of the command line, and admins start them over REST. This module uses `core`, `access`, `revocation` and
//! `operators::authority`. There is no way into the server that only drills use: the session is opened by the same transaction as
//! every other session, and ended by the same revocation.

pub(crate) mod canary;
pub(crate) mod doors;
pub(crate) mod recording;
pub(crate) mod run;
pub(crate) mod settings;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::Realtime;

use canary::Canary;
use domain::drill::{DrillReport, DrillStarter};
use doors::NodeDoors;
use protocol::audit::AuditEvent;
use recording::Recording;
use run::Run;
use store::Store;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    access::Access,
    core::{
        Core, audit::AuditTrail, caller::Caller, clock::Clock, failure::Failure, request_meta::RequestMeta,
        throttle::Throttle,
    },
    operators::authority::{Authority, Right},
    revocation::Revocation,
};

/// How long a stop waits for the revocation of a session that was claimed.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// The key of the limit on drills that admins start.
const LIMIT_KEY: &str = "node";

/// The capability to drill. Clones are cheap.
#[derive(Clone)]
pub struct Drills(Arc<Parts>);

struct Parts {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    audit: AuditTrail,
    throttle: Throttle,
    authority: Authority,
    canary: Canary,
    recording: Recording,
    /// The id of this process.
    node: Uuid,
    doors: OnceLock<Arc<dyn NodeDoors>>,
    /// Held while a drill of this node runs.
    running: Mutex<()>,
    /// The number of connections of this node that belong to a drill now.
    held: AtomicUsize,
    /// Whether this node is being stopped.
    stopped: AtomicBool,
    /// Held from before the claim of a session of another node until the session is revoked.
    claiming: Mutex<()>,
}

impl Drills {
    /// `node` is the id of this process.
    pub(crate) fn new(core: &Core, access: &Access, revocation: &Revocation, node: Uuid) -> Self {
        let Core { store, realtime, clock, audit, privilege, throttle, .. } = core;
        let canary = Canary::new(
            store.clone(),
            clock.clone(),
            audit.clone(),
            access.tokens.clone(),
            revocation.revoker.clone(),
        );
        Self(Arc::new(Parts {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            throttle: throttle.clone(),
            authority: Authority::new(audit.clone(), privilege.clone(), throttle.clone()),
            canary,
            recording: Recording::new(realtime.clone(), clock.clone(), audit.clone()),
            node,
            doors: OnceLock::new(),
            running: Mutex::new(()),
            held: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            claiming: Mutex::new(()),
        }))
    }

    /// From now on, this node begins no drill, and claims no session. A node that stops refuses new connections and closes sockets,
    /// which says nothing about revocations, and it may end before it has revoked what it has claimed.
    pub(crate) fn begin_no_more(&self) {
        self.0.stopped.store(true, Ordering::Release);
    }

    /// Whether this node begins no drill and claims no session.
    pub(crate) fn has_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire) || self.0.realtime.is_draining()
    }

    /// As [`Self::begin_no_more`], and waits for the revocation of a session that was claimed before, at most five seconds.
    pub(crate) async fn stop(&self) {
        self.begin_no_more();
        // A claim looks at the switch while it holds the lock, so no claim begins after this.
        if tokio::time::timeout(SETTLED_WITHIN, self.0.claiming.lock()).await.is_err() {
            tracing::warn!("a session of another node's drill was claimed, and is not revoked yet");
        }
    }

    /// Fills in the client that opens the doors of this node. Only the first call counts.
    pub fn fill(&self, doors: Arc<dyn NodeDoors>) {
        let _ = self.0.doors.set(doors);
    }

    /// Drills the doors of this node for an admin. The drill is finished even if the request is dropped.
    ///
    /// # Errors
    /// The refusals of `authority`, `Conflict` if a drill of this node runs, `TooMany`, `Unavailable`.
    pub async fn run(
        &self,
        caller: &Caller,
        reason: String,
        meta: &RequestMeta,
    ) -> Result<DrillReport, Failure> {
        let event = self.0.authority.event(caller, "drill.run", meta).with("reason", reason);
        let mandate = self.0.authority.change(caller, Right::Administer, event).await?;
        let started = self.run_permitted(mandate.event.clone()).await;
        mandate.conclude(started).await
    }

    async fn run_permitted(&self, event: AuditEvent) -> Result<DrillReport, Failure> {
        let throttle = &self.0.throttle;
        throttle.spend(throttle.limits().drill, LIMIT_KEY).await?;
        let drills = self.clone();
        let work = async move { drills.try_drill(DrillStarter::Operator, None, event).await };
        let done = self.0.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?;
        done?.ok_or_else(|| Failure::conflict("drill_running", "A drill of this node is running."))
    }

    /// Drills the doors of this node by schedule. Nothing happens while another drill runs.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn run_scheduled(&self) -> Result<(), Failure> {
        let event = self.0.audit.local_event("drill.run");
        self.try_drill(DrillStarter::Schedule, None, event).await.map(drop)
    }

    /// Answers a request of the command line, if there is one that this node has not answered yet.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn answer_request(&self) -> Result<(), Failure> {
        let Some(request) = self.0.store.open_drill_request(self.0.node).await? else { return Ok(()) };
        let event = self.0.audit.local_event("drill.run");
        self.try_drill(DrillStarter::CommandLine, Some(request), event).await.map(drop)
    }

    /// Revokes a session that another node has offered, if there is one. A claim is followed by the revocation even if the caller is
    /// cancelled.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn revoke_offered(&self) -> Result<(), Failure> {
        let drills = self.clone();
        let work = async move { drills.claim_and_revoke().await };
        self.0.store.runtime().spawn(work).await.map_err(|_| Failure::unavailable())?
    }

    async fn claim_and_revoke(&self) -> Result<(), Failure> {
        let _claiming = self.0.claiming.lock().await;
        if self.has_stopped() {
            return Ok(());
        }
        let Some(offered) = self.0.store.claim_canary(self.0.node).await? else { return Ok(()) };
        // Without the account, no session of it can be offered.
        let Some(canary) = self.0.store.canary_account().await? else { return Ok(()) };
        self.0.canary.revoke(offered.session, canary.id).await
    }

    /// The number of connections of this node that belong to a drill now. They belong to no person.
    pub(crate) fn held_connections(&self) -> usize {
        self.0.held.load(Ordering::Acquire)
    }

    /// Runs a drill. `None` if another one is running, or if this node has answered the request already.
    async fn try_drill(
        &self,
        started_by: DrillStarter,
        request: Option<Uuid>,
        event: AuditEvent,
    ) -> Result<Option<DrillReport>, Failure> {
        let parts = &*self.0;
        if self.has_stopped() {
            return Err(Failure::unavailable());
        }
        let Ok(_running) = parts.running.try_lock() else { return Ok(None) };
        let Some(doors) = parts.doors.get() else { return Err(Failure::unavailable()) };
        let run = Run {
            store: &parts.store,
            clock: &parts.clock,
            canary: &parts.canary,
            doors: &**doors,
            held: &parts.held,
            node: parts.node,
        };
        let Some(report) = run.carry_out(started_by, request).await? else { return Ok(None) };
        parts.recording.record(&report, started_by, event).await?;
        parts.store.end_drill(&report, parts.clock.now()).await?;
        Ok(Some(report))
    }
}
