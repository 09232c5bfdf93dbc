//! Second factors: `/api/v1/2fa`, the factors of the caller, and `POST /api/v1/auth/2fa/verify`, which completes a sign-in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use service::{CodeProof, FactorAnswer, Services};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sign_in::finish_sign_in;
use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Body, Shape, optional_secret, secret},
        client::Client,
    },
    problem::Problem,
    views::{revocation::RevocationView, token_response::answer_with_tokens},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondFactorRequest {
    challenge_id: Uuid,
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>)]
    totp: Option<SecretString>,
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>)]
    backup_code: Option<SecretString>,
    trust_device: Option<bool>,
}

impl Shape for SecondFactorRequest {
    const FIELDS: &'static str = "challenge_id, one of totp or backup_code, trust_device (optional)";
}

/// `POST /api/v1/auth/2fa/verify`: completes a sign-in.
pub(crate) async fn verify(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<SecondFactorRequest>,
) -> Result<HttpResponse, Problem> {
    finish_sign_in(&request, &services, &client, async |presession| {
        let SecondFactorRequest { challenge_id, totp, backup_code, trust_device } = body.0;
        let code = match (totp, backup_code) {
            (Some(code), None) => CodeProof::Totp(code),
            (None, Some(code)) => CodeProof::BackupCode(code),
            _ => {
                let detail = "Send exactly one of totp and backup_code.";
                return Err(Problem::unprocessable("one_proof_required", detail));
            }
        };
        let trust_device = trust_device.unwrap_or(false);
        let answer = FactorAnswer { challenge: challenge_id, presession, code, trust_device };
        Ok(services.sign_in.second_factor.verify(answer, &client.0).await?)
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = Factors)]
pub(crate) struct FactorsView {
    totp: Option<TotpView>,
    backup_codes: u32,
    passkeys: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Totp)]
pub(crate) struct TotpView {
    #[serde(with = "time::serde::rfc3339")]
    confirmed_at: OffsetDateTime,
}

/// `GET /api/v1/2fa`: the factors of the caller.
pub(crate) async fn show(
    services: web::Data<Services>,
    auth: Authenticated,
) -> Result<HttpResponse, Problem> {
    let held = services.account.factors.list(&auth.caller).await?;
    Ok(HttpResponse::Ok().json(FactorsView {
        totp: held.totp_confirmed_at.map(|confirmed_at| TotpView { confirmed_at }),
        backup_codes: held.backup_codes,
        passkeys: held.passkeys,
    }))
}

/// The secret of an authenticator app, in three forms.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpSetup)]
pub(crate) struct TotpSetupView<'a> {
    /// A QR code of the URI.
    qr_svg: &'a str,
    /// In base32, for typing.
    secret: &'a str,
    /// `otpauth://`.
    uri: &'a str,
}

/// `POST /api/v1/2fa/totp`: begins to set up an authenticator app (TOTP).
pub(crate) async fn begin_totp(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let setup = services.account.factors.begin_totp(&auth.caller, &client.0).await?;
    Ok(HttpResponse::Created().json(TotpSetupView {
        qr_svg: setup.qr_svg.expose_secret(),
        secret: setup.secret.expose_secret(),
        uri: setup.uri.expose_secret(),
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TotpConfirmation {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    totp: SecretString,
}

impl Shape for TotpConfirmation {
    const FIELDS: &'static str = "totp";
}

/// `POST /api/v1/2fa/totp/confirm`: a code of the app completes the setup. Like every change of factors, this renews the
/// caller's tokens.
pub(crate) async fn confirm_totp(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<TotpConfirmation>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let confirmed = services.account.factors.confirm_totp(&sent.caller, &sent.body.totp, &client.0).await?;
    let view = TotpView { confirmed_at: confirmed.outcome };
    Ok(answer_with_tokens(&request, &services, &client.0, &confirmed.tokens, StatusCode::OK, view))
}

/// `DELETE /api/v1/2fa/totp`: removes the authenticator app.
pub(crate) async fn remove_totp(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let removed = services.account.factors.remove_totp(&auth.caller, &client.0).await?;
    let view = RevocationView::of(&removed.outcome);
    Ok(answer_with_tokens(&request, &services, &client.0, &removed.tokens, StatusCode::OK, view))
}

/// New backup codes.
#[derive(Serialize, ToSchema)]
#[schema(as = BackupCodes)]
pub(crate) struct BackupCodesView<'a> {
    codes: Vec<&'a str>,
}

/// `POST /api/v1/2fa/backup-codes`: makes ten new backup codes. Only this answer shows them.
pub(crate) async fn backup_codes(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let replaced = services.account.factors.replace_backup_codes(&auth.caller, &client.0).await?;
    let codes = replaced.outcome.iter().map(|code| code.expose_secret()).collect();
    let view = BackupCodesView { codes };
    Ok(answer_with_tokens(&request, &services, &client.0, &replaced.tokens, StatusCode::CREATED, view))
}
