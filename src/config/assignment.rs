//! Where a variable was given: the environment of the process, or a line of a file.

use std::{
    fmt::{self, Display},
    path::Path,
    sync::Arc,
};

/// Where a variable was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// The environment of the process.
    Environment,
    /// A file of variables, such as `.env`.
    EnvFile {
        /// The path of the file.
        path: Arc<Path>,
        /// The number of the line; the first line is 1.
        line: usize,
        /// The permissions of the file; 0 for a pipe, because they mean nothing there.
        mode: u32,
    },
}

impl Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::EnvFile { path, line, .. } => write!(f, "{}, line {line}", path.display()),
        }
    }
}
