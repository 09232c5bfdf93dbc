//! Why the audit log cannot be used.

use store::StoreError;

use crate::core::failure::Failure;

/// Why the audit log cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuditLogError {
    /// The database cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored keys are sealed with another secret.
    #[error(
        "DATA_ENCRYPTION_KEY does not open the keys of the audit log: is it the key of another database?"
    )]
    Unopened,
    /// The database has no keys of the audit log yet.
    #[error("the database has no keys of the audit log yet: no server has written to it")]
    NoKeys,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// The stored log does not continue the checkpoint that was signed last.
    #[error(
        "the audit log does not continue its checkpoint of {size} entries, so no further checkpoint is signed: run `portcullis audit verify`"
    )]
    Diverged {
        /// The size of the checkpoint.
        size: u64,
    },
    /// The anchor cannot be read or written.
    #[error("the anchor of the audit log: {0}")]
    Anchor(String),
    /// There is no such entry, or the log is shorter.
    #[error("the log has no such entry, or it was dropped")]
    NoEntry,
}

impl From<AuditLogError> for Failure {
    fn from(error: AuditLogError) -> Self {
        match error {
            AuditLogError::Store(error) => error.into(),
            AuditLogError::NoEntry => Self::not_found("The log has no such entry, or the entry was dropped."),
            error => {
                tracing::error!(%error, "the audit log cannot be used");
                Self::unavailable()
            }
        }
    }
}
