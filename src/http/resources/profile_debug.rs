//! `/api/v1/profile/debug`: how the server reads a request. In development only.

use actix_web::{HttpRequest, HttpResponse, http::header};
use domain::{
    account::role::Role,
    tokens::credential::{ACCESS_COOKIE, Source},
};
use protocol::id::{DeviceId, SessionId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::http::{
    cookies::{CSRF_COOKIE, REFRESH_COOKIE},
    csrf::CSRF_HEADER,
    extractors::{
        authenticated::Authenticated,
        client::Client,
        request_headers::{FETCH_SITE, cookie_values, header_value},
    },
    problem::Problem,
    settings::{HttpSettings, is_encrypted},
};

/// Makes a handler available in development only. Outside of development the path of the handler is answered with 404.
pub(crate) struct Development;

impl actix_web::FromRequest for Development {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let development = HttpSettings::of(request).development;
        std::future::ready(if development { Ok(Self) } else { Err(Problem::not_found()) })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DebugRequest)]
pub(crate) struct RequestView {
    request_id: String,
    #[schema(value_type = String)]
    address: std::net::IpAddr,
    encrypted: bool,
    browser: bool,
    fingerprint: String,
    device: Option<DeviceId>,
    credential: &'static str,
    caller: CallerView,
    /// The names of this server's cookies in the request; never their values.
    cookies: Vec<&'static str>,
    csrf_header: bool,
    origin: Option<String>,
    sec_fetch_site: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DebugCaller)]
pub(crate) struct CallerView {
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

/// `GET /api/v1/profile/debug`: how the server reads the credentials of this request, without the credentials.
pub(crate) async fn show(
    _development: Development,
    request: HttpRequest,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let Authenticated { caller, source } = auth;
    let mut cookies = vec![ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE];
    cookies.retain(|name| !cookie_values(&request, name).is_empty());
    Ok(HttpResponse::Ok().json(RequestView {
        request_id: client.0.request_id,
        address: client.0.address,
        encrypted: is_encrypted(&request),
        browser: client.0.browser,
        fingerprint: client.0.fingerprint,
        device: client.0.device,
        credential: if source == Source::Cookie { "cookie" } else { "bearer" },
        caller: CallerView {
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
        origin: header_value(&request, &header::ORIGIN).map(str::to_owned),
        sec_fetch_site: header_value(&request, &FETCH_SITE).map(str::to_owned),
    }))
}
