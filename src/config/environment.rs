//! Where the server runs.

/// Where the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `portcullis dev`: loopback only, generated secrets, demonstration users.
    Development,
    /// Every other server.
    Production,
}
