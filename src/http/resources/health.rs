//! For operations: liveness, readiness and metrics.

use actix_web::{HttpResponse, http::StatusCode, web};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use service::Services;

use crate::http::problem::Problem;

/// `GET /health` and `/health/live`: the process answers. The database does not count: its absence is no reason to restart
/// the server.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /health/ready`: the database accepts writes and the server is not stopping. 503 otherwise.
pub(crate) async fn ready(services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    services.upkeep.ready().await.map_err(|_| {
        let detail = "The server is stopping, or the database cannot be written to.";
        Problem::unavailable(1).with_detail("not_ready", detail)
    })?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}

/// `GET /metrics` in the text format of Prometheus. 404 if no recorder is installed.
pub(crate) async fn metrics(handle: Option<web::Data<PrometheusHandle>>) -> Result<HttpResponse, Problem> {
    let handle = handle.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::build(StatusCode::OK)
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(handle.render()))
}
