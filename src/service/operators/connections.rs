//! The open connections of this node, for operators.
//!
//! A page is read from the roster of the node, which has the connections in the order of their beginning. Filters are compared
//! connection by connection, so one page examines at most [`EXAMINED`] connections; it may have fewer than requested, although
//! the list goes on. Only connections that fit are asked for their own description.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use actors::{
    Realtime,
    runtime::{ConnectionInfo, ListedConnection, RosterEntry, RosterPlace, RosterRange, Transport},
};
use ipnet::IpNet;
use protocol::{
    Encoding,
    audit::AuditEvent,
    id::{ConnectionId, DeviceId, SessionId, Subject},
};
use store::{SessionSearch, Store};
use uuid::Uuid;

use super::{
    authority::{Authority, Right},
    read_filters::with_filters,
};
use crate::core::{
    caller::Caller,
    clock::Clock,
    cursor::invalid_cursor,
    failure::Failure,
    page::{Page, PageRequest},
    request_meta::RequestMeta,
    subject::account_of,
};

/// The most connections that one page examines.
const EXAMINED: usize = 4_096;
/// How many connections are read from the roster at once.
const CHUNK: usize = 256;
/// The most sessions whose connections are read without the roster.
const FEW: usize = 256;

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
    /// Only connections with this transport.
    pub transport: Option<Transport>,
    /// Only connections with this encoding.
    pub encoding: Option<Encoding>,
    /// Only connections with a subscription to this channel.
    pub channel: Option<String>,
    /// Only connections whose client's name and version have this text, in any case.
    pub client: Option<String>,
    /// Only connections that are at least so old.
    pub older_than: Option<Duration>,
    /// Only connections that are at most so old.
    pub younger_than: Option<Duration>,
    /// Whether the oldest connection comes first.
    pub oldest_first: bool,
    /// The page.
    pub page: PageRequest,
}

/// A page of connections.
#[derive(Clone, Debug)]
pub struct ConnectionPage {
    /// The connections.
    pub page: Page<ListedConnection>,
    /// When the page was read, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// Lists connections of this node.
pub struct Connections {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    authority: Authority,
}

impl ConnectionQuery {
    /// Whether a connection fits, as far as its session knows.
    fn fits(&self, info: &ConnectionInfo) -> bool {
        let within = |network: &IpNet| info.address.is_some_and(|address| network.contains(&address));
        self.subject.as_ref().is_none_or(|subject| *subject == info.identity.subject)
            && self.session.is_none_or(|session| session == info.session)
            && self.address.is_none_or(|address| Some(address) == info.address)
            && self.network.as_ref().is_none_or(within)
            && self.transport.is_none_or(|transport| transport == info.transport)
            && self.encoding.is_none_or(|encoding| encoding == info.encoding)
    }

    /// Whether the connection's own description fits. A connection that did not answer in time does not fit a filter.
    fn fits_described(&self, listed: &ListedConnection) -> bool {
        if self.channel.is_none() && self.client.is_none() {
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
    fn range(&self, now_ms: i64) -> Result<RosterRange, Failure> {
        let ago = |age: Duration| now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        Ok(RosterRange {
            from_ms: self.younger_than.map_or(i64::MIN, ago),
            until_ms: self.older_than.map_or(i64::MAX, ago),
            oldest_first: self.oldest_first,
            after: self.page.after(read_place)?,
        })
    }

    /// The event with the user, session or device that the caller looked for, and the names of the other filters.
    fn described(&self, mut event: AuditEvent) -> AuditEvent {
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
            (self.channel.is_some(), "channel"),
            (self.client.is_some(), "client"),
        ];
        with_filters(event, &filters)
    }
}

/// The source of a page: the roster, or the connections of few sessions.
enum Source {
    Roster,
    Few(Vec<ConnectionInfo>),
}

impl Connections {
    pub(super) fn new(store: Store, realtime: Realtime, clock: Clock, authority: Authority) -> Self {
        Self { store, realtime, clock, authority }
    }

    /// A page of the open connections of this node.
    ///
    /// # Errors
    /// The refusals of `authority`, `BadRequest` for an invalid cursor, `Unavailable`.
    pub async fn list(
        &self,
        caller: &Caller,
        query: ConnectionQuery,
        meta: &RequestMeta,
    ) -> Result<ConnectionPage, Failure> {
        let event = query.described(self.authority.event(caller, "connections.searched", meta));
        self.authority.read(caller, Right::Read, event).await?;
        let at_ms = self.clock.now_ms();
        let mut range = query.range(at_ms)?;
        let source = self.source(&query).await?;
        let wanted = usize::try_from(query.page.one_more()).unwrap_or(usize::MAX);
        let (mut found, mut examined) = (Vec::new(), 0);
        let next = loop {
            let part = self.part(&source, &range).await;
            if part.is_empty() {
                break None;
            }
            let (fitting, last, read) = self.fitting(part, &query, wanted - found.len()).await;
            examined += read;
            found.extend(fitting);
            if found.len() >= wanted {
                found.truncate(wanted - 1);
                break found.last().map(place_of);
            }
            range.after = last;
            if examined >= EXAMINED {
                break last;
            }
        };
        let page = Page { entries: found, next: next.map(|place| cursor(&place)) };
        Ok(ConnectionPage { page, at_ms })
    }

    /// The few sessions that the filters name, if they name few.
    async fn source(&self, query: &ConnectionQuery) -> Result<Source, Failure> {
        let sessions = match query {
            ConnectionQuery { session: Some(session), .. } if query.device.is_none() => Some(vec![*session]),
            ConnectionQuery { device: Some(device), .. } => {
                let limit = u32::try_from(FEW).unwrap_or(u32::MAX);
                let search = SessionSearch { device: Some(*device), limit, ..SessionSearch::default() };
                let found = self.store.page_of_sessions(search).await?;
                Some(found.sessions.into_iter().map(|found| found.session.id).collect())
            }
            ConnectionQuery { subject: Some(subject), .. } => self.realtime.sessions_of(subject, FEW),
            _ => None,
        };
        let Some(sessions) = sessions else { return Ok(Source::Roster) };
        Ok(Source::Few(self.realtime.connection_infos(&sessions).await))
    }

    /// The next places of the range, in order, and the connections that are still there.
    async fn part(&self, source: &Source, range: &RosterRange) -> Vec<(RosterPlace, Option<ConnectionInfo>)> {
        match source {
            Source::Few(infos) => few(infos, range),
            Source::Roster => {
                let entries = self.realtime.roster(range, CHUNK);
                let mut sessions: Vec<_> = entries.iter().map(|entry| entry.session).collect();
                sessions.sort_unstable();
                sessions.dedup();
                let infos = self.realtime.connection_infos(&sessions).await;
                let mut infos: HashMap<_, _> =
                    infos.into_iter().map(|info| (info.connection, info)).collect();
                let found = |entry: RosterEntry| (entry.place, infos.remove(&entry.place.1));
                entries.into_iter().map(found).collect()
            }
        }
    }

    /// The connections that fit, at most `wanted`, in order; the place up to which connections were compared, and their number.
    /// A connection that ends meanwhile is left out, so there may be fewer than `wanted` before the end of the part.
    async fn fitting(
        &self,
        part: Vec<(RosterPlace, Option<ConnectionInfo>)>,
        query: &ConnectionQuery,
        wanted: usize,
    ) -> (Vec<ListedConnection>, Option<RosterPlace>, usize) {
        let every = query.channel.is_some() || query.client.is_some();
        let (mut infos, mut last, mut read) = (Vec::new(), None, 0);
        for (place, info) in part {
            (last, read) = (Some(place), read + 1);
            infos.extend(info.filter(|info| query.fits(info)));
            // Each of these connections fits if it does not end, so no further one is asked for its description.
            if !every && infos.len() >= wanted {
                break;
            }
        }
        let listed = self.realtime.with_descriptions(infos).await;
        let fitting = listed.into_iter().filter(|listed| query.fits_described(listed)).take(wanted);
        (fitting.collect(), last, read)
    }
}

/// The next of these connections, as the roster would return them.
fn few(infos: &[ConnectionInfo], range: &RosterRange) -> Vec<(RosterPlace, Option<ConnectionInfo>)> {
    let within = |info: &&ConnectionInfo| {
        let place = (info.attached_at_ms, info.connection);
        let after =
            range.after.is_none_or(|after| if range.oldest_first { place > after } else { place < after });
        after && (range.from_ms..=range.until_ms).contains(&info.attached_at_ms)
    };
    let mut found: Vec<_> = infos.iter().filter(within).collect();
    found.sort_unstable_by_key(|info| (info.attached_at_ms, info.connection));
    if !range.oldest_first {
        found.reverse();
    }
    let part = found.into_iter().take(CHUNK);
    part.map(|info| ((info.attached_at_ms, info.connection), Some(info.clone()))).collect()
}

fn place_of(listed: &ListedConnection) -> RosterPlace {
    (listed.info.attached_at_ms, listed.info.connection)
}

fn cursor((at_ms, connection): &RosterPlace) -> String {
    format!("{at_ms}.{connection}")
}

fn read_place(cursor: &str) -> Result<RosterPlace, Failure> {
    let read = || {
        let (at_ms, connection) = cursor.split_once('.')?;
        Some((at_ms.parse().ok()?, ConnectionId(Uuid::try_parse(connection).ok()?)))
    };
    read().ok_or_else(invalid_cursor)
}
