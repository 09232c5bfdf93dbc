//! Properties that hold for every sign-in, even for unusual ones.

use proptest::prelude::*;

use super::*;
use crate::risk::place::Position;

const DAY: i64 = 24 * HOUR;

fn places() -> impl Strategy<Value = Place> {
    let position = (-90.0..=90.0, -180.0..=180.0, 0u32..2_000)
        .prop_map(|(latitude, longitude, accuracy_km)| Position { latitude, longitude, accuracy_km });
    let country = prop::option::of(prop::sample::select(vec!["AU", "GB", "NL"]).prop_map(str::to_owned));
    (country, prop::option::of(position), prop::option::of(0u32..4))
        .prop_map(|(country, position, network)| Place { country, city: None, position, network })
}

fn signals(standing: impl Strategy<Value = Standing>) -> impl Strategy<Value = Signals> {
    (0..DAY * 40_000, standing, any::<bool>(), places()).prop_map(|(at_ms, standing, changed, place)| {
        Signals {
            at_ms,
            standing,
            // Only a known device has a fingerprint that can change.
            fingerprint_changed: changed && standing != Standing::New,
            place,
        }
    })
}

fn histories() -> impl Strategy<Value = History> {
    let visits = (0..DAY * 40_000, places()).prop_map(|(at_ms, place)| Visit { at_ms, place });
    (prop::collection::vec(visits, 0..20), prop::collection::vec(0..DAY * 40_000, 0..20), 0u32..50)
        .prop_map(|(visits, failures, accounts)| History { visits, failures, accounts })
}

fn any_standing() -> impl Strategy<Value = Standing> {
    prop::sample::select(vec![Standing::New, Standing::Known, Standing::Trusted])
}

proptest! {
    #[test]
    fn the_score_is_zero_exactly_if_there_is_no_reason(now in signals(any_standing()), history in histories()) {
        let found = assess(&now, &history);
        prop_assert!(found.score <= 100);
        prop_assert_eq!(found.score == 0, found.reasons.is_empty());
    }

    #[test]
    fn a_sign_in_is_never_refused_for_a_single_reason(score: u8, notify: u8, second_factor: u8, refuse: u8) {
        let found = Assessment { score, reasons: vec![Reason::ImpossibleTravel] };
        let thresholds = Thresholds { notify, second_factor, refuse };
        prop_assert!(decide(&found, thresholds) < RiskOutcome::Refuse);
    }

    #[test]
    fn a_known_device_is_never_refused(
        now in signals(prop::sample::select(vec![Standing::Known, Standing::Trusted])),
        history in histories(),
    ) {
        prop_assert!(decide(&assess(&now, &history), Thresholds::default()) < RiskOutcome::Refuse);
    }

    #[test]
    fn trust_never_raises_the_score(now in signals(any_standing()), history in histories()) {
        let score = |standing| assess(&Signals { standing, ..now.clone() }, &history).score;
        prop_assert!(score(Standing::Trusted) <= score(Standing::Known));
    }

    #[test]
    fn the_usual_place_and_hour_are_not_reasons(now in signals(any_standing()), mut history in histories()) {
        history.visits.push(Visit { at_ms: now.at_ms, place: now.place.clone() });
        let found = assess(&now, &history).reasons;
        prop_assert!(!found.contains(&Reason::NewCountry) && !found.contains(&Reason::NewNetwork));
        prop_assert!(!found.contains(&Reason::UnusualHour));
    }

    #[test]
    fn an_inexact_position_is_never_impossible_travel(now in signals(any_standing()), history in histories(), radius in 200u32..5_000) {
        let mut now = now;
        if let Some(position) = &mut now.place.position {
            position.accuracy_km = radius;
        }
        prop_assert!(!assess(&now, &history).reasons.contains(&Reason::ImpossibleTravel));
    }

    #[test]
    fn failures_elsewhere_have_no_weight_on_a_known_device(
        now in signals(prop::sample::select(vec![Standing::Known, Standing::Trusted])),
        history in histories(),
    ) {
        let calm = History { failures: Vec::new(), accounts: 0, ..history.clone() };
        prop_assert_eq!(assess(&now, &history), assess(&now, &calm));
    }
}
