//! The outcome and the reasons of sign-ins of many kinds. A false alarm is as wrong as a missed attack.

use super::*;
use crate::risk::place::Position;

const DAY: i64 = 24 * HOUR;
/// Noon in UTC on some day.
const NOON: i64 = 20_000 * DAY + 12 * HOUR;

fn place(country: &str, latitude: f64, longitude: f64, accuracy_km: u32, network: u32) -> Place {
    Place {
        country: Some(country.to_owned()),
        city: None,
        position: Some(Position { latitude, longitude, accuracy_km }),
        network: Some(network),
    }
}

fn sydney() -> Place {
    place("AU", -33.87, 151.21, 20, 1221)
}

fn london() -> Place {
    place("GB", 51.51, -0.13, 20, 2856)
}

fn at(standing: Standing, place: Place) -> Signals {
    Signals { place, ..on(standing) }
}

/// A sign-in at noon at home, on a device of this standing.
fn on(standing: Standing) -> Signals {
    Signals { at_ms: NOON, standing, fingerprint_changed: false, place: sydney() }
}

/// Sign-ins at home on each of the last 12 days, this many hours after noon (negative: before noon).
fn at_home(hours: &[i64]) -> History {
    let day = |day: i64| {
        hours.iter().map(move |hour| Visit { at_ms: NOON - day * DAY + hour * HOUR, place: sydney() })
    };
    History { visits: (1..=12).flat_map(day).collect(), ..History::default() }
}

fn visit(at_ms: i64, place: Place) -> Visit {
    Visit { at_ms, place }
}

/// The history with `visit` as its newest visit.
fn and(mut history: History, visit: Visit) -> History {
    history.visits.insert(0, visit);
    history
}

fn failures(count: i64) -> Vec<i64> {
    (0..count).map(|minute| NOON - minute * 60_000).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_scenario_has_its_outcome_and_reasons() {
    use Reason::{
        FingerprintChanged, ImpossibleTravel, ManyAccounts, ManyFailures, NewCountry, NewDevice, NewNetwork,
        UnusualHour,
    };
    use RiskOutcome::{Allow, Notify, Refuse, RequireSecondFactor};
    use Standing::{Known, New, Trusted};
    let home = || at_home(&[0]);
    let nowhere = || Place::default();
    let hotel = || place("AU", -37.81, 144.96, 50, 7545);
    let vpn = || place("NL", 52.37, 4.9, 1000, 9009);
    let hopper = || History {
        visits: (0..12u32)
            .map(|n| visit(NOON - i64::from(n + 1) * 9 * HOUR, place("AU", -33.87, 151.21, 50, 100 + n)))
            .collect(),
        ..History::default()
    };
    let hour_ago = NOON - HOUR;
    let scenarios: Vec<(&str, Signals, History, RiskOutcome, &[Reason])> = vec![
        ("the first sign-in ever", on(New), History::default(), Allow, &[]),
        ("the usual laptop at home", on(Known), home(), Allow, &[]),
        ("a new laptop at home", on(New), home(), Allow, &[NewDevice]),
        ("the usual laptop in a hotel", at(Known, hotel()), home(), Allow, &[NewNetwork]),
        ("a new laptop in a hotel", at(New, hotel()), home(), Notify, &[NewDevice, NewNetwork]),
        ("the usual phone abroad", at(Known, london()), home(), Allow, &[NewNetwork, NewCountry]),
        ("a trusted phone abroad", at(Trusted, london()), home(), Allow, &[NewCountry]),
        (
            "a new phone abroad",
            at(New, london()),
            home(),
            RequireSecondFactor,
            &[NewDevice, NewNetwork, NewCountry],
        ),
        (
            "Sydney, then London within the hour, on the same phone",
            at(Known, london()),
            and(home(), visit(hour_ago, sydney())),
            RequireSecondFactor,
            &[NewNetwork, NewCountry, ImpossibleTravel],
        ),
        (
            "Sydney, then London within the hour, on a new device",
            at(New, london()),
            and(home(), visit(hour_ago, sydney())),
            Refuse,
            &[NewDevice, NewNetwork, NewCountry, ImpossibleTravel],
        ),
        (
            "Sydney, then London after a day",
            at(Known, london()),
            and(home(), visit(NOON - DAY, sydney())),
            Allow,
            &[NewNetwork, NewCountry],
        ),
        (
            "back in Sydney's usual network an hour after London",
            on(Known),
            and(home(), visit(hour_ago, london())),
            Allow,
            &[],
        ),
        (
            "a carrier that often changes networks",
            at(Known, place("AU", -33.9, 151.0, 100, 999)),
            hopper(),
            Allow,
            &[],
        ),
        (
            "a new phone at a carrier that often changes networks",
            at(New, place("AU", -33.9, 151.0, 100, 999)),
            hopper(),
            Allow,
            &[NewDevice],
        ),
        (
            "the usual laptop through a VPN a minute later",
            at(Known, vpn()),
            and(home(), visit(NOON - 60_000, sydney())),
            Allow,
            &[NewNetwork, NewCountry],
        ),
        (
            "a new device through a VPN a minute later",
            at(New, vpn()),
            and(home(), visit(NOON - 60_000, sydney())),
            Notify,
            &[NewDevice, NewNetwork, NewCountry],
        ),
        (
            "stuffing from one address, with one right pair",
            at(New, hotel()),
            History { accounts: 12, ..home() },
            RequireSecondFactor,
            &[NewDevice, NewNetwork, ManyAccounts],
        ),
        (
            "stuffing from an address abroad, with one right pair",
            at(New, london()),
            History { accounts: 12, ..home() },
            Refuse,
            &[NewDevice, NewNetwork, NewCountry, ManyAccounts],
        ),
        (
            "stuffing against an account without an earlier sign-in",
            at(New, nowhere()),
            History { accounts: 12, ..History::default() },
            Notify,
            &[ManyAccounts],
        ),
        (
            "the owner at home, while others at the same address are stuffing",
            on(Known),
            History { accounts: 12, ..home() },
            Allow,
            &[],
        ),
        (
            "guesses from many addresses, of which one is right",
            at(New, hotel()),
            History { failures: failures(30), ..home() },
            RequireSecondFactor,
            &[NewDevice, NewNetwork, ManyFailures],
        ),
        (
            "the owner at home while others guess from many addresses",
            on(Known),
            History { failures: failures(30), ..home() },
            Allow,
            &[],
        ),
        (
            "the owner on a new laptop, after three typing mistakes",
            on(New),
            History { failures: failures(3), ..home() },
            Allow,
            &[NewDevice],
        ),
        ("a user at one of the usual hours", on(Known), at_home(&[-1, 0, 2]), Allow, &[]),
        (
            "a user at an hour that is six hours from the usual ones",
            on(Known),
            at_home(&[6, 9]),
            Allow,
            &[UnusualHour],
        ),
        (
            "two hours after the usual hour, across midnight",
            Signals { at_ms: NOON + 13 * HOUR, ..on(Known) },
            at_home(&[11]),
            Allow,
            &[],
        ),
        (
            "a browser that was updated",
            Signals { fingerprint_changed: true, ..on(Known) },
            home(),
            Allow,
            &[FingerprintChanged],
        ),
        (
            "a stolen cookie in another browser far away",
            Signals { fingerprint_changed: true, ..at(Trusted, london()) },
            and(home(), visit(hour_ago, sydney())),
            RequireSecondFactor,
            &[FingerprintChanged, NewCountry, ImpossibleTravel],
        ),
        ("no location database, the usual device", at(Known, nowhere()), home(), Allow, &[]),
        ("no location database, a new device", at(New, nowhere()), home(), Allow, &[NewDevice]),
        (
            "a location database that was installed after the last visit",
            at(Known, london()),
            History { visits: vec![visit(hour_ago, nowhere())], ..History::default() },
            Allow,
            &[],
        ),
    ];
    for (what, signals, history, outcome, reasons) in scenarios {
        let found = assess(&signals, &history);
        assert_eq!(found.reasons, reasons, "{what}");
        assert_eq!(decide(&found, Thresholds::default()), outcome, "{what}: {}", found.score);
    }
}

#[test]
fn distances_are_measured_on_the_globe() {
    let [Some(sydney), Some(london)] = [sydney().position, london().position] else {
        panic!("a place has no position")
    };
    assert!((sydney.distance_km(london) - 16_994.0).abs() < 20.0, "{}", sydney.distance_km(london));
    assert!(london.distance_km(london) < 1e-6);
}

#[test]
fn stored_words_round_trip() {
    for reason in Reason::ALL {
        assert_eq!(reason.as_str().parse::<Reason>().ok(), Some(*reason));
    }
}
