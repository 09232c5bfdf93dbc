//! Where the database is: `DATABASE_URL`, or the `POSTGRES_…` variables.

use store::{DatabaseParts, DatabaseSettings, DatabaseUrlError};

use super::{
    error::ConfigError,
    reader::{Command, Reader, SERVICE_LINK_ADVICE, is_service_link},
    table::{DATABASE_URL, POSTGRES_DB, POSTGRES_HOST, POSTGRES_PASSWORD, POSTGRES_PORT, POSTGRES_USER},
    variables::Variables,
};

/// The database that the variables name, by the rules of `serve`. `None` if they do not name a database.
///
/// # Errors
/// What is wrong with the variables.
pub fn database_from(variables: &Variables) -> Result<Option<DatabaseSettings>, ConfigError> {
    let named = ["DATABASE_URL", "DATABASE_URL_FILE", "POSTGRES_HOST", "POSTGRES_HOST_FILE"];
    if named.iter().all(|name| variables.get(name).is_none()) {
        return Ok(None);
    }
    let mut read = Reader::new(variables, Command::Serve);
    let database = database(&mut read);
    read.finish(Some(database))
}

pub(super) fn database(read: &mut Reader<'_>) -> DatabaseSettings {
    let url = read.secret_text(&DATABASE_URL).map(|url| (DATABASE_URL.name, DatabaseSettings::parse(&url)));
    match url.or_else(|| separate_parts(read)) {
        Some((_, Ok(settings))) => settings,
        Some((name, Err(error))) => {
            read.problem(format!("{name}: {error}"));
            nowhere()
        }
        None => {
            read.problem("DATABASE_URL: missing: set it, or POSTGRES_HOST and the other POSTGRES_ variables");
            nowhere()
        }
    }
}

/// A placeholder where the settings cannot be used.
fn nowhere() -> DatabaseSettings {
    DatabaseSettings::embedded(std::path::Path::new("/nonexistent"), "portcullis")
}

/// The database from the separate variables, with the name of the first variable. The values are not joined into a URL, so
/// their characters need no escaping.
fn separate_parts(
    read: &mut Reader<'_>,
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
    let parts =
        DatabaseParts { hosts: &hosts, port, user: &user, password: password.as_ref(), database: &database };
    Some((POSTGRES_HOST.name, DatabaseSettings::from_parts(&parts)))
}
