//! `GET /api/v1/auth/status`.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::account::role::Role;
use protocol::id::{DeviceId, SessionId};
use serde::Serialize;
use service::Services;
use time::OffsetDateTime;

use crate::http::{extractors::authenticated::optional_caller, problem::Problem};

#[derive(Serialize)]
struct StatusView {
    authenticated: bool,
    #[serde(flatten)]
    signed_in: Option<SignedInView>,
}

#[derive(Serialize)]
struct SignedInView {
    user: UserView,
    session: SessionView,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

#[derive(Serialize)]
struct UserView {
    id: i64,
    email: String,
    role: Role,
}

#[derive(Serialize)]
struct SessionView {
    id: SessionId,
    device_id: DeviceId,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Says whether the request has a valid token. 200 in both cases.
pub(crate) async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let signed_in = optional_caller(&request, &services).await?.map(|caller| SignedInView {
        user: UserView { id: caller.user.0, email: caller.email, role: caller.role },
        session: SessionView {
            id: caller.session,
            device_id: caller.device,
            created_at: caller.session_created_at,
            expires_at: caller.session_expires_at,
        },
        expires_at: caller.token_expires_at,
    });
    Ok(HttpResponse::Ok().json(StatusView { authenticated: signed_in.is_some(), signed_in }))
}
