//! One request to the server API. A method is answered with 200 and `result` or `error` (`batch`: `replies` or `error`). With
//! `X-Centrifugo-Error-Mode: transport`, an error is answered with an HTTP status.

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderName, web};
use serde_json::value::RawValue;
use service::Services;

use super::{
    authorization::{admit, authenticate},
    batch::batch,
    dispatch::dispatch,
    error::ApiError,
    method::MethodName,
    results,
};
use crate::http::{
    extractors::{body, client::Client},
    problem::Problem,
};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 1024 * 1024;
const ERROR_MODE: HeaderName = HeaderName::from_static("x-centrifugo-error-mode");

/// `POST /api/{method}`.
pub(crate) async fn handle(
    request: HttpRequest,
    services: web::Data<Services>,
    client: Client,
    name: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = authenticate(&request, &services, client).await?;
    let method = MethodName::parse(&name).ok_or_else(Problem::not_found)?;
    if let MethodName::Method(method) = &method {
        admit(&services, &caller, *method)?;
    }
    let bytes = body::read_up_to(&request, payload.into_inner(), MAX_BODY).await?;
    let text = std::str::from_utf8(body::without_mark(&bytes)).ok().filter(|text| !text.trim().is_empty());
    let body: Option<&RawValue> = text.and_then(|text| serde_json::from_str(text).ok());
    let body = body.ok_or_else(|| Problem::bad_request("malformed_json", "The body is not valid JSON."))?;
    let answered = match method {
        MethodName::Method(method) => dispatch(services.server_api.for_key(&caller), method, body).await,
        MethodName::Batch => match batch(&services, &caller, body).await? {
            Ok(replies) => return Ok(HttpResponse::Ok().json(replies)),
            Err(error) => Err(error),
        },
        MethodName::NotOffered => Err(ApiError::NOT_AVAILABLE),
    };
    Ok(match answered {
        Ok(result) => results::response(&result),
        Err(error) if wants_status(&request) => error.as_status(),
        Err(error) => error.as_answer(),
    })
}

/// Whether the client wants errors of methods as HTTP statuses.
fn wants_status(request: &HttpRequest) -> bool {
    request.headers().get(&ERROR_MODE).is_some_and(|mode| mode.as_bytes().eq_ignore_ascii_case(b"transport"))
}
