//! The variables that settings are read from, each with its assignment, and the systemd credentials.
//!
//! `ranks` collects them from the process and from files; tests make them from pairs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{assignment::Assignment, error::ConfigError};

#[derive(Clone)]
pub(super) struct Variable {
    pub(super) value: String,
    pub(super) assignment: Assignment,
}

/// Variables by name. There is no `Debug`, because the values of some variables are secrets.
#[derive(Clone, Default)]
pub struct Variables {
    given: BTreeMap<String, Variable>,
    /// The paths of the credentials, by the name of their setting. The names of two credentials of one setting differ
    /// only in case.
    pub(super) credentials: BTreeMap<String, Vec<PathBuf>>,
    /// The files that were read, the file with the highest rank first.
    pub(super) files: Vec<Arc<Path>>,
    /// Problems of the sources themselves, for example a line without `=`.
    pub(super) problems: Vec<String>,
    /// What an operator should know about the sources.
    pub(super) warnings: Vec<String>,
}

impl Variables {
    /// The value of a variable, without the spaces around it. An empty value counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty())
    }

    /// The files that were read, the file with the highest rank first.
    #[must_use]
    pub fn files(&self) -> &[Arc<Path>] {
        &self.files
    }

    /// Checks only the sources themselves, not the settings.
    ///
    /// # Errors
    /// Everything that is wrong with the sources, for example a line without `=`.
    pub fn check_sources(&self) -> Result<(), ConfigError> {
        let problems = self.problems.clone();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    /// Where the variable was given, even if its value is empty.
    pub(super) fn assignment(&self, name: &str) -> Option<&Assignment> {
        self.given.get(name).map(|variable| &variable.assignment)
    }

    /// The names of all variables, in alphabetical order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.given.keys().map(String::as_str)
    }

    /// Whether there is a variable with this name, even if its value is empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    pub(super) fn insert(&mut self, name: String, variable: Variable) {
        self.given.insert(name, variable);
    }

    /// The credentials with the name of this setting.
    pub(super) fn credentials(&self, name: &str) -> &[PathBuf] {
        self.credentials.get(name).map_or(&[], Vec::as_slice)
    }

    /// Adds to a problem the line of the file that set the variable, if the problem begins with the name of a variable from a
    /// file.
    pub(super) fn located(&self, problem: String) -> String {
        let name = problem.split([':', ' ']).next().unwrap_or_default();
        match self.assignment(name) {
            Some(line @ Assignment::EnvFile { .. }) => format!("{problem} (set in {line})"),
            _ => problem,
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let assignment = Assignment::Environment;
        let given = pairs.into_iter().map(|(name, value)| {
            (name.into(), Variable { value: value.into(), assignment: assignment.clone() })
        });
        Self { given: given.collect(), ..Self::default() }
    }
}
