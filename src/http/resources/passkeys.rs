//! Passkeys: `/api/v1/webauthn`.
//!
//! Which of its user's pages a passkey belongs to and whether its answer is right is the services' to judge; here is the shape
//! of the requests and answers. The options and credentials are those of `navigator.credentials`, as its JSON functions
//! read and write them.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::sessions::revoked_view;
use crate::http::{
    cookies::Jar,
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Body, Shape},
        client::Client,
    },
    problem::Problem,
    resources::sign_in::{finish_sign_in, guard_entrance},
};
use service::{ListedPasskey, PasskeyAnswer, PasskeyCeremony, PasskeyPurpose, Services};

/// The options of a ceremony, with its id beside them.
fn ceremony_view(ceremony: PasskeyCeremony) -> Value {
    let mut view = ceremony.options;
    view["ceremony_id"] = ceremony.id.to_string().into();
    view
}

/// `POST /api/v1/webauthn/register/begin`.
pub(crate) async fn begin_registration(
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let ceremony = services.account.passkeys.begin(&who.caller, &client.0).await?;
    Ok(HttpResponse::Ok().json(ceremony_view(ceremony)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    ceremony_id: Uuid,
    credential: Value,
    name: Option<String>,
}

impl Shape for Registration {
    const FIELDS: &'static str = "ceremony_id, credential, name (optional)";
}

/// `POST /api/v1/webauthn/register/finish`.
pub(crate) async fn finish_registration(
    services: web::Data<Services>,
    sent: AuthenticatedBody<Registration>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let Registration { ceremony_id, credential, name } = sent.body;
    let added = services
        .account
        .passkeys
        .add(&sent.caller, ceremony_id, &credential, name.as_deref(), &client.0)
        .await?;
    Ok(HttpResponse::Created().json(CredentialView::of(added)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    username: Option<String>,
    challenge_id: Option<Uuid>,
    #[serde(default)]
    step_up: bool,
}

impl Shape for Begin {
    const FIELDS: &'static str = "at most one of username, challenge_id, step_up (true)";
}

/// `POST /api/v1/webauthn/login/begin`: for anyone, or, with `step_up`, for the caller.
pub(crate) async fn begin_login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Begin>,
) -> Result<HttpResponse, Problem> {
    let wanted = match (body.0.username, body.0.challenge_id, body.0.step_up) {
        (None, None, true) => {
            // After the body has come: its sender may have been revoked while it did.
            let who = Authenticated::of(&request).await?;
            let ceremony = services.account.step_up.begin_passkey(&who.caller, &client.0).await?;
            return Ok(HttpResponse::Ok().json(ceremony_view(ceremony)));
        }
        (None, None, false) => PasskeyPurpose::AnyUser,
        (Some(name), None, false) => PasskeyPurpose::User(name),
        (None, Some(challenge), false) => PasskeyPurpose::SecondFactor(challenge),
        _ => {
            let detail = "Send at most one of username, challenge_id and step_up.";
            return Err(Problem::unprocessable("one_purpose_required", detail));
        }
    };
    let brought = guard_entrance(&request, &services)?;
    let presession = brought.unwrap_or_else(Uuid::new_v4);
    let ceremony = services.sign_in.passkey.begin(wanted, presession, &client.0).await?;
    let mut answer = HttpResponse::Ok();
    if brought.is_none() {
        answer.cookie(Jar::of(&request).presession(&services.access.keys.cookies, presession));
    }
    Ok(answer.json(ceremony_view(ceremony)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    ceremony_id: Uuid,
    credential: Value,
    trust_device: Option<bool>,
}

impl Shape for Finish {
    const FIELDS: &'static str = "ceremony_id, credential, trust_device (optional)";
}

/// `POST /api/v1/webauthn/login/finish`.
pub(crate) async fn finish_login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Finish>,
) -> Result<HttpResponse, Problem> {
    finish_sign_in(&request, &services, &client, async |presession| {
        let Finish { ceremony_id, credential, trust_device } = body.0;
        let trust_device = trust_device.unwrap_or(true);
        let answer = PasskeyAnswer { ceremony: ceremony_id, presession, credential, trust_device };
        Ok(services.sign_in.passkey.complete(answer, &client.0).await?)
    })
    .await
}

#[derive(Serialize)]
struct CredentialView {
    id: Uuid,
    name: String,
    aaguid: Option<Uuid>,
    authenticator: Option<&'static str>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
    suspended: bool,
    backed_up: bool,
}

impl CredentialView {
    fn of(listed: ListedPasskey) -> Self {
        let ListedPasskey { id, name, aaguid, authenticator, created_at, last_used_at, suspended, backed_up } =
            listed;
        Self { id, name, aaguid, authenticator, created_at, last_used_at, suspended, backed_up }
    }
}

/// `GET /api/v1/webauthn/credentials`.
pub(crate) async fn list(services: web::Data<Services>, who: Authenticated) -> Result<HttpResponse, Problem> {
    let held = services.account.passkeys.list(&who.caller).await?;
    let views: Vec<_> = held.into_iter().map(CredentialView::of).collect();
    Ok(HttpResponse::Ok().json(json!({"credentials": views})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    name: String,
}

impl Shape for Rename {
    const FIELDS: &'static str = "name";
}

/// `PATCH /api/v1/webauthn/credentials/{id}`.
pub(crate) async fn rename(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<Rename>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let renamed =
        services.account.passkeys.rename(&sent.caller, named(&request)?, &sent.body.name, &client.0).await?;
    Ok(HttpResponse::Ok().json(CredentialView::of(renamed)))
}

/// `DELETE /api/v1/webauthn/credentials/{id}`.
pub(crate) async fn remove(
    request: HttpRequest,
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let revoked = services.account.passkeys.remove(&who.caller, named(&request)?, &client.0).await?;
    Ok(HttpResponse::Ok().json(revoked_view(&revoked)))
}

fn named(request: &HttpRequest) -> Result<Uuid, Problem> {
    request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or_else(Problem::not_found)
}
