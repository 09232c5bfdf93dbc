//! `/.well-known/acme-challenge/`: the answers to open challenges of ACME.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::{problem::Problem, settings::HttpSettings};

/// `GET /.well-known/acme-challenge/{token}`.
pub(crate) async fn show(request: HttpRequest, token: web::Path<String>) -> Result<HttpResponse, Problem> {
    let answer = HttpSettings::of(&request).challenges.answer(&token).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().content_type("application/octet-stream").body(answer))
}
