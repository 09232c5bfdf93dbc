//! The attempts to sign in to the account of the caller: `/api/v1/profile/attempts`.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use service::Services;
use utoipa::ToSchema;

use crate::http::{
    extractors::{authenticated::Authenticated, body::Query, page::Page},
    problem::Problem,
    views::attempt::AttemptView,
};

/// A page of attempts.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptPage {
    attempts: Vec<AttemptView>,
    next_cursor: Option<String>,
}

/// `GET /api/v1/profile/attempts`: newest first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let page = services.sign_in.attempts.list(&auth.caller, &query.0.read()?).await?;
    let attempts = page.entries.into_iter().map(AttemptView::from).collect();
    Ok(HttpResponse::Ok().json(json!(AttemptPage { attempts, next_cursor: page.next })))
}
