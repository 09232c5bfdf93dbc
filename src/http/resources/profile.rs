//! The user's own record: `/api/v1/profile` and what hangs from it.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use protocol::id::{DeviceId, SessionId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use crate::http::{
    cookies::{CSRF_COOKIE, REFRESH_COOKIE},
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Shape, optional_secret, secret},
        client::{Client, FETCH_SITE, request_cookie, text},
    },
    problem::Problem,
    response_headers::CSRF_HEADER,
    settings::{HttpSettings, is_encrypted},
};
use domain::{
    account::role::{Role, Status},
    tokens::credential::{ACCESS_COOKIE, Source},
};
use service::{Services, User};

/// A user as the user sees it.
#[derive(Serialize)]
pub(crate) struct UserView {
    id: i64,
    email: String,
    display_name: Option<String>,
    role: Role,
    status: Status,
    is_active: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    last_login_at: Option<OffsetDateTime>,
}

impl UserView {
    /// Everything about `user` that is not a secret.
    pub(crate) fn of(user: &User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.clone(),
            display_name: user.display_name.clone(),
            role: user.role,
            status: user.status,
            is_active: user.status.is_active(),
            created_at: user.created_at,
            last_login_at: user.last_login_at,
        }
    }
}

/// `GET /api/v1/profile`.
pub(crate) async fn show(services: web::Data<Services>, who: Authenticated) -> Result<HttpResponse, Problem> {
    let user = services.account.profile.read(&who.caller).await?;
    Ok(HttpResponse::Ok().json(UserView::of(&user)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    display_name: Option<String>,
}

impl Shape for Change {
    const FIELDS: &'static str = "display_name (text, or null for none)";
}

/// `PUT /api/v1/profile`.
pub(crate) async fn update(
    services: web::Data<Services>,
    sent: AuthenticatedBody<Change>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let user = services.account.profile.rename(&sent.caller, sent.body.display_name, &client.0).await?;
    Ok(HttpResponse::Ok().json(UserView::of(&user)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    #[serde(default, deserialize_with = "optional_secret")]
    current_password: Option<SecretString>,
    #[serde(deserialize_with = "secret")]
    new_password: SecretString,
}

impl Shape for PasswordChange {
    const FIELDS: &'static str = "new_password, current_password (optional)";
}

/// `POST /api/v1/profile/password`: changes the password and ends the other sessions.
pub(crate) async fn change_password(
    services: web::Data<Services>,
    sent: AuthenticatedBody<PasswordChange>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let PasswordChange { current_password, new_password } = sent.body;
    let ended = services
        .account
        .profile
        .change_password(&sent.caller, current_password, new_password, &client.0)
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "sessions": ended.sessions, "sockets_closed": ended.sockets_closed, "pending": ended.pending,
    })))
}

/// Lets a handler exist in development only: elsewhere its path leads nowhere.
pub(crate) struct Development;

impl actix_web::FromRequest for Development {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let development = HttpSettings::of(request).development;
        std::future::ready(if development { Ok(Self) } else { Err(Problem::not_found()) })
    }
}

#[derive(Serialize)]
struct Debug {
    request_id: String,
    address: std::net::IpAddr,
    encrypted: bool,
    browser: bool,
    fingerprint: String,
    device: Option<DeviceId>,
    credential: &'static str,
    caller: DebugCaller,
    /// Which of our cookies came along; never their values.
    cookies: Vec<&'static str>,
    csrf_header: bool,
    origin: Option<String>,
    sec_fetch_site: Option<String>,
}

#[derive(Serialize)]
struct DebugCaller {
    user: i64,
    role: Role,
    scopes: Vec<String>,
    session: SessionId,
    device: DeviceId,
    generation: u64,
    #[serde(with = "time::serde::rfc3339")]
    token_expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    session_expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    privileged_until: Option<OffsetDateTime>,
}

/// `GET /api/v1/profile/debug`: what the server makes of this request's credentials, without the credentials.
pub(crate) async fn debug(
    _development: Development,
    request: HttpRequest,
    who: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let Authenticated { caller, source } = who;
    let mut cookies = Vec::new();
    for name in [ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE] {
        if request_cookie(&request, name)?.is_some() {
            cookies.push(name);
        }
    }
    Ok(HttpResponse::Ok().json(Debug {
        request_id: client.0.request_id,
        address: client.0.address,
        encrypted: is_encrypted(&request),
        browser: client.0.browser,
        fingerprint: client.0.fingerprint,
        device: client.0.device,
        credential: if source == Source::Cookie { "cookie" } else { "bearer" },
        caller: DebugCaller {
            user: caller.user.0,
            role: caller.role,
            scopes: caller.scopes.to_strings(),
            session: caller.session,
            device: caller.device,
            generation: caller.refresh_counter,
            token_expires_at: caller.token_expires_at,
            session_expires_at: caller.session_expires_at,
            privileged_until: caller.privileged_until,
        },
        cookies,
        csrf_header: request.headers().contains_key(CSRF_HEADER),
        origin: text(&request, &header::ORIGIN).map(str::to_owned),
        sec_fetch_site: text(&request, &FETCH_SITE).map(str::to_owned),
    }))
}
