//! `/api/v1/audit`: what every client may know of the audit log: its newest checkpoint, and the key that verifies it.

use actix_web::{HttpResponse, http::header, web};
use service::{AuditLogError, Failure, Services};

use crate::http::problem::Problem;

const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// `GET /api/v1/audit/checkpoint`: the newest checkpoint, as a signed note (C2SP tlog-checkpoint).
pub(crate) async fn checkpoint(services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    let newest = services.audit_log.newest_checkpoint().await.map_err(Failure::from)?;
    newest.map(text).ok_or_else(Problem::not_found)
}

/// `GET /api/v1/audit/key`: the verifier key of the checkpoints (C2SP signed-note).
pub(crate) async fn key(services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    match services.audit_log.verifier_key().await {
        Ok(key) => Ok(text(key + "\n")),
        Err(AuditLogError::NoKeys) => Err(Problem::not_found()),
        Err(error) => Err(Failure::from(error).into()),
    }
}

fn text(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type(MEDIA_TYPE).insert_header((header::CACHE_CONTROL, "no-cache")).body(text)
}
