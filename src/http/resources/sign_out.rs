//! `POST` and `DELETE /api/v1/auth/logout`: ends the session, the others, or all of them.
//!
//! It works with an expired access token, with a refresh token alone, and with nothing at all: whoever asks to be signed
//! out is signed out afterwards, and asking twice is no error.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web,
};
use protocol::id::SessionId;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::http::{
    cookies::{Jar, REFRESH_COOKIE},
    extractors::{
        authenticated::credential,
        body::{Query, Shape},
        client::{Client, request_cookie},
    },
    problem::Problem,
    resources::sign_in::guard_entrance,
};
use service::{Services, SignOutScope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extent {
    #[serde(default)]
    scope: Reach,
}

impl Shape for Extent {
    const FIELDS: &'static str = "scope (local, others or global)";
}

/// How far signing out reaches.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Reach {
    #[default]
    Local,
    Others,
    Global,
}

/// Signs out. 200 with what ended, 204 if there was nothing to end.
pub(crate) async fn sign_out(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    extent: Query<Extent>,
) -> Result<HttpResponse, Problem> {
    guard_entrance(&request, &services)?;
    let reach = extent.0.scope;
    let Some((session, token)) = session_of(&request, &services)? else {
        return Ok(leaving(&request, StatusCode::NO_CONTENT, reach).finish());
    };
    let scope = match reach {
        Reach::Local => SignOutScope::Local,
        Reach::Others => SignOutScope::Others,
        Reach::Global => SignOutScope::Global,
    };
    let ended = services.sign_in.sign_out.sign_out(session, token, scope, &client.0).await?;
    if ended.sessions == 0 {
        return Ok(leaving(&request, StatusCode::NO_CONTENT, reach).finish());
    }
    let body =
        json!({"sessions": ended.sessions, "sockets_closed": ended.sockets_closed, "pending": ended.pending});
    Ok(leaving(&request, StatusCode::OK, reach).json(body))
}

/// The session that a genuine access token, whatever its age, or else a genuine refresh token names; and the `jti` of the
/// former.
fn session_of(
    request: &HttpRequest,
    services: &Services,
) -> Result<Option<(SessionId, Option<Uuid>)>, Problem> {
    let access = credential(request)?
        .and_then(|found| services.access.keys.access.verify_signature_only(found.token.expose_secret()).ok())
        .map(|claims| (claims.sid, Some(claims.jti)));
    if access.is_some() {
        return Ok(access);
    }
    let refresh = request_cookie(request, REFRESH_COOKIE)?;
    Ok(refresh
        .and_then(|token| services.access.keys.refresh.decode(&token).ok())
        .map(|token| (token.session, None)))
}

/// An answer that makes the browser forget, unless its own session goes on.
fn leaving(request: &HttpRequest, status: StatusCode, reach: Reach) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    if reach != Reach::Others {
        for cookie in Jar::of(request).clear_session() {
            answer.cookie(cookie);
        }
        answer.insert_header((header::HeaderName::from_static("clear-site-data"), "\"cache\", \"storage\""));
    }
    answer
}
