//! The filters of session lists.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use protocol::{
    audit::AuditEvent,
    id::{DeviceId, SessionId, Subject, UserId},
};
use store::{SessionPlace, SessionSearch};
use time::OffsetDateTime;

use super::read_filters::with_filters;
use crate::core::{page::PageRequest, subject::account_of};

/// Which sessions of accounts the command line lists.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only sessions of this user.
    pub user: Option<UserId>,
    /// Only sessions of this device.
    pub device: Option<DeviceId>,
    /// Only sessions that are neither revoked nor past their absolute end.
    pub active_only: bool,
    /// The most sessions in a page.
    pub limit: u32,
    /// The cursor that came with the previous page.
    pub cursor: Option<String>,
}

/// Which sessions an operator lists, of accounts and external ones.
#[derive(Clone, Debug, Default)]
pub struct SessionQuery {
    /// Only the session with this id.
    pub session: Option<SessionId>,
    /// Only sessions of this user.
    pub user: Option<UserId>,
    /// Only sessions on this device.
    pub device: Option<DeviceId>,
    /// Only sessions of this subject, whether or not it names an account.
    pub subject: Option<Subject>,
    /// Only sessions that are neither revoked nor past their absolute end.
    pub active_only: bool,
    /// Only sessions with this address.
    pub address: Option<IpAddr>,
    /// Only sessions with an address in this network.
    pub network: Option<IpNet>,
    /// Only sessions on devices with a last sign-in from this country (ISO 3166-1, two capital letters).
    pub country: Option<String>,
    /// Only sessions with this text in the `User-Agent`, in any case.
    pub client: Option<String>,
    /// Only sessions that began at least so long ago.
    pub older_than: Option<Duration>,
    /// Only sessions that began at most so long ago.
    pub younger_than: Option<Duration>,
    /// Whether the oldest session comes first.
    pub oldest_first: bool,
    /// The page.
    pub page: PageRequest,
}

impl SessionQuery {
    /// The search of the store.
    pub(crate) fn search(&self, after: Option<SessionPlace>, now: OffsetDateTime) -> SessionSearch {
        SessionSearch {
            session: self.session,
            user: self.user,
            device: self.device,
            subject: self.subject.clone(),
            active_at: self.active_only.then_some(now),
            address: self.address,
            network: self.network.map(|network| network.trunc().to_string()),
            country: self.country.clone(),
            client: self.client.clone(),
            from: self.younger_than.map(|age| now - age),
            until: self.older_than.map(|age| now - age),
            oldest_first: self.oldest_first,
            after,
            limit: self.page.one_more(),
        }
    }

    /// Whether external sessions can match: they have no account, device, country or `User-Agent`. A subject that is the number
    /// of an account may also be the name of an external session.
    pub(crate) fn includes_external(&self) -> bool {
        (self.user.is_none() || self.subject.is_some())
            && self.device.is_none()
            && self.country.is_none()
            && self.client.is_none()
    }

    /// The event with the user, session or device that the caller looked for, and the names of the other filters.
    pub(crate) fn described(&self, mut event: AuditEvent) -> AuditEvent {
        event.user = self.user.or_else(|| self.subject.as_ref().and_then(account_of));
        event.subject = self.subject.as_ref().map(Subject::to_string);
        if let Some(session) = self.session {
            event = event.with("of_session", session.to_string());
        }
        if let Some(device) = self.device {
            event = event.with("of_device", device.to_string());
        }
        let filters = [
            (self.address.is_some(), "address"),
            (self.network.is_some(), "network"),
            (self.country.is_some(), "country"),
            (self.client.is_some(), "client"),
        ];
        with_filters(event, &filters)
    }
}
