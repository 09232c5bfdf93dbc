//! Background work, and whether this node is ready for requests.
//!
//! This module may use every other module of this crate. No other module uses it.

pub(crate) mod account_keys;
pub(crate) mod audit_months;
pub(crate) mod batches;
pub(crate) mod channel_retention;
pub(crate) mod completed_revocations;
pub(crate) mod database_check;
pub(crate) mod delivery_hold;
pub(crate) mod drills;
pub(crate) mod erased_channels;
pub(crate) mod erasure;
pub(crate) mod erasure_records;
pub(crate) mod expiry;
pub(crate) mod jobs;
pub(crate) mod measurements;
pub(crate) mod reseal;
pub(crate) mod revocation_feed;
pub(crate) mod revoked_rows;
pub(crate) mod row_retention;
pub(crate) mod statistics;
pub(crate) mod step_log;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use account_keys::AccountKeys;
use actors::Realtime;
use audit_months::AuditMonths;
use channel_retention::ChannelRetention;
use completed_revocations::CompletedRevocations;
use database_check::DatabaseCheck;
use delivery_hold::DeliveryHold;
use domain::{
    account::erasure::ErasureRules,
    crypto::{lasting_keys::LastingKeys, secret_ring::SecretRing},
    retention::RetentionPeriods,
    session::SessionLimits,
};
use drills::DrillJob;
use erased_channels::ErasedChannelsJob;
use erasure::Erasing;
use expiry::Expiry;
use jobs::{Batching, Job, JobHealth};
use measurements::Measurements;
use parking_lot::Mutex;
use reseal::Reseal;
use revocation_feed::RevocationFeed;
use row_retention::RowRetention;
use statistics::StatisticsJob;
use store::Store;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{
    access::{Access, feed_state::FeedState, outages::Outages},
    audit_log::{anchoring, log::AuditLog, sequencer},
    core::{
        Core,
        bans::Bans,
        clock::Clock,
        failure::Failure,
        lasting_keys::{LastingKeysError, lasting_keys},
    },
    drill::Drills,
    events::{
        delivery::{self, Delivery},
        receiver_secrets::ReceiverSecrets,
    },
    mail::{self, delivery::MailDelivery},
    realtime::external_sessions::ExternalSessions,
    revocation::Revocation,
    settings::OnStale,
};

/// How often bans are loaded. A ban of another node usually takes effect here within this time.
const LOAD_BANS_EVERY: Duration = Duration::from_secs(3);
/// How ends of external sessions are gathered before they are written.
const ENDS_BATCHING: Batching =
    Batching { gather: Duration::from_millis(100), retry: Duration::from_secs(1) };

/// How notes on the progress of revocations are gathered before they are written.
const NOTES_BATCHING: Batching =
    Batching { gather: Duration::from_millis(50), retry: Duration::from_secs(1) };

/// The settings of [`Upkeep`].
#[derive(Clone)]
pub(crate) struct UpkeepSettings {
    /// How long attempts to sign in are kept.
    pub(crate) attempts: Duration,
    /// How long rows of the other tables are kept.
    pub(crate) rows: RetentionPeriods,
    /// The id of this process.
    pub(crate) node: Uuid,
    /// What happens to deliveries while this node cannot read revocations.
    pub(crate) on_stale: OnStale,
    /// How erasures are carried out.
    pub(crate) erasure: ErasureRules,
    /// How often this node drills; `None`: only on demand.
    pub(crate) drill_interval: Option<Duration>,
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
    delivery: Arc<Delivery>,
    mails: Arc<MailDelivery>,
    drills: Drills,
    drill_interval: Option<Duration>,
    expiry: Arc<Expiry>,
    retention: Arc<ChannelRetention>,
    on_stale: OnStale,
    rows: Arc<RowRetention>,
    account_keys: Arc<AccountKeys>,
    reseal: Arc<Reseal>,
    statistics: Arc<StatisticsJob>,
    erasing: Arc<Erasing>,
    erased_channels: Arc<ErasedChannelsJob>,
    audit_log: Arc<AuditLog>,
    audit_months: Arc<AuditMonths>,
    completed: Arc<CompletedRevocations>,
    node: Uuid,
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
        (external_sessions, delivery, mails, drills): (
            ExternalSessions,
            Arc<Delivery>,
            Arc<MailDelivery>,
            Drills,
        ),
        audit_log: Arc<AuditLog>,
        sessions: SessionLimits,
        settings: UpkeepSettings,
    ) -> Self {
        let Core { store, realtime, clock, audit, bans, .. } = core;
        let feed = Arc::clone(&access.feed);
        let erasures = revocation.erasures.clone();
        let expiry = expiry_job(core, access, &revocation, &external_sessions, (sessions, settings.attempts));
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
            delivery,
            mails,
            drill_interval: settings.drill_interval,
            health: Arc::new(JobHealth::new(clock.clone())),
            expiry: Arc::new(expiry),
            retention: Arc::new(retention),
            on_stale: settings.on_stale,
            rows: Arc::new(RowRetention::of(core, settings.rows)),
            account_keys: Arc::new(AccountKeys::new(store.clone())),
            statistics: Arc::new(statistics_job(core, drills.clone(), settings.node)),
            reseal: Arc::new(Reseal {
                store: store.clone(),
                keys: core.keys.clone(),
                receivers: ReceiverSecrets::new(core.keys.clone()),
            }),
            erasing: Arc::new(Erasing::new(erasure::Parts {
                store: store.clone(),
                realtime: realtime.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                throttle: core.throttle.clone(),
                requests: erasures,
                rules: settings.erasure,
            })),
            erased_channels: Arc::new(ErasedChannelsJob::new(store.clone(), realtime.clone())),
            audit_months: Arc::new(AuditMonths {
                store: store.clone(),
                clock: clock.clone(),
                audit: audit.clone(),
                kept_days: settings.rows.audit_days(),
                reported: Mutex::default(),
            }),
            completed: Arc::new(CompletedRevocations::of(core, Arc::clone(&audit_log))),
            node: settings.node,
            audit_log,
            drills,
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
        self.drills.stop().await;
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            // A task that panicked has ended, too.
            let _ = task.await;
        }
        // Without this, receipts wait until the lease lapses.
        let _ = self.store.end_lease(self.node).await;
        self.delivery.stop();
    }

    /// Makes [`Upkeep::ready`] refuse from now on. No drill begins any more, and no session of another node's drill is claimed.
    pub fn stop_accepting(&self) {
        self.closing.store(true, Ordering::Release);
        self.drills.begin_no_more();
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

    /// One pass of each of the jobs `revoked_rows`, `reseal`, `expiry`, `channel_retention`, `erasure`, `audit_months`,
    /// `row_retention` and `erased_channels`, for tests. No job runs meanwhile, since a pass leaves rows that another pass has locked. Idle sessions are
    /// ended as if the database had been reachable for a while.
    ///
    /// # Errors
    /// The first failure. All other steps have run.
    pub async fn run_once(&self) -> Result<(), Failure> {
        let _alone = self.health.between_passes().await;
        let rows = revoked_rows::end_rows(&self.store).await;
        let expired = self.expiry.run_as(true).await;
        let channels = self.retention.run().await;
        let resealed = self.reseal.run().await;
        let erased = self.erasing.run().await;
        let months = self.audit_months.run().await;
        let kept = self.rows.run().await;
        let reread = self.erased_channels.run().await;
        rows.and(expired).and(channels).and(resealed).and(erased).and(months).and(kept).and(reread)
    }

    /// Writes the statistics of this node and adds up hours, for tests.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn write_statistics(&self) -> Result<(), Failure> {
        self.statistics.write().await?;
        self.statistics.add_up().await
    }

    /// Prepares what the server needs before it accepts requests: loads the bans, creates the partitions for attempts to sign in,
    /// and notes from when on erased channels are looked for.
    ///
    /// # Errors
    /// If the bans cannot be loaded. Missing partitions are no error, because attempts then go to the default partition; without
    /// the beginning, the first look at erased channels reads all channels again.
    pub async fn prepare(&self) -> Result<(), store::StoreError> {
        self.bans.load().await?;
        let _ = self.expiry.keep_attempt_months().await;
        let _ = self.erased_channels.begin().await;
        Ok(())
    }

    /// The lasting keys of the database, opened with these secrets. A database that has none gets them.
    ///
    /// # Errors
    /// The database cannot be reached, or these secrets do not open all of its keys.
    pub async fn lasting_keys(&self, data_encryption: &SecretRing) -> Result<LastingKeys, LastingKeysError> {
        lasting_keys(&self.store, &self.clock, data_encryption, false).await
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
            node: self.node,
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

    fn jobs(&self) -> Vec<Job> {
        let (bans, store, external) = (self.bans.clone(), self.store.clone(), self.external_sessions.clone());
        let measurements = Arc::new(Measurements {
            store: self.store.clone(),
            realtime: self.realtime.clone(),
            feed: Arc::clone(&self.feed),
        });
        let (notes, noting) = (self.revocation.notes.clone(), self.store.clone());
        let mut jobs = self.audit_jobs();
        jobs.extend(self.drill_jobs());
        jobs.extend([
            job(statistics::EVERY, "statistics", &self.statistics, |part| async move { part.run().await }),
            job(expiry::EVERY, "expiry", &self.expiry, |part| async move { part.run().await }),
            job(channel_retention::EVERY, "channel_retention", &self.retention, |part| async move {
                part.run().await
            }),
            Job::every(revoked_rows::EVERY, "revoked_rows", move || {
                let store = store.clone();
                async move { revoked_rows::end_rows(&store).await }
            }),
            Job::on_notify(notes.added(), NOTES_BATCHING, "revocation_progress", move || {
                let (notes, store) = (notes.clone(), noting.clone());
                async move { notes.write(&store).await }
            }),
            job(completed_revocations::EVERY, "completed_revocations", &self.completed, |part| async move {
                part.run().await
            }),
            job(row_retention::EVERY, "row_retention", &self.rows, |part| async move { part.run().await }),
            job(
                account_keys::EVERY,
                "account_keys",
                &self.account_keys,
                |part| async move { part.run().await },
            ),
            job(reseal::EVERY, "reseal", &self.reseal, |part| async move { part.run().await }),
            job(erasure::EVERY, "erasure", &self.erasing, |part| async move { part.run().await }),
            job(erased_channels::EVERY, "erased_channels", &self.erased_channels, |part| async move {
                part.run().await
            }),
            Job::every(LOAD_BANS_EVERY, "ban_refresh", move || {
                let bans = bans.clone();
                async move { refresh_bans(&bans).await }
            }),
            job(delivery::EVERY, "event_delivery", &self.delivery, |part| async move { part.run().await }),
            job(mail::delivery::EVERY, "mail_delivery", &self.mails, |part| async move { part.run().await }),
            job(measurements::EVERY, "measurements", &measurements, |part| async move {
                part.run();
                Ok(())
            }),
            Job::on_notify(external.end_added(), ENDS_BATCHING, "external_session_ends", move || {
                let external = external.clone();
                async move { external.write_ends().await }
            }),
        ]);
        jobs
    }

    fn drill_jobs(&self) -> [Job; 2] {
        let (drills, claims) = (self.drills.clone(), self.drills.clone());
        let drill = DrillJob::new(drills, &self.clock, self.drill_interval);
        [
            job(drills::EVERY, "drill", &drill, |part| async move { part.run().await }),
            Job::every(drills::CLAIMS_EVERY, "drill_claims", move || {
                let claims = claims.clone();
                async move { claims.revoke_offered().await }
            }),
        ]
    }

    fn audit_jobs(&self) -> Vec<Job> {
        let (log, anchored) = (Arc::clone(&self.audit_log), Arc::clone(&self.audit_log));
        let months = Arc::clone(&self.audit_months);
        vec![
            Job::every(sequencer::EVERY, "audit_log", move || {
                let log = Arc::clone(&log);
                async move { log.sequence().await.map_err(Failure::from) }
            }),
            Job::every(anchoring::EVERY, "audit_anchor", move || {
                let log = Arc::clone(&anchored);
                async move { log.anchor_checkpoint().await.map_err(Failure::from) }
            }),
            Job::every(audit_months::EVERY, "audit_months", move || {
                let months = Arc::clone(&months);
                async move { months.run().await }
            }),
        ]
    }
}

fn statistics_job(core: &Core, drills: Drills, node: Uuid) -> StatisticsJob {
    let Core { store, realtime, clock, .. } = core;
    let (store, realtime, clock) = (store.clone(), realtime.clone(), clock.clone());
    StatisticsJob { store, realtime, clock, node, drills, passes: AtomicU64::new(0) }
}

fn expiry_job(
    core: &Core,
    access: &Access,
    revocation: &Revocation,
    external_sessions: &ExternalSessions,
    (sessions, attempts_kept): (SessionLimits, Duration),
) -> Expiry {
    let Core { store, realtime, clock, audit, .. } = core;
    Expiry {
        store: store.clone(),
        realtime: realtime.clone(),
        clock: clock.clone(),
        audit: audit.clone(),
        verifier: access.verifier.clone(),
        revoker: revocation.revoker.clone(),
        external_sessions: external_sessions.clone(),
        feed: Arc::clone(&access.feed),
        outages: Arc::clone(&access.outages),
        sessions,
        attempts_kept,
    }
}

/// A job of this part: the part makes its passes.
fn job<T, F>(
    interval: Duration,
    name: &'static str,
    part: &Arc<T>,
    pass: impl Fn(Arc<T>) -> F + Send + Sync + 'static,
) -> Job
where
    T: Send + Sync + 'static,
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let part = Arc::clone(part);
    Job::every(interval, name, move || pass(Arc::clone(&part)))
}

/// Loads the bans. While the database is unavailable, the bans in memory stay in force.
async fn refresh_bans(bans: &Bans) -> Result<(), Failure> {
    bans.load().await.map_err(|error| {
        tracing::debug!(%error, "could not load the bans");
        Failure::unavailable()
    })
}
