//! Passkeys: `/api/v1/webauthn`.
//!
//! The services check the origin of the page and the answer of the passkey. This file has the shapes of requests and answers.
//! Options and credentials have the JSON form that the WebAuthn functions of browsers read and write.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{ListedPasskey, PasskeyAnswer, PasskeyCeremony, PasskeyPurpose, Services};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sign_in::finish_sign_in;
use crate::http::{
    cookies::Jar,
    csrf::check_public_route,
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Body, Shape},
        client::Client,
        path_id::path_id,
    },
    problem::Problem,
    views::{revocation::RevocationView, token_response::answer_with_tokens},
};

/// The options of a ceremony, together with its id.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyCeremony)]
pub(crate) struct CeremonyView {
    #[schema(format = Uuid)]
    ceremony_id: String,
    #[serde(flatten)]
    #[schema(value_type = CeremonyOptions)]
    options: Value,
}

/// The options for the WebAuthn functions of browsers, which `webauthn-rs` makes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the options")]
struct CeremonyOptions {
    /// The argument of `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
    #[schema(rename = "publicKey")]
    public_key: serde_json::Map<String, Value>,
    mediation: Option<String>,
}

impl CeremonyView {
    fn of(ceremony: PasskeyCeremony) -> Self {
        Self { ceremony_id: ceremony.id.to_string(), options: ceremony.options }
    }
}

/// `POST /api/v1/webauthn/register/begin`.
pub(crate) async fn begin_registration(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let ceremony = services.account.passkeys.begin(&auth.caller, &client.0).await?;
    Ok(HttpResponse::Ok().json(CeremonyView::of(ceremony)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyRegistration)]
pub(crate) struct Registration {
    ceremony_id: Uuid,
    credential: Value,
    name: Option<String>,
}

impl Shape for Registration {
    const FIELDS: &'static str = "ceremony_id, credential, name (optional)";
}

/// `POST /api/v1/webauthn/register/finish`: adds the passkey. Like every change of factors, this renews the caller's tokens.
pub(crate) async fn finish_registration(
    request: HttpRequest,
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
    let view = PasskeyView::of(added.outcome);
    Ok(answer_with_tokens(&request, &services, &client.0, &added.tokens, StatusCode::CREATED, view))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyBegin)]
pub(crate) struct BeginLogin {
    username: Option<String>,
    challenge_id: Option<Uuid>,
    #[serde(default)]
    step_up: bool,
}

impl Shape for BeginLogin {
    const FIELDS: &'static str = "at most one of username, challenge_id, step_up (true)";
}

/// `POST /api/v1/webauthn/login/begin`: begins a ceremony for a sign-in or, with `step_up`, for the signed-in caller.
pub(crate) async fn begin_login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<BeginLogin>,
) -> Result<HttpResponse, Problem> {
    let wanted = match (body.0.username, body.0.challenge_id, body.0.step_up) {
        (None, None, true) => {
            // The caller is verified after the body has arrived, because the session may be revoked while the body arrives.
            let auth = Authenticated::of(&request).await?;
            let ceremony = services.account.step_up.begin_passkey(&auth.caller, &client.0).await?;
            return Ok(HttpResponse::Ok().json(CeremonyView::of(ceremony)));
        }
        (None, None, false) => PasskeyPurpose::AnyUser,
        (Some(name), None, false) => PasskeyPurpose::User(name),
        (None, Some(challenge), false) => PasskeyPurpose::SecondFactor(challenge),
        _ => {
            let detail = "Send at most one of username, challenge_id and step_up.";
            return Err(Problem::unprocessable("one_purpose_required", detail));
        }
    };
    let existing = check_public_route(&request, &services)?;
    let presession = existing.unwrap_or_else(Uuid::new_v4);
    let ceremony = services.sign_in.passkey.begin(wanted, presession, &client.0).await?;
    let mut answer = HttpResponse::Ok();
    if existing.is_none() {
        answer.cookie(Jar::of(&request).presession(&services.access.keys.live().cookies, presession));
    }
    Ok(answer.json(CeremonyView::of(ceremony)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyAnswer)]
pub(crate) struct FinishLogin {
    ceremony_id: Uuid,
    credential: Value,
    trust_device: Option<bool>,
}

impl Shape for FinishLogin {
    const FIELDS: &'static str = "ceremony_id, credential, trust_device (optional)";
}

/// `POST /api/v1/webauthn/login/finish`.
pub(crate) async fn finish_login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<FinishLogin>,
) -> Result<HttpResponse, Problem> {
    finish_sign_in(&request, &services, &client, async |presession| {
        let FinishLogin { ceremony_id, credential, trust_device } = body.0;
        let trust_device = trust_device.unwrap_or(false);
        let answer = PasskeyAnswer { ceremony: ceremony_id, presession, credential, trust_device };
        Ok(services.sign_in.passkey.complete(answer, &client.0).await?)
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(crate) struct PasskeyView {
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

impl PasskeyView {
    fn of(listed: ListedPasskey) -> Self {
        let ListedPasskey { id, name, aaguid, authenticator, created_at, last_used_at, suspended, backed_up } =
            listed;
        Self { id, name, aaguid, authenticator, created_at, last_used_at, suspended, backed_up }
    }
}

/// The passkeys of the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyList {
    credentials: Vec<PasskeyView>,
}

/// `GET /api/v1/webauthn/credentials`.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
) -> Result<HttpResponse, Problem> {
    let passkeys = services.account.passkeys.list(&auth.caller).await?;
    let credentials = passkeys.into_iter().map(PasskeyView::of).collect();
    Ok(HttpResponse::Ok().json(json!(PasskeyList { credentials })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyRename)]
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
    let renamed = services
        .account
        .passkeys
        .rename(&sent.caller, path_id(&request, "id")?, &sent.body.name, &client.0)
        .await?;
    Ok(HttpResponse::Ok().json(PasskeyView::of(renamed)))
}

/// `DELETE /api/v1/webauthn/credentials/{id}`.
pub(crate) async fn remove(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let removed = services.account.passkeys.remove(&auth.caller, path_id(&request, "id")?, &client.0).await?;
    let view = RevocationView::of(&removed.outcome);
    Ok(answer_with_tokens(&request, &services, &client.0, &removed.tokens, StatusCode::OK, view))
}
