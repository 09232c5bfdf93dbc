//! Makes the commands that run PostgreSQL's programs as the right user in a clean environment. `binaries`, `init` and
//! `postmaster` use them.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use super::account::Account;

/// The environment variables that a server process gets from this process. They say where programs, libraries and locales are.
/// The server process must not get the secrets of this process, or any `PG…` variable, which could move the cluster or its
/// socket.
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
        // A child that gives up root in this way also loses the supplementary groups of root.
        command.gid(account.gid).uid(account.uid);
    }
    command
}
