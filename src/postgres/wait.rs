//! Waiting for a postmaster to be ready and for one to be gone. Called by the thread of `watch`.

use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::cluster::{Cluster, Durability};
use super::error::StartError;
use super::launch;
use super::sys::{self, Signal};

/// Replaying what a crash left unfinished can take long; a start without that takes some 50 ms.
const READY_WITHIN: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How soon a death is noticed.
const NOTICE_WITHIN: Duration = Duration::from_millis(100);

/// Waits until the postmaster accepts connections: line 8 of its `postmaster.pid` says `ready`, and line 1 is
/// its own number (the file may be an older one).
pub(super) fn until_ready(
    child: &mut Child,
    cluster: &Cluster,
    stop: &Receiver<()>,
) -> Result<(), StartError> {
    let file = cluster.place.location.join("postmaster.pid");
    let began = Instant::now();
    loop {
        if std::fs::read_to_string(&file).is_ok_and(|text| says_ready(&text, child.id())) {
            return Ok(());
        }
        if let Some(status) = child.try_wait().map_err(StartError::io("watch", &file))? {
            return Err(StartError::Exited { status: status.to_string(), log: launch::end_of_log(cluster) });
        }
        if began.elapsed() > READY_WITHIN {
            return Err(StartError::TimedOut {
                seconds: READY_WITHIN.as_secs(),
                log: launch::end_of_log(cluster),
            });
        }
        if told_to_stop(stop, LOOK_EVERY) {
            return Err(StartError::Stopped);
        }
    }
}

fn says_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines();
    let first = lines.next().and_then(|line| line.trim().parse::<u32>().ok());
    first == Some(pid) && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

/// Sleeps for `time` unless it is told to stop meanwhile, by a message or by the end of whoever could send
/// one.
pub(super) fn told_to_stop(stop: &Receiver<()>, time: Duration) -> bool {
    !matches!(stop.recv_timeout(time), Err(RecvTimeoutError::Timeout))
}

/// Waits until the postmaster ends by itself (`Some`) or we are told to stop it (`None`).
pub(super) fn until_it_ends(child: &mut Child, stop: &Receiver<()>) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if told_to_stop(stop, NOTICE_WITHIN) {
            return None;
        }
    }
}

/// Stops the postmaster, gently first, and collects it.
pub(super) fn shut_down(child: &mut Child, durability: Durability) {
    let gently = (Signal::Fast, Duration::from_secs(20));
    let firmly = (Signal::Immediate, Duration::from_secs(5));
    let steps: &[_] = match durability {
        Durability::Durable => &[gently, firmly],
        Durability::Throwaway => &[firmly],
    };
    for (signal, patience) in steps {
        // The child is ours and not yet collected, so the number is still its own.
        let sent = sys::send(child.id(), *signal);
        if sent.is_ok() && ends_within(child, *patience) {
            return;
        }
        tracing::warn!(pid = child.id(), ?signal, "the database server did not stop when told to");
    }
    let _ = sys::send(child.id(), Signal::Kill);
    let _ = child.wait();
}

fn ends_within(child: &mut Child, patience: Duration) -> bool {
    let began = Instant::now();
    while began.elapsed() < patience {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_ready_line_counts() {
        let file = |pid: u32, status: &str| {
            format!("{pid}\n/data/postgres\n1700000000\n5432\n/tmp/dir\n\n  123 456\n{status}\n")
        };
        assert!(says_ready(&file(7, "ready   "), 7));
        assert!(!says_ready(&file(7, "starting"), 7));
        assert!(!says_ready(&file(7, "stopping"), 7));
        assert!(!says_ready(&file(8, "ready   "), 7));
        assert!(!says_ready("7\n", 7));
    }
}
