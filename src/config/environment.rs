//! The kind of installation.

/// The kind of installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `portcullis dev`, and `serve` with `ENVIRONMENT=development`: weaker rules for secrets and origins.
    Development,
    /// All other servers.
    Production,
}
