//! What the tools share: finding the database and running one job against it.
//!
//! A tool works beside a running server, through the same store and services; the server hears of what it did from the
//! database. Where the private server is not running, it is started for the time of the command.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::{CliError, DatabaseArgs};
use crate::{
    app,
    config::{Secrets, Settings, database_from_env},
    lifecycle::Shutdown,
    postgres::{Access, Durability, attach_or_start},
};
use service::{Clock, Services};
use store::{DatabaseSettings, Store};

/// How long a tool waits for its audit events to be written.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// The database's address, and whatever must live as long as it is used.
struct Found {
    database: DatabaseSettings,
    _access: Option<Access>,
}

fn find(args: &DatabaseArgs) -> Result<Found, CliError> {
    if let Some(url) = &args.database_url {
        let database = DatabaseSettings::parse(&SecretString::from(url.as_str()))
            .map_err(|error| CliError::Usage(format!("--database-url: {error}")))?;
        return Ok(Found { database, _access: None });
    }
    // The variables that `serve` reads name its database for the tools, too; only without any is the private one meant.
    if let Some(database) = database_from_env(&|name| std::env::var(name).ok())? {
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

/// Runs a job against the store.
pub(super) fn with_store(
    args: &DatabaseArgs,
    job: impl AsyncFnOnce(Store) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let found = find(args)?;
    actix_web::rt::System::new().block_on(async { job(Store::connect(&found.database)?).await })
}

/// Runs a job against the services, with actors of its own that hold no sockets.
pub(super) fn with_services(
    args: &DatabaseArgs,
    job: impl AsyncFnOnce(Services) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let found = find(args)?;
    let private = PrivateDir::make()?;
    let result = actix_web::rt::System::new().block_on(async {
        let mut settings = Settings::development(found.database.clone(), no_secrets(), 0, None);
        settings.realtime.spill_file = private.0.join("audit.spill");
        let store = Store::connect(&found.database)?;
        let realtime = app::start_realtime(&settings, &store, Shutdown::default())?;
        let services = Services::new(
            app::service_settings(&settings, &[])?,
            store,
            realtime.clone(),
            app::keys(&settings),
            Clock::default(),
        );
        let done = job(services).await;
        let written = realtime.flush(FLUSH_WITHIN).await;
        realtime.stop();
        Ok::<_, CliError>((done, written))
    });
    let (done, written) = result?;
    if written {
        private.remove();
    } else {
        let place = private.0.display();
        eprintln!("portcullis: not every audit event could be written; the rest is in {place}");
    }
    done
}

/// A directory that nobody else can have prepared or can read.
struct PrivateDir(PathBuf);

impl PrivateDir {
    fn make() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("portcullis-{}", uuid::Uuid::new_v4().simple()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// What was in it is in the database.
    fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Tools issue no tokens and read none.
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
