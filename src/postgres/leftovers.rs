//! The leftovers of a killed server: processes that are still ending, and files that would make the next start fail.
//! `supervisor` calls [`clear`] before every start. At that time the module `cluster` holds the lock of the data directory, so
//! no other process of this program starts a server there.
//!
//! PostgreSQL's own check refuses a start while the process id in `postmaster.pid` exists. This check is wrong for a zombie,
//! and for an id that now belongs to another process. But `postmaster.pid` also protects the cluster while other processes of
//! the server still run after the end of the postmaster (its main process). So the file is removed only when no process works
//! in the cluster any more.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    error::StartError,
    paths::ClusterPaths,
    process::{self, Signal},
};

const POLL: Duration = Duration::from_millis(20);
/// The signals to a surviving process, each with its time after the start of the wait.
const ESCALATION: [(Duration, Signal); 3] = [
    (Duration::from_millis(200), Signal::Fast),
    (Duration::from_secs(5), Signal::Immediate),
    (Duration::from_secs(10), Signal::Kill),
];
const TIMEOUT: Duration = Duration::from_secs(15);

/// Waits until no process of an earlier server is left, and sends signals to processes that do not end by themselves. Then
/// removes the files that would stop a new server.
pub(super) fn clear(paths: &ClusterPaths) -> Result<(), StartError> {
    if !cfg!(target_os = "linux") {
        // Without /proc, surviving processes cannot be found. PostgreSQL's own check must be enough.
        return Ok(());
    }
    wait_for_survivors(paths)?;
    let socket = paths.socket();
    let socket_lock = PathBuf::from(format!("{}.lock", socket.display()));
    for leftover in [paths.location.join("postmaster.pid"), socket_lock, socket] {
        match std::fs::remove_file(&leftover) {
            Ok(()) => {
                tracing::debug!(file = %leftover.display(), "removed a file that a killed database server left");
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StartError::io("remove", &leftover)(error)),
        }
    }
    Ok(())
}

fn wait_for_survivors(paths: &ClusterPaths) -> Result<(), StartError> {
    let began = Instant::now();
    let mut escalation = ESCALATION.iter();
    let mut next = escalation.next();
    loop {
        let pids = survivors(&paths.location);
        if pids.is_empty() {
            return Ok(());
        }
        if began.elapsed() > TIMEOUT {
            return Err(StartError::Survivors { location: paths.location.clone(), pids });
        }
        if let Some((when, signal)) = next
            && began.elapsed() >= *when
        {
            tracing::info!(
                ?pids,
                ?signal,
                "an earlier database server is still running; sending it a signal"
            );
            for pid in pids {
                // This fails if the process has ended meanwhile. The next round looks for survivors again.
                let _ = process::send(pid, *signal);
            }
            next = escalation.next();
        }
        std::thread::sleep(POLL);
    }
}

/// The living processes named `postgres` with the working directory `location`. Every process of a server has this
/// directory.
fn survivors(location: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| works_in(*pid, location)).collect()
}

fn works_in(pid: u32, location: &Path) -> bool {
    let entry = PathBuf::from(format!("/proc/{pid}"));
    let Ok(stat) = std::fs::read_to_string(entry.join("stat")) else {
        return false;
    };
    is_living_postgres(&stat) && std::fs::read_link(entry.join("cwd")).is_ok_and(|cwd| cwd == location)
}

/// Reads `pid (name) state …` of proc(5). The name may contain brackets, so it ends at the last closing bracket.
fn is_living_postgres(stat: &str) -> bool {
    let Some((before, after)) = stat.rsplit_once(')') else {
        return false;
    };
    let name = before.split_once('(').map_or("", |(_, name)| name);
    let state = after.trim_start().chars().next();
    name == "postgres" && !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_does_not_count_as_living() {
        assert!(is_living_postgres("4711 (postgres) S 1 4711 4711 0"));
        assert!(!is_living_postgres("4711 (postgres) Z 1 4711 4711 0"));
    }

    #[test]
    fn only_a_process_named_postgres_counts() {
        assert!(!is_living_postgres("4711 (psql) S 1 4711"));
        assert!(!is_living_postgres("4711 (fake) (postgres) S 1 4711"));
        assert!(!is_living_postgres(""));
    }

    #[test]
    fn files_of_a_dead_server_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut paths = ClusterPaths::of(dir.path()).unwrap();
        paths.socket_dir = dir.path().join("socket");
        std::fs::create_dir_all(&paths.location).unwrap();
        std::fs::create_dir_all(&paths.socket_dir).unwrap();
        let files = [
            paths.location.join("postmaster.pid"),
            paths.socket(),
            paths.socket_dir.join(".s.PGSQL.5432.lock"),
        ];
        for file in &files {
            std::fs::write(file, format!("{}\n", std::process::id())).unwrap();
        }
        clear(&paths).unwrap();
        assert!(files.iter().all(|file| !file.exists()));
    }
}
