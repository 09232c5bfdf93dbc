//! `POST /api/v1/auth/refresh`: a new access token for a refresh token, from the body or from the cookie.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::tokens::csrf::Binding;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use service::{Failure, Services};

use crate::http::{
    cookies::{Jar, REFRESH_COOKIE},
    csrf,
    extractors::{
        body::{MaybeBody, Shape, secret},
        client::Client,
        request_headers::cookie_value,
    },
    problem::Problem,
    views::token_response::token_response,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    #[serde(deserialize_with = "secret")]
    refresh_token: SecretString,
}

impl Shape for RefreshRequest {
    const FIELDS: &'static str = "refresh_token";
}

/// Rotates the refresh token. The answer sets cookies, so another site must not make a browser send this request. A client
/// puts a token into the body on purpose. A token in the cookie is sent by itself, so it needs a CSRF token, bound to its
/// session or, if the CSRF token of the session has expired, to the pre-session.
pub(crate) async fn refresh(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: MaybeBody<RefreshRequest>,
) -> Result<HttpResponse, Problem> {
    csrf::require_own_site(&request)?;
    if let Some(RefreshRequest { refresh_token }) = body.0 {
        let granted = services.sign_in.refresh.exchange(refresh_token.expose_secret(), &client.0).await?;
        return Ok(token_response(&request, &services, &client.0, &granted));
    }
    let token = cookie_value(&request, REFRESH_COOKIE)?.ok_or_else(Problem::not_authenticated)?;
    require_csrf_token(&request, &services, &token)?;
    match services.sign_in.refresh.exchange(&token, &client.0).await {
        Ok(granted) => Ok(token_response(&request, &services, &client.0, &granted)),
        // The browser got newer tokens a moment ago, or is about to: its cookies stay.
        Err(superseded @ Failure::Invalid { code: Failure::SUPERSEDED_TOKEN, .. }) => Err(superseded.into()),
        // Remove the cookies: the browser would continue to send a token that is no longer valid.
        Err(failure @ Failure::Invalid { .. }) => {
            let mut answer = HttpResponse::from_error(Problem::from(failure));
            for cookie in Jar::of(&request).clear_session() {
                answer.add_cookie(&cookie).map_err(|_| Problem::internal())?;
            }
            Ok(answer)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn require_csrf_token(request: &HttpRequest, services: &Services, token: &str) -> Result<(), Problem> {
    let session =
        services.access.keys.refresh.decode(token).ok().map(|token| Binding::Session(token.session));
    let presession = Jar::of(request).presession_of(request, services)?.map(Binding::PreSession);
    let bindings: Vec<Binding> = session.into_iter().chain(presession).collect();
    csrf::require_token(request, services, &bindings)
}
