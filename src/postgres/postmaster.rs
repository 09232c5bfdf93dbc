//! The postmaster (the main process of a PostgreSQL server) as a child process: its start, the wait until it is ready, and its
//! stop. The thread of `supervisor` calls these functions.

use std::{
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Child, ExitStatus},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use super::{
    PORT,
    command::command,
    error::StartError,
    plan::{Durability, Plan},
    process::{self, Signal},
};

/// A log larger than this, in bytes, is renamed at the next start.
const LOG_LIMIT: u64 = 8 << 20;
/// The number of lines of the server's log in an error message.
const LOG_LINES: usize = 12;
/// How long a start may take. Recovery after a crash can take long; a start without recovery takes about 50 ms.
const READY_TIMEOUT: Duration = Duration::from_secs(180);
const READY_POLL: Duration = Duration::from_millis(5);
/// The interval of the checks whether the postmaster has ended.
const EXIT_POLL: Duration = Duration::from_millis(100);

/// Starts the postmaster. On Linux, it stops by itself when the calling thread ends for any reason.
pub(super) fn start(plan: &Plan) -> Result<Child, StartError> {
    let paths = &plan.paths;
    let log = open_log(&paths.beside("log"))?;
    let copy = log.try_clone().map_err(StartError::io("open", &paths.beside("log")))?;
    let program = plan.binaries.program("postgres");
    let mut command = command(&program, &paths.account);
    command.arg("-D").arg(&paths.location).arg("-k").arg(&paths.socket_dir);
    for setting in settings(plan.durability) {
        command.arg("-c").arg(setting);
    }
    command.stdout(copy).stderr(log);
    let at_our_end = match plan.durability {
        Durability::Durable => Signal::Fast,
        Durability::Throwaway => Signal::Immediate,
    };
    process::tie_to_this_thread(&mut command, at_our_end);
    command.spawn().map_err(StartError::io("run", &program))
}

fn settings(durability: Durability) -> Vec<String> {
    let always = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "log_destination=stderr",
        "logging_collector=off",
        "log_line_prefix=%m [%p] ",
        "timezone=UTC",
        "log_timezone=UTC",
    ];
    let throwaway = [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "autovacuum=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "max_wal_size=64MB",
        "shared_buffers=64MB",
        "max_connections=200",
    ];
    let mut all = vec![format!("port={PORT}")];
    all.extend(always.map(str::to_owned));
    match durability {
        Durability::Durable => all.push("max_connections=100".to_owned()),
        Durability::Throwaway => all.extend(throwaway.map(str::to_owned)),
    }
    all
}

fn open_log(path: &Path) -> Result<File, StartError> {
    if std::fs::metadata(path).is_ok_and(|found| found.len() > LOG_LIMIT) {
        std::fs::rename(path, path.with_extension("log.1")).map_err(StartError::io("rename", path))?;
    }
    File::options().create(true).append(true).mode(0o600).open(path).map_err(StartError::io("open", path))
}

/// The last lines of the server's log, for an error message.
fn end_of_log(plan: &Plan) -> String {
    let text = std::fs::read(plan.paths.beside("log"))
        .unwrap_or_else(|error: io::Error| error.to_string().into_bytes());
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// Waits until the postmaster accepts connections. Line 8 of `postmaster.pid` then says `ready`, and line 1 is the process id
/// of `child` (the file of an earlier postmaster has another id).
pub(super) fn wait_until_ready(
    child: &mut Child,
    plan: &Plan,
    stop: &Receiver<()>,
) -> Result<(), StartError> {
    let file = plan.paths.location.join("postmaster.pid");
    let began = Instant::now();
    loop {
        if std::fs::read_to_string(&file).is_ok_and(|text| says_ready(&text, child.id())) {
            return Ok(());
        }
        if let Some(status) = child.try_wait().map_err(StartError::io("watch", &file))? {
            return Err(StartError::Exited { status: status.to_string(), log: end_of_log(plan) });
        }
        if began.elapsed() > READY_TIMEOUT {
            return Err(StartError::TimedOut { seconds: READY_TIMEOUT.as_secs(), log: end_of_log(plan) });
        }
        if stop_requested(stop, READY_POLL) {
            return Err(StartError::Stopped);
        }
    }
}

fn says_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines();
    let first = lines.next().and_then(|line| line.trim().parse::<u32>().ok());
    first == Some(pid) && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

/// Sleeps for `time`, but returns `true` at once when a stop is requested: by a message, or because the sender is gone.
pub(super) fn stop_requested(stop: &Receiver<()>, time: Duration) -> bool {
    !matches!(stop.recv_timeout(time), Err(RecvTimeoutError::Timeout))
}

/// Waits until the postmaster ends by itself (`Some`) or a stop is requested (`None`).
pub(super) fn wait_for_exit(child: &mut Child, stop: &Receiver<()>) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if stop_requested(stop, EXIT_POLL) {
            return None;
        }
    }
}

/// Stops the postmaster and waits for its end. Sends the mildest signal first. If the postmaster
/// does not end in time, stronger signals follow.
pub(super) fn shut_down(child: &mut Child, durability: Durability) {
    let fast = (Signal::Fast, Duration::from_secs(20));
    let immediate = (Signal::Immediate, Duration::from_secs(5));
    let steps: &[_] = match durability {
        Durability::Durable => &[fast, immediate],
        Durability::Throwaway => &[immediate],
    };
    for (signal, timeout) in steps {
        // The child has not been waited for, so the id still belongs to it.
        let sent = process::send(child.id(), *signal);
        if sent.is_ok() && ends_within(child, *timeout) {
            return;
        }
        tracing::warn!(pid = child.id(), ?signal, "the database server did not stop after this signal");
    }
    let _ = process::send(child.id(), Signal::Kill);
    let _ = child.wait();
}

fn ends_within(child: &mut Child, timeout: Duration) -> bool {
    let began = Instant::now();
    while began.elapsed() < timeout {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        std::thread::sleep(READY_POLL);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postmaster_is_ready_only_if_the_file_has_its_process_id_and_says_ready() {
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
