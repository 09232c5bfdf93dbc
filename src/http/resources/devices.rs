//! The user's own devices: `/api/v1/devices`.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use protocol::id::DeviceId;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::sessions::revoked_view;
use crate::http::{
    cookies::Jar,
    extractors::{
        authenticated::{Authenticated, AuthenticatedBody},
        body::Shape,
        client::Client,
    },
    problem::Problem,
};
use domain::client::{device::Trust, user_agent::Described};
use service::{DeviceUpdate, ListedDevice, Services};

/// Where something is, for people.
#[derive(Serialize)]
pub(crate) struct PlaceView {
    country: Option<String>,
    city: Option<String>,
}

impl PlaceView {
    /// A place, if anything is known of it.
    pub(crate) fn of(country: Option<&str>, city: Option<&str>) -> Option<Self> {
        let known = country.is_some() || city.is_some();
        known.then(|| Self { country: country.map(str::to_owned), city: city.map(str::to_owned) })
    }
}

/// What a device is called: by its user, or by what it says of itself.
pub(crate) fn label(own: Option<&str>, user_agent: Option<&str>) -> String {
    own.map_or_else(|| Described::of(user_agent).label(), str::to_owned)
}

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
    /// `listed`, as it looks from the device `current`.
    fn of(listed: ListedDevice, current: DeviceId) -> Self {
        let ListedDevice { device, sessions, open_connections } = listed;
        Self {
            id: device.id,
            label: label(device.label.as_deref(), device.user_agent.as_deref()),
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

/// What is to be changed; what is missing stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default, deserialize_with = "given")]
    label: Option<Option<String>>,
    trust: Option<Wanted>,
}

/// The trust that a user may give.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    New,
    Trusted,
}

impl Shape for Change {
    const FIELDS: &'static str = "label (text, or null for none), trust (trusted or new)";
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(field).map(Some)
}

/// `GET /api/v1/devices`.
pub(crate) async fn list(services: web::Data<Services>, who: Authenticated) -> Result<HttpResponse, Problem> {
    let listed = services.account.devices.list(&who.caller).await?;
    let views: Vec<_> = listed.into_iter().map(|listed| DeviceView::of(listed, who.caller.device)).collect();
    Ok(HttpResponse::Ok().json(json!({"devices": views})))
}

/// `PATCH /api/v1/devices/{id}`: names it, trusts it, takes trust back. To trust it takes a recent proof of presence.
pub(crate) async fn change(
    request: HttpRequest,
    services: web::Data<Services>,
    sent: AuthenticatedBody<Change>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = named(&request)?;
    let Change { label, trust } = sent.body;
    let wish = DeviceUpdate { label, trusted: trust.map(|trust| matches!(trust, Wanted::Trusted)) };
    let listed = services.account.devices.update(&sent.caller, id, wish, &client.0).await?;
    Ok(HttpResponse::Ok().json(DeviceView::of(listed, sent.caller.device)))
}

/// `DELETE /api/v1/devices/{id}`: forgets it and ends the sessions on it; another's is not found.
pub(crate) async fn forget(
    request: HttpRequest,
    services: web::Data<Services>,
    who: Authenticated,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let id = named(&request)?;
    let revoked = services.account.devices.forget(&who.caller, id, &client.0).await?;
    let mut answer = HttpResponse::Ok();
    if id == who.caller.device {
        for cookie in Jar::of(&request).clear_session() {
            answer.cookie(cookie);
        }
    }
    Ok(answer.json(revoked_view(&revoked)))
}

fn named(request: &HttpRequest) -> Result<DeviceId, Problem> {
    request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or_else(Problem::not_found)
}
