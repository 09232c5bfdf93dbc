//! Finds and runs `pg_dump` and `pg_restore` of a usable version. The command line uses this file for backups.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::binaries;

/// Why a program of PostgreSQL did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ClientProgramError {
    /// No program of a usable version was found.
    #[error(
        "{program} of PostgreSQL {at_least} or newer is needed, because the database server is of version {at_least}; found: \
         {found}. Install the client programs of PostgreSQL {at_least} (Debian: postgresql-client-{at_least}), or set PG_BINDIR \
         to their directory"
    )]
    Missing {
        /// The name of the program.
        program: &'static str,
        /// The major version of the database server.
        at_least: u32,
        /// The programs that were found, with their versions.
        found: String,
    },
    /// The program cannot be started.
    #[error("{0} cannot be started: {1}")]
    Start(PathBuf, #[source] std::io::Error),
    /// The program ended with an error.
    #[error("{0} failed: {1}")]
    Failed(&'static str, String),
}

/// A program of PostgreSQL.
#[derive(Clone, Debug)]
pub struct ClientProgram {
    name: &'static str,
    path: PathBuf,
    major: u32,
}

impl ClientProgram {
    /// The program with this name for a database server of the major version `server`. It must not be older than the server. Of
    /// several usable programs, the oldest one is taken.
    ///
    /// # Errors
    /// `Missing`.
    pub fn find(name: &'static str, server: u32) -> Result<Self, ClientProgramError> {
        let found = binaries::directories().into_iter().filter_map(|directory| {
            // In Debian, the programs in `/usr/bin` are links to a script that chooses a version.
            let path = directory.join(name).canonicalize().ok()?;
            (path.file_name() == Some(OsStr::new(name))).then_some(path)
        });
        let mut all: Vec<Self> = Vec::new();
        for path in found {
            if all.iter().any(|known| known.path == path) {
                continue;
            }
            all.extend(major_of(&path).map(|major| Self { name, path, major }));
        }
        let usable = all.iter().filter(|program| program.major >= server).min_by_key(|program| program.major);
        usable.cloned().ok_or_else(|| {
            let shown = all.iter().map(|program| format!("{} ({})", program.path.display(), program.major));
            let shown = shown.collect::<Vec<_>>().join(", ");
            let found = if shown.is_empty() { "none".to_owned() } else { shown };
            ClientProgramError::Missing { program: name, at_least: server, found }
        })
    }

    /// The major version of the program.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Runs the program to its end. Of the variables of this process, it gets only the locations of programs and libraries; it
    /// also gets `environment`. Returns the standard output.
    ///
    /// # Errors
    /// `Start`; `Failed` with the messages of the program, which contain no password.
    pub fn run(
        &self,
        arguments: &[&OsStr],
        environment: Vec<(&'static str, OsString)>,
    ) -> Result<Vec<u8>, ClientProgramError> {
        let mut command = Command::new(&self.path);
        command.env_clear().stdin(Stdio::null()).args(arguments).envs(environment);
        for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let output = command.output().map_err(|error| ClientProgramError::Start(self.path.clone(), error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let errors = if errors.is_empty() { output.status.to_string() } else { errors };
        Err(ClientProgramError::Failed(self.name, errors))
    }
}

fn major_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").env_clear().stdin(Stdio::null()).output().ok()?;
    binaries::major_of(String::from_utf8_lossy(&output.stdout).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_older_than_the_server_is_not_used() {
        let error = ClientProgram::find("pg_dump", 99).expect_err("no such version");
        assert!(error.to_string().contains("pg_dump of PostgreSQL 99 or newer is needed"), "{error}");
    }

    #[test]
    fn a_failed_program_is_reported_with_its_own_message() {
        let program = ClientProgram::find("pg_restore", 15).expect("pg_restore");
        assert!(program.major() >= 15);
        let error = program
            .run(&["--file=-".as_ref(), "/nowhere.dump".as_ref()], Vec::new())
            .expect_err("no such file");
        assert!(error.to_string().contains("/nowhere.dump"), "{error}");
    }
}
