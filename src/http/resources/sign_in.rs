//! `POST /api/v1/auth/jwt/login`: sign-in with a password.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use domain::factors::challenge::ProofMethod;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{Services, SessionTokens, SignInStep};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::{
    cookies::Jar,
    csrf::check_public_route,
    extractors::{
        body::{Body, Shape, secret},
        client::Client,
    },
    problem::Problem,
    views::{seconds_left::seconds_left, token_response::token_response},
};

/// The older path of the sign-in route is deprecated since this date (RFC 9745): 2025-01-01.
const DEPRECATED_SINCE: &str = "@1735689600";
const SUCCESSOR: &str = "</api/v1/auth/jwt/login>; rel=\"successor-version\"";

/// The last step of a sign-in with a second factor or a passkey. `prove` gets the pre-session of the request, and completes
/// the sign-in. The answer is the same as after a sign-in with a password.
///
/// # Errors
/// The errors of the CSRF check and of `prove`.
pub(crate) async fn finish_sign_in(
    request: &HttpRequest,
    services: &Services,
    client: &Client,
    prove: impl AsyncFnOnce(Option<Uuid>) -> Result<SessionTokens, Problem>,
) -> Result<HttpResponse, Problem> {
    let granted = prove(check_public_route(request, services)?).await?;
    Ok(token_response(request, services, &client.0, &granted))
}

/// The credentials, with the names of the OAuth2 password form. The other fields of that form are accepted and ignored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The e-mail address of the account. The name `email` is accepted, too.
    #[serde(alias = "email")]
    username: String,
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    #[serde(rename = "grant_type")]
    _grant_type: Option<String>,
    #[serde(rename = "scope")]
    _scope: Option<String>,
    #[serde(rename = "client_id")]
    _client_id: Option<String>,
    #[serde(rename = "client_secret")]
    _client_secret: Option<String>,
}

impl Shape for Credentials {
    const FIELDS: &'static str = "username (or email), password";
    const FORM: bool = true;
}

/// The request for a second factor.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactorChallenge)]
pub(crate) struct ChallengeView {
    status: &'static str,
    challenge_id: Uuid,
    methods: Vec<ProofMethod>,
    /// Seconds until the challenge expires.
    expires_in: i64,
}

/// `POST /api/v1/auth/jwt/login`: signs in, or asks for a second factor. The challenge is bound to the pre-session of the
/// browser. Until the challenge is answered, there is no session and no session cookie.
pub(crate) async fn login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    let existing = check_public_route(&request, &services)?;
    let presession = existing.unwrap_or_else(Uuid::new_v4);
    let Credentials { username, password, .. } = body.0;
    let asked = match services.sign_in.password.sign_in(&username, password, presession, &client.0).await? {
        SignInStep::Granted(granted) => {
            return Ok(token_response(&request, &services, &client.0, &granted));
        }
        SignInStep::Challenged(asked) => asked,
    };
    let mut answer = HttpResponse::Ok();
    if existing.is_none() {
        answer.cookie(Jar::of(&request).presession(&services.access.keys.live().cookies, presession));
    }
    Ok(answer.json(ChallengeView {
        status: "2fa_required",
        challenge_id: asked.challenge,
        methods: asked.methods,
        expires_in: seconds_left(asked.expires_at, services.clock.now()),
    }))
}

/// `POST /api/v1/auth/login`: the same route under the older path.
pub(crate) async fn deprecated_login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    let mut answer = login(request, services, client, body).await.unwrap_or_else(HttpResponse::from_error);
    for (name, value) in [("deprecation", DEPRECATED_SINCE), ("link", SUCCESSOR)] {
        answer
            .headers_mut()
            .insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
    }
    Ok(answer)
}
