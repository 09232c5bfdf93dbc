//! Collects the variables of this process: its environment, files of variables, and systemd credentials.
//!
//! Ranks: the environment is above the files. Of several files on the command line, a later file is above an earlier one;
//! without such files, `local.env` is above `.env`. A setting may be given as `X` or as `X_FILE`, and a higher rank replaces
//! both forms of a lower rank. Systemd credentials have no rank: a setting that is given as a credential and as a variable is a
//! problem, because one of the two values is a leftover, and the server must not guess which one.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    assignment::Assignment,
    credentials,
    env_file::{self, EnvFile},
    names,
    variables::{Variable, Variables},
};

/// The files that are searched for, the file with the higher rank first.
const SEARCHED: [&str; 2] = ["local.env", ".env"];

impl Variables {
    /// The variables of this process. `env_files` are the files that the command line names; without them, `local.env` and
    /// `.env` are searched for. Problems of a source are reported with the problems of the settings.
    #[must_use]
    pub fn of_process(env_files: &[PathBuf]) -> Self {
        let mut variables = Self::default();
        add_environment(&mut variables);
        match env_files {
            [] => {
                for file in env::current_dir().map(|directory| search(&directory)).unwrap_or_default() {
                    add_found(&file, &mut variables);
                }
            }
            named => named.iter().rev().for_each(|file| add(file, env_file::read(file), &mut variables)),
        }
        if let Some(directory) = env::var_os("CREDENTIALS_DIRECTORY").filter(|path| !path.is_empty()) {
            credentials::add(Path::new(&directory), &mut variables);
        }
        variables
    }

    /// The variables that come from files and are not settings. Libraries and programs read some of them from the environment,
    /// such as `RUST_LOG` and `PG_BINDIR`.
    pub fn of_other_programs(&self) -> impl Iterator<Item = (&str, &str)> {
        let in_file = |name: &&str| matches!(self.assignment(name), Some(Assignment::EnvFile { .. }));
        let others = self.names().filter(in_file).filter(|name| !names::gives_setting(name));
        // The environment cannot have a value with a zero byte.
        others.filter_map(|name| Some((name, self.get(name)?))).filter(|(_, value)| !value.contains('\0'))
    }
}

fn add_environment(variables: &mut Variables) {
    for (name, value) in env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(value) => variables.insert(name, Variable { value, assignment: Assignment::Environment }),
            Err(_) if names::gives_setting(&name) => {
                variables.problems.push(format!("{name}: the value is not in UTF-8"));
                // The variable is added without a value, so that a file cannot give the setting instead.
                variables
                    .insert(name, Variable { value: String::new(), assignment: Assignment::Environment });
            }
            Err(_) => {}
        }
    }
}

/// Adds a file that was searched for. It may be in a directory such as `/tmp`, where another user could have put it.
fn add_found(path: &Path, variables: &mut Variables) {
    let mut read = env_file::read(path);
    let owned = [0, rustix::process::geteuid().as_raw()].contains(&read.owner);
    if !owned || read.mode & 0o002 != 0 {
        let path = path.display();
        read.problems.push(format!(
            "{path}: another user owns the file or may change it, so it is not read: name it with --env-file, or remove it"
        ));
        read.variables.clear();
    }
    add(path, read, variables);
}

/// Adds the variables of a file that has a lower rank than everything added before.
fn add(path: &Path, read: EnvFile, variables: &mut Variables) {
    let path: Arc<Path> = Arc::from(path);
    let new: Vec<_> = read.variables.into_iter().filter(|(name, ..)| !is_replaced(name, variables)).collect();
    for (name, value, line) in new {
        let assignment = Assignment::EnvFile { path: Arc::clone(&path), line, mode: read.mode };
        variables.insert(name, Variable { value, assignment });
    }
    variables.files.push(path);
    variables.problems.extend(read.problems);
}

/// Whether a higher rank gives this variable, or its setting in the other form. An empty value replaces only its own variable.
fn is_replaced(name: &str, above: &Variables) -> bool {
    above.has(name) || names::other_form(name).is_some_and(|other| above.get(&other).is_some())
}

/// The files of [`SEARCHED`] in the nearest directory that has one of them: this directory, or the first such directory above.
fn search(directory: &Path) -> Vec<PathBuf> {
    let in_directory = |step: &Path| -> Vec<PathBuf> {
        SEARCHED.iter().map(|name| step.join(name)).filter(|path| is_file(path)).collect()
    };
    directory.ancestors().map(in_directory).find(|files| !files.is_empty()).unwrap_or_default()
}

/// Whether there is a file. A file that perhaps exists must not be ignored: reading it reports the problem.
fn is_file(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(found) => !found.is_dir(),
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
    }
}
