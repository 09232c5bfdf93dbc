//! `POST /api/v1/auth/refresh`: new tokens in exchange for a refresh token, from the body or from the cookie.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::tokens::csrf::Binding;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    cookies::{Jar, REFRESH_COOKIE},
    csrf,
    extractors::{
        body::{MaybeBody, Shape, secret},
        client::Client,
        request_headers::cookie_values,
    },
    problem::Problem,
    views::token_response::token_response,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

impl Shape for RefreshRequest {
    const FIELDS: &'static str = "refresh_token";
}

/// Rotates the refresh token. The answer sets cookies, so requests from other sites are rejected. A browser sends the cookie by
/// itself, so a refresh token in the cookie also needs a CSRF token. The CSRF token may be bound to the session or to the
/// pre-session. So a client can continue after the expiry of its CSRF token for the session.
///
/// A refusal removes no cookies: it may arrive after the answer to a newer sign-in, and would remove the new cookies.
pub(crate) async fn refresh(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: MaybeBody<RefreshRequest>,
) -> Result<HttpResponse, Problem> {
    csrf::require_own_site(&request)?;
    let refresh = &services.sign_in.refresh;
    let granted = match body.0 {
        Some(RefreshRequest { refresh_token }) => {
            refresh.exchange(refresh_token.expose_secret(), &client.0).await?
        }
        None => refresh.exchange_newest(&tokens_of_cookies(&request, &services)?, &client.0).await?,
    };
    Ok(token_response(&request, &services, &client.0, &granted))
}

/// The refresh tokens of the cookies, if the CSRF token is bound to one of their sessions or to the pre-session. A browser may
/// send several refresh tokens.
fn tokens_of_cookies(request: &HttpRequest, services: &Services) -> Result<Vec<String>, Problem> {
    let sent = cookie_values(request, REFRESH_COOKIE);
    if sent.is_empty() {
        return Err(Problem::not_authenticated());
    }
    let sessions = sent.iter().filter_map(|token| services.access.keys.live().refresh.decode(token).ok());
    let sessions = sessions.map(|token| Binding::Session(token.session));
    let presession = Jar::of(request).presession_of(request, services).map(Binding::PreSession);
    let bindings: Vec<Binding> = sessions.chain(presession).collect();
    csrf::require_token(request, services, &bindings)?;
    Ok(sent)
}
