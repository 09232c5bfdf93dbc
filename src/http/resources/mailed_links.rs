//! The requests of the pages that links of mails open, and the requests for such mails: below `/api/v1/auth`.
//!
//! A token comes in a body, never in a URL. No request with GET changes anything, so a program that follows the links of mails
//! changes nothing. No answer has tokens or cookies of a session: no link signs a user in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use secrecy::SecretString;
use serde::Deserialize;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    csrf::check_public_route,
    extractors::{
        body::{Body, Shape, secret},
        client::Client,
    },
    problem::Problem,
    views::revocation::RevocationView,
};

/// The address of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailRequest {
    email: String,
}

impl Shape for MailRequest {
    const FIELDS: &'static str = "email";
}

/// The token of a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailedToken)]
pub(crate) struct Token {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    token: SecretString,
}

impl Shape for Token {
    const FIELDS: &'static str = "token (the token of the link)";
}

/// The token of a link, and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailedPasswordReset)]
pub(crate) struct PasswordReset {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    token: SecretString,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

impl Shape for PasswordReset {
    const FIELDS: &'static str = "token (the token of the link), new_password";
}

/// `POST /api/v1/auth/verify-email`: confirms the address of a new account.
pub(crate) async fn verify(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Token>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    services.sign_in.mailed_links.verify_address(&body.0.token, &client.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /api/v1/auth/verify-email/resend`: asks for the mail with the confirmation once more. The answer does not say whether
/// there is such an account.
pub(crate) async fn resend(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<MailRequest>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    services.sign_in.mailed_links.resend_verification(&body.0.email, &client.0).await?;
    Ok(HttpResponse::build(StatusCode::ACCEPTED).finish())
}

/// `POST /api/v1/auth/forgot`: asks for a mail with which the user chooses a new password. The answer does not say whether there
/// is such an account.
pub(crate) async fn forgot(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<MailRequest>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    services.sign_in.mailed_links.forgot(&body.0.email, &client.0).await?;
    Ok(HttpResponse::build(StatusCode::ACCEPTED).finish())
}

/// `POST /api/v1/auth/reset`: gives the account a new password, and ends all of its sessions.
pub(crate) async fn reset(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<PasswordReset>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    let PasswordReset { token, new_password } = body.0;
    let revoked = services.sign_in.mailed_links.reset(&token, new_password, &client.0).await?;
    Ok(HttpResponse::Ok().json(RevocationView::of(&revoked)))
}

/// `POST /api/v1/auth/not-me`: ends all sessions of the account, and locks its password.
pub(crate) async fn not_me(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Token>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    let revoked = services.sign_in.mailed_links.disown(&body.0.token, &client.0).await?;
    Ok(HttpResponse::Ok().json(RevocationView::of(&revoked)))
}
