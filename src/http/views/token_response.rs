//! The answer with tokens, in the body and in cookies, to a sign-in, a refresh, a step-up or a change of credentials.
//!
//! A browser gets the refresh token only in a cookie, where scripts cannot read the token. Other programs often have no cookie
//! store, so they get the refresh token in the body as well.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use domain::tokens::csrf::Binding;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use service::{RequestMeta, Services, SessionTokens};
use utoipa::ToSchema;

use super::{seconds_left::seconds_left, user::UserView};
use crate::http::{
    cookies::Jar,
    csrf::{self, CSRF_HEADER},
};

/// The tokens, in the body of an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensView<'a> {
    access_token: &'a str,
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    session_id: protocol::id::SessionId,
    csrf_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Missing in answers to browsers, which get it only in a cookie.
    refresh_token: Option<&'a str>,
}

/// The body of the answer: the tokens, and the fields of `rest`.
#[derive(Serialize)]
struct TokenResponse<'a, T> {
    #[serde(flatten)]
    tokens: TokensView<'a>,
    #[serde(flatten)]
    rest: T,
}

/// The user of the session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInUser {
    user: UserView,
}

/// 200 with everything that a signed-in client needs. The new CSRF token is bound to the session and replaces the one that
/// the client had before.
pub(crate) fn token_response(
    request: &HttpRequest,
    services: &Services,
    meta: &RequestMeta,
    granted: &SessionTokens,
) -> HttpResponse {
    let rest = SignedInUser { user: UserView::of(&granted.user) };
    answer_with_tokens(request, services, meta, granted, StatusCode::OK, rest)
}

/// An answer with the tokens and cookies, and with the fields of `rest` beside the tokens. `rest` must serialize as an object.
pub(crate) fn answer_with_tokens(
    request: &HttpRequest,
    services: &Services,
    meta: &RequestMeta,
    granted: &SessionTokens,
    status: StatusCode,
    rest: impl Serialize,
) -> HttpResponse {
    let now = services.clock.now();
    let jar = Jar::of(request);
    let csrf_token = csrf::issue(services, Binding::Session(granted.session.id));
    let (access, refresh) = (granted.access_token.expose_secret(), granted.refresh_token.expose_secret());
    let expires_in = seconds_left(granted.access_expires_at, now);
    let refresh_expires_in = seconds_left(granted.session.refresh_expires_at, now);
    HttpResponse::build(status)
        .cookie(jar.access(access, expires_in))
        .cookie(jar.refresh(refresh, refresh_expires_in))
        .cookie(jar.csrf(&csrf_token))
        .cookie(jar.device(&services.access.keys.live().cookies, granted.device))
        .insert_header((CSRF_HEADER, csrf_token.as_str()))
        .json(TokenResponse {
            tokens: TokensView {
                access_token: access,
                token_type: "bearer",
                expires_in,
                session_id: granted.session.id,
                csrf_token: &csrf_token,
                refresh_token: (!meta.browser).then_some(refresh),
            },
            rest,
        })
}
