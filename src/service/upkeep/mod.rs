//! Background work, and whether this node is ready for requests.
//!
//! Depends on every other room; no room depends on it.

pub(crate) mod account_keys;
pub(crate) mod batches;
pub(crate) mod channel_retention;
pub(crate) mod database_check;
pub(crate) mod delivery_hold;
pub(crate) mod expiry;
pub(crate) mod jobs;
pub(crate) mod revocation_feed;
pub(crate) mod revoked_rows;
pub(crate) mod row_retention;
pub(crate) mod step_log;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use account_keys::AccountKeys;
use actors::Realtime;
use channel_retention::ChannelRetention;
use database_check::DatabaseCheck;
use delivery_hold::DeliveryHold;
use domain::{retention::RetentionPeriods, session::SessionLimits};
use expiry::Expiry;
use jobs::{Batching, Job, JobHealth};
use parking_lot::Mutex;
use revocation_feed::RevocationFeed;
use row_retention::RowRetention;
use store::Store;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    access::{Access, feed_state::FeedState, outages::Outages},
    core::{Core, bans::Bans, clock::Clock, failure::Failure},
    realtime::external_sessions::ExternalSessions,
    revocation::Revocation,
    settings::OnStale,
};

/// How often bans are loaded. A ban of another node arrives here within this time.
const LOAD_BANS_EVERY: Duration = Duration::from_secs(3);
/// How ends of external sessions are gathered before they are written.
const ENDS_BATCHING: Batching =
    Batching { gather: Duration::from_millis(100), retry: Duration::from_secs(1) };

/// The settings of [`Upkeep`].
#[derive(Clone, Copy)]
pub(crate) struct UpkeepSettings {
    /// How long attempts to sign in are kept.
    pub(crate) attempts: Duration,
    /// How long rows of the other tables are kept.
    pub(crate) rows: RetentionPeriods,
    /// What happens to deliveries while this node cannot read revocations.
    pub(crate) on_stale: OnStale,
}

/// The capability to run background jobs. Dropping it stops them.
pub struct Upkeep {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    bans: Bans,
    feed: Arc<FeedState>,
    outages: Arc<Outages>,
    revocation: Arc<Revocation>,
    external_sessions: ExternalSessions,
    expiry: Arc<Expiry>,
    retention: Arc<ChannelRetention>,
    on_stale: OnStale,
    rows: Arc<RowRetention>,
    account_keys: Arc<AccountKeys>,
    health: Arc<JobHealth>,
    database: DatabaseCheck,
    closing: AtomicBool,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Upkeep {
    /// Prepares the jobs. Nothing runs yet.
    pub(crate) fn new(
        core: &Core,
        access: &Access,
        revocation: Arc<Revocation>,
        external_sessions: ExternalSessions,
        sessions: SessionLimits,
        settings: UpkeepSettings,
    ) -> Self {
        let Core { store, realtime, clock, audit, bans, .. } = core;
        let feed = Arc::clone(&access.feed);
        let expiry = Expiry {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            audit: audit.clone(),
            verifier: access.verifier.clone(),
            revoker: revocation.revoker.clone(),
            external_sessions: external_sessions.clone(),
            feed: Arc::clone(&feed),
            outages: Arc::clone(&access.outages),
            sessions,
            attempts_kept: settings.attempts,
        };
        let retention =
            ChannelRetention { store: store.clone(), realtime: realtime.clone(), clock: clock.clone() };
        Self {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            bans: bans.clone(),
            feed,
            outages: Arc::clone(&access.outages),
            revocation,
            external_sessions,
            health: Arc::new(JobHealth::new(clock.clone())),
            expiry: Arc::new(expiry),
            retention: Arc::new(retention),
            on_stale: settings.on_stale,
            rows: Arc::new(RowRetention {
                store: store.clone(),
                clock: clock.clone(),
                periods: settings.rows,
            }),
            account_keys: Arc::new(AccountKeys::new(store.clone())),
            database: DatabaseCheck::default(),
            closing: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            tasks: Mutex::default(),
        }
    }

    /// Starts the jobs, on the database's runtime. Until the revocation feed has looked at the database once, no credential is
    /// accepted.
    pub fn start(&self) {
        let runtime = self.store.runtime();
        let feed = self.revocation_feed().run(Arc::clone(&self.health), self.stop.subscribe());
        let hold = self.delivery_hold().run(Arc::clone(&self.health), self.stop.subscribe());
        let mut tasks = vec![runtime.spawn(feed), runtime.spawn(hold)];
        for job in self.jobs() {
            tasks.push(runtime.spawn(job.run(Arc::clone(&self.health), self.stop.subscribe())));
        }
        self.tasks.lock().extend(tasks);
    }

    /// Stops the jobs, and waits until they have stopped.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            // A task that panicked has ended, too.
            let _ = task.await;
        }
    }

    /// Makes [`Upkeep::ready`] refuse from here on.
    pub fn stop_accepting(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether this node should receive requests: it is not stopping, its knowledge of revocations is current, no job panics
    /// repeatedly, and the database accepts writes. The database is asked at most once a second.
    ///
    /// # Errors
    /// `Unavailable` otherwise.
    pub async fn ready(&self) -> Result<(), Failure> {
        if self.closing.load(Ordering::Acquire) || !self.feed.is_current() {
            return Err(Failure::unavailable());
        }
        if let Some(job) = self.health.failing_job() {
            tracing::warn!(job, "not ready: a background job panics again and again");
            return Err(Failure::unavailable());
        }
        self.database.check(&self.store).await
    }

    /// One pass of expiry and of both retentions, as if the database had been reachable for a while.
    ///
    /// # Errors
    /// The first failure. All other steps have run.
    pub async fn run_once(&self) -> Result<(), Failure> {
        let rows = revoked_rows::end_rows(&self.store).await;
        let expired = self.expiry.run_as(true).await;
        let channels = self.retention.run().await;
        rows.and(expired).and(channels).and(self.rows.run().await)
    }

    /// Prepares what the server needs before it accepts requests: loads the bans, and creates the partitions for attempts to
    /// sign in.
    ///
    /// # Errors
    /// If the bans cannot be loaded. Missing partitions are no error, because attempts then go to the default partition.
    pub async fn prepare(&self) -> Result<(), store::StoreError> {
        self.bans.load().await?;
        let _ = self.expiry.keep_attempt_months().await;
        Ok(())
    }

    fn revocation_feed(&self) -> RevocationFeed {
        RevocationFeed {
            store: self.store.clone(),
            realtime: self.realtime.clone(),
            clock: self.clock.clone(),
            state: Arc::clone(&self.feed),
            outages: Arc::clone(&self.outages),
            in_flight: Arc::clone(&self.revocation.in_flight),
            revoker: self.revocation.revoker.clone(),
            denials: self.revocation.denials.clone(),
            verifier: self.expiry.verifier.clone(),
            external_sessions: self.external_sessions.clone(),
        }
    }

    fn delivery_hold(&self) -> DeliveryHold {
        DeliveryHold {
            feed: Arc::clone(&self.feed),
            realtime: self.realtime.clone(),
            clock: self.clock.clone(),
            on_stale: self.on_stale,
        }
    }

    fn jobs(&self) -> [Job; 7] {
        let (expiry, retention) = (Arc::clone(&self.expiry), Arc::clone(&self.retention));
        let (rows, account_keys) = (Arc::clone(&self.rows), Arc::clone(&self.account_keys));
        let (bans, store) = (self.bans.clone(), self.store.clone());
        let external = self.external_sessions.clone();
        [
            Job::every(expiry::EVERY, "expiry", move || {
                let expiry = Arc::clone(&expiry);
                async move { expiry.run().await }
            }),
            Job::every(channel_retention::EVERY, "channel_retention", move || {
                let retention = Arc::clone(&retention);
                async move { retention.run().await }
            }),
            Job::every(revoked_rows::EVERY, "revoked_rows", move || {
                let store = store.clone();
                async move { revoked_rows::end_rows(&store).await }
            }),
            Job::every(row_retention::EVERY, "row_retention", move || {
                let rows = Arc::clone(&rows);
                async move { rows.run().await }
            }),
            Job::every(account_keys::EVERY, "account_keys", move || {
                let account_keys = Arc::clone(&account_keys);
                async move { account_keys.run().await }
            }),
            Job::every(LOAD_BANS_EVERY, "ban_refresh", move || {
                let bans = bans.clone();
                async move { refresh_bans(&bans).await }
            }),
            Job::on_notify(external.end_added(), ENDS_BATCHING, "external_session_ends", move || {
                let external = external.clone();
                async move { external.write_ends().await }
            }),
        ]
    }
}

/// Loads the bans. While the database is unavailable, the bans in memory stay in force.
async fn refresh_bans(bans: &Bans) -> Result<(), Failure> {
    bans.load().await.map_err(|error| {
        tracing::debug!(%error, "could not load the bans");
        Failure::unavailable()
    })
}
