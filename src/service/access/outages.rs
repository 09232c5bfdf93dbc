//! The times in which this node could not reach the database.
//!
//! The revocation feed reports its looks here. The verifier and the expiry job ask before they treat a session as idle: a use that
//! could not be answered could not be recorded either. Another node, and a node that was restarted meanwhile, does not know of it.

use std::{collections::VecDeque, time::Duration};

use domain::session::{Outage, last_use};
use parking_lot::Mutex;
use time::OffsetDateTime;

/// How many are remembered. Older ones no longer matter to sessions in use.
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
    /// Reports a successful look at this time. `continuous`: the look before it was recent.
    pub(crate) fn note_look(&self, now: OffsetDateTime, continuous: bool) {
        let mut state = self.0.lock();
        let from = state.looked.replace(now);
        if let Some(from) = from.filter(|from| !continuous && *from < now) {
            state.outages.truncate(MOST - 1);
            state.outages.push_front(Outage { from, until: now });
        }
    }

    /// The last use of a session that was last seen at this time, for the idle timeout.
    pub(crate) fn last_use(&self, last_seen_at: OffsetDateTime, idle: Duration) -> OffsetDateTime {
        let state = self.0.lock();
        last_use(last_seen_at, state.outages.iter().rev(), idle)
    }

    /// The end of the last outage.
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
