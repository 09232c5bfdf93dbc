//! What a killed server leaves behind: processes that are still ending, and files that make the next start
//! refuse. Called by `watch` before every launch, under the lock.
//!
//! PostgreSQL's own check asks whether the process number in `postmaster.pid` exists. It is fooled by a
//! zombie that nobody has collected and by a number that was given to another process. The file also guards
//! against backends that outlived their postmaster, so it is removed only when no process works in the
//! cluster any more.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::StartError;
use super::place::Place;
use super::sys::{self, Signal};

const ASK_EVERY: Duration = Duration::from_millis(20);
/// When a survivor is told to stop, and how, counted from the moment we began to wait.
const PRESSURE: [(Duration, Signal); 3] = [
    (Duration::from_millis(200), Signal::Fast),
    (Duration::from_secs(5), Signal::Immediate),
    (Duration::from_secs(10), Signal::Kill),
];
const PATIENCE: Duration = Duration::from_secs(15);

/// Waits until no process of an earlier server is left, then removes the files that would stop a new one.
pub(super) fn clear(place: &Place) -> Result<(), StartError> {
    if !cfg!(target_os = "linux") {
        // Without /proc nobody can tell; PostgreSQL's own check has to do.
        return Ok(());
    }
    wait_for_survivors(place)?;
    let socket = place.socket();
    let socket_lock = PathBuf::from(format!("{}.lock", socket.display()));
    for leftover in [place.location.join("postmaster.pid"), socket_lock, socket] {
        match std::fs::remove_file(&leftover) {
            Ok(()) => {
                tracing::debug!(file = %leftover.display(), "removed a leftover of a killed database server");
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StartError::io("remove", &leftover)(error)),
        }
    }
    Ok(())
}

fn wait_for_survivors(place: &Place) -> Result<(), StartError> {
    let began = Instant::now();
    let mut pressure = PRESSURE.iter();
    let mut next = pressure.next();
    loop {
        let pids = survivors(&place.location);
        if pids.is_empty() {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(StartError::Survivors { location: place.location.clone(), pids });
        }
        if let Some((when, signal)) = next
            && began.elapsed() >= *when
        {
            tracing::info!(?pids, ?signal, "an earlier database server is still running; telling it to stop");
            for pid in pids {
                // It may have ended since it was seen; what counts is whether it is there at the next look.
                let _ = sys::send(pid, *signal);
            }
            next = pressure.next();
        }
        std::thread::sleep(ASK_EVERY);
    }
}

/// The living processes named `postgres` that work in `location`. A server's processes all do.
fn survivors(location: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| works_in(*pid, location)).collect()
}

fn works_in(pid: u32, location: &Path) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let Ok(stat) = std::fs::read_to_string(process.join("stat")) else {
        return false;
    };
    is_living_postgres(&stat) && std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == location)
}

/// Reads `pid (name) state …` of proc(5): the name may itself contain brackets, so it ends at the last one.
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
    fn leftovers_of_a_dead_server_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut place = Place::of(dir.path()).unwrap();
        place.socket_dir = dir.path().join("socket");
        std::fs::create_dir_all(&place.location).unwrap();
        std::fs::create_dir_all(&place.socket_dir).unwrap();
        let files = [
            place.location.join("postmaster.pid"),
            place.socket(),
            place.socket_dir.join(".s.PGSQL.5432.lock"),
        ];
        for file in &files {
            std::fs::write(file, format!("{}\n", std::process::id())).unwrap();
        }
        clear(&place).unwrap();
        assert!(files.iter().all(|file| !file.exists()));
    }
}
