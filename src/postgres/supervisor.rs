//! The thread that starts the postmaster, notices when it dies, starts it again, and stops it at the end.
//! Called by `cluster`.
//!
//! It is one thread because the kernel ties the postmaster's life to the thread that forked it: a pool's
//! thread that idles out would take the database with it.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::error::StartError;
use super::lock::Lock;
use super::{DATABASE, launch, orphan, wait};

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// After this long a death counts as the first one again.
const HEALTHY: Duration = Duration::from_secs(60);

/// A running private server. Dropping it stops the server; should this process be killed, the server stops by
/// itself.
#[derive(Debug)]
pub struct Running {
    socket_dir: PathBuf,
    location: PathBuf,
    pid: Arc<AtomicU32>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
    /// Given back only when the server is gone.
    _lock: Lock,
}

impl Running {
    /// The directory of its Unix socket: the `host` to connect to.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The database to connect to; it exists.
    pub fn database(&self) -> &'static str {
        DATABASE
    }

    /// The postmaster's process number; another one after it died and was started again.
    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::Acquire)
    }

    /// Where the data is: `postgres` in the data directory, unless we are root and the user that the server
    /// runs as could not get there (the data directory is below a closed one, such as /root). Then it is a
    /// directory below /var/lib/portcullis/clusters.
    pub fn location(&self) -> &Path {
        &self.location
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A thread that is gone already cannot be told, and need not be.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the thread and returns when the server accepts connections.
pub(super) fn start(cluster: Cluster, lock: Lock) -> Result<Running, StartError> {
    let (stop, stopped) = mpsc::channel();
    let (report, outcome) = mpsc::channel();
    let pid = Arc::new(AtomicU32::new(0));
    let socket_dir = cluster.place.socket_dir.clone();
    let location = cluster.place.location.clone();
    let watch = Watch { cluster, stop: stopped, pid: Arc::clone(&pid) };
    let thread = std::thread::Builder::new()
        .name("postgres".to_owned())
        .spawn(move || watch.run(&report))
        .map_err(StartError::io("start a thread for", &location))?;
    // A thread that ended without a word has panicked; nothing was started that could be used.
    outcome.recv().unwrap_or(Err(StartError::Stopped))?;
    Ok(Running { socket_dir, location, pid, stop, thread: Some(thread), _lock: lock })
}

struct Watch {
    cluster: Cluster,
    stop: Receiver<()>,
    pid: Arc<AtomicU32>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        // An empty directory left in /tmp harms nobody; one that is not empty is not removed.
        let _ = std::fs::remove_dir(&self.cluster.place.socket_dir);
    }
}

impl Watch {
    fn run(&self, report: &Sender<Result<(), StartError>>) {
        let first = self.launch();
        let (mut child, outcome) = match first {
            Ok(child) => (Some(child), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Should nobody listen any more, the stop channel says so as well.
        let _ = report.send(outcome);
        let mut pause = SHORTEST_PAUSE;
        while let Some(mut running) = child.take() {
            let began = Instant::now();
            let Some(status) = wait::until_it_ends(&mut running, &self.stop) else {
                wait::shut_down(&mut running, self.cluster.durability);
                return;
            };
            tracing::warn!(pid = running.id(), %status, "the database server died; starting it again");
            if began.elapsed() > HEALTHY {
                pause = SHORTEST_PAUSE;
            }
            child = self.launch_again(&mut pause);
        }
    }

    /// Tries until it works or we are told to stop, with longer and longer pauses.
    fn launch_again(&self, pause: &mut Duration) -> Option<Child> {
        loop {
            if wait::told_to_stop(&self.stop, *pause) {
                return None;
            }
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            match self.launch() {
                Ok(child) => {
                    tracing::info!(pid = child.id(), "the database server is back");
                    return Some(child);
                }
                Err(StartError::Stopped) => return None,
                Err(error) => tracing::error!(%error, "the database server does not start; will try again"),
            }
        }
    }

    fn launch(&self) -> Result<Child, StartError> {
        orphan::clear(&self.cluster.place)?;
        let mut child = launch::postmaster(&self.cluster)?;
        match wait::until_ready(&mut child, &self.cluster, &self.stop) {
            Ok(()) => {
                self.pid.store(child.id(), Ordering::Release);
                Ok(child)
            }
            Err(error) => {
                if !matches!(error, StartError::Exited { .. }) {
                    wait::shut_down(&mut child, self.cluster.durability);
                }
                Err(error)
            }
        }
    }
}
