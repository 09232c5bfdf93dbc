//! The devices of the caller: `/api/v1/devices`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use service::{DeviceUpdate, Services};
use utoipa::ToSchema;

use crate::http::{
    cookies::Jar,
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        page::Page,
        path_id::path_id,
    },
    problem::Problem,
    views::{device::DeviceView, revocation::RevocationView},
};

/// The changes. If a field is missing, the device keeps its value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    label: Option<Option<String>>,
    trust: Option<WantedTrust>,
}

/// The trust that a user may set.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WantedTrust {
    New,
    Trusted,
}

impl Shape for DeviceChange {
    const FIELDS: &'static str = "label (text, or null for none), trust (trusted or new)";
}

/// Distinguishes `null`, which removes the label, from a missing field.
fn given<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(field).map(Some)
}

/// A page of devices.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicePage {
    pub(super) devices: Vec<DeviceView>,
    pub(super) next_cursor: Option<String>,
}

/// `GET /api/v1/devices`: the most recently seen device first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let page = services.account.devices.list(&auth.caller, &query.0.read()?).await?;
    let devices =
        page.entries.into_iter().map(|listed| DeviceView::of(listed, Some(auth.caller.device))).collect();
    Ok(HttpResponse::Ok().json(json!(DevicePage { devices, next_cursor: page.next })))
}

/// `PATCH /api/v1/devices/{id}`: changes the label or the trust. Trusting a device needs a recent step-up.
pub(crate) async fn change(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<DeviceChange>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id")?;
    let DeviceChange { label, trust } = sent.body;
    let update = DeviceUpdate { label, trusted: trust.map(|trust| matches!(trust, WantedTrust::Trusted)) };
    let listed = services.account.devices.update(&sent.caller, id, update, &client.0).await?;
    Ok(HttpResponse::Ok().json(DeviceView::of(listed, Some(sent.caller.device))))
}

/// `DELETE /api/v1/devices/{id}`: forgets the device and ends the caller's sessions on it. 404 if the caller has no such
/// device.
pub(crate) async fn forget(
    request: HttpRequest,
    services: web::Data<Services>,
    auth: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, "id")?;
    let revoked = services.account.devices.forget(&auth.caller, id, &client.0).await?;
    let mut answer = HttpResponse::Ok();
    if id == auth.caller.device {
        for cookie in Jar::of(&request).clear_session() {
            answer.cookie(cookie);
        }
    }
    Ok(answer.json(RevocationView::of(&revoked)))
}
