//! The JSON view of a device.

use std::net::IpAddr;

use domain::client::{device::Trust, user_agent::Described};
use protocol::id::DeviceId;
use serde::Serialize;
use service::ListedDevice;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::place::{PlaceView, device_label};

/// A device as its user or an operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceView {
    id: DeviceId,
    label: String,
    #[serde(flatten)]
    described: Described,
    #[schema(value_type = Option<String>)]
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
    /// The view of `listed`, for its user on the device `current`. Operators see devices of others, and none of these is
    /// current.
    pub(crate) fn of(listed: ListedDevice, current: Option<DeviceId>) -> Self {
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
            current: current == Some(device.id),
            sessions,
            open_connections,
        }
    }
}
