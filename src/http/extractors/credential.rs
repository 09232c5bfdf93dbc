//! Finds the credential of a request. The credential is verified later. The rules are in `domain::tokens::credential`.

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

/// The sessions that genuine tokens of the request name. A token is genuine if this server has issued the token. A genuine
/// token may have expired, and its session may have ended.
///
/// The sessions of access tokens come first, from the newest token to the oldest, with the id (`jti`) of each token. Unless the
/// `Authorization` header has a genuine token, the list also has the sessions that are named only by a refresh cookie. A use
/// case that needs a working session checks each of these sessions, because the newest token may belong to a revoked session.
///
/// # Errors
/// The errors of [`credential`].
pub(crate) fn genuine_sessions(
    request: &HttpRequest,
    services: &Services,
) -> Result<Vec<(SessionId, Option<Uuid>)>, Problem> {
    let found = credential(request)?;
    let tokens = found.iter().flat_map(Credential::candidates);
    let claims = services.access.keys.live().access.newest_first(tokens);
    let mut named: Vec<_> = claims.iter().map(|(_, claims)| (claims.sid, Some(claims.jti))).collect();
    if !named.is_empty() && found.is_some_and(|found| found.source == Source::Bearer) {
        return Ok(named);
    }
    for token in cookie_values(request, REFRESH_COOKIE).iter().rev() {
        let Ok(token) = services.access.keys.live().refresh.decode(token) else { continue };
        if named.iter().all(|(session, _)| *session != token.session) {
            named.push((token.session, None));
        }
    }
    Ok(named)
}
