//! The body of a request that creates something, with its key (`Idempotency-Key`), and the answer to such a request.
//!
//! Handlers of operators' requests that create something take [`IdempotentBody`], call `services.operators.idempotency`, and
//! answer with [`created`].

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header::HeaderName},
};
use service::{Caller, CreatedOnce, RequestKey};

use super::{
    authenticated::Authenticated,
    body::{Shape, body_and_bytes},
    request_headers::header_bytes,
};
use crate::http::problem::Problem;

/// The key that the client chose for its request.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `true` in the answer to a repeated request.
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key, in bytes.
const MAX_KEY: usize = 255;

/// A body, its caller, and the key of the request. The caller is verified before and after the body, as in `AuthenticatedBody`.
pub(crate) struct IdempotentBody<T> {
    /// The verified caller.
    pub(crate) caller: Caller,
    /// The parsed body.
    pub(crate) body: T,
    /// The key, if the request has one.
    pub(crate) key: Option<RequestKey>,
}

impl<T: Shape> FromRequest for IdempotentBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            Authenticated::of(&request).await?.spend(&request).await?;
            let key = key(&request)?;
            let (body, bytes) = body_and_bytes::<T>(&request, &mut payload).await?;
            let caller = Authenticated::of(&request).await?.caller;
            let key = key.map(|key| RequestKey::new(key, request.method().as_str(), request.path(), &bytes));
            Ok(Self { caller, body, key })
        })
    }
}

/// The key of the request, if it has one.
///
/// # Errors
/// 400 for a key that is empty, longer than 255 bytes, repeated, or not visible ASCII.
fn key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let invalid = || {
        let detail = "An Idempotency-Key has 1 to 255 visible ASCII characters, and is sent once.";
        Problem::bad_request("invalid_idempotency_key", detail)
    };
    match *header_bytes(request, &IDEMPOTENCY_KEY).as_slice() {
        [] => Ok(None),
        [key] if (1..=MAX_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) => {
            Ok(Some(String::from_utf8_lossy(key).into_owned()))
        }
        _ => Err(invalid()),
    }
}

/// The answer to a request that created something.
pub(crate) fn created(answer: &CreatedOnce) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    if answer.replayed {
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
    }
    response.json(&answer.body)
}
