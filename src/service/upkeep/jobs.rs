//! The runner of background jobs.
//!
//! A [`Job`] has a name and a trigger, and does one bounded pass per run. The runner catches panics: a job that has panicked
//! runs again at its next trigger. The runner counts runs, failures and panics, and records the last success. After
//! [`MAX_PANICS`] panics in a row, the node is no longer ready.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use parking_lot::Mutex;
use tokio::sync::{Notify, RwLock, RwLockWriteGuard, watch};

use crate::core::{clock::Clock, failure::Failure};

/// After this many panics of a job, without a success between them, the node is no longer ready.
const MAX_PANICS: u32 = 3;

/// One pass of a job.
type Pass = Box<dyn Fn() -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// A background job.
pub(crate) struct Job {
    name: &'static str,
    trigger: Trigger,
    pass: Pass,
}

/// When a job runs.
enum Trigger {
    /// After each interval. A stop cancels the pass.
    Every(Duration),
    /// After each notification. A stop lets the pass finish and runs one more.
    Notified(Arc<Notify>, Batching),
}

/// How a notified job gathers its work.
#[derive(Clone, Copy)]
pub(crate) struct Batching {
    /// The wait after a notification, so that one pass does the work of many notifications.
    pub(crate) gather: Duration,
    /// How long to wait after a pass that failed.
    pub(crate) retry: Duration,
}

impl Job {
    /// A job that runs after each interval. A stop cancels a pass, so a pass must be safe to cancel.
    pub(crate) fn every<F>(
        interval: Duration,
        name: &'static str,
        pass: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self { name, trigger: Trigger::Every(interval), pass: Box::new(move || pass().boxed()) }
    }

    /// A job that runs after each notification, and once more when it is stopped. A stop does not cancel a pass.
    pub(crate) fn on_notify<F>(
        wake: Arc<Notify>,
        batching: Batching,
        name: &'static str,
        pass: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self { name, trigger: Trigger::Notified(wake, batching), pass: Box::new(move || pass().boxed()) }
    }

    /// Runs until `stop` is true, or until its sender is dropped.
    pub(crate) async fn run(self, health: Arc<JobHealth>, mut stop: watch::Receiver<bool>) {
        match &self.trigger {
            Trigger::Every(interval) => self.run_every(*interval, &health, &mut stop).await,
            Trigger::Notified(wake, batching) => {
                self.run_notified(wake, *batching, &health, &mut stop).await;
            }
        }
    }

    /// One pass. Waits while no pass may run.
    async fn pass(&self, health: &JobHealth) -> Option<Result<(), Failure>> {
        let _under_way = health.passes.read().await;
        health.observe(self.name, (self.pass)()).await
    }

    async fn run_every(&self, interval: Duration, health: &JobHealth, stop: &mut watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(interval) => {}
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = self.pass(health) => {}
            }
        }
    }

    async fn run_notified(
        &self,
        wake: &Notify,
        batching: Batching,
        health: &JobHealth,
        stop: &mut watch::Receiver<bool>,
    ) {
        loop {
            let stopping = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => true,
                () = wake.notified() => false,
            };
            if stopping {
                self.pass(health).await;
                return;
            }
            tokio::time::sleep(batching.gather).await;
            let done = self.pass(health).await;
            if !matches!(done, Some(Ok(()))) {
                tokio::time::sleep(batching.retry).await;
            }
        }
    }
}

/// The health of all jobs: how often each has panicked in a row, and whether passes are under way.
pub(crate) struct JobHealth {
    clock: Clock,
    /// Each pass of a job holds it for reading.
    passes: RwLock<()>,
    /// Panics in a row, by the names of jobs.
    panics: Mutex<BTreeMap<&'static str, u32>>,
}

impl JobHealth {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, passes: RwLock::default(), panics: Mutex::default() }
    }

    /// Waits until no pass of a job is under way. None begins before the guard is dropped.
    pub(crate) async fn between_passes(&self) -> RwLockWriteGuard<'_, ()> {
        self.passes.write().await
    }

    /// Runs one pass of a job, counts its outcome, and catches its panic. `None` if it panicked.
    pub(crate) async fn observe<T, E>(
        &self,
        job: &'static str,
        pass: impl Future<Output = Result<T, E>>,
    ) -> Option<Result<T, E>> {
        metrics::counter!("job_runs_total", "job" => job).increment(1);
        // Safe to continue after a panic: a pass keeps its state in the database, or behind locks that a panic does not poison.
        match AssertUnwindSafe(pass).catch_unwind().await {
            Ok(Ok(done)) => {
                self.succeeded(job);
                Some(Ok(done))
            }
            Ok(Err(failure)) => {
                metrics::counter!("job_failures_total", "job" => job).increment(1);
                Some(Err(failure))
            }
            Err(_) => {
                self.panicked(job);
                None
            }
        }
    }

    /// Records a success of a pass, or of a step of a job without passes.
    pub(crate) fn succeeded(&self, job: &'static str) {
        metrics::gauge!("job_last_success_seconds", "job" => job)
            .set(self.clock.now().unix_timestamp() as f64);
        if self.panics.lock().remove(job).is_some_and(|panics| panics >= MAX_PANICS) {
            tracing::info!(job, "a background job has recovered");
        }
    }

    /// A job that has panicked too often in a row, if there is one.
    pub(crate) fn failing_job(&self) -> Option<&'static str> {
        let panics = self.panics.lock();
        panics.iter().find(|(_, panics)| **panics >= MAX_PANICS).map(|(job, _)| *job)
    }

    fn panicked(&self, job: &'static str) {
        metrics::counter!("job_panics_total", "job" => job).increment(1);
        let in_a_row = {
            let mut panics = self.panics.lock();
            let count = panics.entry(job).or_default();
            *count += 1;
            *count
        };
        tracing::error!(job, in_a_row, "a background job panicked; it will run again");
        if in_a_row == MAX_PANICS {
            tracing::error!(job, "a background job panics again and again; this node is no longer ready");
        }
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
