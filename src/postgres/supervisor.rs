//! The thread that starts the postmaster (the main process of the server), starts it again after an unexpected end, and stops
//! it when the [`Supervisor`] is dropped. `cluster` uses this file.
//!
//! The thread has no other work. The kernel sends the postmaster a signal at the end of the thread that forked it. A thread of
//! a pool ends when it is idle for some time, and then the server would stop, too.

use std::{
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{error::StartError, leftovers, plan::Plan, postmaster};

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// After the server ran for longer than this, the pause before its restart is the shortest one again.
const HEALTHY: Duration = Duration::from_secs(60);

/// A supervised postmaster. Dropping this value stops the postmaster and waits for its end.
#[derive(Debug)]
pub(super) struct Supervisor {
    pid: Arc<AtomicU32>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts the thread and returns when the server accepts connections.
    pub(super) fn start(plan: Plan) -> Result<Self, StartError> {
        let (stop, stopped) = mpsc::channel();
        let (report, outcome) = mpsc::channel();
        let pid = Arc::new(AtomicU32::new(0));
        let location = plan.paths.location.clone();
        let worker = Worker { plan, stop: stopped, pid: Arc::clone(&pid) };
        let thread = std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || worker.run(&report))
            .map_err(StartError::io("start a thread for", &location))?;
        // A thread that ended without a report has panicked before it started a usable server.
        outcome.recv().unwrap_or(Err(StartError::Stopped))?;
        Ok(Self { pid, stop, thread: Some(thread) })
    }

    /// The postmaster's process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Acquire)
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // The send fails only if the thread has already ended.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The state of the thread.
struct Worker {
    plan: Plan,
    stop: Receiver<()>,
    pid: Arc<AtomicU32>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // This removes the directory only if it is empty. A directory that stays in /tmp does no harm.
        let _ = std::fs::remove_dir(&self.plan.paths.socket_dir);
    }
}

impl Worker {
    fn run(&self, report: &Sender<Result<(), StartError>>) {
        let first = self.launch();
        let (mut child, outcome) = match first {
            Ok(child) => (Some(child), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // If the receiver is gone, the stop channel is closed as well, which ends the loop below.
        let _ = report.send(outcome);
        let mut pause = SHORTEST_PAUSE;
        while let Some(mut running) = child.take() {
            let began = Instant::now();
            let Some(status) = postmaster::wait_for_exit(&mut running, &self.stop) else {
                postmaster::shut_down(&mut running, self.plan.durability);
                return;
            };
            tracing::warn!(pid = running.id(), %status, "the database server died; restarting it");
            if began.elapsed() > HEALTHY {
                pause = SHORTEST_PAUSE;
            }
            child = self.relaunch(&mut pause);
        }
    }

    /// Attempts to start the server, with longer and longer pauses, until it runs or a stop is requested.
    fn relaunch(&self, pause: &mut Duration) -> Option<Child> {
        loop {
            if postmaster::stop_requested(&self.stop, *pause) {
                return None;
            }
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            match self.launch() {
                Ok(child) => {
                    tracing::info!(pid = child.id(), "the database server runs again");
                    return Some(child);
                }
                Err(StartError::Stopped) => return None,
                Err(error) => tracing::error!(%error, "the database server did not start; retrying"),
            }
        }
    }

    fn launch(&self) -> Result<Child, StartError> {
        leftovers::clear(&self.plan.paths)?;
        let mut child = postmaster::start(&self.plan)?;
        match postmaster::wait_until_ready(&mut child, &self.plan, &self.stop) {
            Ok(()) => {
                self.pid.store(child.id(), Ordering::Release);
                Ok(child)
            }
            Err(error) => {
                if !matches!(error, StartError::Exited { .. }) {
                    postmaster::shut_down(&mut child, self.plan.durability);
                }
                Err(error)
            }
        }
    }
}
