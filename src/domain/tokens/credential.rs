//! Credentials: where in a request a token is looked for, for REST and for the WebSocket handshake alike.
//!
//! One finder for every door, over plain text: it knows no framework. It says where a token lies and never whether it is
//! any good. A request that names one of our credentials twice, differently, is refused rather than guessed at.

use std::borrow::Cow;

use secrecy::SecretString;

/// The cookie that carries an access token.
pub const ACCESS_COOKIE: &str = "access_token";
/// The query parameters that look like credentials; on REST routes none is accepted.
const QUERY_CREDENTIALS: [&str; 4] = ["token", "access_token", "ticket", "refresh_token"];

/// The parts of a request that may hold a credential.
#[derive(Clone, Copy, Default)]
pub struct Headers<'a> {
    /// The values of every `Authorization` line.
    pub authorization: &'a [&'a str],
    /// The values of every `Cookie` line.
    pub cookies: &'a [&'a str],
    /// The query string, without `?`.
    pub query: Option<&'a str>,
}

/// Which door the request is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The REST API: header or cookie.
    Rest,
    /// The WebSocket handshake: also a ticket, and if the settings allow it a token, in the query.
    WebSocket {
        /// Whether `?token=` is accepted (`WS_QUERY_TOKEN`).
        query_token: bool,
    },
}

/// Where a token was found. Only [`Source::Cookie`] is sent by a browser without being asked, and so needs protection
/// against other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `Authorization: Bearer`.
    Bearer,
    /// The `access_token` cookie.
    Cookie,
    /// The `ticket` query parameter.
    Ticket,
    /// The `token` query parameter.
    Query,
}

/// A token, and where it was found.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The token or ticket.
    pub token: SecretString,
    /// Where it was found.
    pub source: Source,
}

/// Why a request's credentials cannot be used at all. All of them are bad requests (400).
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialError {
    /// A token in the query where none belongs: queries end up in logs and histories.
    #[error("a token in the query is not accepted here")]
    QueryTokenElsewhere,
    /// The same credential twice, with different values or in two headers.
    #[error("a credential is given more than once")]
    Repeated,
    /// `Authorization: Bearer` without a token, or with more than one word.
    #[error("the authorization header is malformed")]
    Malformed,
}

/// The token of a request: `Authorization: Bearer`, then the `access_token` cookie, then, at the WebSocket door, the
/// `ticket` and `token` query parameters. `Ok(None)` is a request without credentials.
///
/// # Errors
/// See [`CredentialError`]. A misplaced or repeated credential is refused even when another one would have been found first.
pub fn find(headers: Headers<'_>, door: Door) -> Result<Option<Credential>, CredentialError> {
    let (ticket, query) = in_query(headers.query, door)?;
    let bearer = bearer(headers.authorization)?;
    let cookie = cookie(headers.cookies, ACCESS_COOKIE)?;
    let found = |token: Option<String>, source| token.map(|token| Credential { token: token.into(), source });
    Ok(found(bearer, Source::Bearer)
        .or_else(|| found(cookie, Source::Cookie))
        .or_else(|| found(ticket, Source::Ticket))
        .or_else(|| found(query, Source::Query)))
}

/// The value of the cookie `name` in the request's `Cookie` lines. An empty value counts as none.
///
/// # Errors
/// [`CredentialError::Repeated`] when two cookies of that name differ: one of them was planted, and nobody can tell which.
pub fn cookie(lines: &[&str], name: &str) -> Result<Option<String>, CredentialError> {
    let mut found: Option<&str> = None;
    for (key, value) in lines.iter().flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='))
    {
        if key.trim() != name {
            continue;
        }
        let value = unquoted(value.trim());
        if found.is_some_and(|earlier| earlier != value) {
            return Err(CredentialError::Repeated);
        }
        found = Some(value);
    }
    Ok(found.filter(|value| !value.is_empty()).map(str::to_owned))
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// The bearer token; another scheme, such as a proxy's Basic, is none of ours (RFC 6750, 2.1).
fn bearer(lines: &[&str]) -> Result<Option<String>, CredentialError> {
    let line = match lines {
        [] => return Ok(None),
        [line] => line.trim(),
        _ => return Err(CredentialError::Repeated),
    };
    let (scheme, token) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim();
    if token.is_empty() || token.contains(|c: char| c.is_whitespace() || c == ',') {
        return Err(CredentialError::Malformed);
    }
    Ok(Some(token.to_owned()))
}

/// The ticket and the token in the query, as far as this door takes them.
fn in_query(query: Option<&str>, door: Door) -> Result<(Option<String>, Option<String>), CredentialError> {
    let (mut ticket, mut token) = (None, None);
    for (key, value) in
        query.unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    {
        let key = decoded(key);
        if !QUERY_CREDENTIALS.contains(&key.as_ref()) {
            continue;
        }
        let slot = match (key.as_ref(), door) {
            ("ticket", Door::WebSocket { .. }) => &mut ticket,
            ("token", Door::WebSocket { query_token: true }) => &mut token,
            _ => return Err(CredentialError::QueryTokenElsewhere),
        };
        if slot.replace(decoded(value).into_owned()).is_some() {
            return Err(CredentialError::Repeated);
        }
    }
    let given = |value: &String| !value.is_empty();
    Ok((ticket.filter(given), token.filter(given)))
}

/// Percent-decoding of one query part. What is not valid stays as it is: it will verify as nothing.
fn decoded(part: &str) -> Cow<'_, str> {
    if !part.contains(['%', '+']) {
        return Cow::Borrowed(part);
    }
    let hex = |byte: u8| char::from(byte).to_digit(16);
    let (bytes, mut at) = (part.as_bytes(), 0);
    let mut out = Vec::with_capacity(bytes.len());
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1).copied().and_then(hex).zip(bytes.get(at + 2).copied().and_then(hex));
        match (byte, pair) {
            (b'%', Some((high, low))) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).map_or(Cow::Borrowed(part), Cow::Owned)
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;
