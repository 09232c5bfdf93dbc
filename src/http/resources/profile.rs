//! The profile of the caller: `/api/v1/profile`, and the password.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use secrecy::SecretString;
use serde::Deserialize;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Shape, optional_secret, secret},
        client::Client,
    },
    problem::Problem,
    views::{revocation::RevocationView, token_response::answer_with_tokens, user::UserView},
};

/// `GET /api/v1/profile`.
pub(crate) async fn show(
    services: web::Data<Services>,
    auth: Authenticated,
) -> Result<HttpResponse, Problem> {
    let user = services.account.profile.read(&auth.caller).await?;
    Ok(HttpResponse::Ok().json(UserView::of(&user)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileUpdate {
    display_name: Option<String>,
    /// The language of mails to the user: two letters, such as `en`. Without it, or with null, it stays as it is.
    language: Option<String>,
}

impl Shape for ProfileUpdate {
    const FIELDS: &'static str =
        "display_name (text, or null for none), language (two letters; without it, it stays as it is)";
}

/// `PUT /api/v1/profile`.
pub(crate) async fn update(
    services: web::Data<Services>,
    sent: AuthenticatedBody<ProfileUpdate>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let ProfileUpdate { display_name, language } = sent.body;
    let user = services.account.profile.rename(&sent.caller, display_name, language, &client.0).await?;
    Ok(HttpResponse::Ok().json(UserView::of(&user)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

impl Shape for PasswordChange {
    const FIELDS: &'static str = "new_password, current_password (optional)";
}

/// `POST /api/v1/profile/password`: changes the password, ends the user's other sessions, and renews the tokens of this
/// session.
pub(crate) async fn change_password(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<PasswordChange>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let PasswordChange { current_password, new_password } = sent.body;
    let changed = services
        .account
        .profile
        .change_password(&sent.caller, current_password, new_password, &client.0)
        .await?;
    let view = RevocationView::of(&changed.outcome);
    Ok(answer_with_tokens(&request, &services, &client.0, &changed.tokens, StatusCode::OK, view))
}
