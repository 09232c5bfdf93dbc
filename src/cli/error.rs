//! Why a command failed, in plain words for the terminal.

use std::{io, process::ExitCode};

use service::Failure;
use store::{StoreError, Unfinished};

use crate::{
    app::{self, StartError},
    config::ConfigError,
    lifecycle::Died,
    postgres,
    secrets::SecretsError,
    tls::TlsError,
};

/// The exit status for settings that cannot be used, from `sysexits.h`. With `RestartPreventExitStatus=78` in its unit, systemd
/// does not start the server again.
const EX_CONFIG: u8 = 78;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line is wrong, or names something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The private database server did not start.
    #[error(transparent)]
    Postgres(#[from] postgres::StartError),
    /// The private database server cannot be reached.
    #[error(transparent)]
    Attach(#[from] postgres::AttachError),
    /// A program of PostgreSQL is missing, or has failed.
    #[error(transparent)]
    ClientProgram(#[from] postgres::ClientProgramError),
    /// A file with secrets cannot be read or written.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The certificate cannot be read or generated.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server stopped because it could not continue.
    #[error(transparent)]
    Died(#[from] Died),
    /// The database refused the request, or it cannot be reached.
    #[error("the database cannot be used: {}", cause(.0))]
    Store(#[from] StoreError),
    /// The schema of the database is missing or older than this program.
    #[error("the schema of the database is not up to date: run `portcullis migrate` first")]
    NotMigrated,
    /// The role of the database lacks rights that a server needs.
    #[error(transparent)]
    MissingRights(#[from] app::MissingRights),
    /// The command needs the owner of the tables.
    #[error(
        "this command needs the owner of the tables, {owner}, but the database role is {role}: give the URL of the owner with \
         --database-url or DATABASE_OWNER_URL"
    )]
    NotOwner {
        /// The role of the connection.
        role: String,
        /// The owner of the tables.
        owner: String,
    },
    /// The service or the command refused the request, or the server is not ready.
    #[error("{0}")]
    Failure(String),
    /// A server needs a sign-in or a proof of presence.
    #[error("{0}")]
    SignIn(String),
    /// A server cannot be reached, or cannot answer now.
    #[error("{0}")]
    Unreachable(String),
    /// Ctrl-C at a question.
    #[error("interrupted")]
    Interrupted,
    /// A file or the terminal could not be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl CliError {
    /// Whether the reader of the output has gone, for example `head`. That is no failure.
    pub(super) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::SignIn(_) => ExitCode::from(3),
            Self::Unreachable(_) => ExitCode::from(4),
            Self::Interrupted => ExitCode::from(130),
            Self::Config(_)
            | Self::Start(
                StartError::DemonstrationUsers(_)
                | StartError::PowerfulRole(_)
                | StartError::Unfinished(Unfinished::Copied),
            ) => ExitCode::from(EX_CONFIG),
            _ => ExitCode::FAILURE,
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure.to_string())
    }
}

/// The cause in plain words, if it is known, and the message of the database or of the operating system. The text of
/// [`StoreError::Unavailable`] and [`StoreError::Internal`] contains the SQLSTATE of the database's answer in brackets.
pub(super) fn cause(error: &StoreError) -> String {
    let detail = match error {
        StoreError::Unavailable(reason) => reason.clone(),
        other => other.to_string(),
    };
    let causes = [
        ("(28P01)", "the password was rejected"),
        ("(28000)", "the user was rejected"),
        ("(3D000)", "the database does not exist"),
        ("(42P01)", "the schema is missing, run `portcullis migrate`"),
        (
            "(42501)",
            "the database role lacks a right: `portcullis migrate`, as the owner of the tables, gives the role of the server its rights",
        ),
        ("Connection refused", "the connection was refused, no server listens there"),
        ("No such file or directory", "there is no socket, no server runs there"),
        ("failed to lookup address", "the name of the host is unknown"),
        ("timed out", "the server did not answer in time"),
    ];
    let known = causes.iter().find(|(mark, _)| detail.contains(mark));
    known.map_or_else(|| detail.clone(), |(_, cause)| format!("{cause} ({detail})"))
}
