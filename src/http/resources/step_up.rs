//! `POST /api/v1/auth/step-up`: a new proof of presence, for actions that a stolen token must not allow.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Services, StepUpProof};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{
    extractors::{
        authenticated::AuthenticatedBody,
        body::{Shape, optional_secret},
        client::Client,
    },
    problem::Problem,
    views::token_response::answer_with_tokens,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepUpRequest {
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>)]
    totp: Option<SecretString>,
    passkey: Option<Assertion>,
}

/// The answer to a passkey ceremony that was begun with `step_up`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyAssertion)]
pub(crate) struct Assertion {
    ceremony_id: Uuid,
    credential: Value,
}

impl Shape for StepUpRequest {
    const FIELDS: &'static str = "one of password, totp, or passkey (ceremony_id, credential)";
}

impl StepUpRequest {
    /// The proof.
    ///
    /// # Errors
    /// 422 without exactly one proof.
    fn proof(self) -> Result<StepUpProof, Problem> {
        let passkey = |Assertion { ceremony_id, credential }| StepUpProof::Passkey {
            ceremony: ceremony_id,
            credential,
        };
        let given = [
            self.password.map(StepUpProof::Password),
            self.totp.map(StepUpProof::Totp),
            self.passkey.map(passkey),
        ];
        let mut proofs = given.into_iter().flatten();
        match (proofs.next(), proofs.next()) {
            (Some(proof), None) => Ok(proof),
            _ => Err(Problem::unprocessable("one_proof_required", "Send exactly one proof of presence.")),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = StepUp)]
pub(crate) struct StepUpView {
    #[serde(with = "time::serde::rfc3339")]
    privileged_until: OffsetDateTime,
}

/// Checks the proof and answers with new tokens, which carry privilege for a while. Earlier tokens do not become privileged.
pub(crate) async fn step_up(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<StepUpRequest>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let granted = services.account.step_up.step_up(&sent.caller, sent.body.proof()?, &client.0).await?;
    let view = StepUpView { privileged_until: granted.privileged_until };
    Ok(answer_with_tokens(&request, &services, &client.0, &granted.tokens, StatusCode::OK, view))
}
