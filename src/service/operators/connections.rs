//! The open connections of this node, for operators.
//!
//! A page is read from the roster of the node, which has the connections in the order of their beginning. Filters are compared
//! connection by connection, so one page examines at most [`EXAMINED`] connections. It may have fewer than requested, although
//! the list goes on. Only connections that fit are asked for their own description.
//!
//! Live figures change between two requests, so no cursor can continue an order by them. A page in such an order is the top of
//! the examined connections, with their figures at the time of the examination. The next page examines the next connections of
//! the roster; the caller joins the tops. So the work of a page has the same bound as in the other orders, and no connection is
//! examined twice.

use std::{cmp::Reverse, collections::HashMap};

use actors::{
    Realtime,
    runtime::{ConnectionInfo, ListedConnection, RosterEntry, RosterPlace, RosterRange},
};
use store::{SessionSearch, Store};

use super::{
    authority::{Authority, Right},
    connection_query::{ConnectionOrder, ConnectionQuery, LiveFigure, cursor},
};
use crate::core::{
    Core, caller::Caller, clock::Clock, failure::Failure, geo::Geo, page::Page, request_meta::RequestMeta,
};

/// The most connections that one page examines.
const EXAMINED: usize = 4_096;
/// How many connections are read from the roster at once.
const CHUNK: usize = 256;
/// If the filters name at most so many sessions, their connections are read without the roster.
const FEW: usize = 256;

/// A page of connections.
#[derive(Clone, Debug)]
pub struct ConnectionPage {
    /// The connections.
    pub page: Page<LocatedConnection>,
    /// How many connections were examined for the page.
    pub examined: usize,
    /// When the page was read, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// A connection, and the country of its address, if the databases of places know it.
#[derive(Clone, Debug)]
pub struct LocatedConnection {
    /// The connection.
    pub listed: ListedConnection,
    /// The country: two letters.
    pub country: Option<String>,
}

/// Lists connections of this node.
pub struct Connections {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    authority: Authority,
    geo: Geo,
}

/// The connections of a page.
struct Found {
    connections: Vec<ListedConnection>,
    /// The place of the end of this page, if there is a next page.
    next: Option<RosterPlace>,
    examined: usize,
}

/// The source of a page: the roster, or the connections of few sessions.
enum Source {
    Roster,
    Few(Vec<ConnectionInfo>),
}

impl Connections {
    pub(super) fn new(core: &Core, authority: Authority) -> Self {
        let Core { store, realtime, clock, geo, .. } = core;
        Self {
            store: store.clone(),
            realtime: realtime.clone(),
            clock: clock.clone(),
            authority,
            geo: geo.clone(),
        }
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
        let range = query.range(at_ms)?;
        let source = self.source(&query).await?;
        let found = match query.order {
            ConnectionOrder::Highest(figure) => self.highest(&source, range, &query, figure).await,
            ConnectionOrder::NewestFirst | ConnectionOrder::OldestFirst => {
                self.in_order(&source, range, &query).await
            }
        };
        let located = |listed: ListedConnection| {
            let country = self.country(&listed.info);
            LocatedConnection { listed, country }
        };
        let entries = found.connections.into_iter().map(located).collect();
        let page = Page { entries, next: found.next.map(|place| cursor(&place)) };
        Ok(ConnectionPage { page, examined: found.examined, at_ms })
    }

    /// The next connections that fit, in the order of the range.
    async fn in_order(&self, source: &Source, mut range: RosterRange, query: &ConnectionQuery) -> Found {
        let wanted = usize::try_from(query.page.one_more()).unwrap_or(usize::MAX);
        let (mut connections, mut examined) = (Vec::new(), 0);
        let next = loop {
            let part = self.part(source, &range).await;
            if part.is_empty() {
                break None;
            }
            let (fitting, last, read) = self.fitting(part, query, wanted - connections.len()).await;
            examined += read;
            connections.extend(fitting);
            if connections.len() >= wanted {
                connections.truncate(wanted - 1);
                break connections.last().map(place_of);
            }
            range.after = last;
            if examined >= EXAMINED {
                break last;
            }
        };
        Found { connections, next, examined }
    }

    /// The fitting connections with the highest figures among the next [`EXAMINED`] of the range, the highest first.
    /// Connections without the figure come last.
    async fn highest(
        &self,
        source: &Source,
        mut range: RosterRange,
        query: &ConnectionQuery,
        figure: LiveFigure,
    ) -> Found {
        let most = usize::try_from(query.page.limit).unwrap_or(usize::MAX);
        let described = figure.needs_description() || query.needs_descriptions();
        let (mut best, mut examined) = (Vec::new(), 0);
        let next = loop {
            let part = self.part(source, &range).await;
            let Some((last, _)) = part.last() else { break None };
            (range.after, examined) = (Some(*last), examined + part.len());
            let infos: Vec<_> =
                part.into_iter().filter_map(|(_, info)| info.filter(|info| self.fits(query, info))).collect();
            let listed = if described {
                self.realtime.with_descriptions(infos).await
            } else {
                infos.into_iter().map(|info| ListedConnection { info, described: None }).collect()
            };
            best.extend(listed.into_iter().filter(|listed| query.fits_described(listed)));
            best.sort_by_cached_key(|listed| Reverse((figure.of(listed), place_of(listed))));
            best.truncate(most);
            if examined >= EXAMINED {
                break range.after;
            }
        };
        if !described {
            // Only now it is known which connections the page has.
            best =
                self.realtime.with_descriptions(best.into_iter().map(|listed| listed.info).collect()).await;
        }
        Found { connections: best, next, examined }
    }

    /// Whether a connection fits, without its own description.
    fn fits(&self, query: &ConnectionQuery, info: &ConnectionInfo) -> bool {
        query.fits(info)
            && query.country.as_ref().is_none_or(|country| self.country(info).as_ref() == Some(country))
    }

    fn country(&self, info: &ConnectionInfo) -> Option<String> {
        self.geo.locate(info.address?).country
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

    /// The connections that fit, at most `wanted`, in order; the place where the comparison ended, and the number of compared
    /// connections. A connection that ends meanwhile is left out, so there may be fewer than `wanted` before the end of the
    /// part.
    async fn fitting(
        &self,
        part: Vec<(RosterPlace, Option<ConnectionInfo>)>,
        query: &ConnectionQuery,
        wanted: usize,
    ) -> (Vec<ListedConnection>, Option<RosterPlace>, usize) {
        let every = query.needs_descriptions();
        let (mut infos, mut last, mut read) = (Vec::new(), None, 0);
        for (place, info) in part {
            (last, read) = (Some(place), read + 1);
            infos.extend(info.filter(|info| self.fits(query, info)));
            // Each of these connections fits unless it ends, so no further connection is asked for its description.
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
