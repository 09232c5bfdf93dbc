//! The settings of the database connection.
//!
//! Made from the configuration; read by `pool`, `revocation::listener` and `migrate`. Neither `Debug` nor `Display`
//! shows the password.

use std::{fmt, path::Path, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::{Host, SslMode};

use super::{
    database_url::{self, DatabaseUrlError, separate_host},
    tls_mode::TlsMode,
};

/// The address of a database, with user and password, in separate settings.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseParts<'a> {
    /// The servers, separated by commas: names, addresses (IPv6 with or without brackets), or socket directories.
    pub hosts: &'a str,
    /// The port of all of them.
    pub port: u16,
    /// The user.
    pub user: &'a str,
    /// The password of the user.
    pub password: Option<&'a SecretString>,
    /// The name of the database.
    pub database: &'a str,
}

/// Everything that the store needs to connect.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// Host, port, user, password, database.
    pub config: tokio_postgres::Config,
    /// The TLS mode; always `Disable` for a socket directory, where PostgreSQL has no TLS.
    pub tls: TlsMode,
    /// Maximum number of connections.
    pub pool_size: usize,
    /// How long a request waits for a connection before it is answered with 503.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
}

impl DatabaseSettings {
    /// Maximum number of connections, unless another one is set.
    pub const POOL_SIZE: usize = 16;
    const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
    const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

    /// Parses a database URL.
    ///
    /// # Errors
    /// The problem, without any part of the URL.
    pub fn parse(url: &SecretString) -> Result<Self, DatabaseUrlError> {
        let parsed = database_url::parse(url.expose_secret())?;
        Ok(Self::with(parsed.config, parsed.tls))
    }

    /// Settings for a database whose address is given in parts. The connection must be encrypted, except over a socket.
    ///
    /// # Errors
    /// `Host` for an invalid host, `NoHost` without a host.
    pub fn from_parts(parts: &DatabaseParts<'_>) -> Result<Self, DatabaseUrlError> {
        let mut config = tokio_postgres::Config::new();
        for host in parts.hosts.split(',').map(str::trim).filter(|host| !host.is_empty()) {
            config.host(separate_host(host)?);
        }
        if config.get_hosts().is_empty() {
            return Err(DatabaseUrlError::NoHost);
        }
        config.port(parts.port).user(parts.user).dbname(parts.database);
        if let Some(password) = parts.password {
            config.password(password.expose_secret());
        }
        Ok(Self::with(config, TlsMode::Require))
    }

    /// Settings for the embedded server behind this socket directory, as its superuser `postgres`.
    #[must_use]
    pub fn embedded(socket_dir: &Path, dbname: &str) -> Self {
        let mut config = tokio_postgres::Config::new();
        config.host_path(socket_dir).user("postgres").dbname(dbname);
        Self::with(config, TlsMode::Disable)
    }

    /// Settings from a configuration of the driver and a TLS mode, with defaults for everything else.
    #[must_use]
    pub fn with(mut config: tokio_postgres::Config, tls: TlsMode) -> Self {
        let sockets_only = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
            && config.get_hostaddrs().is_empty();
        let tls = if sockets_only { TlsMode::Disable } else { tls };
        config.ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa(_) | TlsMode::VerifyFull(_) => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("portcullis");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Self::ACQUIRE_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Self::STATEMENT_TIMEOUT);
        }
        Self {
            config,
            tls,
            pool_size: Self::POOL_SIZE,
            acquire_timeout: Self::ACQUIRE_TIMEOUT,
            statement_timeout: Self::STATEMENT_TIMEOUT,
        }
    }

    /// The connection parameters with the timeouts that the server itself enforces.
    pub(super) fn bounded_config(&self) -> tokio_postgres::Config {
        let mut config = self.config.clone();
        let milliseconds = self.statement_timeout.as_millis().max(1);
        let own = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
        config.options(format!(
            "{own}-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={}",
            milliseconds * 2
        ));
        config
    }
}

impl fmt::Display for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        if let Some(user) = self.config.get_user() {
            f.write_str(user)?;
            f.write_str(if self.config.get_password().is_some() { ":***@" } else { "@" })?;
        }
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                Host::Unix(path) => write!(f, "[{}]", path.display())?,
            }
            let ports = self.config.get_ports();
            if let Some(port) = ports.get(index).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        let database = self.config.get_dbname().unwrap_or_default();
        write!(f, "/{database}?sslmode={}", self.tls.as_str())
    }
}

impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseSettings({self}, pool {})", self.pool_size)
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
