//! The risk of a sign-in: its differences from the user's history, each with a name and a weight.
//!
//! The `DeviceTracker` actor provides the history; services decide the consequences. The rules are pure: the time is part of
//! the sign-in. On a known device most weights are lower: with the default thresholds, a sign-in on a known device is never
//! refused. So an attacker on another device cannot lock the owner out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{place::Place, reason::Reason};

/// An hour, in milliseconds.
const HOUR: i64 = 3_600_000;
/// How long a failed sign-in counts, in milliseconds.
pub const RECENT_MS: i64 = HOUR;
/// At least this many failures of an account within an hour are unusual: typing mistakes cause fewer failures.
const FAILURES_ODD: usize = 5;
/// At least this many failures of an account within an hour are an attack.
const FAILURES_MANY: usize = 10;
/// At least this many accounts with failures from one address within an hour are an attack. The typing mistakes of an office
/// affect fewer accounts.
const ACCOUNTS_MANY: u32 = 8;
/// An hour can be unusual only if the history has at least this many visits.
const HOURS_KNOWN: usize = 10;
/// An hour is unusual if it is at least this many hours from the hour of every visit.
const HOURS_APART: i64 = 3;
/// If a user was seen in more networks than this, a new network is not unusual, because the user changes networks often.
const NETWORKS_SETTLED: usize = 4;
/// The highest possible speed of travel, in km/h: a little faster than an airliner.
const SPEED_MAX: f64 = 1_000.0;
/// The shortest distance that can be impossible travel, in km. Shorter distances are within the error of location databases.
const DISTANCE_MIN: f64 = 500.0;

/// How well the account knows the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The user has never signed in on the device.
    New,
    /// The user has signed in on the device before.
    Known,
    /// The device is known, and trusted now.
    Trusted,
}

/// A sign-in to be assessed.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals {
    /// The time of the sign-in, in milliseconds since the epoch.
    pub at_ms: i64,
    /// How well the account knows the device.
    pub standing: Standing,
    /// Whether the fingerprint of the known device (a hash of request headers) has changed.
    pub fingerprint_changed: bool,
    /// The location of the client's address.
    pub place: Place,
}

/// An earlier successful sign-in.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The time of the sign-in, in milliseconds since the epoch.
    pub at_ms: i64,
    /// The location of the client's address.
    pub place: Place,
}

/// The history that a sign-in is compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Successful sign-ins of the user, newest first.
    pub visits: Vec<Visit>,
    /// The times of recent failed sign-ins to the account, in milliseconds since the epoch.
    pub failures: Vec<i64>,
    /// The number of accounts with recent failures from the address.
    pub accounts: u32,
}

/// The risk of a sign-in, with the reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assessment {
    /// From 0 (nothing unusual) to 100.
    pub score: u8,
    /// The reasons, each once.
    pub reasons: Vec<Reason>,
}

/// The lowest score of each consequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// The user is notified.
    pub notify: u8,
    /// A second factor is required.
    pub second_factor: u8,
    /// The sign-in is refused, if there are at least two reasons.
    pub refuse: u8,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { notify: 30, second_factor: 50, refuse: 90 }
    }
}

/// The consequence of an assessment. The variants are ordered, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskOutcome {
    /// No consequence.
    Allow,
    /// The user is notified.
    Notify,
    /// A second factor is required.
    RequireSecondFactor,
    /// The sign-in is refused.
    Refuse,
}

/// Decides the consequence of an assessment. A sign-in is never refused for a single reason.
#[must_use]
pub fn decide(assessment: &Assessment, thresholds: Thresholds) -> RiskOutcome {
    let Assessment { score, reasons } = assessment;
    if reasons.is_empty() {
        return RiskOutcome::Allow;
    }
    match *score {
        score if score >= thresholds.refuse && reasons.len() >= 2 => RiskOutcome::Refuse,
        score if score >= thresholds.second_factor => RiskOutcome::RequireSecondFactor,
        score if score >= thresholds.notify => RiskOutcome::Notify,
        _ => RiskOutcome::Allow,
    }
}

/// Assesses a sign-in against the history of its user.
///
/// If the user has no visits, there is no history to compare with. Then only a changed fingerprint and signs of an attack
/// count.
#[must_use]
pub fn assess(signals: &Signals, history: &History) -> Assessment {
    let mut found: Vec<(Reason, u8)> = Vec::new();
    let mut find = |reason: Reason, holds: bool| {
        let weight = if holds { weight(reason, signals) } else { 0 };
        if weight > 0 {
            found.push((reason, weight));
        }
    };
    let first = history.visits.is_empty();
    find(Reason::NewDevice, !first);
    find(Reason::FingerprintChanged, signals.fingerprint_changed);
    find(Reason::NewNetwork, new_network(&signals.place, &history.visits));
    find(Reason::NewCountry, new_country(&signals.place, &history.visits));
    find(Reason::ImpossibleTravel, impossible_travel(signals, &history.visits));
    find(Reason::UnusualHour, unusual_hour(signals.at_ms, &history.visits));
    let failures = recent(&history.failures, signals.at_ms);
    find(Reason::RecentFailures, (FAILURES_ODD..FAILURES_MANY).contains(&failures));
    find(Reason::ManyFailures, failures >= FAILURES_MANY);
    find(Reason::ManyAccounts, history.accounts >= ACCOUNTS_MANY);
    let score: u32 = found.iter().map(|(_, weight)| u32::from(*weight)).sum();
    Assessment {
        score: u8::try_from(score.min(100)).unwrap_or(100),
        reasons: found.into_iter().map(|(reason, _)| reason).collect(),
    }
}

/// The weight of a reason for this sign-in. On a known device, failures that an attacker can cause elsewhere have no weight.
/// The sum of all weights stays below the default threshold of refusal.
fn weight(reason: Reason, signals: &Signals) -> u8 {
    let by_standing = |new, known, trusted| match signals.standing {
        Standing::New => new,
        Standing::Known => known,
        Standing::Trusted => trusted,
    };
    match reason {
        Reason::NewDevice => by_standing(25, 0, 0),
        Reason::FingerprintChanged => by_standing(0, 10, 10),
        Reason::NewNetwork => by_standing(10, 5, 0),
        // A vague place (a VPN, a satellite, a carrier without a city) is partly guessed, so a new country has about half the
        // weight there.
        Reason::NewCountry if signals.place.is_vague() => by_standing(12, 10, 5),
        Reason::NewCountry => by_standing(25, 20, 10),
        Reason::ImpossibleTravel => by_standing(45, 45, 40),
        Reason::UnusualHour => by_standing(10, 5, 0),
        Reason::RecentFailures => by_standing(15, 0, 0),
        Reason::ManyFailures => by_standing(25, 0, 0),
        Reason::ManyAccounts => by_standing(35, 0, 0),
    }
}

/// The number of these times in the last hour before `at_ms`.
fn recent(moments: &[i64], at_ms: i64) -> usize {
    moments.iter().filter(|moment| at_ms.saturating_sub(**moment) <= RECENT_MS).count()
}

fn new_country(place: &Place, visits: &[Visit]) -> bool {
    let mut known = visits.iter().filter_map(|visit| visit.place.country.as_deref()).peekable();
    let country = place.country.as_deref();
    country.is_some() && known.peek().is_some() && known.all(|seen| Some(seen) != country)
}

fn new_network(place: &Place, visits: &[Visit]) -> bool {
    let known: std::collections::BTreeSet<u32> =
        visits.iter().filter_map(|visit| visit.place.network).collect();
    let settled = (1..=NETWORKS_SETTLED).contains(&known.len());
    settled && place.network.is_some_and(|network| !known.contains(&network))
}

/// Whether the user cannot have travelled here from the last exact position. A sign-in from a known network of the user never
/// counts as impossible travel: abroad, a phone still appears in its home network, while a laptop next to it appears abroad.
fn impossible_travel(signals: &Signals, visits: &[Visit]) -> bool {
    let network = signals.place.network;
    if network.is_some() && visits.iter().any(|visit| visit.place.network == network) {
        return false;
    }
    let Some(here) = signals.place.exact() else {
        return false;
    };
    let last = visits.iter().filter_map(|visit| Some((visit.at_ms, visit.place.exact()?)));
    let Some((at_ms, there)) = last.max_by_key(|(at_ms, _)| *at_ms) else {
        return false;
    };
    let distance = here.distance_km(there) - f64::from(here.accuracy_km) - f64::from(there.accuracy_km);
    let elapsed = signals.at_ms.saturating_sub(at_ms).unsigned_abs();
    // A double is exact enough for the hours between any two times.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds beyond 2^53 are 285,000 years")]
    let hours = elapsed as f64 / HOUR as f64;
    distance >= DISTANCE_MIN && distance > SPEED_MAX * hours
}

/// Whether this hour is at least [`HOURS_APART`] hours from the hour of every visit. Hours are in UTC: the local time
/// does not matter, only the habits of this user.
fn unusual_hour(at_ms: i64, visits: &[Visit]) -> bool {
    let hour = |at_ms: i64| at_ms.div_euclid(HOUR).rem_euclid(24);
    let apart = |a: i64, b: i64| (a - b).rem_euclid(24).min((b - a).rem_euclid(24));
    let now = hour(at_ms);
    visits.len() >= HOURS_KNOWN && visits.iter().all(|visit| apart(hour(visit.at_ms), now) >= HOURS_APART)
}

#[cfg(test)]
#[path = "assessment_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "assessment_tests.rs"]
mod tests;
