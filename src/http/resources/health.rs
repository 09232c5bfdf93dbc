//! Liveness and readiness, for operators and their tools.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service::{DatabaseRole, Services};
use time::format_description::well_known::Rfc3339;

use utoipa::ToSchema;

use crate::http::problem::Problem;

/// The process answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Live)]
pub(crate) struct LiveView {
    status: &'static str,
    version: &'static str,
}

/// The node is ready.
#[derive(Serialize, ToSchema)]
#[schema(as = Ready)]
pub(crate) struct ReadyView {
    /// The end of the certificate of the TLS port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    certificate_expires_at: Option<String>,
    details: Vec<NoticeView>,
    status: &'static str,
}

/// What an operator should look at.
#[derive(Serialize, ToSchema)]
#[schema(as = Notice)]
pub(crate) struct NoticeView {
    code: &'static str,
    detail: String,
}

/// `GET /health` and `/health/live`: the process answers. The database is not checked, because a restart of the server cannot
/// repair the database.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(LiveView { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// `GET /health/ready`: 200 if this node should receive requests, and 503 otherwise. `Upkeep::ready` has the conditions.
/// `details` says what an operator should look at. Every client can read `details`, so addresses are only in the log. With TLS,
/// `certificate_expires_at` is the end of the certificate, which every client can see anyway.
pub(crate) async fn ready(services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    services.upkeep.ready().await.map_err(|_| {
        let detail = "The server is stopping, or the database cannot be written to.";
        Problem::unavailable(1).with_detail("not_ready", detail)
    })?;
    let notices = services.proxy_notices.recent();
    let expiry = &services.certificate_expiry;
    let about_certificate = [expiry.order_notice(), expiry.notice()].into_iter().flatten();
    let of_proxies = notices.iter().map(|notice| (notice.code, notice.detail.to_string()));
    let of_certificate = about_certificate.map(|notice| (notice.code, notice.detail.to_string()));
    let of_database = services.database_role.is_powerful().then_some(DatabaseRole::NOTICE);
    let of_database = of_database.map(|(code, detail)| (code, detail.to_owned()));
    let view = |(code, detail)| NoticeView { code, detail };
    let details = of_proxies.chain(of_certificate).chain(of_database).map(view).collect();
    let certificate_expires_at = expiry.ends_at().and_then(|end| end.format(&Rfc3339).ok());
    Ok(HttpResponse::Ok().json(ReadyView { certificate_expires_at, details, status: "ready" }))
}
