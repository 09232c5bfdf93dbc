//! `POST /api/v1/auth/password-strength`: the strength of a password, while a user chooses it.
//!
//! The page sends what is typed after short pauses, over the same connection that will carry the password anyway. So the page needs
//! no dictionary, and its meter never contradicts the verdict of the registration.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::account::{email::Email, password_strength::Strength};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    csrf::check_public_route,
    extractors::{
        body::{Body, Shape, secret},
        client::Client,
    },
    problem::Problem,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordDraft {
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// The address of the account, whose words count as known to an attacker.
    #[serde(default)]
    email: Option<String>,
}

impl Shape for PasswordDraft {
    const FIELDS: &'static str = "password, email (optional)";
}

/// The strength of a password.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordStrength)]
pub(crate) struct StrengthView {
    /// From 0 (a few guesses) to 4 (more than 10¹⁰ guesses).
    score: u8,
    /// Whether a registration or a change of the password accepts it.
    accepted: bool,
    /// The problem code of the refusal.
    code: Option<&'static str>,
    /// The refusal as a sentence.
    detail: Option<&'static str>,
    /// What makes the password weak: `keyboard`, `repeat`, `common`, `sequence`, `date`, `word` or `name`.
    pattern: Option<&'static str>,
}

impl From<Strength> for StrengthView {
    fn from(Strength { score, weakness, pattern }: Strength) -> Self {
        Self {
            score,
            accepted: weakness.is_none(),
            code: weakness.map(|weakness| weakness.code()),
            detail: weakness.map(|weakness| weakness.detail()),
            pattern: pattern.map(|pattern| pattern.as_str()),
        }
    }
}

/// Judges a password. Nothing is stored, and the answer does not depend on any account.
pub(crate) async fn judge(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<PasswordDraft>,
) -> Result<HttpResponse, Problem> {
    check_public_route(&request, &services)?;
    let PasswordDraft { password, email } = body.0;
    let email: String = email.unwrap_or_default().chars().take(Email::MAX_BYTES).collect();
    let strength = services.sign_in.registration.strength(password, email, &client.0).await?;
    Ok(HttpResponse::Ok().json(StrengthView::from(strength)))
}
