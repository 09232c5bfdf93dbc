//! Why an import stopped.

use std::io;

use store::StoreError;

/// Why an import stopped. Written data stays, and the import can be run again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The import does not begin. Nothing was written.
    #[error("{0}")]
    Refused(String),
    /// The source, which is the database of the older authentication system, cannot be read.
    #[error("the database of --from cannot be read: {0}")]
    Source(StoreError),
    /// The target, which is the database of this server, cannot be read or written.
    #[error("the database of the server cannot be used: {0}")]
    Target(StoreError),
    /// The report cannot be written.
    #[error("the report cannot be written: {0}")]
    Report(#[from] io::Error),
}
