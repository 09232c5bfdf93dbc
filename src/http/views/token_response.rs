//! The answer to a sign-in or a refresh: tokens in the body, tokens in cookies.
//!
//! Used by `auth` and `refresh`. A browser gets its refresh token in a cookie only, where scripts cannot reach it; a
//! program, which has no cookies to speak of, gets it in the body as well.

use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use time::OffsetDateTime;

use crate::http::{cookies::Jar, csrf, resources::profile::UserView, response_headers::CSRF_HEADER};
use domain::tokens::csrf::Binding;
use service::{RequestMeta, Services, SessionTokens};

/// What a client is given.
#[derive(Serialize)]
struct Grant<'a> {
    access_token: &'a str,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    session_id: protocol::id::SessionId,
    csrf_token: &'a str,
    user: UserView,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

/// 200 with everything that a signed-in client needs. The CSRF token from before no longer counts: this one is bound to
/// the session.
pub(crate) fn answer(
    request: &HttpRequest,
    services: &Services,
    meta: &RequestMeta,
    granted: &SessionTokens,
) -> HttpResponse {
    let now = services.clock.now();
    let jar = Jar::of(request);
    let csrf_token = csrf::issue(services, Binding::Session(granted.session.id));
    let (access, refresh) = (granted.access_token.expose_secret(), granted.refresh_token.expose_secret());
    let expires_in = seconds_left(granted.access_expires_at, now);
    let refresh_expires_in = seconds_left(granted.session.refresh_expires_at, now);
    HttpResponse::Ok()
        .cookie(jar.access(access, expires_in))
        .cookie(jar.refresh(refresh, refresh_expires_in))
        .cookie(jar.csrf(&csrf_token))
        .cookie(jar.device(&services.access.keys.cookies, granted.device))
        .insert_header((CSRF_HEADER, csrf_token.as_str()))
        .json(Grant {
            access_token: access,
            token_type: "bearer",
            expires_in,
            session_id: granted.session.id,
            csrf_token: &csrf_token,
            user: UserView::of(&granted.user),
            refresh_token: (!meta.browser).then_some(refresh),
        })
}

/// How long until `end`, in seconds to the nearest: what was granted a moment ago still counts as whole.
pub(crate) fn seconds_left(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (end - now + time::Duration::milliseconds(500)).whole_seconds().max(0)
}
