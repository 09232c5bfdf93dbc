//! Getting in: CSRF tokens, registration, sign-in, and the question whether one is signed in.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use protocol::id::SessionId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::profile::UserView;
use crate::http::{
    cookies::Jar,
    csrf,
    extractors::{
        authenticated::credential,
        body::{Body, Shape, secret},
        client::Client,
    },
    problem::Problem,
    response_headers::CSRF_HEADER,
    views::token_response,
};
use domain::{
    account::role::Role,
    factors::challenge::ProofMethod,
    tokens::csrf::{Binding, LIFETIME},
};
use service::{Caller, Refusal, Services, SessionTokens, SignInStep};

/// When the older name of the sign-in route was given up (RFC 9745): 2025-01-01.
const DEPRECATED_SINCE: &str = "@1735689600";
const SUCCESSOR: &str = "</api/v1/auth/jwt/login>; rel=\"successor-version\"";

/// `GET /api/v1/auth/csrf-token`: a token bound to the session, or to the pre-session of a browser that has none.
pub(crate) async fn csrf_token(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    services.throttle.spend_for_address(services.throttle.limits().csrf_address, client.0.address).await?;
    let jar = Jar::of(&request);
    let mut answer = HttpResponse::Ok();
    let binding = match session_of(&request, &services).await? {
        Some(caller) => Binding::Session(caller.session),
        None => {
            let id = jar.presession_of(&request, &services)?.unwrap_or_else(Uuid::new_v4);
            answer.cookie(jar.presession(&services.access.keys.cookies, id));
            Binding::PreSession(id)
        }
    };
    let token = csrf::issue(&services, binding);
    Ok(answer
        .cookie(jar.csrf(&token))
        .insert_header((CSRF_HEADER, token.as_str()))
        .insert_header((header::VARY, "Cookie"))
        .json(json!({"csrf_token": token, "expires_in": LIFETIME})))
}

/// The caller, if the request brings a token that verifies; a token that does not is the same as none.
async fn session_of(request: &HttpRequest, services: &Services) -> Result<Option<Caller>, Problem> {
    let Some(credential) = credential(request)? else {
        return Ok(None);
    };
    match services.access.verifier.verify(credential.token.expose_secret()).await {
        Ok(caller) => Ok(Some(caller)),
        Err(Refusal::Unavailable) => Err(Refusal::Unavailable.into()),
        Err(_) => Ok(None),
    }
}

/// For routes that need no CSRF token: no other site's doing, and a token that is sent must verify, bound to the
/// pre-session or to the session that the request still has. Gives that pre-session.
pub(crate) fn guard_entrance(request: &HttpRequest, services: &Services) -> Result<Option<Uuid>, Problem> {
    csrf::require_own_site(request)?;
    let brought = Jar::of(request).presession_of(request, services)?;
    let session = credential(request)?
        .and_then(|found| services.access.keys.access.verify_signature_only(found.token.expose_secret()).ok())
        .map(|claims| Binding::Session(claims.sid));
    let bindings: Vec<Binding> = brought.map(Binding::PreSession).into_iter().chain(session).collect();
    csrf::check_if_sent(request, services, &bindings)?;
    Ok(brought)
}

/// The last step of a sign-in that took several: `prove` is given the request's pre-session. The answer is that of a
/// sign-in.
pub(crate) async fn finish_sign_in(
    request: &HttpRequest,
    services: &Services,
    client: &Client,
    prove: impl AsyncFnOnce(Option<Uuid>) -> Result<SessionTokens, Problem>,
) -> Result<HttpResponse, Problem> {
    let granted = prove(guard_entrance(request, services)?).await?;
    Ok(token_response::answer(request, services, &client.0, &granted))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: SecretString,
    display_name: Option<String>,
}

impl Shape for Registration {
    const FIELDS: &'static str = "email, password, display_name (optional)";
}

/// `POST /api/v1/auth/register`: creates an account, and makes the client a device of it. For a known address, where that
/// is not told, the answer has a device cookie as well.
pub(crate) async fn register(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Registration>,
) -> Result<HttpResponse, Problem> {
    guard_entrance(&request, &services)?;
    let Registration { email, password, display_name } = body.0;
    let registered =
        services.sign_in.registration.register(&email, password, display_name, &client.0).await?;
    let cookie = Jar::of(&request).device(&services.access.keys.cookies, registered.device);
    Ok(HttpResponse::Created().cookie(cookie).json(UserView::of(&registered.user)))
}

/// What signs in. The names are those of the OAuth2 password form; what else belongs to that form is passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    #[serde(alias = "email")]
    username: String,
    #[serde(deserialize_with = "secret")]
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

impl Shape for Login {
    const FIELDS: &'static str = "username (or email), password";
    const FORM: bool = true;
}

/// A second factor that is asked for.
#[derive(Serialize)]
struct Challenge {
    status: &'static str,
    challenge_id: Uuid,
    methods: Vec<ProofMethod>,
    /// Seconds.
    expires_in: i64,
}

/// `POST /api/v1/auth/jwt/login`: signs in, or asks the browser's pre-session for a second factor. Then there is no session
/// yet, and no cookie of one.
pub(crate) async fn login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let brought = guard_entrance(&request, &services)?;
    let presession = brought.unwrap_or_else(Uuid::new_v4);
    let Login { username, password, .. } = body.0;
    let asked = match services.sign_in.password.sign_in(&username, password, presession, &client.0).await? {
        SignInStep::Granted(granted) => {
            return Ok(token_response::answer(&request, &services, &client.0, &granted));
        }
        SignInStep::Challenged(asked) => asked,
    };
    let mut answer = HttpResponse::Ok();
    if brought.is_none() {
        answer.cookie(Jar::of(&request).presession(&services.access.keys.cookies, presession));
    }
    Ok(answer.json(Challenge {
        status: "2fa_required",
        challenge_id: asked.challenge,
        methods: asked.methods,
        expires_in: token_response::seconds_left(asked.expires_at, services.clock.now()),
    }))
}

/// `POST /api/v1/auth/login`: the same under its older name.
pub(crate) async fn deprecated_login(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let mut answer = login(request, services, client, body).await.unwrap_or_else(HttpResponse::from_error);
    for (name, value) in [("deprecation", DEPRECATED_SINCE), ("link", SUCCESSOR)] {
        answer
            .headers_mut()
            .insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
    }
    Ok(answer)
}

#[derive(Serialize)]
struct Status {
    authenticated: bool,
    #[serde(flatten)]
    who: Option<Who>,
}

#[derive(Serialize)]
struct Who {
    user: WhoUser,
    session: WhoSession,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

#[derive(Serialize)]
struct WhoUser {
    id: i64,
    email: String,
    role: Role,
}

#[derive(Serialize)]
struct WhoSession {
    id: SessionId,
    device_id: protocol::id::DeviceId,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// `GET /api/v1/auth/status`: whether this request is signed in; 200 in both cases.
pub(crate) async fn status(
    request: HttpRequest,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let who = session_of(&request, &services).await?.map(|caller| Who {
        user: WhoUser { id: caller.user.0, email: caller.email, role: caller.role },
        session: WhoSession {
            id: caller.session,
            device_id: caller.device,
            created_at: caller.session_created_at,
            expires_at: caller.session_expires_at,
        },
        expires_at: caller.token_expires_at,
    });
    Ok(HttpResponse::Ok().json(Status { authenticated: who.is_some(), who }))
}
