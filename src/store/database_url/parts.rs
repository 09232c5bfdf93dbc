//! The address of a database in separate settings. Their values need no encoding.

use secrecy::{ExposeSecret, SecretString};

use super::{error::DatabaseUrlError, hosts::separate_host, parameters::Parameters};

/// The address of a database, with user and password, in separate settings.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseParts<'a> {
    /// The servers, separated by commas: names, addresses (IPv6 with or without brackets), or socket directories.
    pub hosts: &'a str,
    /// The port of all servers.
    pub port: u16,
    /// The user.
    pub user: &'a str,
    /// The password of the user.
    pub password: Option<&'a SecretString>,
    /// The name of the database.
    pub database: &'a str,
    /// Further parameters: names of libpq, and their values.
    pub parameters: &'a [(&'a str, &'a str)],
}

/// Reads the settings.
pub(super) fn read(parts: &DatabaseParts<'_>) -> Result<Parameters, DatabaseUrlError> {
    let mut parameters = Parameters::default();
    let hosts = parts.hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
    parameters.set_hosts(hosts.map(separate_host).collect::<Result<_, _>>()?)?;
    parameters.set_ports(vec![parts.port])?;
    parameters.set_given("user", parts.user.to_owned())?;
    parameters.set_given("dbname", parts.database.to_owned())?;
    if let Some(password) = parts.password {
        parameters.set_password(password.expose_secret().as_bytes().to_vec())?;
    }
    parameters.set_all(parts.parameters)?;
    Ok(parameters)
}
