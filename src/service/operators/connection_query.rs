//! Which connections an operator lists: the filters, the order, and the page.
//!
//! `connections` calls this. Filters are compared connection by connection.

use std::{net::IpAddr, time::Duration};

use actors::runtime::{ConnectionInfo, ListedConnection, RosterPlace, RosterRange, Transport};
use ipnet::IpNet;
use protocol::{
    Encoding,
    audit::AuditEvent,
    id::{ConnectionId, DeviceId, SessionId, Subject},
};
use uuid::Uuid;

use super::read_filters::with_filters;
use crate::core::{cursor::invalid_cursor, failure::Failure, page::PageRequest, subject::account_of};

/// The order of a list of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionOrder {
    /// The newest connection first.
    #[default]
    NewestFirst,
    /// The oldest connection first.
    OldestFirst,
    /// The connections with the highest figure first.
    Highest(LiveFigure),
}

/// A figure that changes while the connection is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveFigure {
    /// The bytes that wait in the queue of the connection.
    QueuedBytes,
    /// The round trip of the last ping that the peer has answered.
    PingRoundTrip,
}

impl LiveFigure {
    /// The figure of this connection: bytes or nanoseconds. `None` if no ping was answered, or if the connection did not describe
    /// itself in time.
    pub(super) fn of(self, listed: &ListedConnection) -> Option<u128> {
        match self {
            Self::QueuedBytes => Some(listed.info.queued_bytes as u128),
            Self::PingRoundTrip => {
                let described = listed.described.as_ref()?;
                described.ping_round_trip.map(|time| time.as_nanos())
            }
        }
    }

    /// Whether the connection itself must be asked for the figure.
    pub(super) fn needs_description(self) -> bool {
        self == Self::PingRoundTrip
    }
}

/// Which connections to list.
#[derive(Clone, Debug, Default)]
pub struct ConnectionQuery {
    /// Only connections of this subject.
    pub subject: Option<Subject>,
    /// Only connections of this session.
    pub session: Option<SessionId>,
    /// Only connections of sessions on this device.
    pub device: Option<DeviceId>,
    /// Only connections from this address.
    pub address: Option<IpAddr>,
    /// Only connections from addresses in this network.
    pub network: Option<IpNet>,
    /// Only connections from addresses in this country: two letters.
    pub country: Option<String>,
    /// Only connections with this transport.
    pub transport: Option<Transport>,
    /// Only connections with this encoding.
    pub encoding: Option<Encoding>,
    /// Only connections with a subscription to this channel.
    pub channel: Option<String>,
    /// Only connections with this text in the name and version of the client, in any case.
    pub client: Option<String>,
    /// Only connections that are at least so old.
    pub older_than: Option<Duration>,
    /// Only connections that are at most so old.
    pub younger_than: Option<Duration>,
    /// The order.
    pub order: ConnectionOrder,
    /// The page.
    pub page: PageRequest,
}

impl ConnectionQuery {
    /// Whether a connection fits, by what its session knows.
    pub(super) fn fits(&self, info: &ConnectionInfo) -> bool {
        let within = |network: &IpNet| info.address.is_some_and(|address| network.contains(&address));
        self.subject.as_ref().is_none_or(|subject| *subject == info.identity.subject)
            && self.session.is_none_or(|session| session == info.session)
            && self.address.is_none_or(|address| Some(address) == info.address)
            && self.network.as_ref().is_none_or(within)
            && self.transport.is_none_or(|transport| transport == info.transport)
            && self.encoding.is_none_or(|encoding| encoding == info.encoding)
    }

    /// Whether a filter compares the connections' own descriptions.
    pub(super) fn needs_descriptions(&self) -> bool {
        self.channel.is_some() || self.client.is_some()
    }

    /// Whether the connection's own description fits. A connection fits a filter only if it answered in time.
    pub(super) fn fits_described(&self, listed: &ListedConnection) -> bool {
        if !self.needs_descriptions() {
            return true;
        }
        let Some(described) = &listed.described else { return false };
        let subscribed = |channel: &str| {
            described.subscriptions.iter().any(|subscription| subscription.channel.as_str() == channel)
        };
        let named = |client: &str| {
            let name = format!("{} {}", described.name, described.version).to_lowercase();
            name.contains(&client.to_lowercase())
        };
        self.channel.as_deref().is_none_or(subscribed) && self.client.as_deref().is_none_or(named)
    }

    /// The part of the roster that the page begins with.
    pub(super) fn range(&self, now_ms: i64) -> Result<RosterRange, Failure> {
        let ago = |age: Duration| now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        Ok(RosterRange {
            from_ms: self.younger_than.map_or(i64::MIN, ago),
            until_ms: self.older_than.map_or(i64::MAX, ago),
            oldest_first: self.order == ConnectionOrder::OldestFirst,
            after: self.page.after(read_place)?,
        })
    }

    /// The event with the user, session or device that the caller looked for, and the names of the other filters.
    pub(super) fn described(&self, mut event: AuditEvent) -> AuditEvent {
        event.user = self.subject.as_ref().and_then(account_of);
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
            (self.channel.is_some(), "channel"),
            (self.client.is_some(), "client"),
        ];
        with_filters(event, &filters)
    }
}

/// The cursor of the page after this place.
pub(super) fn cursor((at_ms, connection): &RosterPlace) -> String {
    format!("{at_ms}.{connection}")
}

fn read_place(cursor: &str) -> Result<RosterPlace, Failure> {
    let read = || {
        let (at_ms, connection) = cursor.split_once('.')?;
        Some((at_ms.parse().ok()?, ConnectionId(Uuid::try_parse(connection).ok()?)))
    };
    read().ok_or_else(invalid_cursor)
}
