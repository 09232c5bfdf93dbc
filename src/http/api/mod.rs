//! The server API: `POST /api/<method>`, in the shape that Centrifugo's server libraries speak.
//!
//! Here the key is found and judged, the method's scope asked for, and the answer dressed: 200 with `result` or `error`, or,
//! with `X-Centrifugo-Error-Mode: transport`, the error as an HTTP status. What a request cannot even ask (no key, no JSON,
//! too much) is refused like everywhere else, as a problem.

mod batch;
mod channel_requests;
mod connection_requests;
mod dispatch;
mod error;
mod method;
mod results;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
    web,
};
use serde_json::value::RawValue;

use super::problem::Problem;
use crate::http::extractors::{
    body,
    client::{Client, lines},
};
pub(super) use connection_requests::named;
use domain::tokens::api_key::ApiScope;
use error::ApiError;
use method::Named;
pub(super) use results::{connection, may_be_more};
use service::{ApiCaller, Services};

/// The largest body that a method takes.
const MAX_BODY: usize = 1024 * 1024;
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const ERROR_MODE: HeaderName = HeaderName::from_static("x-centrifugo-error-mode");

/// `POST /api/{method}`.
pub(super) async fn handle(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    name: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &services, client).await?;
    let method = Named::parse(&name).ok_or_else(Problem::not_found)?;
    if let Named::Method(method) = &method {
        require(&caller, method.scope())?;
    }
    let bytes = body::read_up_to(&request, payload.into_inner(), MAX_BODY).await?;
    let text = std::str::from_utf8(&bytes).ok().filter(|text| !text.trim().is_empty());
    let body: Option<&RawValue> = text.and_then(|text| serde_json::from_str(text).ok());
    let body = body.ok_or_else(|| Problem::bad_request("malformed_json", "The body is not valid JSON."))?;
    let answered = match method {
        Named::Method(method) => dispatch::call(services.server_api.for_key(&caller), method, body).await,
        Named::Batch => match batch::batch(&services, &caller, body).await? {
            Ok(replies) => return Ok(HttpResponse::Ok().json(replies)),
            Err(error) => Err(error),
        },
        Named::NotOffered => Err(ApiError::NOT_AVAILABLE),
    };
    Ok(match answered {
        Ok(result) => results::result(&result),
        Err(error) if in_transport(&request) => error.as_status(),
        Err(error) => error.as_answer(),
    })
}

/// Whose request it is. A key in the query would end up in logs.
async fn authenticate(
    request: &HttpRequest,
    services: &Services,
    client: Client,
) -> Result<ApiCaller, Problem> {
    let named = |pair: &str| pair.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("api_key"));
    if request.query_string().split('&').any(named) {
        return Err(Problem::bad_request("key_in_query", "An API key in the query is not accepted."));
    }
    let key = presented(request)?.ok_or_else(no_key)?;
    services.access.api_keys.authenticate(key, client.0).await.map_err(Problem::from)
}

/// The key in `X-API-Key`, or in `Authorization: apikey`.
fn presented(request: &HttpRequest) -> Result<Option<&str>, Problem> {
    let own = lines(request, &API_KEY)?;
    let authorization = lines(request, &header::AUTHORIZATION)?;
    let named = authorization.iter().filter_map(|line| {
        let (scheme, key) = line.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("apikey").then(|| key.trim())
    });
    let mut keys = own.iter().map(|line| line.trim()).chain(named).filter(|key| !key.is_empty());
    let first = keys.next();
    if keys.any(|other| Some(other) != first) {
        let detail = "A credential is given more than once, and they differ.";
        return Err(Problem::bad_request("repeated_credential", detail));
    }
    Ok(first)
}

fn require(caller: &ApiCaller, scope: ApiScope) -> Result<(), Problem> {
    if caller.scopes.contains(scope) {
        return Ok(());
    }
    Err(Problem::forbidden("insufficient_scope", "The API key does not permit this."))
}

fn in_transport(request: &HttpRequest) -> bool {
    request.headers().get(&ERROR_MODE).is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"transport"))
}

fn no_key() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "The API key is missing: send it as X-API-Key.")
}
