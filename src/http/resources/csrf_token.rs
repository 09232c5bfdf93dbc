//! `GET /api/v1/auth/csrf-token`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::tokens::csrf::{Binding, LIFETIME};
use serde::Serialize;
use service::Services;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{
    cookies::Jar,
    csrf::{self, CSRF_HEADER},
    extractors::{authenticated::optional_caller, client::Client},
    problem::Problem,
};

/// A CSRF token.
#[derive(Serialize, ToSchema)]
#[schema(as = CsrfToken)]
pub(crate) struct CsrfTokenView {
    csrf_token: String,
    /// Seconds until the token expires.
    expires_in: i64,
}

/// Answers with a CSRF token that is bound to the session of the request. Without a session, the token is bound to the
/// pre-session of the browser, which is created if it is missing. The token of the cookie is used again while it is fresh.
pub(crate) async fn issue(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    csrf::require_own_site(&request)?;
    services.throttle.spend_for_address(services.throttle.limits().csrf_address, client.0.address).await?;
    let jar = Jar::of(&request);
    let mut answer = HttpResponse::Ok();
    let binding = match optional_caller(&request, &services).await? {
        Some(caller) => Binding::Session(caller.session),
        None => {
            let id = jar.presession_of(&request, &services).unwrap_or_else(Uuid::new_v4);
            answer.cookie(jar.presession(&services.access.keys.live().cookies, id));
            Binding::PreSession(id)
        }
    };
    let (token, age) = csrf::current_or_new(&request, &services, binding);
    Ok(answer
        .cookie(jar.csrf(&token))
        .insert_header((CSRF_HEADER, token.as_str()))
        .insert_header((header::VARY, "Cookie"))
        .json(CsrfTokenView { expires_in: LIFETIME - age.0, csrf_token: token }))
}
