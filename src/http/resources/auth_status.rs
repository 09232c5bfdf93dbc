//! `GET /api/v1/auth/status`.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::account::role::Role;
use protocol::id::{DeviceId, SessionId};
use serde::Serialize;
use service::Services;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::http::{extractors::authenticated::optional_caller, problem::Problem};

/// Whether there is a session, and which. Without a session, the other fields are missing.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = AuthStatus)]
pub(crate) struct StatusView {
    authenticated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    /// The end of the access token.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    expires_at: Option<OffsetDateTime>,
}

/// The user of the session.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedInAccount)]
pub(crate) struct UserView {
    id: i64,
    email: String,
    role: Role,
}

/// The session of the access token.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedInSession)]
pub(crate) struct SessionView {
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
    let Some(caller) = optional_caller(&request, &services).await? else {
        return Ok(HttpResponse::Ok().json(StatusView::default()));
    };
    Ok(HttpResponse::Ok().json(StatusView {
        authenticated: true,
        user: Some(UserView { id: caller.user.0, email: caller.email, role: caller.role }),
        session: Some(SessionView {
            id: caller.session,
            device_id: caller.device,
            created_at: caller.session_created_at,
            expires_at: caller.session_expires_at,
        }),
        expires_at: Some(caller.token_expires_at),
    }))
}
