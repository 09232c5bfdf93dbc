//! `/api/v1/admin/drill`: drills of the revocations.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    extractors::{authenticated::AuthenticatedBody, body::Shape, client::Client, reason::reason},
    problem::Problem,
};

/// The reason of a drill.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrillRequest {
    /// Why, for the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl Shape for DrillRequest {
    const FIELDS: &'static str = "reason (1 to 500 characters)";
}

/// `POST /api/v1/admin/drill`: drills the doors of this node, and answers with what the drill has shown.
pub(crate) async fn run(
    services: web::Data<Services>,
    sent: AuthenticatedBody<DrillRequest>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let reason = reason(&sent.body.reason)?;
    let report = services.drills.run(&sent.caller, reason, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(report)))
}
