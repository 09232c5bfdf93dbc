//! Finds the database and runs the work of a tool on it. A tool is a command that works on the database: all commands but
//! `dev`, `serve`, `config`, `cert` and `health`.
//!
//! A tool works beside a running server, through the same store and services. The server reads the changes from the database.
//! If a tool needs the private database server and that server is not running, the tool starts it for the time of the command.

use std::{path::PathBuf, time::Duration};

use domain::crypto::{lasting_keys::LastingKeys, secret_ring::SecretRing};
use secrecy::SecretString;
use service::{Clock, Services};
use store::{DatabaseSettings, MigrateOrder, SERVER_ROLE, Store};

use super::error::CliError;
use crate::{
    app,
    config::{self, KeyKind, Secrets, Settings, Variables, database_from, owner_from},
    lifecycle::Shutdown,
    postgres::{Access, Durability, attach_or_start},
    secrets, telemetry,
};

/// How long a tool waits for its audit events to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a tool finds the database. These options may be anywhere on the command line.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DatabaseArgs {
    /// The URL of the database. Without it, the settings `DATABASE_URL` or `POSTGRES_HOST` name the database; without these, the
    /// private server under `--data-dir` is used.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The data directory of the development server. Without it, the setting `DATA_DIR` names the directory.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// The address of the database, and the access to the private server. The access must live as long as the database is
/// used.
struct Found {
    database: DatabaseSettings,
    _access: Option<Access>,
}

/// The number of ended sessions as text: `all` if the revocation ended all sessions without counting them.
pub(super) fn count(sessions: Option<usize>) -> String {
    sessions.map_or_else(|| "all".to_owned(), |sessions| sessions.to_string())
}

/// The role of the database that a tool needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// The role of the server suffices.
    Server,
    /// The owner of the tables.
    Owner,
}

fn find(args: &DatabaseArgs, variables: &Variables, needs: Needs) -> Result<Found, CliError> {
    // The variables of `serve` name the database for tools, too. Without them, the private database is used. A file of
    // variables that cannot be read must not be ignored, even if the command line names the database.
    if let Some(url) = &args.database_url {
        variables.check_sources()?;
        let database = DatabaseSettings::parse(&SecretString::from(url.as_str()))
            .map_err(|error| CliError::Usage(format!("--database-url: {error}")))?;
        return Ok(Found { database, _access: None });
    }
    let owner = if needs == Needs::Owner { owner_from(variables)? } else { None };
    if let Some(database) = owner.map_or_else(|| database_from(variables), |owner| Ok(Some(owner)))? {
        return Ok(Found { database, _access: None });
    }
    let data_dir = existing_data_dir(args, variables)?;
    let access = attach_or_start(&data_dir, Durability::Durable)?;
    let database = DatabaseSettings::embedded(access.socket_dir(), access.database());
    Ok(Found { database, _access: Some(access) })
}

/// The data encryption keys of the server whose database the tool uses: the keys in the settings, or, for the private database,
/// the generated key.
pub(super) fn data_encryption_keys(
    args: &DatabaseArgs,
    variables: &Variables,
) -> Result<SecretRing, CliError> {
    if !is_private(args, variables)? {
        return Ok(KeyKind::Data.secrets(variables)?);
    }
    Ok(SecretRing::of(secrets::load_or_generate(&existing_data_dir(args, variables)?)?.data_encryption))
}

/// Whether nothing names a database, so that the private one is used.
fn is_private(args: &DatabaseArgs, variables: &Variables) -> Result<bool, CliError> {
    Ok(args.database_url.is_none() && database_from(variables)?.is_none() && owner_from(variables)?.is_none())
}

/// What `migrate` does besides for the database of these arguments, which the owner reaches as `owner`. Without a name, the role of the
/// server is the user of `DATABASE_URL`, if that is another one. In the private database it is made.
pub(super) fn migrate_order(
    server_role: Option<String>,
    args: &DatabaseArgs,
    variables: &Variables,
    owner: &DatabaseSettings,
) -> Result<MigrateOrder, CliError> {
    let audit_kept_days = config::audit_kept_days(variables)?;
    if is_private(args, variables)? {
        let server_role = Some(server_role.unwrap_or_else(|| SERVER_ROLE.to_owned()));
        return Ok(MigrateOrder { server_role, create_role: true, audit_kept_days });
    }
    let of_server = |database: DatabaseSettings| database.role().map(str::to_owned);
    let server_role = match server_role {
        Some(role) => Some(role),
        None => database_from(variables)?.and_then(of_server),
    };
    let server_role = server_role.filter(|role| owner.role() != Some(role));
    Ok(MigrateOrder { server_role, create_role: false, audit_kept_days })
}

/// Refuses a role that does not own the tables. A database without tables has no owner yet.
pub(super) async fn require_owner(store: &Store) -> Result<(), CliError> {
    match store.table_owner().await? {
        Some(found) if !found.is_held => Err(CliError::NotOwner { role: found.role, owner: found.owner }),
        _ => Ok(()),
    }
}

fn existing_data_dir(args: &DatabaseArgs, variables: &Variables) -> Result<PathBuf, CliError> {
    let data_dir = match &args.data_dir {
        Some(directory) => directory.clone(),
        None => config::data_dir(variables)?,
    };
    if data_dir.exists() {
        return Ok(data_dir);
    }
    Err(CliError::Usage(format!(
        "there is no data directory {}: start `portcullis dev` first, or give --data-dir or --database-url",
        data_dir.display()
    )))
}

/// Runs `work` with the store.
pub(super) fn with_store(
    args: &DatabaseArgs,
    variables: &Variables,
    work: impl AsyncFnOnce(Store) -> Result<(), CliError>,
) -> Result<(), CliError> {
    with_database(args, variables, async |store, _| work(store).await)
}

/// Runs `work` with the store and the settings of the database.
pub(super) fn with_database(
    args: &DatabaseArgs,
    variables: &Variables,
    work: impl AsyncFnOnce(Store, DatabaseSettings) -> Result<(), CliError>,
) -> Result<(), CliError> {
    telemetry::start_tool_logging();
    let Found { database, _access } = find(args, variables, Needs::Server)?;
    actix_web::rt::System::new().block_on(async { work(Store::connect(&database)?, database).await })
}

/// As [`with_database`], as the owner of the tables: of `--database-url`, `DATABASE_OWNER_URL` or, without it, `DATABASE_URL`.
pub(super) fn as_owner(
    args: &DatabaseArgs,
    variables: &Variables,
    work: impl AsyncFnOnce(Store, DatabaseSettings) -> Result<(), CliError>,
) -> Result<(), CliError> {
    telemetry::start_tool_logging();
    let Found { database, _access } = find(args, variables, Needs::Owner)?;
    actix_web::rt::System::new().block_on(async {
        let store = Store::connect(&database)?;
        require_owner(&store).await?;
        work(store, database).await
    })
}

/// Refuses a database of which the schema is not up to date, and a role that lacks rights of a server.
pub(super) async fn require_ready(store: &Store) -> Result<(), CliError> {
    let standing = store.role_standing().await?;
    if !standing.missing.is_empty() {
        return Err(CliError::MissingRights(app::MissingRights::of(standing)));
    }
    if store.schema_is_current().await? { Ok(()) } else { Err(CliError::NotMigrated) }
}

/// Runs `work` with services that have actors of their own, without sockets.
pub(super) fn with_services(
    args: &DatabaseArgs,
    variables: &Variables,
    work: impl AsyncFnOnce(Services) -> Result<(), CliError>,
) -> Result<(), CliError> {
    telemetry::start_tool_logging();
    let found = find(args, variables, Needs::Server)?;
    let private = PrivateDir::make()?;
    let result = actix_web::rt::System::new().block_on(async {
        let mut settings = Settings::development(found.database.clone(), no_secrets(), 0, None);
        // An export of a person opens what the audit log has sealed. Without the keys, only the log cannot be read.
        if let Ok(data_encryption) = data_encryption_keys(args, variables) {
            settings.secrets.data_encryption = data_encryption;
        }
        settings.realtime.spill_file = private.0.join("audit.spill");
        settings.erasure = config::erasure_rules(variables);
        let store = Store::connect(&found.database)?;
        // Services report a failure of the database without its cause, so the most common cause is checked here.
        require_ready(&store).await?;
        let lasting = LastingKeys::derived(&settings.secrets.data_encryption.current);
        let clock = Clock::default();
        let realtime =
            app::start_realtime(&settings, &store, clock.clone(), Shutdown::default(), usize::MAX)?;
        let services = Services::new(
            app::service_settings(&settings, &[])?,
            store,
            realtime.clone(),
            app::keys(&settings.secrets, &settings.web.domain, &lasting),
            clock,
        );
        let done = work(services).await;
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

/// A new directory for unwritten audit events. Other users of this machine can neither read it nor create it beforehand.
struct PrivateDir(PathBuf);

impl PrivateDir {
    fn make() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt;
        let path = std::env::temp_dir().join(format!("portcullis-{}", uuid::Uuid::new_v4().simple()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Removes the directory. Called only when every event in the directory is in the database.
    fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Tools neither issue nor verify tokens, so random keys are sufficient.
fn no_secrets() -> Secrets {
    let random = || SecretString::from(uuid::Uuid::new_v4().to_string());
    Secrets::new(random(), random(), random())
}
