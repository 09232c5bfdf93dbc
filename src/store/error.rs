//! Why the database did not do what it was asked, in the ways that a service has to tell apart.
//!
//! Made by every file of the store. The texts are for the log: no value of a row, no password, no connection string.

use tokio_postgres::error::{DbError, SqlState};

/// Why a store method gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is shutting down, read-only, full, or did not answer in time. Nothing is known
    /// about what was asked: answer 503. The connection is not used again.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A unique constraint of this name stands against it.
    #[error("conflict with {0}")]
    Conflict(String),
    /// Whoever asked may no longer ask. Nothing was written.
    #[error("the authority to ask for it has lapsed: {0:?}")]
    Lapsed(Lapse),
    /// A defect of this server: a statement that the database refuses, or a row it cannot read.
    #[error("database error: {0}")]
    Internal(String),
}

/// What an authority no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// A session that works.
    Session,
    /// An active account.
    Account,
    /// The role.
    Role,
    /// The privilege of a fresh proof of presence.
    Privilege,
}

impl StoreError {
    /// Whether the database could not be asked.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(super) fn internal(reason: impl std::fmt::Display) -> Self {
        Self::Internal(reason.to_string())
    }

    /// What kept a connection from being had, whatever it was: a refused password keeps out as well as a dead server.
    pub(super) fn unreachable(error: tokio_postgres::Error) -> Self {
        match Self::from(error) {
            Self::Unavailable(reason) | Self::Internal(reason) | Self::Conflict(reason) => {
                Self::Unavailable(reason)
            }
            lapsed @ Self::Lapsed(_) => lapsed,
        }
    }

    fn from_database(error: &DbError) -> Self {
        let code = error.code();
        let text = format!("{} ({})", error.message(), code.code());
        if *code == SqlState::UNIQUE_VIOLATION {
            return Self::Conflict(error.constraint().unwrap_or("a unique constraint").to_owned());
        }
        // A row found its partition, and that was divided while it waited for it: another try finds the new one. Only
        // partitions have checks without a name.
        let divided = *code == SqlState::CHECK_VIOLATION && error.constraint().is_none();
        if divided || means_unavailable(code) {
            return Self::Unavailable(text);
        }
        let place = [error.table(), error.column(), error.constraint()];
        let place: Vec<_> = place.into_iter().flatten().collect();
        Self::Internal(if place.is_empty() { text } else { format!("{text} at {}", place.join(".")) })
    }
}

/// Classes 08 (connection), 53 (out of something), 57 (shutdown, cancelled, starting up), 58 (system error), and states
/// in which trying again elsewhere or later may help: read-only, a lost deadlock, a lock not had in time.
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
        // What is left is the link (closed, io, TLS, timeout), unless this code sent or asked for what does not fit.
        const MISFITS: [&str; 6] = [
            "error serializing",
            "error deserializing",
            "error encoding",
            "invalid column",
            "query returned",
            "expected",
        ];
        let text = error.to_string();
        if MISFITS.iter().any(|misfit| text.starts_with(misfit)) {
            return Self::Internal(text);
        }
        let source = std::error::Error::source(&error);
        Self::Unavailable(source.map_or_else(|| text.clone(), |source| format!("{text}: {source}")))
    }
}
