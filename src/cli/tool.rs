//! What the tools share: finding the database and running one job against it.
//!
//! A tool works beside a running server, through the same store and services; the server hears of what it did from the
//! database. Where the private server is not running, it is started for the time of the command.

use portcullis_actors::Realtime;
use secrecy::SecretString;

use super::{CliError, DatabaseArgs};
use crate::{
    app,
    config::{Secrets, Settings},
    lifecycle::Shutdown,
    postgres::{Access, Durability, attach_or_start},
    service::{Clock, Services},
    store::{DatabaseSettings, Store},
};

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
    let spill = std::env::temp_dir().join(format!("portcullis-{}.spill", std::process::id()));
    let result = actix_web::rt::System::new().block_on(async {
        let mut settings = Settings::development(found.database.clone(), no_secrets(), 0, None);
        settings.realtime.spill_file = spill.clone();
        let store = Store::connect(&found.database)?;
        let realtime = app::start_realtime(&settings, &store, Shutdown::default())?;
        let services = Services::new(
            app::service_settings(&settings),
            store,
            realtime.clone(),
            app::keys(&settings),
            Clock::default(),
        );
        let done = job(services).await;
        finish(&realtime).await;
        done
    });
    // What the job recorded is in the database; nothing else is in the file.
    let _ = std::fs::remove_file(spill);
    result
}

async fn finish(realtime: &Realtime) {
    if !realtime.flush(std::time::Duration::from_secs(5)).await {
        eprintln!("portcullis: not every audit event could be written");
    }
    realtime.stop();
}

/// Tools issue no tokens and read none.
fn no_secrets() -> Secrets {
    let random = || SecretString::from(uuid::Uuid::new_v4().to_string());
    Secrets { jwt: random(), jwt_previous: Vec::new(), csrf: random(), data_encryption: random() }
}
