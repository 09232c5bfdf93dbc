//! Drills: the doors that a drill opens, the bounds within which a revocation shuts them, and the verdict on each.
//!
//! `service::drill` measures. Everything that shows a drill uses [`DrillReport`]: the interface of operators, the rows of the
//! database and the command line. The rules are pure: the measured times are arguments.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::account::role::UnknownWord;

/// A door that is not shut this long after the request of the revocation counts as open.
pub const OPEN_AFTER: Duration = Duration::from_secs(5);

/// The times for asking a door that must be asked, in milliseconds after the request of the revocation. The times are close
/// together up to 50 ms, which is the bound on the node of the revocation. There are fewer of them than a session may refresh
/// in a minute (`LIMIT_REFRESH_SESSION`), and the last one is [`OPEN_AFTER`].
pub const ASKED_AFTER_MS: [u64; 22] =
    [0, 4, 8, 12, 17, 22, 28, 34, 40, 46, 60, 80, 120, 200, 350, 600, 900, 1_300, 2_000, 3_000, 4_000, 5_000];

/// How long after the first refusal a door that must be asked is asked once more: it must stay shut.
pub const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(60);

/// A way in which a client uses a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// An open WebSocket. It is shut when its close frame, or its end, has arrived.
    Websocket,
    /// An open stream of `/connection/http_stream`. It is shut when the answer has ended.
    HttpStream,
    /// An open stream of server-sent events. It is shut when the answer has ended.
    Sse,
    /// A REST request with the access token. It is shut at the first 401, if no later request is accepted.
    Api,
    /// The refresh token. It is shut at the first 401, if no later exchange is accepted.
    Refresh,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 5] = [Self::Websocket, Self::HttpStream, Self::Sse, Self::Api, Self::Refresh];

    /// The word for metrics, labels and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Websocket => "websocket",
            Self::HttpStream => "http_stream",
            Self::Sse => "sse",
            Self::Api => "api",
            Self::Refresh => "refresh",
        }
    }
}

/// Which node carried the revocation out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevokedBy {
    /// The node whose doors are drilled.
    ThisNode,
    /// Another node over the same database.
    OtherNode,
}

impl RevokedBy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ThisNode, Self::OtherNode];

    /// The word for metrics and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThisNode => "this_node",
            Self::OtherNode => "other_node",
        }
    }

    /// The bound: how long after the request of the revocation a door may be open.
    #[must_use]
    pub fn bound(self) -> Duration {
        match self {
            Self::ThisNode => Duration::from_millis(50),
            Self::OtherNode => Duration::from_secs(1),
        }
    }

    /// The label of a door in the statistics.
    #[must_use]
    pub fn label(self, door: Door) -> String {
        match self {
            Self::ThisNode => door.as_str().to_owned(),
            Self::OtherNode => format!("{}_other_node", door.as_str()),
        }
    }
}

/// What a client has seen of a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The door was shut by the revocation, this long after its request.
    Shut(Duration),
    /// The door accepted something, or stayed open, until [`OPEN_AFTER`].
    Open,
    /// The client does not know: for example, the server had too much to do, or the connection broke for another reason.
    Unclear(String),
}

/// The verdict on a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoorVerdict {
    /// Shut within the bound.
    InTime,
    /// Shut after the bound.
    Late,
    /// Not shut within five seconds.
    Open,
    /// It cannot be said whether the revocation shut the door.
    Unclear,
}

impl DoorVerdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::InTime, Self::Late, Self::Open, Self::Unclear];

    /// The word for metrics and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InTime => "in_time",
            Self::Late => "late",
            Self::Open => "open",
            Self::Unclear => "unclear",
        }
    }
}

/// A door of a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrilledDoor {
    /// Milliseconds from the request of the revocation until the door was shut; null if it was not seen to be shut.
    #[schema(required = true)]
    pub after_ms: Option<f64>,
    /// The bound in milliseconds.
    pub bound_ms: u64,
    /// The door.
    pub door: Door,
    /// Why the verdict is `unclear`; null for other verdicts.
    #[schema(required = true)]
    pub note: Option<String>,
    /// The node that carried the revocation out.
    pub revoked_by: RevokedBy,
    /// The verdict.
    pub verdict: DoorVerdict,
}

impl DrilledDoor {
    /// The verdict on what was seen of a door.
    #[must_use]
    pub fn judge(door: Door, revoked_by: RevokedBy, seen: Seen) -> Self {
        let bound = revoked_by.bound();
        let (verdict, after, note) = match seen {
            Seen::Shut(after) if after <= bound => (DoorVerdict::InTime, Some(after), None),
            Seen::Shut(after) if after <= OPEN_AFTER => (DoorVerdict::Late, Some(after), None),
            Seen::Shut(after) => (DoorVerdict::Open, Some(after), None),
            Seen::Open => (DoorVerdict::Open, None, None),
            Seen::Unclear(note) => (DoorVerdict::Unclear, None, Some(note)),
        };
        Self {
            after_ms: after.map(|after| (after.as_secs_f64() * 1_000_000.0).round() / 1_000.0),
            bound_ms: u64::try_from(bound.as_millis()).unwrap_or(u64::MAX),
            door,
            note,
            revoked_by,
            verdict,
        }
    }

    /// The time that is counted in histograms: a door that was not shut counts with [`OPEN_AFTER`]. `None` if it is not known.
    #[must_use]
    pub fn counted(&self) -> Option<Duration> {
        match (self.verdict, self.after_ms) {
            (DoorVerdict::Unclear, _) => None,
            (_, Some(after_ms)) => Some(Duration::from_secs_f64(after_ms / 1_000.0)),
            (_, None) => Some(OPEN_AFTER),
        }
    }
}

/// The outcome of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillOutcome {
    /// Every door was shut within its bound.
    Passed,
    /// A door was shut after its bound.
    Late,
    /// A door was not shut.
    Open,
    /// The drill could not be carried out, or a verdict is unclear.
    Failed,
}

impl DrillOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Late, Self::Open, Self::Failed];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Late => "late",
            Self::Open => "open",
            Self::Failed => "failed",
        }
    }

    /// The outcome of a drill with these doors. The worst verdict counts; a drill without doors has failed.
    #[must_use]
    pub fn of(doors: &[DrilledDoor]) -> Self {
        let any = |verdict| doors.iter().any(|door| door.verdict == verdict);
        if any(DoorVerdict::Open) {
            Self::Open
        } else if doors.is_empty() || any(DoorVerdict::Unclear) {
            Self::Failed
        } else if any(DoorVerdict::Late) {
            Self::Late
        } else {
            Self::Passed
        }
    }
}

/// The reason for which a drill was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillStarter {
    /// The schedule (`DRILL=on`).
    Schedule,
    /// An admin, over REST.
    Operator,
    /// `portcullis drill`.
    CommandLine,
}

impl DrillStarter {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Schedule, Self::Operator, Self::CommandLine];

    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Operator => "operator",
            Self::CommandLine => "command_line",
        }
    }
}

impl std::str::FromStr for DrillStarter {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|starter| starter.as_str() == text)
            .ok_or_else(|| UnknownWord { kind: "start of a drill", word: text.to_owned() })
    }
}

/// What a drill has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillReport {
    /// The doors, with the times that were measured.
    pub doors: Vec<DrilledDoor>,
    /// The id of the drill.
    pub drill: Uuid,
    /// Why the drill could not be carried out, or why its second part was left out; null otherwise.
    #[schema(required = true)]
    pub note: Option<String>,
    /// The node whose doors were drilled.
    pub node: Uuid,
    /// The outcome.
    pub outcome: DrillOutcome,
}

/// The time from the beginning of a scheduled drill until the next one: the interval, shortened or lengthened by up to a tenth.
/// So nodes that started together drift apart. `random` lies between 0 and 1.
#[must_use]
pub fn next_wait(interval: Duration, random: f64) -> Duration {
    interval.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}

/// The time from the start of a node until its first scheduled drill: a random part of the interval.
#[must_use]
pub fn first_wait(interval: Duration, random: f64) -> Duration {
    interval.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(seen: Seen, by: RevokedBy) -> DrilledDoor {
        DrilledDoor::judge(Door::Api, by, seen)
    }

    #[test]
    fn a_door_is_in_time_up_to_its_bound_and_late_up_to_five_seconds() {
        for by in RevokedBy::ALL {
            let verdict = |after| seen(Seen::Shut(after), by).verdict;
            assert_eq!(verdict(by.bound()), DoorVerdict::InTime);
            assert_eq!(verdict(by.bound() + Duration::from_micros(1)), DoorVerdict::Late);
            assert_eq!(verdict(OPEN_AFTER), DoorVerdict::Late);
            assert_eq!(verdict(OPEN_AFTER + Duration::from_micros(1)), DoorVerdict::Open);
            assert_eq!(seen(Seen::Open, by).verdict, DoorVerdict::Open);
        }
    }

    #[test]
    fn the_worst_door_decides_the_outcome() {
        let door = |seen| DrilledDoor::judge(Door::Sse, RevokedBy::ThisNode, seen);
        let in_time = || door(Seen::Shut(Duration::from_millis(1)));
        let late = || door(Seen::Shut(Duration::from_millis(51)));
        let unclear = || door(Seen::Unclear("429".to_owned()));
        assert_eq!(DrillOutcome::of(&[in_time(), in_time()]), DrillOutcome::Passed);
        assert_eq!(DrillOutcome::of(&[in_time(), late()]), DrillOutcome::Late);
        assert_eq!(DrillOutcome::of(&[late(), unclear()]), DrillOutcome::Failed);
        assert_eq!(DrillOutcome::of(&[unclear(), door(Seen::Open), late()]), DrillOutcome::Open);
        assert_eq!(DrillOutcome::of(&[]), DrillOutcome::Failed);
    }

    #[test]
    fn an_open_door_counts_with_the_longest_time_and_an_unclear_one_not_at_all() {
        assert_eq!(seen(Seen::Open, RevokedBy::OtherNode).counted(), Some(OPEN_AFTER));
        assert_eq!(seen(Seen::Unclear(String::new()), RevokedBy::OtherNode).counted(), None);
        let shut = seen(Seen::Shut(Duration::from_micros(12_345)), RevokedBy::ThisNode);
        assert_eq!((shut.after_ms, shut.counted()), (Some(12.345), Some(Duration::from_micros(12_345))));
    }

    #[test]
    fn doors_are_asked_until_they_count_as_open_and_less_often_than_a_session_may_refresh() {
        assert!(ASKED_AFTER_MS.is_sorted());
        assert_eq!(ASKED_AFTER_MS.last().map(|ms| Duration::from_millis(*ms)), Some(OPEN_AFTER));
        let limit = crate::abuse::throttle::Limits::default().refresh_session;
        // The exchange that opens the door, and the one after the first refusal.
        assert!(ASKED_AFTER_MS.len() + 2 <= limit.burst as usize);
    }

    #[test]
    fn words_round_trip() {
        for starter in DrillStarter::ALL {
            assert_eq!(starter.as_str().parse(), Ok(starter));
        }
        for door in Door::ALL {
            assert_eq!(serde_json::to_value(door).ok(), Some(door.as_str().into()));
        }
        for outcome in DrillOutcome::ALL {
            assert_eq!(serde_json::to_value(outcome).ok(), Some(outcome.as_str().into()));
        }
        for verdict in DoorVerdict::ALL {
            assert_eq!(serde_json::to_value(verdict).ok(), Some(verdict.as_str().into()));
        }
    }

    proptest! {
        #[test]
        fn waits_stay_near_the_interval(seconds in 1_u64..90_000, random in -1.0_f64..2.0) {
            let interval = Duration::from_secs(seconds);
            let wait = next_wait(interval, random);
            prop_assert!(wait >= interval.mul_f64(0.899) && wait <= interval.mul_f64(1.101));
            prop_assert!(first_wait(interval, random) <= interval);
        }
    }
}
