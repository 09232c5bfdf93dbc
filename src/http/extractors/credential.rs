//! The credential of a request: where a token was found, before it is verified. The rule is `domain::tokens::credential`.

use actix_web::{HttpRequest, http::header};
use domain::tokens::credential::{Credential, Door, Headers, Source, find};
use protocol::id::SessionId;
use service::Services;
use uuid::Uuid;

use super::request_headers::{cookie_values, header_bytes};
use crate::http::{cookies::REFRESH_COOKIE, problem::Problem};

/// The credential of a REST request, if it has one.
///
/// # Errors
/// 400 for a credential that is in the wrong place, repeated or malformed. Cookies are never an error.
pub(crate) fn credential(request: &HttpRequest) -> Result<Option<Credential>, Problem> {
    let authorization = header_bytes(request, &header::AUTHORIZATION);
    let cookies = header_bytes(request, &header::COOKIE);
    let headers =
        Headers { authorization: &authorization, cookies: &cookies, query: Some(request.query_string()) };
    Ok(find(headers, Door::Rest)?)
}

/// The sessions that genuine tokens of the request name, whether or not they work: a token may be expired, or its session may have
/// ended. First those of access tokens, the newest first and with the `jti` of each; then those that only a cookie with a refresh
/// token names, unless the client has chosen a session by its header.
///
/// A rule that needs a working session asks each of them, because the newest token may be one of a revoked session.
///
/// # Errors
/// Those of [`credential`].
pub(crate) fn genuine_sessions(
    request: &HttpRequest,
    services: &Services,
) -> Result<Vec<(SessionId, Option<Uuid>)>, Problem> {
    let found = credential(request)?;
    let tokens = found.iter().flat_map(Credential::candidates);
    let claims = services.access.keys.access.newest_first(tokens);
    let mut named: Vec<_> = claims.iter().map(|(_, claims)| (claims.sid, Some(claims.jti))).collect();
    if !named.is_empty() && found.is_some_and(|found| found.source == Source::Bearer) {
        return Ok(named);
    }
    for token in cookie_values(request, REFRESH_COOKIE).iter().rev() {
        let Ok(token) = services.access.keys.refresh.decode(token) else { continue };
        if named.iter().all(|(session, _)| *session != token.session) {
            named.push((token.session, None));
        }
    }
    Ok(named)
}
