//! Runs PostgreSQL's programs as the right user with a clean environment. Called by `binaries`, `init` and `postmaster`.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use super::account::Account;

/// The variables of our environment that a server process may see: how to find programs, libraries and locales. Never our
/// secrets, and no `PG…` variable, which could move the cluster or its socket.
const ENVIRONMENT: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "LOCALE_ARCHIVE", "DYLD_LIBRARY_PATH"];

/// A command that runs `program` as `account`, with no input, from the root directory (which every user may enter).
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
