//! The last outage: a period in which uses of sessions could not be recorded.
//!
//! The revocation feed reports each successful look here, and the last outage that the database remembers: a period without any
//! server in service. The verifier, the expiry job and lists of sessions ask here before they treat a session as idle. During
//! the outage, a client may have tried to use the session. If only this node lost the database, only this node knows that
//! outage.

use std::time::Duration;

use domain::session::Outage;
use parking_lot::Mutex;
use store::ServiceTime;
use time::OffsetDateTime;

/// The last outage that this node knows.
pub(crate) struct Outages {
    /// How long a session without uses and sockets lives.
    idle: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The time of the last successful look.
    looked: Option<OffsetDateTime>,
    /// The last outage. Outages that are less than the idle timeout apart count as one. Earlier outages no longer matter.
    last: Option<Outage>,
}

impl Outages {
    /// `idle` is how long a session without uses and sockets lives.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { idle, state: Mutex::default() }
    }

    /// Reports a successful look at the time `now`. `continuous` says that this node has stayed current since the previous
    /// look. `service` is what the database says about the service times of all servers; `None` if the database was not asked.
    pub(crate) fn note_look(&self, now: OffsetDateTime, continuous: bool, service: Option<ServiceTime>) {
        let mut state = self.state.lock();
        let from = state.looked.replace(now);
        let service = service.unwrap_or_default();
        let own = from.filter(|from| !continuous && !service.restored && *from < now);
        for outage in own.map(|from| Outage { from, until: now }).into_iter().chain(service.outage) {
            state.last = Some(state.last.map_or(outage, |last| last.joined(outage, self.idle)));
        }
    }

    /// How long a session without uses and sockets lives.
    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }

    /// The time that counts as the last use of a session, for the idle timeout. A session that was not idle when the last
    /// outage began counts as used at the end of the outage.
    pub(crate) fn last_use(&self, last_seen_at: OffsetDateTime) -> OffsetDateTime {
        let last = self.state.lock().last;
        last.map_or(last_seen_at, |outage| outage.last_use(last_seen_at, self.idle))
    }

    /// When the last outage ended.
    pub(crate) fn last_end(&self) -> Option<OffsetDateTime> {
        self.state.lock().last.map(|outage| outage.until)
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
        let outages = Outages::new(IDLE);
        outages.note_look(at(0), false, None);
        outages.note_look(at(5000), true, None);
        assert_eq!((outages.last_use(at(0)), outages.last_end()), (at(0), None));
    }

    #[test]
    fn a_gap_between_looks_is_an_outage() {
        let outages = Outages::new(IDLE);
        outages.note_look(at(100), false, None);
        outages.note_look(at(5000), false, None);
        assert_eq!((outages.last_use(at(0)), outages.last_end()), (at(5000), Some(at(5000))));
    }

    #[test]
    fn an_outage_that_the_database_remembers_is_known_after_the_first_look() {
        let outages = Outages::new(IDLE);
        let outage = Some(Outage { from: at(100), until: at(5000) });
        outages.note_look(at(5000), false, Some(ServiceTime { outage, restored: false }));
        assert_eq!(outages.last_use(at(0)), at(5000));
    }

    #[test]
    fn a_gap_is_no_outage_if_the_database_was_restored_from_a_dump() {
        let outages = Outages::new(IDLE);
        outages.note_look(at(100), false, None);
        outages.note_look(at(5000), false, Some(ServiceTime { outage: None, restored: true }));
        assert_eq!(outages.last_use(at(0)), at(0));
    }

    #[test]
    fn short_outages_after_a_long_outage_are_joined_with_it() {
        let outages = Outages::new(IDLE);
        outages.note_look(at(0), false, None);
        for look in 5000..6000 {
            outages.note_look(at(look), false, None);
        }
        assert_eq!(outages.last_use(at(-1000)), at(5999));
    }
}
