//! Where the database is: `DATABASE_URL`, or a URL made of the `POSTGRES_…` variables.

use std::net::Ipv6Addr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use store::DatabaseSettings;

use super::{
    error::ConfigError,
    reader::{Command, Reader},
    table::{DATABASE_URL, POSTGRES_DB, POSTGRES_HOST, POSTGRES_PASSWORD, POSTGRES_PORT, POSTGRES_USER},
    variables::Variables,
};

/// Everything but the unreserved characters of RFC 3986, 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The database that the variables name, as `serve` understands them; `None` if they name none.
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
    let url = read.secret_text(&DATABASE_URL).or_else(|| assembled_url(read));
    let parsed = match url {
        Some(url) => DatabaseSettings::parse(&url).map_err(|error| error.to_string()),
        None => Err("missing: set it, or POSTGRES_HOST and its companions".to_owned()),
    };
    parsed.unwrap_or_else(|error| {
        read.problem(format!("DATABASE_URL: {error}"));
        DatabaseSettings::embedded(std::path::Path::new("/nonexistent"), "portcullis")
    })
}

/// The URL made of the separate variables. The connection must be encrypted, except over a Unix socket.
fn assembled_url(read: &mut Reader<'_>) -> Option<SecretString> {
    let host = read.text(&POSTGRES_HOST)?;
    let port: u16 = read.number(&POSTGRES_PORT);
    let user = read.text(&POSTGRES_USER).unwrap_or_default();
    let database = read.text(&POSTGRES_DB).unwrap_or_default();
    let password = read.secret(&POSTGRES_PASSWORD);
    let password = password.as_ref().map_or("", |password| password.expose_secret());
    Some(SecretString::from(url(&host, port, &user, password, &database)))
}

fn url(hosts: &str, port: u16, user: &str, password: &str, database: &str) -> String {
    let [user, password, database] =
        [user, password, database].map(|text| utf8_percent_encode(text, RESERVED));
    let hosts: Vec<String> =
        hosts.split(',').map(|host| format!("{}:{port}", url_host(host.trim()))).collect();
    format!("postgresql://{user}:{password}@{}/{database}?sslmode=require", hosts.join(","))
}

/// A host as it stands in a URL: an IPv6 address in brackets, everything else percent-encoded.
fn url_host(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<Ipv6Addr>().is_ok() {
        return format!("[{bare}]");
    }
    // The path of a socket that is percent-encoded already.
    if host.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2F")) {
        return host.to_owned();
    }
    utf8_percent_encode(host, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::Host;

    use super::*;

    fn parsed(host: &str) -> DatabaseSettings {
        let url = url(host, 5433, "app user", "p@ss/w:rd", "the db");
        DatabaseSettings::parse(&SecretString::from(url)).expect("a URL that can be read")
    }

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        for host in ["fd00::7", "[fd00::7]"] {
            assert_eq!(parsed(host).config.get_hosts(), [Host::Tcp("fd00::7".to_owned())]);
        }
    }

    #[test]
    fn a_socket_directory_may_be_given_as_a_path() {
        for host in ["/run/postgresql", "%2Frun%2Fpostgresql"] {
            let settings = parsed(host);
            assert_eq!(settings.config.get_hosts(), [Host::Unix("/run/postgresql".into())]);
            assert_eq!(settings.tls, store::TlsMode::Disable, "a socket has no TLS");
        }
    }

    #[test]
    fn names_and_passwords_are_encoded() {
        let settings = parsed("db.example,db2.example");
        assert_eq!(settings.config.get_user(), Some("app user"));
        assert_eq!(settings.config.get_password(), Some("p@ss/w:rd".as_bytes()));
        assert_eq!(settings.config.get_dbname(), Some("the db"));
        assert_eq!(settings.config.get_hosts().len(), 2);
        assert_eq!(settings.config.get_ports(), [5433, 5433]);
    }
}
