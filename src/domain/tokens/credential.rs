//! Credentials: where REST (with emulated streams) and the WebSocket handshake look for a token in a request.
//!
//! One lookup serves both. It works on the bytes of headers, without types of a framework, and does not verify the token that
//! it finds. Two `Authorization` lines, and a credential that is given twice in the query, are refused. Several cookies of one
//! name are allowed. A browser sends every cookie with a fitting domain and path, even a cookie that the server set with
//! earlier settings. So all values of the access cookie are candidates. Cookies of other names are not decoded.

use std::collections::VecDeque;

use secrecy::SecretString;

/// The cookie that carries an access token.
pub const ACCESS_COOKIE: &str = "access_token";
/// How many values of one cookie name are read. If there are more, the last ones count. Browsers send only a few.
const MAX_VALUES: usize = 16;
/// The query parameters that look like credentials; REST routes accept none of them.
const QUERY_CREDENTIALS: [&str; 4] = ["token", "access_token", "ticket", "refresh_token"];

/// The parts of a request that may hold a credential.
#[derive(Clone, Copy, Default)]
pub struct Headers<'a> {
    /// The values of every `Authorization` line.
    pub authorization: &'a [&'a [u8]],
    /// The values of every `Cookie` line.
    pub cookies: &'a [&'a [u8]],
    /// The query string, without `?`.
    pub query: Option<&'a str>,
}

/// The entry point that received the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The REST API and emulated streams: header or cookie.
    Rest,
    /// The WebSocket handshake: also a ticket and, if the settings allow it, a token in the query.
    WebSocket {
        /// Whether `?token=` is accepted (`WS_QUERY_TOKEN`).
        query_token: bool,
    },
}

/// Where a token was found. A browser adds cookies to a request by itself, but no other credential. So only [`Source::Cookie`]
/// needs protection against requests from other sites.
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
    /// The token or ticket. If there are several cookies, this is the value of the last one.
    pub token: SecretString,
    /// The values of the other cookies of the same name, in the order of the request. Each value that verifies counts.
    pub others: Vec<SecretString>,
    /// The place where the token was found.
    pub source: Source,
}

impl Credential {
    /// All candidates, in the order of the request.
    pub fn candidates(&self) -> impl Iterator<Item = &SecretString> {
        self.others.iter().chain(std::iter::once(&self.token))
    }
}

/// Why a request's credentials are unusable. All of these are bad requests (400).
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialError {
    /// A token in the query at an entry point that does not accept it there: queries end up in logs and browser histories.
    #[error("a token in the query is not accepted here")]
    QueryTokenElsewhere,
    /// The same kind of credential twice: two `Authorization` lines, or a parameter of the query twice.
    #[error("a credential is given more than once")]
    Repeated,
    /// `Authorization: Bearer` without a token, with several tokens, or with bytes that are not text.
    #[error("the authorization header is malformed")]
    Malformed,
}

/// The token of a request: `Authorization: Bearer`, then the `access_token` cookie, then, for a WebSocket handshake,
/// the `ticket` and `token` query parameters. `Ok(None)` is a request without credentials.
///
/// # Errors
/// See [`CredentialError`]. A misplaced or repeated credential is refused even if another credential has precedence.
pub fn find(headers: Headers<'_>, door: Door) -> Result<Option<Credential>, CredentialError> {
    let (ticket, query) = in_query(headers.query, door)?;
    let bearer = bearer(headers.authorization)?;
    let found = |token: String, source| Credential { token: token.into(), others: Vec::new(), source };
    let mut cookies = cookies(headers.cookies, ACCESS_COOKIE);
    let cookie = cookies.pop().map(|last| Credential {
        others: cookies.into_iter().map(SecretString::from).collect(),
        ..found(last, Source::Cookie)
    });
    Ok(bearer
        .map(|token| found(token, Source::Bearer))
        .or(cookie)
        .or_else(|| ticket.map(|token| found(token, Source::Ticket)))
        .or_else(|| query.map(|token| found(token, Source::Query))))
}

/// The different values of the cookies `name` in the request's `Cookie` lines, in order, at most the last 16. Empty values are
/// left out. Bytes that are not UTF-8 are replaced; a value with such bytes never verifies.
#[must_use]
pub fn cookies(lines: &[&[u8]], name: &str) -> Vec<String> {
    let mut values: VecDeque<&[u8]> = VecDeque::with_capacity(MAX_VALUES);
    for value in raw_cookies(lines, name) {
        if value.is_empty() || values.contains(&value) {
            continue;
        }
        if values.len() == MAX_VALUES {
            values.pop_front();
        }
        values.push_back(value);
    }
    values.into_iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

/// Whether the request has several cookies of this name, with equal or different values.
#[must_use]
pub fn is_repeated(lines: &[&[u8]], name: &str) -> bool {
    raw_cookies(lines, name).nth(1).is_some()
}

fn raw_cookies<'a>(lines: &[&'a [u8]], name: &str) -> impl Iterator<Item = &'a [u8]> {
    lines.iter().flat_map(|line| line.split(|byte| *byte == b';')).filter_map(move |pair| {
        let end = pair.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&pair[..end], &pair[end + 1..]);
        (key.trim_ascii() == name.as_bytes()).then(|| unquoted(value.trim_ascii()))
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// The bearer token. Another scheme, such as a proxy's Basic, is ignored (RFC 6750, 2.1).
fn bearer(lines: &[&[u8]]) -> Result<Option<String>, CredentialError> {
    let line = match lines {
        [] => return Ok(None),
        [line] => line.trim_ascii(),
        _ => return Err(CredentialError::Repeated),
    };
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (scheme, token) = line.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let token = std::str::from_utf8(token.trim_ascii()).map_err(|_| CredentialError::Malformed)?;
    if token.is_empty() || token.contains(|c: char| c.is_whitespace() || c == ',') {
        return Err(CredentialError::Malformed);
    }
    Ok(Some(token.to_owned()))
}

/// The ticket and the token in the query. A parameter that looks like a credential is an error, unless this entry point accepts
/// it.
fn in_query(query: Option<&str>, door: Door) -> Result<(Option<String>, Option<String>), CredentialError> {
    let (mut ticket, mut token) = (None, None);
    // Invalid escapes stay unchanged, and invalid UTF-8 is replaced. No such value verifies as a token.
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
