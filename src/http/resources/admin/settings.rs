//! `/api/v1/admin/settings`: the settings in effect on this node, without secrets.

use actix_web::{HttpResponse, web};
use serde_json::json;
use service::Services;

use crate::http::{
    extractors::{authenticated::Authenticated, client::Client},
    problem::Problem,
};

/// `GET /api/v1/admin/settings`: every setting, in the order of the manual. There is always one page.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let settings = services.operators.settings.list(&auth.caller, &client.0).await?;
    let views: Vec<_> = settings
        .iter()
        .map(|setting| {
            let mut view = setting.shown.clone();
            view["reloadable"] = json!(setting.reloadable);
            view
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"settings": views, "next_cursor": null})))
}
