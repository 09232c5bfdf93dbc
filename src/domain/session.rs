//! Sessions: how long they last, how they are opened, and the rule that decides whether a session has ended.
//!
//! The verifier and the list of a user's sessions apply the rule [`ended`]. Sign-in and jobs use the limits. The rules are
//! pure: the calling code passes the facts about the session, and the time.

use std::{fmt, str::FromStr, time::Duration};

use protocol::close::Cause;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::account::role::UnknownWord;

/// The limits of sessions: lifetimes, and the number per user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// A session without use for this long, and without an open socket, has ended.
    pub idle: Duration,
    /// The longest life of a session, counted from the sign-in to the absolute end.
    pub absolute: Duration,
    /// How long a refresh token may be unused. The period starts again with each rotation, and ends at the latest at the
    /// absolute end of the session.
    pub refresh: Duration,
    /// Maximum number of sessions of one user. A further sign-in ends the oldest session.
    pub per_user: u32,
    /// Maximum number of devices of one user. A further device replaces a device without trust and without a session: first a
    /// forgotten device, then the device that was not seen for the longest time.
    pub devices: u32,
    /// How long the privilege of a sign-in or step-up lasts.
    pub privilege: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            idle: Duration::from_secs(30 * MINUTE),
            absolute: Duration::from_secs(30 * DAY),
            refresh: Duration::from_secs(7 * DAY),
            per_user: 20,
            devices: 50,
            privilege: Duration::from_secs(10 * MINUTE),
        }
    }
}

/// The facts about a session that the rule [`ended`] needs.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// The time of the last request, refresh or frame.
    pub last_seen_at: OffsetDateTime,
    /// The absolute end.
    pub expires_at: OffsetDateTime,
    /// The cause of the revocation, if the session was revoked.
    pub revoked: Option<Cause>,
    /// The number of open sockets. With an open socket the session is not idle.
    pub open_sockets: usize,
}

/// Whether a session has ended at `now`, and why.
///
/// The cause of a revocation takes precedence. An open socket prevents the idle timeout, never the absolute end. A
/// `last_seen_at` in the future (the clock of another node) counts as activity.
#[must_use]
pub fn ended(session: &Lifetime, idle: Duration, now: OffsetDateTime) -> Option<Cause> {
    if let Some(cause) = session.revoked {
        return Some(cause);
    }
    let idle_over = session.open_sockets == 0 && now - session.last_seen_at >= idle;
    (now >= session.expires_at || idle_over).then_some(Cause::SessionExpired)
}

/// A period in which the server could not record uses of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The last moment before the outage when uses could be recorded.
    pub from: OffsetDateTime,
    /// The first moment after the outage.
    pub until: OffsetDateTime,
}

impl Outage {
    /// Joins this outage and another one. If less than `idle` passed between them, no session became idle in between, and both
    /// count as one outage. Otherwise the result is the later outage: a session without a use between the two became idle
    /// before the later one began.
    #[must_use]
    pub fn joined(self, other: Self, idle: Duration) -> Self {
        let (earlier, later) = if self.until <= other.until { (self, other) } else { (other, self) };
        let from = if later.from - earlier.until < idle { earlier.from.min(later.from) } else { later.from };
        Self { from, until: later.until }
    }

    /// The last use of a session for the idle timeout, if the session was last seen at `last_seen_at`. A session that was not
    /// idle when the outage began counts as used at the end of the outage. Its client may have tried to use the session all the
    /// time.
    #[must_use]
    pub fn last_use(self, last_seen_at: OffsetDateTime, idle: Duration) -> OffsetDateTime {
        let alive = self.from - last_seen_at < idle;
        if alive { last_seen_at.max(self.until) } else { last_seen_at }
    }
}

/// The method of a sign-in. Stored in `sessions.method` and, for every attempt, in `device_login_attempts.method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// A password alone.
    Password,
    /// A password and a second factor.
    SecondFactor,
    /// A passkey alone.
    Passkey,
    /// The server itself, for the canary account and no other. No attempt has this method.
    Drill,
}

impl SignInMethod {
    /// Every method, in the order of the database's CHECK constraint.
    pub const ALL: [Self; 4] = [Self::Password, Self::SecondFactor, Self::Passkey, Self::Drill];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second_factor",
            Self::Passkey => "passkey",
            Self::Drill => "drill",
        }
    }
}

impl fmt::Display for SignInMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SignInMethod {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "sign-in method", word: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDLE: Duration = Duration::from_secs(1800);

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds)
    }

    fn session(last_seen: i64, expires: i64) -> Lifetime {
        Lifetime { last_seen_at: at(last_seen), expires_at: at(expires), revoked: None, open_sockets: 0 }
    }

    #[test]
    fn a_session_in_use_has_not_ended() {
        assert_eq!(ended(&session(0, 100_000), IDLE, at(1799)), None);
    }

    #[test]
    fn an_idle_session_has_ended() {
        assert_eq!(ended(&session(0, 100_000), IDLE, at(1800)), Some(Cause::SessionExpired));
    }

    #[test]
    fn a_session_with_an_open_socket_is_not_idle() {
        let open = Lifetime { open_sockets: 1, ..session(0, 100_000) };
        assert_eq!(ended(&open, IDLE, at(50_000)), None);
    }

    #[test]
    fn an_open_socket_does_not_delay_the_absolute_end() {
        let open = Lifetime { open_sockets: 9, ..session(99_999, 100_000) };
        assert_eq!(ended(&open, IDLE, at(100_000)), Some(Cause::SessionExpired));
    }

    #[test]
    fn a_last_use_in_the_future_does_not_end_a_session() {
        assert_eq!(ended(&session(500, 100_000), IDLE, at(0)), None);
    }

    #[test]
    fn an_outage_does_not_count_as_idle_time() {
        let outage = |from, until| Outage { from: at(from), until: at(until) };
        let used = |seen, outage: Outage| outage.last_use(at(seen), IDLE);
        assert_eq!(used(0, outage(1799, 9000)), at(9000), "not idle when the outage began");
        assert_eq!(used(0, outage(1800, 9000)), at(0), "idle before the outage began");
        assert_eq!(used(9500, outage(1000, 9000)), at(9500), "used after the outage");
    }

    /// The last use of a session if the outages are not joined, but applied one after the other.
    fn one_by_one(seen: OffsetDateTime, outages: &[Outage]) -> OffsetDateTime {
        outages.iter().fold(seen, |seen, outage| outage.last_use(seen, IDLE))
    }

    #[test]
    fn stored_words_round_trip() {
        for method in SignInMethod::ALL {
            assert_eq!(method.as_str().parse(), Ok(method));
        }
    }

    proptest! {
        /// A session is idle by the joined outage exactly if it is idle by the separate outages.
        #[test]
        fn a_joined_outage_keeps_the_same_sessions_as_its_parts(
            spans in prop::collection::vec((1i64..4000, 1i64..4000), 1..6), seen in 0i64..20_000, after in 0i64..4000
        ) {
            let mut end = 0;
            let outages: Vec<_> = spans.into_iter().map(|(pause, length)| {
                let from = end + pause;
                end = from + length;
                Outage { from: at(from), until: at(end) }
            }).collect();
            let joined = outages.iter().copied().reduce(|one, other| one.joined(other, IDLE)).expect("an outage");
            let backwards = outages.iter().rev().copied().reduce(|one, other| other.joined(one, IDLE)).expect("an outage");
            let now = at(end.max(seen) + after);
            let idle = |seen: OffsetDateTime| now - seen >= IDLE;
            prop_assert_eq!(idle(joined.last_use(at(seen), IDLE)), idle(one_by_one(at(seen), &outages)));
            prop_assert_eq!(backwards.until, joined.until);
        }

        #[test]
        fn a_revoked_session_has_always_ended(last in 0i64..9999, end in 0i64..9999, now in 0i64..9999, open in 0usize..3) {
            let revoked = Lifetime { revoked: Some(Cause::SignedOut), open_sockets: open, ..session(last, end) };
            prop_assert_eq!(ended(&revoked, IDLE, at(now)), Some(Cause::SignedOut));
        }

        #[test]
        fn an_ended_session_stays_ended(last in 0i64..9999, end in 0i64..9999, now in 0i64..9999, later in 0i64..9999) {
            let session = session(last, end);
            if ended(&session, IDLE, at(now)).is_some() {
                prop_assert!(ended(&session, IDLE, at(now + later)).is_some());
            }
        }
    }
}
