//! The settings of the database connection.
//!
//! Made by `config` and by the command line; read by `connection`, `pool`, `revocation::listener` and `import::source`. Neither
//! `Debug` nor `Display` shows the password.

use std::{fmt, path::Path, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::{Host, SslMode};

use super::{
    database_url::{self, DatabaseParts, DatabaseUrlError, ParsedUrl, reaches_sockets_only},
    error::StoreError,
    session_target::SessionTarget,
    tls::TlsSource,
    tls_mode::{ClientIdentity, TlsMode},
};

/// Everything that the store needs to connect.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// The parameters of the driver: hosts, ports, user, password, database and others.
    pub config: tokio_postgres::Config,
    /// The TLS mode. Always `Disable` if all servers are reached through socket directories, where PostgreSQL has no TLS.
    pub tls: TlsMode,
    /// The certificate that proves this client's identity to the database.
    pub identity: Option<ClientIdentity>,
    /// Which of the servers may be used.
    pub target: SessionTarget,
    /// Maximum number of connections in the pool.
    pub pool_size: usize,
    /// How long a request waits for a connection before it is answered with 503.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long a connection of the pool may be unused before it is closed; `None` for any time.
    pub idle_timeout: Option<Duration>,
    /// How old a connection of the pool may become before it is replaced; `None` for any age.
    pub lifetime: Option<Duration>,
}

impl DatabaseSettings {
    /// The default of `pool_size`.
    pub const POOL_SIZE: usize = 16;
    /// The default of `connect_timeout`.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
    /// The default of `acquire_timeout`.
    pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
    /// The default of `statement_timeout`.
    pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
    /// The default of `idle_timeout`.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);
    /// The default of `lifetime`.
    pub const LIFETIME: Duration = Duration::from_secs(30 * 60);
    /// After this time without traffic, TCP asks whether the database still answers.
    pub const KEEPALIVE: Duration = database_url::KEEPALIVE;
    /// How long sent data may stay without an acknowledgement of the other end, unless `tcp_user_timeout` says otherwise.
    const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);
    /// The interval of TCP's questions after the first one, unless `keepalives_interval` says otherwise.
    const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
    /// The number of unanswered questions of TCP that ends the connection, unless `keepalives_count` says otherwise.
    const KEEPALIVE_COUNT: u32 = 3;

    /// Parses a database URL, or libpq's keywords and values.
    ///
    /// # Errors
    /// The problem. It may contain the name of a parameter, but no value from the URL.
    pub fn parse(url: &SecretString) -> Result<Self, DatabaseUrlError> {
        Self::parse_with(url, &[])
    }

    /// As [`parse`](Self::parse), with further parameters that are given beside the URL. Names are those of libpq.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); `Repeated` for a parameter that the URL has, too.
    pub fn parse_with(url: &SecretString, further: &[(&str, &str)]) -> Result<Self, DatabaseUrlError> {
        Ok(Self::of(database_url::parse(url.expose_secret(), further)?))
    }

    /// Settings for a database with an address in parts. The connection must be encrypted, except through socket directories,
    /// and unless a parameter `sslmode` says otherwise.
    ///
    /// # Errors
    /// `Host` for an invalid host, `NoHost` without a host, and the problems of the parameters.
    pub fn from_parts(parts: &DatabaseParts<'_>) -> Result<Self, DatabaseUrlError> {
        Ok(Self::of(database_url::parse_parts(parts)?))
    }

    fn of(parsed: ParsedUrl) -> Self {
        let ParsedUrl { config, tls, identity, target } = parsed;
        Self { identity, target, ..Self::with(config, tls) }
    }

    /// Settings for the private server with this socket directory, as the superuser `postgres`.
    #[must_use]
    pub fn embedded(socket_dir: &Path, dbname: &str) -> Self {
        let mut config = tokio_postgres::Config::new();
        config.host_path(socket_dir).user("postgres").dbname(dbname);
        Self::with(config, TlsMode::Disable)
    }

    /// The same database, as another role without a password.
    #[must_use]
    pub fn as_role(mut self, role: &str) -> Self {
        self.config.user(role);
        self
    }

    /// The role that the connections have; `None` if it follows from the user of the process.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.config.get_user()
    }

    /// Settings from a configuration of the driver and a TLS mode, with defaults for everything else.
    #[must_use]
    pub fn with(mut config: tokio_postgres::Config, tls: TlsMode) -> Self {
        let tls = if reaches_sockets_only(&config) { TlsMode::Disable } else { tls };
        config.ssl_mode(match tls {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa(_) | TlsMode::VerifyFull(_) => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("portcullis");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Self::CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Self::TCP_USER_TIMEOUT);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(Self::KEEPALIVE_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(Self::KEEPALIVE_COUNT);
        }
        Self {
            config,
            tls,
            identity: None,
            target: SessionTarget::Any,
            pool_size: Self::POOL_SIZE,
            acquire_timeout: Self::ACQUIRE_TIMEOUT,
            statement_timeout: Self::STATEMENT_TIMEOUT,
            idle_timeout: Some(Self::IDLE_TIMEOUT),
            lifetime: Some(Self::LIFETIME),
        }
    }

    /// Reads the files of certificates and of the key once.
    ///
    /// # Errors
    /// The reason why a file cannot be used.
    pub fn check_files(&self) -> Result<(), StoreError> {
        TlsSource::new(&self.tls, self.identity.as_ref()).map(drop)
    }

    /// How long a connection to one address may take, with encryption and sign-in.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(Self::CONNECT_TIMEOUT)
    }

    /// The statements that give a new session its time limits, which the database itself enforces. They are no startup
    /// parameters, because connection poolers refuse such parameters.
    pub(crate) fn session_limits(&self) -> String {
        let milliseconds = self.statement_timeout.as_millis().max(1);
        format!(
            "SET statement_timeout = {milliseconds}; SET idle_in_transaction_session_timeout = {}",
            milliseconds * 2
        )
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
