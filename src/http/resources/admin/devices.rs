//! `/api/v1/admin/users/{id}/devices`: devices of a user.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use service::Services;

use super::users::{OnlyReason, user_id};
use crate::http::{
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::Query,
        client::Client,
        page::Page,
        path_id::path_id,
        reason::reason,
    },
    problem::Problem,
    resources::devices::DevicePage,
    views::{device::DeviceView, revocation::RevocationView},
};

/// `GET /api/v1/admin/users/{id}/devices`: the most recently seen device first, in pages.
pub(crate) async fn list(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let (user, page) = (user_id(&request)?, query.0.read()?);
    let page = services.operators.devices.list(&auth.caller, user, &page, &client.0).await?;
    let devices = page.entries.into_iter().map(|listed| DeviceView::of(listed, None)).collect();
    Ok(HttpResponse::Ok().json(json!(DevicePage { devices, next_cursor: page.next })))
}

/// `GET /api/v1/admin/users/{id}/devices/{device}`.
pub(crate) async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (user, device) = (user_id(&request)?, path_id(&request, "device")?);
    let listed = services.operators.devices.show(&auth.caller, user, device, &client.0).await?;
    Ok(HttpResponse::Ok().json(DeviceView::of(listed, None)))
}

/// `POST /api/v1/admin/users/{id}/devices/{device}/distrust`: ends the trust in the device. Its sessions stay.
pub(crate) async fn distrust(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<OnlyReason>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (user, device) = (user_id(&request)?, path_id(&request, "device")?);
    let why = reason(&sent.body.reason)?;
    let listed = services.operators.devices.distrust(&sent.caller, user, device, why, &client.0).await?;
    Ok(HttpResponse::Ok().json(DeviceView::of(listed, None)))
}

/// `POST /api/v1/admin/users/{id}/devices/{device}/forget`: forgets the device and ends the user's sessions on it.
pub(crate) async fn forget(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<OnlyReason>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let (user, device) = (user_id(&request)?, path_id(&request, "device")?);
    let why = reason(&sent.body.reason)?;
    let revoked = services.operators.devices.forget(&sent.caller, user, device, why, &client.0).await?;
    Ok(HttpResponse::Ok().json(json!(RevocationView::of(&revoked))))
}
