//! Tests: jobs that panic, fail and succeed, in virtual time.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::{advance, sleep};

use super::*;

const INTERVAL: Duration = Duration::from_secs(30);

/// What each pass of a job does.
#[derive(Clone, Copy)]
enum TestPass {
    Succeeds,
    Fails,
    Panics,
}

/// A running job. Its passes do what a list says; after the end of the list they succeed.
struct Scene {
    health: Arc<JobHealth>,
    runs: Arc<AtomicU32>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Scene {
    fn start(passes: &'static [TestPass]) -> Self {
        let (health, runs) = (Arc::new(JobHealth::new(Clock::default())), Arc::new(AtomicU32::new(0)));
        let counter = Arc::clone(&runs);
        let job = Job::every(INTERVAL, "test", move || {
            let run = counter.fetch_add(1, Ordering::Relaxed);
            let pass = passes.get(run as usize).copied().unwrap_or(TestPass::Succeeds);
            async move {
                match pass {
                    TestPass::Succeeds => Ok(()),
                    TestPass::Fails => Err(Failure::unavailable()),
                    TestPass::Panics => panic!("this pass panics on purpose"),
                }
            }
        });
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(job.run(Arc::clone(&health), stop.subscribe()));
        Self { health, runs, stop, task }
    }

    /// Lets the next pass run.
    async fn pass(&self) {
        // Time is paused. It advances when every task waits, so the job has done its pass when this ends.
        sleep(INTERVAL).await;
        advance(Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
    }

    fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_runs_again() {
    let scene = Scene::start(&[TestPass::Panics]);
    scene.pass().await;
    assert_eq!((scene.runs(), scene.health.failing_job()), (1, None));
    scene.pass().await;
    assert_eq!(scene.runs(), 2);
    assert!(!scene.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn three_panics_in_a_row_are_reported_until_a_success() {
    let scene = Scene::start(&[TestPass::Panics, TestPass::Panics, TestPass::Panics]);
    for _ in 0..2 {
        scene.pass().await;
        assert_eq!(scene.health.failing_job(), None);
    }
    scene.pass().await;
    assert_eq!(scene.health.failing_job(), Some("test"));
    scene.pass().await;
    assert_eq!(scene.health.failing_job(), None);
}

#[tokio::test(start_paused = true)]
async fn a_success_resets_the_count_of_panics_and_a_failure_does_not() {
    use TestPass::{Fails, Panics, Succeeds};
    let scene = Scene::start(&[Panics, Panics, Succeeds, Panics, Fails, Panics, Panics]);
    for _ in 0..6 {
        scene.pass().await;
        assert_eq!(scene.health.failing_job(), None);
    }
    scene.pass().await;
    assert_eq!(scene.health.failing_job(), Some("test"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_and_a_dropped_sender_end_a_job() {
    let stopped = Scene::start(&[]);
    stopped.stop.send_replace(true);
    stopped.task.await.expect("the job ends");
    let dropped = Scene::start(&[]);
    drop(dropped.stop);
    dropped.task.await.expect("the job ends");
    assert_eq!(dropped.runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_notified_job_runs_once_more_when_it_is_stopped() {
    let (wake, runs) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let counter = Arc::clone(&runs);
    let batching = Batching { gather: Duration::ZERO, retry: INTERVAL };
    let job = Job::on_notify(Arc::clone(&wake), batching, "test", move || {
        let counter = Arc::clone(&counter);
        async move {
            // The stop comes before this pass has ended, and does not cancel it.
            sleep(INTERVAL).await;
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    });
    let stop = watch::Sender::new(false);
    let task = tokio::spawn(job.run(Arc::new(JobHealth::new(Clock::default())), stop.subscribe()));
    wake.notify_one();
    tokio::task::yield_now().await;
    stop.send_replace(true);
    task.await.expect("the job ends");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}
