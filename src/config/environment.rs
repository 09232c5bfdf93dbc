//! The kind of installation.

use super::{reader::Reader, table::ENVIRONMENT};

/// The kind of installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `portcullis dev`, and `serve` with `ENVIRONMENT=development`: weaker rules for secrets and origins.
    Development,
    /// All other servers.
    Production,
}

impl Environment {
    /// The value of `ENVIRONMENT`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

pub(super) fn environment(read: &mut Reader<'_>) -> Environment {
    match read.word(&ENVIRONMENT) {
        "development" => Environment::Development,
        _ => Environment::Production,
    }
}
