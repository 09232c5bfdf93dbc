//! The JSON view of a session of an account.

use std::net::IpAddr;

use domain::{risk::Assessment, session::SignInMethod};
use protocol::{
    close::Cause,
    id::{DeviceId, SessionId},
};
use serde::Serialize;
use service::Session;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::place::{PlaceView, device_label};

/// A session of an account, as its user or an operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    id: SessionId,
    user_id: i64,
    device_id: DeviceId,
    method: SignInMethod,
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    user_agent: Option<String>,
    device_label: String,
    place: Option<PlaceView>,
    risk: Option<Assessment>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    revoked_cause: Option<Cause>,
    current: bool,
    open_connections: usize,
}

impl SessionView {
    /// `session` with the number of its open connections, for the caller with the session `current`.
    pub(crate) fn of(session: &Session, open_connections: usize, current: SessionId) -> Self {
        Self {
            id: session.id,
            user_id: session.user.0,
            device_id: session.device,
            method: session.method,
            address: session.address,
            user_agent: session.user_agent.clone(),
            device_label: device_label(session.shown.label.as_deref(), session.user_agent.as_deref()),
            place: PlaceView::of(session.shown.country.as_deref(), session.shown.city.as_deref()),
            risk: session.risk.clone(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            revoked_at: session.revoked.map(|revoked| revoked.at),
            revoked_cause: session.revoked.map(|revoked| revoked.cause),
            current: session.id == current,
            open_connections,
        }
    }
}
