//! Compression of long lists.
//!
//! `routes` puts [`compress`] around the paths that answer with lists, and around no other path. If a compressed answer
//! contains a secret and a text of the attacker, its length reveals the secret (BREACH). No list contains a credential.

use actix_http::encoding::Encoder;
use actix_web::{
    Error,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode, Version,
        header::{self, AcceptEncoding, ContentEncoding, Encoding, Header as _, HeaderValue},
    },
    middleware::Next,
};

/// The smallest answer that is compressed, in bytes. A smaller answer fits into one or two packets in any case.
const SMALLEST: u64 = 2 * 1024;

/// Compresses the answer with gzip if the client accepts that and the answer is large.
///
/// # Errors
/// Only errors of actix-web itself.
pub(super) async fn compress<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let accepted = accepts_gzip(&request);
    let mut answer = next.call(request).await?;
    if answer.status() != StatusCode::OK {
        return Ok(answer.map_into_left_body());
    }
    let large = matches!(answer.response().body().size(), BodySize::Sized(bytes) if bytes >= SMALLEST);
    if accepted && large {
        // The encoder adds `Vary`, too.
        return Ok(answer.map_body(|head, body| {
            EitherBody::right(Encoder::response(ContentEncoding::Gzip, head, body).boxed())
        }));
    }
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(answer.map_into_left_body())
}

/// Whether the client prefers gzip to no compression (`Accept-Encoding`). Without this header, the answer is not compressed,
/// although RFC 9110 (12.5.3) would permit that. A client of HTTP/1.0 does not understand the chunks of a compressed answer,
/// and HEAD has no body.
fn accepts_gzip(request: &ServiceRequest) -> bool {
    if request.version() < Version::HTTP_11 || request.method() == Method::HEAD {
        return false;
    }
    let gzip = Encoding::gzip();
    AcceptEncoding::parse(request.request())
        .is_ok_and(|accepted| accepted.negotiate([&gzip, &Encoding::identity()].into_iter()) == Some(gzip))
}
