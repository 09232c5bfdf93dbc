//! For operations: liveness and readiness.

use actix_web::{HttpResponse, web};
use serde_json::json;
use service::Services;

use crate::http::problem::Problem;

/// `GET /health` and `/health/live`: the process answers. The database is not checked, because a restart of the server cannot
/// bring it back.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /health/ready`: the database accepts writes and the server is not stopping. 503 otherwise. `details` says what an
/// operator should look at. Every client can read it, so addresses are only in the log.
pub(crate) async fn ready(services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    services.upkeep.ready().await.map_err(|_| {
        let detail = "The server is stopping, or the database cannot be written to.";
        Problem::unavailable(1).with_detail("not_ready", detail)
    })?;
    let notices = services.proxy_notices.recent();
    let details: Vec<_> =
        notices.iter().map(|notice| json!({"code": notice.code, "detail": notice.detail})).collect();
    Ok(HttpResponse::Ok().json(json!({"status": "ready", "details": details})))
}
