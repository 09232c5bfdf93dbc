//! Where the database is, and how the server connects: `DATABASE_URL`, the `POSTGRES_…` variables, and the bounds of the pool.

use std::time::Duration;

use store::{DatabaseParts, DatabaseSettings, DatabaseUrlError};

use super::{
    environment::{Environment, environment},
    error::ConfigError,
    reader::{Command, Reader, SERVICE_LINK_ADVICE, is_service_link},
    setting::{FilePath, Number, Setting, Text},
    source::source_of,
    table::{
        AUDIT_RETENTION_DAYS, DATABASE_CONNECT_SECONDS, DATABASE_CONNECTIONS, DATABASE_IDLE_SECONDS,
        DATABASE_KEEPALIVE_SECONDS, DATABASE_LIFETIME_SECONDS, DATABASE_OWNER_URL,
        DATABASE_STATEMENT_SECONDS, DATABASE_URL, DATABASE_WAIT_SECONDS, POSTGRES_CHANNEL_BINDING,
        POSTGRES_DB, POSTGRES_HOST, POSTGRES_PASSWORD, POSTGRES_PORT, POSTGRES_SSLCERT_FILE,
        POSTGRES_SSLKEY_FILE, POSTGRES_SSLMODE, POSTGRES_SSLROOTCERT_FILE, POSTGRES_TARGET_SESSION_ATTRS,
        POSTGRES_USER,
    },
    variables::Variables,
};

/// The database that the variables name, by the rules of `serve`. `None` if they do not name a database.
///
/// # Errors
/// What is wrong with the variables.
pub fn database_from(variables: &Variables) -> Result<Option<DatabaseSettings>, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    let named = [DATABASE_URL.name, POSTGRES_HOST.name];
    if named.iter().all(|name| matches!(source_of(name, variables), Ok(None))) {
        return read.finish(None);
    }
    read.production = environment(&mut read) == Environment::Production;
    let mut database = database(&mut read);
    set_bounds(&mut read, &mut database);
    read.finish(Some(database))
}

/// The database as the owner of its tables, for the commands that need the owner. `None` without `DATABASE_OWNER_URL`.
///
/// # Errors
/// What is wrong with the variables.
pub fn owner_from(variables: &Variables) -> Result<Option<DatabaseSettings>, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    read.production = environment(&mut read) == Environment::Production;
    let mut owner = owner(&mut read);
    if let Some(owner) = &mut owner {
        set_bounds(&mut read, owner);
    }
    read.finish(owner)
}

/// `DATABASE_OWNER_URL`, completed by the same settings as `DATABASE_URL`.
pub(super) fn owner(read: &mut Reader<'_>) -> Option<DatabaseSettings> {
    let url = read.secret_text(&DATABASE_OWNER_URL)?;
    let given = given(read);
    let further: Vec<(&str, &str)> = given.iter().map(|one| (one.parameter, one.value.as_str())).collect();
    match DatabaseSettings::parse_with(&url, &further) {
        Ok(owner) => Some(owner),
        Err(error) => {
            let setting = error.parameter().and_then(|parameter| setting_of(parameter, &given));
            read.problem(format!("{}: {error}", setting.unwrap_or(DATABASE_OWNER_URL.name)));
            None
        }
    }
}

/// How long entries of the audit log are kept, in days. `None` without `AUDIT_RETENTION_DAYS`.
///
/// # Errors
/// What is wrong with the setting.
pub fn audit_kept_days(variables: &Variables) -> Result<Option<i32>, ConfigError> {
    let mut read = Reader::new(variables, Command::Serve);
    let is_given = !matches!(source_of(AUDIT_RETENTION_DAYS.name, variables), Ok(None));
    let days: u64 = read.number(&AUDIT_RETENTION_DAYS);
    read.finish(is_given.then(|| i32::try_from(days).unwrap_or(i32::MAX)))
}

/// Sets the bounds of the pool. They are the same for every database.
pub(super) fn set_bounds(read: &mut Reader<'_>, database: &mut DatabaseSettings) {
    let unless_zero = |time: Duration| Some(time).filter(|time| !time.is_zero());
    database.pool_size = read.number(&DATABASE_CONNECTIONS);
    database.acquire_timeout = read.duration(&DATABASE_WAIT_SECONDS);
    database.statement_timeout = read.duration(&DATABASE_STATEMENT_SECONDS);
    database.idle_timeout = unless_zero(read.duration(&DATABASE_IDLE_SECONDS));
    database.lifetime = unless_zero(read.duration(&DATABASE_LIFETIME_SECONDS));
}

/// A parameter of libpq that a setting gives.
struct Given {
    setting: &'static str,
    parameter: &'static str,
    value: String,
}

/// The parameters from settings of their own, in addition to the URL or the separate parts.
fn given(read: &mut Reader<'_>) -> Vec<Given> {
    let mut found = Vec::new();
    let mut add = |setting: &'static str, parameter, value: Option<String>| {
        found.extend(value.map(|value| Given { setting, parameter, value }));
    };
    let words: [(&Setting<Text>, _); 3] = [
        (&POSTGRES_SSLMODE, "sslmode"),
        (&POSTGRES_TARGET_SESSION_ATTRS, "target_session_attrs"),
        (&POSTGRES_CHANNEL_BINDING, "channel_binding"),
    ];
    for (setting, parameter) in words {
        add(setting.name, parameter, read.text(setting));
    }
    let files: [(&Setting<FilePath>, _); 3] = [
        (&POSTGRES_SSLROOTCERT_FILE, "sslrootcert"),
        (&POSTGRES_SSLCERT_FILE, "sslcert"),
        (&POSTGRES_SSLKEY_FILE, "sslkey"),
    ];
    for (setting, parameter) in files {
        add(setting.name, parameter, read.path(setting));
    }
    let numbers: [(&Setting<Number>, _); 2] =
        [(&DATABASE_CONNECT_SECONDS, "connect_timeout"), (&DATABASE_KEEPALIVE_SECONDS, "keepalives_idle")];
    for (setting, parameter) in numbers {
        // The value is checked in any case. A default must not compete with a parameter of the URL.
        let number: u64 = read.number(setting);
        let is_given = !matches!(source_of(setting.name, read.variables()), Ok(None));
        // In libpq, 0 seconds mean the default of the system.
        let parameter = if parameter == "keepalives_idle" && number == 0 { "keepalives" } else { parameter };
        add(setting.name, parameter, is_given.then(|| number.to_string()));
    }
    found
}

pub(super) fn database(read: &mut Reader<'_>) -> DatabaseSettings {
    let given = given(read);
    let further: Vec<(&str, &str)> = given.iter().map(|one| (one.parameter, one.value.as_str())).collect();
    let url = read
        .secret_text(&DATABASE_URL)
        .map(|url| (DATABASE_URL.name, DatabaseSettings::parse_with(&url, &further)));
    match url.or_else(|| separate_parts(read, &further)) {
        Some((_, Ok(settings))) if settings.target.permits_writes() => settings,
        Some((name, Ok(settings))) => {
            let target = settings.target.as_str();
            let name = setting_of("target_session_attrs", &given).unwrap_or(name);
            read.problem(format!(
                "{name}: target_session_attrs={target}: the server writes to its database, so it is any, read-write or primary"
            ));
            nowhere()
        }
        Some((name, Err(error))) => {
            let setting = error.parameter().and_then(|parameter| setting_of(parameter, &given));
            read.problem(format!("{}: {error}", setting.unwrap_or(name)));
            nowhere()
        }
        None => {
            if !read.is_unreadable(POSTGRES_HOST.name) {
                let missing =
                    "DATABASE_URL: missing: set it, or POSTGRES_HOST and the other POSTGRES_ variables";
                read.missing(DATABASE_URL.name, missing);
            }
            nowhere()
        }
    }
}

/// The setting that gives this parameter.
fn setting_of(parameter: &str, given: &[Given]) -> Option<&'static str> {
    given.iter().find(|one| one.parameter == parameter).map(|one| one.setting)
}

/// A placeholder for the database after a problem. It is never used, because settings with a problem are refused.
fn nowhere() -> DatabaseSettings {
    DatabaseSettings::embedded(std::path::Path::new("/nonexistent"), "portcullis")
}

/// The database from the separate variables, and the name of the variable for errors. The values are not joined into a URL, so
/// their characters need no escaping.
fn separate_parts(
    read: &mut Reader<'_>,
    further: &[(&str, &str)],
) -> Option<(&'static str, Result<DatabaseSettings, DatabaseUrlError>)> {
    let hosts = read.text(&POSTGRES_HOST)?;
    if is_service_link(&hosts) {
        read.problem(format!(
            "{}: `{hosts}` looks like a Kubernetes service link, not a host: {SERVICE_LINK_ADVICE}",
            POSTGRES_HOST.name
        ));
        return Some((POSTGRES_HOST.name, Ok(nowhere())));
    }
    let port = read.number(&POSTGRES_PORT);
    let user = read.text(&POSTGRES_USER).unwrap_or_default();
    let database = read.text(&POSTGRES_DB).unwrap_or_default();
    let password = read.secret(&POSTGRES_PASSWORD);
    let parts = DatabaseParts {
        hosts: &hosts,
        port,
        user: &user,
        password: password.as_ref(),
        database: &database,
        parameters: further,
    };
    Some((POSTGRES_HOST.name, DatabaseSettings::from_parts(&parts)))
}
