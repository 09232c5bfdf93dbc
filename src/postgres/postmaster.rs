//! Runs PostgreSQL's programs as the right user with a clean environment. Called by `find`, `init` and the
//! thread of `watch`.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::account::Account;
use super::cluster::{Cluster, Durability};
use super::error::StartError;
use super::{PORT, sys};

/// Past this size the log is put aside at the next start.
const LOG_LIMIT: u64 = 8 << 20;

/// What a server process may see of our environment: how to find programs, libraries and locales. Never our
/// secrets, and no `PG…` variable, which could move the cluster or its socket.
const ENVIRONMENT: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "LOCALE_ARCHIVE", "DYLD_LIBRARY_PATH"];

/// A command that runs `program` as `account`, with no input, from the root directory (which every user may
/// enter).
pub(super) fn command(program: &Path, account: &Account) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir("/").stdin(Stdio::null());
    for name in ENVIRONMENT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    if account.dropped {
        // Giving up root this way also drops its supplementary groups.
        command.gid(account.gid).uid(account.uid);
    }
    command
}

/// Starts the postmaster. It stops by itself when the calling thread ends, however that happens.
pub(super) fn postmaster(cluster: &Cluster) -> Result<Child, StartError> {
    let place = &cluster.place;
    let log = open_log(&place.beside("log"))?;
    let copy = log.try_clone().map_err(StartError::io("open", &place.beside("log")))?;
    let program = cluster.binaries.program("postgres");
    let mut command = command(&program, &place.account);
    command.arg("-D").arg(&place.location).arg("-k").arg(&place.socket_dir);
    for setting in settings(cluster.durability) {
        command.arg("-c").arg(setting);
    }
    command.stdout(copy).stderr(log);
    let at_our_end = match cluster.durability {
        Durability::Durable => sys::Signal::Fast,
        Durability::Throwaway => sys::Signal::Immediate,
    };
    sys::tie_to_this_thread(&mut command, at_our_end);
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
pub(super) fn end_of_log(cluster: &Cluster) -> String {
    const LINES: usize = 12;
    let path = cluster.place.beside("log");
    let text = std::fs::read(&path).unwrap_or_else(|error: io::Error| error.to_string().into_bytes());
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
