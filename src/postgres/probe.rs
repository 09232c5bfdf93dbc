//! The two requests of this module to a private server: one checks that a database answers, the other creates the database.
//! `cluster` and `attach` use them; every other query goes through the store.

use std::{io, path::Path, time::Duration};

use tokio_postgres::{Config, NoTls, error::SqlState};

use super::{PORT, USER};

/// How long one request may take, from connecting to the answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a request to the server failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    /// The server cannot be reached or did not answer in time, or this process could not run the request.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server refused the request.
    #[error("{message} (SQLSTATE {code})")]
    Refused { code: String, message: String },
}

impl ProbeError {
    /// Whether the server has no database of the requested name.
    pub(super) fn is_no_such_database(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == SqlState::INVALID_CATALOG_NAME.code())
    }

    /// Whether the server is starting or stopping: `admin_shutdown`, `crash_shutdown` or `cannot_connect_now`. The prefix also
    /// includes `database_dropped` and `idle_session_timeout`. After these, another attempt is right, too.
    pub(super) fn is_starting_or_stopping(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.starts_with("57P0"))
    }
}

impl From<tokio_postgres::Error> for ProbeError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            return Self::Refused {
                code: refusal.code().code().to_owned(),
                message: refusal.message().to_owned(),
            };
        }
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
        let kind = source.map_or(io::ErrorKind::Other, io::Error::kind);
        let text = source.map_or_else(|| error.to_string(), ToString::to_string);
        Self::Io(io::Error::new(kind, text))
    }
}

/// Whether `database` answers on the socket in `socket_dir`.
pub(super) fn check_database(socket_dir: &Path, database: &str) -> Result<(), ProbeError> {
    blocking(session(socket_dir, database, None))
}

/// Creates `database` unless it exists. The name is a constant of this program, so it is not quoted.
pub(super) fn ensure_database(socket_dir: &Path, database: &'static str) -> Result<(), ProbeError> {
    match check_database(socket_dir, database) {
        Err(error) if error.is_no_such_database() => {}
        other => return other,
    }
    blocking(session(socket_dir, "postgres", Some(format!("CREATE DATABASE {database}"))))
}

/// Connects, executes `statement` if there is one, and closes the connection cleanly.
async fn session(socket_dir: &Path, database: &str, statement: Option<String>) -> Result<(), ProbeError> {
    let mut config = Config::new();
    config.host_path(socket_dir).port(PORT).user(USER).dbname(database);
    let (client, connection) = config.connect(NoTls).await?;
    let connection = async {
        // If the connection fails, the work below fails, too, and returns the reason.
        let _ = connection.await;
    };
    let work = async {
        let outcome = match statement {
            Some(statement) => client.batch_execute(&statement).await,
            None => Ok(()),
        };
        // The connection ends when its client is dropped.
        drop(client);
        outcome
    };
    let (outcome, ()) = tokio::join!(work, connection);
    Ok(outcome?)
}

/// Runs `request` to its end in a thread and a runtime of its own. The caller may run inside a runtime, and a thread of a
/// runtime must not block on another future.
fn blocking(request: impl Future<Output = Result<(), ProbeError>> + Send) -> Result<(), ProbeError> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::time::timeout(TIMEOUT, request)
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    };
    std::thread::scope(|scope| {
        scope.spawn(run).join().unwrap_or_else(|_| Err(io::Error::other("the probe panicked").into()))
    })
}
