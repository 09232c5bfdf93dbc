//! Errors of the store: one kind for each reaction of a service.
//!
//! Returned by all methods of the store. The texts are for the log, so they contain no value of a row, no password and no
//! connection string.

use tokio_postgres::error::{DbError, SqlState};

/// Why a method of the store failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is shutting down, is read-only or out of resources, or did not answer in time. The
    /// service answers 503. Whether a change was made may then be unknown. The connection is not used again.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A unique constraint with this name is violated, or the condition with this name is not met (`FACTOR_GONE`,
    /// `LAST_FACTOR`).
    #[error("conflict with {0}")]
    Conflict(String),
    /// The acting session may no longer make the change. Nothing was written.
    #[error("the acting session may no longer do this, it has lost: {0:?}")]
    Lapsed(Lapse),
    /// The database rejects a value (SQLSTATE classes 22 and 23), or a value cannot be encoded. The same statement with
    /// other values may succeed.
    #[error("the database rejects a value: {0}")]
    Rejected(String),
    /// A statement that the database rejects with any values (missing rights, an unknown table), or a row that cannot be read.
    #[error("database error: {0}")]
    Internal(String),
}

/// What the acting session has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// The session itself: it has ended.
    Session,
    /// The account: it is not active, or it is blocked.
    Account,
    /// The required role.
    Role,
    /// The privilege of a fresh proof of presence.
    Privilege,
}

impl StoreError {
    /// Whether this is [`Unavailable`](Self::Unavailable).
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(super) fn internal(reason: impl std::fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }

    /// An error while connecting. Every cause counts as unavailable: a rejected password has the same effect as a
    /// server that does not run.
    pub(super) fn unreachable(error: tokio_postgres::Error) -> Self {
        match Self::from(error) {
            Self::Unavailable(reason)
            | Self::Rejected(reason)
            | Self::Internal(reason)
            | Self::Conflict(reason) => Self::Unavailable(reason),
            lapsed @ Self::Lapsed(_) => lapsed,
        }
    }

    fn from_database(error: &DbError) -> Self {
        let code = error.code();
        let text = format!("{} ({})", error.message(), code.code());
        if *code == SqlState::UNIQUE_VIOLATION {
            return Self::Conflict(error.constraint().unwrap_or("a unique constraint").to_owned());
        }
        // Only the check of a partition has no name. This check fails if a partition was attached while the statement waited,
        // and the row belongs to this new partition. A retry finds the new partition.
        let divided = *code == SqlState::CHECK_VIOLATION && error.constraint().is_none();
        if divided || means_unavailable(code) {
            return Self::Unavailable(text);
        }
        let place = [error.table(), error.column(), error.constraint()];
        let place: Vec<_> = place.into_iter().flatten().collect();
        let text = if place.is_empty() { text } else { format!("{text} at {}", place.join(".")) };
        if matches!(code.code().get(..2), Some("22" | "23")) {
            Self::Rejected(text)
        } else {
            Self::Internal(text)
        }
    }
}

/// Classes 08 (connection), 53 (insufficient resources), 57 (shutdown, cancelled, starting up) and 58 (system error). Also
/// states in which a retry may help: read-only, serialization failure, deadlock, lock timeout, a transaction that was idle for
/// too long.
fn means_unavailable(state: &SqlState) -> bool {
    let by_class = matches!(state.code().get(..2), Some("08" | "53" | "57" | "58"));
    by_class
        || [
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(state)
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(database) = error.as_db_error() {
            return Self::from_database(database);
        }
        // All other errors come from the link (closed, io, TLS, timeout). The exceptions are errors about a value that cannot
        // be encoded, or an answer that this server did not expect. The driver's error kind is private, and the source of an
        // error does not distinguish these cases: a failed encoding and a broken link both wrap `io::Error`. So the text
        // decides.
        const VALUES: [&str; 2] = ["error serializing", "error encoding"];
        const MISFITS: [&str; 4] = ["error deserializing", "invalid column", "query returned", "expected"];
        let text = error.to_string();
        let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        if begins(&VALUES) {
            return Self::Rejected(text);
        }
        if begins(&MISFITS) {
            return Self::Internal(text);
        }
        let source = std::error::Error::source(&error);
        Self::Unavailable(source.map_or_else(|| text.clone(), |source| format!("{text}: {source}")))
    }
}
