//! Credentials: where in a request a token is looked for, for REST and the WebSocket handshake alike.
//!
//! One lookup for every entrance, over plain text, without types of a framework. It finds a token and does not verify
//! it. A request that contains one of the credentials twice with different values is refused.

use secrecy::SecretString;

/// The cookie that carries an access token.
pub const ACCESS_COOKIE: &str = "access_token";
/// The query parameters that look like credentials; REST routes accept none of them.
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

/// The entrance that received the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The REST API: header or cookie.
    Rest,
    /// The WebSocket handshake: also a ticket and, if the settings allow it, a token in the query.
    WebSocket {
        /// Whether `?token=` is accepted (`WS_QUERY_TOKEN`).
        query_token: bool,
    },
}

/// Where a token was found. A browser sends only [`Source::Cookie`] on its own, so only that needs protection against
/// other sites.
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

/// Why a request's credentials are unusable. All of these are bad requests (400).
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialError {
    /// A token in the query where it is not accepted: queries end up in logs and browser histories.
    #[error("a token in the query is not accepted here")]
    QueryTokenElsewhere,
    /// The same credential twice, with different values or in two headers.
    #[error("a credential is given more than once")]
    Repeated,
    /// `Authorization: Bearer` without a token, or with more than one word.
    #[error("the authorization header is malformed")]
    Malformed,
}

/// The token of a request: `Authorization: Bearer`, then the `access_token` cookie, then, for a WebSocket handshake,
/// the `ticket` and `token` query parameters. `Ok(None)` is a request without credentials.
///
/// # Errors
/// See [`CredentialError`]. A misplaced or repeated credential is refused even if another one would have been found
/// first.
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
/// [`CredentialError::Repeated`] when two cookies of that name differ: one of them may have been planted by another
/// site.
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

/// The bearer token. Another scheme, such as a proxy's Basic, is ignored (RFC 6750, 2.1).
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

/// The ticket and the token in the query, as far as this entrance accepts them.
fn in_query(query: Option<&str>, door: Door) -> Result<(Option<String>, Option<String>), CredentialError> {
    let (mut ticket, mut token) = (None, None);
    // Invalid escapes are kept as they are, invalid UTF-8 is replaced: neither verifies as a token.
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if !QUERY_CREDENTIALS.contains(&key.as_ref()) {
            continue;
        }
        let slot = match (key.as_ref(), door) {
            ("ticket", Door::WebSocket { .. }) => &mut ticket,
            ("token", Door::WebSocket { query_token: true }) => &mut token,
            _ => return Err(CredentialError::QueryTokenElsewhere),
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(CredentialError::Repeated);
        }
    }
    let given = |value: &String| !value.is_empty();
    Ok((ticket.filter(given), token.filter(given)))
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;
