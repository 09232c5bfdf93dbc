//! Hosts and ports, in a URL or in separate settings.

use std::net::Ipv6Addr;

use super::{error::DatabaseUrlError, escapes::text};

/// PostgreSQL's port.
const DEFAULT_PORT: u16 = 5432;

/// The hosts and ports of a list such as `a:5432,[::1],%2Frun%2Fpostgresql`. If one of the hosts has a port, each host gets one
/// (the default if the list has none for it). Otherwise the list of ports is empty.
pub(super) fn host_list(list: &str) -> Result<(Vec<String>, Vec<u16>), DatabaseUrlError> {
    let (mut hosts, mut ports, mut any_port) = (Vec::new(), Vec::new(), false);
    for entry in list.split(',').filter(|_| !list.is_empty()) {
        let (name, port) = host_and_port(entry)?;
        any_port |= port.is_some();
        hosts.push(name);
        ports.push(port.unwrap_or(DEFAULT_PORT));
    }
    if !any_port {
        ports.clear();
    }
    Ok((hosts, ports))
}

fn host_and_port(entry: &str) -> Result<(String, Option<u16>), DatabaseUrlError> {
    let (name, port) = match entry.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(DatabaseUrlError::Host)?;
            let port = match port {
                "" => None,
                _ => Some(port.strip_prefix(':').ok_or(DatabaseUrlError::Host)?),
            };
            (address, port)
        }
        None => match entry.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (entry, None),
        },
    };
    let port = port.map(port_number).transpose()?;
    Ok((host_name(&text(name, "hosts")?)?, port))
}

/// Reads a port.
pub(super) fn port_number(text: &str) -> Result<u16, DatabaseUrlError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0).ok_or(DatabaseUrlError::Port)
}

/// Reads a host from a separate setting. A socket directory may be percent-encoded there, too.
pub(super) fn separate_host(host: &str) -> Result<String, DatabaseUrlError> {
    let encoded = host.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2F"));
    if encoded { host_name(&text(host, "hosts")?) } else { host_name(host) }
}

/// Reads a host: a name, an address, or the path of a socket directory.
pub(super) fn host_name(name: &str) -> Result<String, DatabaseUrlError> {
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let bare = address.split_once('%').map_or(address, |(address, _zone)| address);
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(address.to_owned());
    }
    let fits = |c: char| c.is_alphanumeric() || "-._".contains(c);
    let is_path = name.starts_with('/') && !name.contains('\0');
    let is_name = !name.is_empty() && name.chars().all(fits);
    if is_path || is_name { Ok(name.to_owned()) } else { Err(DatabaseUrlError::Host) }
}
