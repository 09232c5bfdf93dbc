//! The grammar of database URLs.

use super::{
    error::DatabaseUrlError,
    escapes::{bytes, text},
    hosts::host_list,
    parameters::{Mode, Parameters},
};

/// Reads a URL.
pub(super) fn parse(url: &str) -> Result<Parameters, DatabaseUrlError> {
    let (scheme, rest) = url.split_once("://").ok_or(DatabaseUrlError::Scheme)?;
    let known = ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+asyncpg"];
    if !known.contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(DatabaseUrlError::Scheme);
    }
    let parts = split_userinfo(rest)?;
    let of_libpq = split_as_libpq(rest);
    // If libpq would understand the URL differently, the URL is refused.
    if parts != of_libpq && read(of_libpq).and_then(|other| other.finish(Mode::Prefer)).is_ok() {
        return Err(DatabaseUrlError::Ambiguous);
    }
    read(parts)
}

/// Reads what follows the scheme: user and password, and the rest.
fn read((userinfo, rest): (Option<&str>, &str)) -> Result<Parameters, DatabaseUrlError> {
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let mut parameters = Parameters::default();
    if let Some(userinfo) = userinfo {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        parameters.set_given("user", text(user, "user name")?)?;
        parameters.set_password(bytes(password, "password")?)?;
    }
    let (hosts, ports) = host_list(hosts)?;
    parameters.set_hosts(hosts)?;
    parameters.set_ports(ports)?;
    parameters.set_given("dbname", text(database, "name of the database")?)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(DatabaseUrlError::Malformed)?;
        let name = text(name, "parameter names")?;
        if name == "password" {
            parameters.set_password(bytes(value, "password")?)?;
        } else {
            parameters.set(&name, text(value, "parameters")?)?;
        }
    }
    Ok(parameters)
}

/// User and password as libpq finds them: the text before the first `@`. If a `/` comes before that `@`, the URL has neither.
fn split_as_libpq(rest: &str) -> (Option<&str>, &str) {
    match rest.find(['@', '/']) {
        Some(end) if rest[end..].starts_with('@') => (Some(&rest[..end]), &rest[end + 1..]),
        _ => (None, rest),
    }
}

/// User and password, if there are any, and what follows them.
///
/// User and password end at the last `@`, even if the password contains other delimiters. An `@` does not count if it may
/// belong to the value of a parameter or to the name of the database. If both readings are possible, the URL is refused: the
/// wrong reading would connect to another host, or drop parameters such as `sslmode`.
fn split_userinfo(rest: &str) -> Result<(Option<&str>, &str), DatabaseUrlError> {
    let Some((before, after)) = rest.rsplit_once('@') else { return Ok((None, rest)) };
    let Some(end) = before.find(['/', '?', '#']) else { return Ok((Some(before), after)) };
    let authority = &before[..end];
    if authority.contains(':') {
        return if ends_earlier(before) {
            Err(DatabaseUrlError::Ambiguous)
        } else {
            Ok((Some(before), after))
        };
    }
    if !is_in_value(before) || !is_authority(authority) {
        return Err(DatabaseUrlError::Ambiguous);
    }
    Ok(match authority.rsplit_once('@') {
        Some((userinfo, _)) => (Some(userinfo), &rest[userinfo.len() + 1..]),
        None => (None, rest),
    })
}

/// Whether user and password may end at an earlier `@`, or be absent. In this reading, hosts come next, and the last `@` is in
/// one of two places. It may be in the query, after a parameter that the other reading would lose. If there is a user, it may
/// also be in the name of the database.
fn ends_earlier(before: &str) -> bool {
    let after_earlier = before.match_indices('@').map(|(at, _)| (&before[at + 1..], true));
    after_earlier.chain([(before, false)]).any(|(rest, has_user)| {
        let Some(end) = rest.find(['/', '?']) else { return false };
        let loses = rest.split_once('?').map_or(has_user, |(_, query)| query.contains('='));
        loses && host_list(&rest[..end]).is_ok()
    })
}

/// Whether an `@` after this text may be part of a parameter's value.
fn is_in_value(before: &str) -> bool {
    let Some((_, query)) = before.split_once('?') else { return false };
    query.rsplit('&').next().is_some_and(|pair| pair.contains('='))
}

/// Whether this text can be `user:password@hosts` or `hosts`.
fn is_authority(text: &str) -> bool {
    let hosts = text.rsplit_once('@').map_or(text, |(_, hosts)| hosts);
    host_list(hosts).is_ok()
}
