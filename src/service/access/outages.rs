//! The times in which this node could not reach the database.
//!
//! The revocation feed reports its looks here. No use of a session can be recorded during an outage, so the verifier and the
//! expiry job ask here before they treat a session as idle. A process knows only the outages that it saw itself: it does not
//! know an outage of another node, or one before its own start.

use std::{collections::VecDeque, time::Duration};

use domain::session::{Outage, last_use};
use parking_lot::Mutex;
use time::OffsetDateTime;

/// How many outages are kept. Older ones do not matter for sessions that are in use.
const MOST: usize = 32;

/// The times in which this node could not reach the database.
#[derive(Default)]
pub(crate) struct Outages(Mutex<State>);

#[derive(Default)]
struct State {
    /// The last successful look.
    looked: Option<OffsetDateTime>,
    outages: VecDeque<Outage>,
}

impl Outages {
    /// Reports a successful look at this time. `continuous` says that the look before it was recent.
    pub(crate) fn note_look(&self, now: OffsetDateTime, continuous: bool) {
        let mut state = self.0.lock();
        let from = state.looked.replace(now);
        if let Some(from) = from.filter(|from| !continuous && *from < now) {
            state.outages.truncate(MOST - 1);
            state.outages.push_front(Outage { from, until: now });
        }
    }

    /// When the idle timeout of a session begins. `last_seen_at` is its last known use; an outage may move the result to its own end.
    pub(crate) fn last_use(&self, last_seen_at: OffsetDateTime, idle: Duration) -> OffsetDateTime {
        let state = self.0.lock();
        last_use(last_seen_at, state.outages.iter().rev(), idle)
    }

    /// When the last outage ended.
    pub(crate) fn last_end(&self) -> Option<OffsetDateTime> {
        self.0.lock().outages.front().map(|outage| outage.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(1800);

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds)
    }

    #[test]
    fn looks_without_a_gap_are_no_outage() {
        let outages = Outages::default();
        outages.note_look(at(0), false);
        outages.note_look(at(5000), true);
        assert_eq!((outages.last_use(at(0), IDLE), outages.last_end()), (at(0), None));
    }

    #[test]
    fn a_gap_between_looks_is_an_outage() {
        let outages = Outages::default();
        outages.note_look(at(100), false);
        outages.note_look(at(5000), false);
        assert_eq!((outages.last_use(at(0), IDLE), outages.last_end()), (at(5000), Some(at(5000))));
    }

    #[test]
    fn as_many_outages_as_can_matter_are_remembered() {
        let outages = Outages::default();
        for look in 0..1000 {
            outages.note_look(at(look), false);
        }
        assert_eq!(outages.0.lock().outages.len(), MOST);
        assert_eq!(outages.last_end(), Some(at(999)));
    }
}
