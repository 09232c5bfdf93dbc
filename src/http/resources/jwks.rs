//! `GET /.well-known/jwks.json`: the public keys for other services that verify access tokens.

use actix_web::{HttpResponse, http::header, web};
use domain::tokens::token_key::PublicTokenKey;
use serde::Serialize;
use serde_json::json;
use service::Services;
use utoipa::ToSchema;

/// The media type of a key set (RFC 7517, 8.5.2).
const MEDIA_TYPE: &str = "application/jwk-set+json";
/// How long a client may keep the answer. A next key is published for longer than this before it signs; see
/// `domain::crypto::secret_ring::NEXT_WAITS`.
const CACHE_CONTROL: &str = "public, max-age=300";

/// Public keys (RFC 7517).
#[derive(Serialize, ToSchema)]
pub(crate) struct KeySet<'a> {
    keys: Vec<&'a PublicTokenKey>,
}

/// Answers with the current, the next and the previous public keys, also while tokens are signed with HS256. The keys of HS256
/// are secret and never in the answer.
pub(crate) async fn key_set(services: web::Data<Services>) -> HttpResponse {
    let keys = services.access.keys.live();
    let keys = keys.access.published().collect();
    HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .json(json!(KeySet { keys }))
}
