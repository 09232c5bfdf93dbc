//! How risky a sign-in looks: what is unlike its user, weighed, with the reasons by name.
//!
//! Held by the `DeviceTracker` actor, which brings the history; services decide what follows. Pure: the time comes with
//! the sign-in. Whoever signs in on a device of their own is judged mildly and never refused with the default
//! thresholds, so that nobody who attacks an account from elsewhere can lock its owner out.

use serde::{Deserialize, Serialize};

use super::{place::Place, reason::Reason};

/// Milliseconds.
const HOUR: i64 = 3_600_000;
/// For how long failures count.
pub const RECENT_MS: i64 = HOUR;
/// Failures of an account within the hour that are more than mistyping, and that are an attack.
const FAILURES_ODD: usize = 5;
const FAILURES_MANY: usize = 10;
/// Accounts tried in vain from one address within the hour that are more than an office with a bad day.
const ACCOUNTS_MANY: u32 = 8;
/// Visits before hours mean anything, and how far from all of them an hour is unusual.
const HOURS_KNOWN: usize = 10;
const HOURS_APART: i64 = 3;
/// Who was seen in more networks than this changes them all the time: one more tells nothing.
const NETWORKS_SETTLED: usize = 4;
/// Faster than an airliner, in km/h.
const SPEED_MAX: f64 = 1_000.0;
/// Distances below are within what databases of places get wrong, in km.
const DISTANCE_MIN: f64 = 500.0;

/// How well the user's device is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The user was never seen on it.
    New,
    /// The user has signed in on it before.
    Known,
    /// The same, and it is trusted now.
    Trusted,
}

/// A sign-in to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Signals {
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// On what.
    pub standing: Standing,
    /// Whether the known device now looks different.
    pub fingerprint_changed: bool,
    /// Where.
    pub place: Place,
}

/// An earlier sign-in that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// Where.
    pub place: Place,
}

/// What a sign-in is compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Sign-ins of the user that succeeded, the newest first.
    pub visits: Vec<Visit>,
    /// When sign-ins to the account failed lately, in milliseconds since the epoch.
    pub failures: Vec<i64>,
    /// How many accounts were lately tried in vain from the address.
    pub accounts: u32,
}

/// How risky it looks, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// From 0, like every other, to 100.
    pub score: u8,
    /// What was unlike, each once.
    pub reasons: Vec<Reason>,
}

/// From which score on what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// The user is told.
    pub notify: u8,
    /// A second factor is asked for.
    pub second_factor: u8,
    /// It is refused, if there are two reasons at least.
    pub refuse: u8,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { notify: 30, second_factor: 50, refuse: 90 }
    }
}

/// What follows from an assessment, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskOutcome {
    /// Nothing.
    Allow,
    /// The user is told.
    Notify,
    /// A second factor is asked for.
    RequireSecondFactor,
    /// It is refused.
    Refuse,
}

/// What follows. One reason alone never refuses.
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

/// Weighs a sign-in against the history of its user.
///
/// The first sign-in ever is unlike nothing; only what attacks look like counts against it.
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

/// What a reason weighs on a device of this standing. On a known one the attacks of others weigh nothing, and all together
/// stays below refusal.
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
        // Where a vague place lies is half a guess: a VPN, a satellite, a carrier without a city.
        Reason::NewCountry if signals.place.is_vague() => by_standing(12, 10, 5),
        Reason::NewCountry => by_standing(25, 20, 10),
        Reason::ImpossibleTravel => by_standing(45, 45, 40),
        Reason::UnusualHour => by_standing(10, 5, 0),
        Reason::RecentFailures => by_standing(15, 0, 0),
        Reason::ManyFailures => by_standing(25, 0, 0),
        Reason::ManyAccounts => by_standing(35, 0, 0),
    }
}

/// How many of these moments lie within the hour before `at_ms`.
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

/// Whether nobody could have come here from where the user was last seen for sure. A network that the user was seen in
/// before is no journey: phones abroad come out at home, laptops beside them do not.
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
    // In km and hours, a double is exact enough for any two moments.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds beyond 2^53 are 285,000 years")]
    let hours = elapsed as f64 / HOUR as f64;
    distance >= DISTANCE_MIN && distance > SPEED_MAX * hours
}

/// Whether the user was never seen within some hours of this one. Hours are those of UTC: only what is usual for this user
/// matters, not what it is called there.
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
