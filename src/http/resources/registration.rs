//! `POST /api/v1/auth/register`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use secrecy::SecretString;
use serde::Deserialize;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    cookies::Jar,
    csrf::check_public_route,
    extractors::{
        body::{Body, Shape, secret},
        client::Client,
        request_headers::header_value,
    },
    problem::Problem,
    views::user::UserView,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    email: String,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    display_name: Option<String>,
}

impl Shape for Registration {
    const FIELDS: &'static str = "email, password, display_name (optional)";
}

/// Creates an account, and adds the device of the client to the account. With settings that hide whether an e-mail address is
/// registered, the answer for a registered address is the same, with a device cookie as well.
pub(crate) async fn register(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Registration>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    let Registration { email, password, display_name } = body.0;
    let languages = header_value(&request, &header::ACCEPT_LANGUAGE);
    let registered =
        services.sign_in.registration.register(&email, password, display_name, languages, &client.0).await?;
    let cookie = Jar::of(&request).device(&services.access.keys.live().cookies, registered.device);
    Ok(HttpResponse::Created().cookie(cookie).json(UserView::of(&registered.user)))
}
