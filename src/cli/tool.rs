//! Finds the database and runs the work of a command on it, for the commands that are tools.
//!
//! A tool works beside a running server, through the same store and services. The server learns of the changes from the
//! database. If the private database server is not running, it is started for the time of the command.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use service::{Clock, Services};
use store::{DatabaseSettings, Store};

use super::error::CliError;
use crate::{
    app,
    config::{DATA_DIRECTORY, Secrets, Settings, Variables, database_from},
    lifecycle::Shutdown,
    postgres::{Access, Durability, attach_or_start},
    telemetry,
};

/// How long a tool waits for its audit events to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a tool finds the database. These options may stand anywhere on the command line.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DatabaseArgs {
    /// Database URL. Without it, the private server under `--data-dir`.
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// The data directory of the development server.
    #[arg(long, global = true, env = "DATA_DIR", default_value = DATA_DIRECTORY, value_name = "DIR")]
    data_dir: PathBuf,
}

/// The address of the database, and the access to the private server. The access must live as long as the database is
/// used.
struct Found {
    database: DatabaseSettings,
    _access: Option<Access>,
}

/// How many sessions ended, for people. A revocation of all sessions may leave them uncounted.
pub(super) fn count(sessions: Option<usize>) -> String {
    sessions.map_or_else(|| "all".to_owned(), |sessions| sessions.to_string())
}

fn find(args: &DatabaseArgs) -> Result<Found, CliError> {
    if let Some(url) = &args.database_url {
        let database = DatabaseSettings::parse(&SecretString::from(url.as_str()))
            .map_err(|error| CliError::Usage(format!("--database-url: {error}")))?;
        return Ok(Found { database, _access: None });
    }
    // The variables of `serve` name the database for tools, too. Without them, the private database is used.
    if let Some(database) = database_from(&Variables::of_process())? {
        return Ok(Found { database, _access: None });
    }
    if !args.data_dir.exists() {
        return Err(CliError::Usage(format!(
            "there is no data directory {}: start `portcullis dev` first, or give --data-dir or --database-url",
            args.data_dir.display()
        )));
    }
    let access = attach_or_start(&args.data_dir, Durability::Durable)?;
    let database = DatabaseSettings::embedded(access.socket_dir(), access.database());
    Ok(Found { database, _access: Some(access) })
}

/// Runs `job` with the store.
pub(super) fn with_store(
    args: &DatabaseArgs,
    job: impl AsyncFnOnce(Store) -> Result<(), CliError>,
) -> Result<(), CliError> {
    telemetry::start_tool_logging();
    let found = find(args)?;
    actix_web::rt::System::new().block_on(async { job(Store::connect(&found.database)?).await })
}

/// Runs `job` with services that have actors of their own, without sockets.
pub(super) fn with_services(
    args: &DatabaseArgs,
    job: impl AsyncFnOnce(Services) -> Result<(), CliError>,
) -> Result<(), CliError> {
    telemetry::start_tool_logging();
    let found = find(args)?;
    let private = PrivateDir::make()?;
    let result = actix_web::rt::System::new().block_on(async {
        let mut settings = Settings::development(found.database.clone(), no_secrets(), 0, None);
        settings.realtime.spill_file = private.0.join("audit.spill");
        let store = Store::connect(&found.database)?;
        // Services report a failure of the database without its cause, so the most common cause is checked here.
        if !store.schema_is_current().await? {
            return Err(CliError::NotMigrated);
        }
        let realtime = app::start_realtime(&settings, &store, Shutdown::default())?;
        let services = Services::new(
            app::service_settings(&settings, &[])?,
            store,
            realtime.clone(),
            app::keys(&settings),
            Clock::default(),
        );
        let done = job(services).await;
        let written = realtime.flush(FLUSH_TIMEOUT).await;
        realtime.stop();
        Ok::<_, CliError>((done, written))
    });
    let (done, written) = result?;
    if written {
        private.remove();
    } else {
        let place = private.0.display();
        eprintln!(
            "portcullis: not every audit event could be written to the database; the rest is in {place}"
        );
    }
    done
}

/// A new directory that other users can neither read nor create beforehand.
struct PrivateDir(PathBuf);

impl PrivateDir {
    fn make() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("portcullis-{}", uuid::Uuid::new_v4().simple()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Removes the directory. Every event in it is also in the database.
    fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Tools neither issue nor verify tokens, so random keys are sufficient.
fn no_secrets() -> Secrets {
    let random = || SecretString::from(uuid::Uuid::new_v4().to_string());
    Secrets {
        jwt: random(),
        jwt_previous: Vec::new(),
        csrf: random(),
        data_encryption: random(),
        data_encryption_previous: Vec::new(),
    }
}
