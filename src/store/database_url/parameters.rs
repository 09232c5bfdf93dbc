//! The parameters of a database connection, each given at most once, and their form for the driver.
//!
//! Filled by `url`. A name that [`Parameters::set`] does not know is refused, because the parameter may make the connection
//! stricter.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use tokio_postgres::{
    Config,
    config::{ChannelBinding, LoadBalanceHosts, TargetSessionAttrs},
};

use super::{
    error::DatabaseUrlError,
    hosts::{host_name, port_number},
};
use crate::tls_mode::{Roots, TlsMode};

/// A longer unknown name is not repeated in a message.
const SHOWN_NAME: usize = 64;
/// The longest duration of a parameter: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The parameters with one text as their value.
const NAMES: [&str; 16] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// The content of a URL in the form for the driver, and the TLS mode.
pub(crate) struct ParsedUrl {
    pub(crate) config: Config,
    pub(crate) tls: TlsMode,
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

#[derive(Clone, Copy)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Parameters {
    /// Sets a part of the URL that stands before its query. An empty part counts as absent.
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

    /// The configuration of the driver.
    pub(super) fn finish(mut self) -> Result<ParsedUrl, DatabaseUrlError> {
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
        let tls = tls_mode(self.mode, self.values.remove("sslrootcert"))?;
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
        for (name, value) in self.values {
            tell(&mut config, name, value)?;
        }
        Ok(ParsedUrl { config, tls })
    }
}

/// Passes one parameter to the driver.
fn tell(config: &mut Config, name: &'static str, value: String) -> Result<(), DatabaseUrlError> {
    match name {
        "user" => config.user(value),
        "dbname" => config.dbname(value),
        "options" => config.options(value),
        "application_name" => config.application_name(value),
        "keepalives" => config.keepalives(count(name, &value)? != 0),
        "keepalives_count" | "keepalives_retries" => config.keepalives_retries(count(name, &value)?),
        "target_session_attrs" => config.target_session_attrs(match value.as_str() {
            "any" => TargetSessionAttrs::Any,
            "read-write" => TargetSessionAttrs::ReadWrite,
            "read-only" => TargetSessionAttrs::ReadOnly,
            _ => return Err(bad(name)),
        }),
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
        _ => return tell_duration(config, name, &value),
    };
    Ok(())
}

/// Passes one duration to the driver. As in libpq, zero and negative numbers mean the default, and the unit is seconds
/// (milliseconds for `tcp_user_timeout`).
fn tell_duration(config: &mut Config, name: &'static str, value: &str) -> Result<(), DatabaseUrlError> {
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

/// Names an unknown parameter, if its name can be shown.
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

/// asyncpg's `ssl` takes libpq's words or a truth value; true means full verification.
fn asyncpg_ssl(value: &str) -> Option<Mode> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" => Some(Mode::VerifyFull),
        "false" | "0" | "off" => Some(Mode::Disable),
        word => sslmode(word),
    }
}

/// As in libpq, `require` with a root certificate verifies the chain. The authorities of the system are accepted only if the name
/// is verified as well, because they issue certificates for every host.
fn tls_mode(mode: Option<Mode>, root: Option<String>) -> Result<TlsMode, DatabaseUrlError> {
    if root.as_deref() == Some("system") {
        return match mode {
            None | Some(Mode::VerifyFull) => Ok(TlsMode::VerifyFull(Roots::System)),
            Some(_) => Err(DatabaseUrlError::WeakMode),
        };
    }
    let named = root.is_some();
    let roots = root.map_or(Roots::System, |file| Roots::File(PathBuf::from(file)));
    Ok(match mode.unwrap_or(Mode::Prefer) {
        Mode::Disable | Mode::Prefer if named => return Err(DatabaseUrlError::UnusedRoot),
        Mode::Disable => TlsMode::Disable,
        Mode::Prefer => TlsMode::Prefer,
        Mode::Require if named => TlsMode::VerifyCa(roots),
        Mode::Require => TlsMode::Require,
        Mode::VerifyCa => TlsMode::VerifyCa(roots),
        Mode::VerifyFull => TlsMode::VerifyFull(roots),
    })
}
