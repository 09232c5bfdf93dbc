//! The profile of the caller: `/api/v1/profile`, and the password.

use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use service::Services;

use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Shape, optional_secret, secret},
        client::Client,
    },
    problem::Problem,
    views::user::UserView,
};

/// `GET /api/v1/profile`.
pub(crate) async fn show(
    services: web::Data<Services>,
    auth: Authenticated,
) -> Result<HttpResponse, Problem> {
    let user = services.account.profile.read(&auth.caller).await?;
    Ok(HttpResponse::Ok().json(UserView::of(&user)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileUpdate {
    display_name: Option<String>,
}

impl Shape for ProfileUpdate {
    const FIELDS: &'static str = "display_name (text, or null for none)";
}

/// `PUT /api/v1/profile`.
pub(crate) async fn update(
    services: web::Data<Services>,
    sent: AuthenticatedBody<ProfileUpdate>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let user = services.account.profile.rename(&sent.caller, sent.body.display_name, &client.0).await?;
    Ok(HttpResponse::Ok().json(UserView::of(&user)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[serde(default, deserialize_with = "optional_secret")]
    current_password: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    new_password: SecretString,
}

impl Shape for PasswordChange {
    const FIELDS: &'static str = "new_password, current_password (optional)";
}

/// `POST /api/v1/profile/password`: changes the password and ends the user's other sessions.
pub(crate) async fn change_password(
    services: web::Data<Services>,
    sent: AuthenticatedBody<PasswordChange>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let PasswordChange { current_password, new_password } = sent.body;
    let ended = services
        .account
        .profile
        .change_password(&sent.caller, current_password, new_password, &client.0)
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "sessions": ended.sessions, "sockets_closed": ended.sockets_closed, "pending": ended.pending,
    })))
}
