//! `POST /api/v1/auth/step-up`: proves presence again, for what a stolen token must not be able to do.

use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::{
    body::{Body, Shape, secret},
    caller::Authenticated,
    client::Client,
    grant::seconds_left,
    problem::Problem,
};
use crate::service::{Caller, Services};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    #[serde(deserialize_with = "secret")]
    password: SecretString,
}

impl Shape for Proof {
    const FIELDS: &'static str = "password";
}

/// Checks the password and grants privilege for a while.
pub(super) async fn step_up(
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
    body: Body<Proof>,
) -> Result<HttpResponse, Problem> {
    let until = services.step_up(&who.caller, body.0.password, &client.0).await?;
    let expires_in = seconds_left(until, services.clock.now());
    let until = until.format(&Rfc3339).map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok().json(json!({"privileged_until": until, "expires_in": expires_in})))
}

/// Refuses what needs a recent proof of presence.
///
/// # Errors
/// 403 `step_up_required`.
pub(super) fn require_recent(services: &Services, caller: &Caller) -> Result<(), Problem> {
    if caller
        .privileged_until
        .is_some_and(|until| until > services.clock.now())
    {
        return Ok(());
    }
    Err(Problem::forbidden(
        "step_up_required",
        "Prove your presence again at /api/v1/auth/step-up, then repeat this.",
    ))
}
