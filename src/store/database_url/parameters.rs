//! The parameters of a database connection, each given at most once, and their form for the driver.
//!
//! `url`, `keywords` and `parts` set the parameters. A name that [`Parameters::set`] does not know is refused, because an
//! unknown parameter may demand a stricter connection.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use tokio_postgres::{
    Config,
    config::{ChannelBinding, Host, LoadBalanceHosts},
};

use super::{
    error::DatabaseUrlError,
    hosts::{host_name, port_number},
};
use crate::{
    session_target::SessionTarget,
    tls_mode::{ClientIdentity, Roots, TlsMode},
};

/// The longest unknown name that a message repeats, in bytes.
const SHOWN_NAME: usize = 64;
/// The longest duration that a parameter may have: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The default of `keepalives_idle`. The default of the driver is two hours, longer than most networks remember a connection.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(30);
/// The parameters with a value that is kept as one text.
const NAMES: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "options",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// The whole text: the parameters in the form for the driver, and those that the driver does not know.
pub(crate) struct ParsedUrl {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
    pub(crate) identity: Option<ClientIdentity>,
    pub(crate) target: SessionTarget,
}

/// The parameters read so far.
#[derive(Default)]
pub(super) struct Parameters {
    hosts: Vec<String>,
    ports: Vec<u16>,
    addresses: Vec<std::net::IpAddr>,
    password: Option<Vec<u8>>,
    mode: Option<Mode>,
    values: BTreeMap<&'static str, String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Parameters {
    /// Sets a part of the URL that comes before the query. An empty part counts as absent.
    pub(super) fn set_given(&mut self, name: &str, value: String) -> Result<(), DatabaseUrlError> {
        if value.is_empty() { Ok(()) } else { self.set(name, value) }
    }

    pub(super) fn set_password(&mut self, password: Vec<u8>) -> Result<(), DatabaseUrlError> {
        if password.is_empty() { Ok(()) } else { once(&mut self.password, password, "password") }
    }

    pub(super) fn set_hosts(&mut self, hosts: Vec<String>) -> Result<(), DatabaseUrlError> {
        append_once(&mut self.hosts, hosts, "host")
    }

    pub(super) fn set_ports(&mut self, ports: Vec<u16>) -> Result<(), DatabaseUrlError> {
        append_once(&mut self.ports, ports, "port")
    }

    /// Sets the parameter with this name.
    pub(super) fn set(&mut self, name: &str, value: String) -> Result<(), DatabaseUrlError> {
        match name {
            "host" => self.set_hosts(value.split(',').map(host_name).collect::<Result<_, _>>()?),
            "port" => self.set_ports(value.split(',').map(port_number).collect::<Result<_, _>>()?),
            "hostaddr" => {
                let addresses = value.split(',').map(|address| address.parse().map_err(|_| bad("hostaddr")));
                append_once(&mut self.addresses, addresses.collect::<Result<_, _>>()?, "hostaddr")
            }
            "sslmode" => once(&mut self.mode, sslmode(&value).ok_or(bad("sslmode"))?, "sslmode"),
            "ssl" => once(&mut self.mode, asyncpg_ssl(&value).ok_or(bad("ssl"))?, "sslmode"),
            _ => {
                // `keepalives_retries` is the driver's name of libpq's parameter `keepalives_count`.
                let name = if name == "keepalives_retries" { "keepalives_count" } else { name };
                let Some(name) = NAMES.into_iter().find(|known| *known == name) else {
                    return Err(unknown(name));
                };
                match self.values.insert(name, value) {
                    Some(_) => Err(DatabaseUrlError::Repeated(name)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Sets further parameters, which are given beside the text.
    pub(super) fn set_all(&mut self, further: &[(&str, &str)]) -> Result<(), DatabaseUrlError> {
        further.iter().try_for_each(|(name, value)| self.set(name, (*value).to_owned()))
    }

    /// What all parameters say together. `mode` applies if there is no `sslmode`.
    pub(super) fn finish(mut self, mode: Mode) -> Result<ParsedUrl, DatabaseUrlError> {
        if self.hosts.is_empty() && self.addresses.is_empty() {
            return Err(DatabaseUrlError::NoHost);
        }
        let servers = self.hosts.len().max(self.addresses.len());
        if !self.hosts.is_empty() && !self.addresses.is_empty() && self.addresses.len() != self.hosts.len() {
            return Err(bad("hostaddr"));
        }
        if self.ports.len() > 1 && self.ports.len() != servers {
            return Err(bad("port"));
        }
        // As in libpq, `sslrootcert=system` alone means full verification.
        let system = self.values.get("sslrootcert").is_some_and(|root| root == "system");
        let mode = self.mode.unwrap_or(if system { Mode::VerifyFull } else { mode });
        let tls = tls_mode(mode, self.values.remove("sslrootcert"))?;
        let identity = identity(mode, self.values.remove("sslcert"), self.values.remove("sslkey"))?;
        let target = target(self.values.remove("target_session_attrs"), servers)?;
        let config = self.config()?;
        if config.get_channel_binding() == ChannelBinding::Require
            && (mode == Mode::Disable || reaches_sockets_only(&config))
        {
            return Err(DatabaseUrlError::NoBinding);
        }
        Ok(ParsedUrl { config, tls, identity, target })
    }

    /// The configuration for the driver.
    fn config(self) -> Result<Config, DatabaseUrlError> {
        let mut config = Config::new();
        for host in &self.hosts {
            config.host(host);
        }
        for address in &self.addresses {
            config.hostaddr(*address);
        }
        for port in &self.ports {
            config.port(*port);
        }
        if let Some(password) = self.password {
            config.password(password);
        }
        config.keepalives_idle(KEEPALIVE);
        for (name, value) in self.values {
            apply(&mut config, name, value)?;
        }
        Ok(config)
    }
}

/// Whether every server is reached through a socket directory, where PostgreSQL has no TLS.
pub(crate) fn reaches_sockets_only(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) && config.get_hostaddrs().is_empty()
}

/// Passes one parameter to the driver.
fn apply(config: &mut Config, name: &'static str, value: String) -> Result<(), DatabaseUrlError> {
    match name {
        "user" => config.user(value),
        "dbname" => config.dbname(value),
        "options" => config.options(value),
        "application_name" => config.application_name(value),
        "keepalives" => config.keepalives(count(name, &value)? != 0),
        "keepalives_count" => config.keepalives_retries(count(name, &value)?),
        // This client never uses Kerberos encryption.
        "gssencmode" if matches!(value.as_str(), "disable" | "prefer") => config,
        "gssencmode" => return Err(bad(name)),
        "channel_binding" => config.channel_binding(match value.as_str() {
            "disable" => ChannelBinding::Disable,
            "prefer" => ChannelBinding::Prefer,
            "require" => ChannelBinding::Require,
            _ => return Err(bad(name)),
        }),
        "load_balance_hosts" => config.load_balance_hosts(match value.as_str() {
            "disable" => LoadBalanceHosts::Disable,
            "random" => LoadBalanceHosts::Random,
            _ => return Err(bad(name)),
        }),
        _ => return apply_duration(config, name, &value),
    };
    Ok(())
}

/// Passes one duration to the driver. As in libpq, zero and negative numbers mean the default, and the unit is seconds
/// (milliseconds for `tcp_user_timeout`).
fn apply_duration(config: &mut Config, name: &'static str, value: &str) -> Result<(), DatabaseUrlError> {
    let number: i64 = value.parse().map_err(|_| bad(name))?;
    let number = u64::try_from(number).unwrap_or(0);
    let milliseconds = name == "tcp_user_timeout";
    let duration = if milliseconds { Duration::from_millis(number) } else { Duration::from_secs(number) };
    if duration > LONGEST {
        return Err(bad(name));
    }
    match name {
        _ if number == 0 => config,
        "connect_timeout" => config.connect_timeout(duration),
        "tcp_user_timeout" => config.tcp_user_timeout(duration),
        "keepalives_idle" => config.keepalives_idle(duration),
        "keepalives_interval" => config.keepalives_interval(duration),
        _ => return Err(unknown(name)),
    };
    Ok(())
}

fn bad(name: &'static str) -> DatabaseUrlError {
    DatabaseUrlError::Value(name)
}

/// The error for an unknown parameter. It contains the name if the name can be shown.
fn unknown(name: &str) -> DatabaseUrlError {
    let shown = name.len() <= SHOWN_NAME && name.bytes().all(|byte| byte.is_ascii_graphic());
    DatabaseUrlError::Unknown(if shown { name.to_owned() } else { "(unreadable)".to_owned() })
}

fn once<T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), DatabaseUrlError> {
    match slot.replace(value) {
        Some(_) => Err(DatabaseUrlError::Repeated(name)),
        None => Ok(()),
    }
}

fn append_once<T>(list: &mut Vec<T>, items: Vec<T>, name: &'static str) -> Result<(), DatabaseUrlError> {
    if !list.is_empty() && !items.is_empty() {
        return Err(DatabaseUrlError::Repeated(name));
    }
    list.extend(items);
    Ok(())
}

fn count(name: &'static str, value: &str) -> Result<u32, DatabaseUrlError> {
    value.parse().map_err(|_| bad(name))
}

fn sslmode(value: &str) -> Option<Mode> {
    match value {
        "disable" => Some(Mode::Disable),
        "allow" | "prefer" => Some(Mode::Prefer),
        "require" => Some(Mode::Require),
        "verify-ca" => Some(Mode::VerifyCa),
        "verify-full" => Some(Mode::VerifyFull),
        _ => None,
    }
}

/// The mode of asyncpg's `ssl`. The value is one of libpq's words or a Boolean. True means full verification.
fn asyncpg_ssl(value: &str) -> Option<Mode> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" => Some(Mode::VerifyFull),
        "false" | "0" | "off" => Some(Mode::Disable),
        word => sslmode(word),
    }
}

/// As in libpq, `require` with a root certificate verifies the chain. `sslrootcert=system` requires that the name is verified
/// as well, because the authorities of the system issue certificates for every host. For the same reason, the name is also
/// verified if `verify-ca` is given without a root certificate.
fn tls_mode(mode: Mode, root: Option<String>) -> Result<TlsMode, DatabaseUrlError> {
    if root.as_deref() == Some("system") {
        return match mode {
            Mode::VerifyFull => Ok(TlsMode::VerifyFull(Roots::System)),
            _ => Err(DatabaseUrlError::WeakMode),
        };
    }
    let named = root.is_some();
    let roots = root.map_or(Roots::System, |file| Roots::File(PathBuf::from(file)));
    Ok(match mode {
        Mode::Disable | Mode::Prefer if named => return Err(DatabaseUrlError::UnusedRoot),
        Mode::Disable => TlsMode::Disable,
        Mode::Prefer => TlsMode::Prefer,
        Mode::Require if named => TlsMode::VerifyCa(roots),
        Mode::Require => TlsMode::Require,
        Mode::VerifyCa if named => TlsMode::VerifyCa(roots),
        Mode::VerifyCa | Mode::VerifyFull => TlsMode::VerifyFull(roots),
    })
}

/// The files of this client's certificate. A connection that is never encrypted cannot show a certificate.
fn identity(
    mode: Mode,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<Option<ClientIdentity>, DatabaseUrlError> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(DatabaseUrlError::Incomplete("sslcert", "sslkey")),
        (None, Some(_)) => Err(DatabaseUrlError::Incomplete("sslkey", "sslcert")),
        (Some(_), Some(_)) if mode == Mode::Disable => Err(DatabaseUrlError::UnusedIdentity),
        (Some(certificate), Some(key)) => {
            Ok(Some(ClientIdentity { certificate: certificate.into(), key: key.into() }))
        }
    }
}

/// The wanted server. Of several servers, it is one that accepts writes, because the others are standbys. The text may say
/// otherwise.
fn target(word: Option<String>, servers: usize) -> Result<SessionTarget, DatabaseUrlError> {
    match word {
        Some(word) => SessionTarget::of(&word).ok_or(bad("target_session_attrs")),
        None if servers > 1 => Ok(SessionTarget::ReadWrite),
        None => Ok(SessionTarget::Any),
    }
}
