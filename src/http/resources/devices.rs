//! The devices of the caller: `/api/v1/devices`.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use domain::client::{device::Trust, user_agent::Described};
use protocol::id::DeviceId;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use service::{DeviceUpdate, ListedDevice, Services};
use time::OffsetDateTime;

use crate::http::{
    cookies::Jar,
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::{Query, Shape},
        client::Client,
        page::Page,
        page_limit::page_limit,
        path_id::path_id,
    },
    problem::Problem,
    views::{
        place::{PlaceView, device_label},
        revocation::revocation_view,
    },
};

/// A device as its user sees it.
#[derive(Serialize)]
struct DeviceView {
    id: DeviceId,
    label: String,
    #[serde(flatten)]
    described: Described,
    address: Option<IpAddr>,
    place: Option<PlaceView>,
    trust: Trust,
    #[serde(with = "time::serde::rfc3339::option")]
    trusted_until: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    current: bool,
    sessions: usize,
    open_connections: usize,
}

impl DeviceView {
    /// `listed`, for the caller on the device `current`.
    fn of(listed: ListedDevice, current: DeviceId) -> Self {
        let ListedDevice { device, sessions, open_connections } = listed;
        Self {
            id: device.id,
            label: device_label(device.label.as_deref(), device.user_agent.as_deref()),
            described: Described::of(device.user_agent.as_deref()),
            address: device.address,
            place: PlaceView::of(device.country.as_deref(), device.city.as_deref()),
            trust: device.trust,
            trusted_until: device.trusted_until,
            created_at: device.created_at,
            last_seen_at: device.last_seen_at,
            current: device.id == current,
            sessions,
            open_connections,
        }
    }
}

/// The changes. A missing field stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceChange {
    #[serde(default, deserialize_with = "given")]
    label: Option<Option<String>>,
    trust: Option<WantedTrust>,
}

/// The trust that a user may set.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WantedTrust {
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

/// `GET /api/v1/devices`: the last one seen first, in pages.
pub(crate) async fn list(
    services: web::Data<Services>,
    auth: Authenticated,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let Page { limit, cursor } = query.0;
    let page = services.account.devices.list(&auth.caller, page_limit(limit)?, cursor.as_deref()).await?;
    let views: Vec<_> =
        page.devices.into_iter().map(|listed| DeviceView::of(listed, auth.caller.device)).collect();
    Ok(HttpResponse::Ok().json(json!({"devices": views, "next_cursor": page.next})))
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
    let wish = DeviceUpdate { label, trusted: trust.map(|trust| matches!(trust, WantedTrust::Trusted)) };
    let listed = services.account.devices.update(&sent.caller, id, wish, &client.0).await?;
    Ok(HttpResponse::Ok().json(DeviceView::of(listed, sent.caller.device)))
}

/// `DELETE /api/v1/devices/{id}`: removes the device and ends its sessions. 404 for a device of another user.
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
    Ok(answer.json(revocation_view(&revoked)))
}
