//! `POST /api/v1/auth/refresh`: a new access token for a refresh token, from the body or from the cookie.

use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::http::{
    cookies::{Jar, REFRESH_COOKIE},
    csrf,
    extractors::{
        body::{MaybeBody, Shape, secret},
        client::{Client, request_cookie},
    },
    problem::Problem,
    views::token_response,
};
use domain::tokens::csrf::Binding;
use service::{Failure, Services};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    #[serde(deserialize_with = "secret")]
    refresh_token: SecretString,
}

impl Shape for Refresh {
    const FIELDS: &'static str = "refresh_token";
}

/// Rotates the refresh token. The answer sets cookies, so no other site may make a browser ask. A token in the body was put
/// there on purpose; one in the cookie needs a CSRF token, bound to its session or, when the old one ran out meanwhile, to
/// the pre-session.
pub(crate) async fn refresh(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: MaybeBody<Refresh>,
) -> Result<HttpResponse, Problem> {
    csrf::require_own_site(&request)?;
    if let Some(Refresh { refresh_token }) = body.0 {
        let granted = services.sign_in.refresh.exchange(refresh_token.expose_secret(), &client.0).await?;
        return Ok(token_response::answer(&request, &services, &client.0, &granted));
    }
    let token = request_cookie(&request, REFRESH_COOKIE)?.ok_or_else(Problem::not_authenticated)?;
    guard_cookie(&request, &services, &token)?;
    match services.sign_in.refresh.exchange(&token, &client.0).await {
        Ok(granted) => Ok(token_response::answer(&request, &services, &client.0, &granted)),
        // The browser would go on sending a token that is worth nothing.
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

fn guard_cookie(request: &HttpRequest, services: &Services, token: &str) -> Result<(), Problem> {
    let session =
        services.access.keys.refresh.decode(token).ok().map(|token| Binding::Session(token.session));
    let presession = Jar::of(request).presession_of(request, services)?.map(Binding::PreSession);
    let bindings: Vec<Binding> = session.into_iter().chain(presession).collect();
    csrf::require_token(request, services, &bindings)
}
