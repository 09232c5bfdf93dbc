//! The [`Roster`]: the connections of this node in the order of their beginning, for lists that are read page by page.
//!
//! A page needs neither the other connections nor a copy of their ids. A connection is in the roster from just before its
//! registration until it leaves its session.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound,
    sync::Arc,
};

use parking_lot::Mutex;
use protocol::id::{ConnectionId, SessionId};
use uuid::Uuid;

/// A place in the roster: when the connection was attached, in milliseconds since the epoch, and its id.
pub type RosterPlace = (i64, ConnectionId);

/// A connection of this node, and its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    /// The place of the connection.
    pub place: RosterPlace,
    /// The session of the connection.
    pub session: SessionId,
}

/// A part of the roster.
#[derive(Clone, Copy, Debug)]
pub struct RosterRange {
    /// Only connections that were attached at this time or later, in milliseconds since the epoch.
    pub from_ms: i64,
    /// Only connections that were attached at this time or earlier.
    pub until_ms: i64,
    /// Whether the oldest connection comes first.
    pub oldest_first: bool,
    /// Only connections after this place.
    pub after: Option<RosterPlace>,
}

/// The roster. It needs about 50 bytes for each connection.
#[derive(Default)]
pub(crate) struct Roster {
    /// The session of each connection, and the number of the connection's registrations. A repeated registration may begin
    /// before the earlier one has ended.
    places: Mutex<BTreeMap<RosterPlace, (SessionId, u32)>>,
}

/// The place of one connection. Dropping this value removes the connection from the roster.
pub(crate) struct HeldPlace {
    roster: Arc<Roster>,
    place: RosterPlace,
}

impl Roster {
    pub(crate) fn note(self: &Arc<Self>, place: RosterPlace, session: SessionId) -> HeldPlace {
        self.places.lock().entry(place).or_insert((session, 0)).1 += 1;
        HeldPlace { roster: Arc::clone(self), place }
    }

    /// At most `limit` connections of this part.
    pub(crate) fn part(&self, range: &RosterRange, limit: usize) -> Vec<RosterEntry> {
        let first = (range.from_ms, ConnectionId(Uuid::nil()));
        let last = (range.until_ms, ConnectionId(Uuid::max()));
        let (mut low, mut high) = (Bound::Included(first), Bound::Included(last));
        match range.after {
            Some(after) if range.oldest_first && after >= first => low = Bound::Excluded(after),
            Some(after) if !range.oldest_first && after <= last => high = Bound::Excluded(after),
            _ => {}
        }
        if is_empty(low, high) {
            return Vec::new();
        }
        let places = self.places.lock();
        let part = places.range((low, high));
        let entry = |(place, (session, _)): (&RosterPlace, &(SessionId, u32))| RosterEntry {
            place: *place,
            session: *session,
        };
        if range.oldest_first {
            part.take(limit).map(entry).collect()
        } else {
            part.rev().take(limit).map(entry).collect()
        }
    }
}

/// Whether no place can be between these bounds. `BTreeMap::range` would panic.
fn is_empty(low: Bound<RosterPlace>, high: Bound<RosterPlace>) -> bool {
    match (low, high) {
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
            low >= high
        }
        _ => false,
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        if let Entry::Occupied(mut entry) = self.roster.places.lock().entry(self.place) {
            entry.get_mut().1 -= 1;
            if entry.get().1 == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(oldest_first: bool, after: Option<RosterPlace>) -> RosterRange {
        RosterRange { from_ms: 0, until_ms: i64::MAX, oldest_first, after }
    }

    fn times(roster: &Roster, range: &RosterRange, limit: usize) -> Vec<i64> {
        roster.part(range, limit).iter().map(|entry| entry.place.0).collect()
    }

    #[test]
    fn pages_in_both_orders_have_each_connection_once() {
        let roster = Arc::new(Roster::default());
        let at = |ms| roster.note((ms, ConnectionId::random()), SessionId::random());
        let _held = [at(3), at(1), at(2), at(2), at(5)];
        for (oldest_first, wanted) in [(true, [1, 2, 2, 3, 5]), (false, [5, 3, 2, 2, 1])] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = roster.part(&everything(oldest_first, after), 2);
                let Some(last) = page.last() else { break };
                after = Some(last.place);
                found.extend(page.iter().map(|entry| entry.place.0));
            }
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_part_has_only_the_connections_of_its_time() {
        let roster = Arc::new(Roster::default());
        let at = |ms| roster.note((ms, ConnectionId::random()), SessionId::random());
        let _held = [at(1), at(2), at(3), at(4)];
        let between = RosterRange { from_ms: 2, until_ms: 3, oldest_first: true, after: None };
        assert_eq!(times(&roster, &between, 9), [2, 3]);
        for after in [0, 2, 3, 9] {
            let place = Some((after, ConnectionId(Uuid::max())));
            let wanted: Vec<_> = [2, 3].into_iter().filter(|ms| *ms > after).collect();
            assert_eq!(times(&roster, &RosterRange { after: place, ..between }, 9), wanted, "{after}");
            let newest_first = RosterRange { oldest_first: false, after: place, ..between };
            let wanted: Vec<_> = [3, 2].into_iter().filter(|ms| *ms <= after).collect();
            assert_eq!(times(&roster, &newest_first, 9), wanted, "{after}");
        }
        assert!(times(&roster, &RosterRange { from_ms: 4, until_ms: 1, ..between }, 9).is_empty());
    }

    #[test]
    fn a_connection_leaves_with_its_last_place() {
        let roster = Arc::new(Roster::default());
        let (place, session) = ((1, ConnectionId::random()), SessionId::random());
        let (one, two) = (roster.note(place, session), roster.note(place, session));
        drop(one);
        assert_eq!(times(&roster, &everything(true, None), 9), [1]);
        drop(two);
        assert!(times(&roster, &everything(true, None), 9).is_empty());
    }
}
