//! Tests of rate limits. Some of the tests choose the times of the requests at random.

use proptest::prelude::*;

use super::*;

const THREE_PER_SECOND: Limit = Limit { name: "test", burst: 3, period: Duration::from_secs(1) };

fn allowed(limiter: &mut Limiter, key: &str, now: Instant) -> bool {
    limiter.check(key, &THREE_PER_SECOND, now).is_allowed()
}

#[test]
fn a_burst_is_allowed_and_then_one_permit_per_interval() {
    let start = Instant::now();
    let mut gcra = Gcra::new(start);
    for _ in 0..3 {
        assert!(gcra.check(&THREE_PER_SECOND, start).is_allowed());
    }
    let Verdict::Denied { retry_after } = gcra.check(&THREE_PER_SECOND, start) else {
        panic!("the fourth request is permitted")
    };
    assert!(retry_after > Duration::from_millis(333) && retry_after < Duration::from_millis(334));
    assert!(!gcra.check(&THREE_PER_SECOND, start + Duration::from_millis(333)).is_allowed());
    assert!(gcra.check(&THREE_PER_SECOND, start + retry_after).is_allowed());
    assert!(!gcra.check(&THREE_PER_SECOND, start + retry_after).is_allowed());
}

#[test]
fn a_burst_of_zero_refuses_everything() {
    let limit = Limit { burst: 0, ..THREE_PER_SECOND };
    assert!(!Gcra::new(Instant::now()).check(&limit, Instant::now()).is_allowed());
}

#[test]
fn a_period_of_zero_allows_everything() {
    let (limit, now) = (Limit { period: Duration::ZERO, ..THREE_PER_SECOND }, Instant::now());
    let mut gcra = Gcra::new(now);
    assert!((0..100).all(|_| gcra.check(&limit, now).is_allowed()));
}

#[test]
fn keys_and_names_do_not_share_permits() {
    let (now, mut limiter) = (Instant::now(), Limiter::new(100));
    assert!((0..3).all(|_| allowed(&mut limiter, "a", now)));
    assert!(!allowed(&mut limiter, "a", now));
    assert!(allowed(&mut limiter, "b", now));
    assert!(limiter.check("a", &Limit { name: "other", ..THREE_PER_SECOND }, now).is_allowed());
    limiter.forget("a", "test");
    assert!(allowed(&mut limiter, "a", now));
    assert_eq!(limiter.len(), 3);
}

#[test]
fn a_purge_drops_only_idle_keys() {
    let (start, mut limiter) = (Instant::now(), Limiter::new(100));
    assert!(allowed(&mut limiter, "idle", start));
    let later = start + Duration::from_millis(900);
    assert!((0..3).all(|_| allowed(&mut limiter, "busy", later)));
    limiter.purge(later);
    assert_eq!(limiter.len(), 1);
    assert!(!allowed(&mut limiter, "busy", later));
    limiter.purge(start + Duration::from_secs(60));
    assert!(limiter.is_empty());
}

#[test]
fn a_flood_of_keys_stays_within_the_bound_and_keeps_the_most_limited_key() {
    let (now, mut limiter) = (Instant::now(), Limiter::new(64));
    while allowed(&mut limiter, "attacker", now) {}
    for number in 0..10_000 {
        assert!(allowed(&mut limiter, &number.to_string(), now));
        assert!(limiter.len() <= 64);
        if number % 30 == 0 {
            assert!(!allowed(&mut limiter, "attacker", now));
        }
    }
}

#[test]
fn a_limiter_without_capacity_remembers_one_key() {
    let (now, mut limiter) = (Instant::now(), Limiter::new(0));
    assert!(allowed(&mut limiter, "a", now) && allowed(&mut limiter, "b", now));
    assert_eq!(limiter.len(), 1);
}

proptest! {
    #[test]
    fn no_period_of_time_admits_more_than_the_burst_plus_the_rate(
        burst in 1_u32..20,
        period_ms in 1_u64..5_000,
        gaps in prop::collection::vec(0_u64..400_000, 1..300),
    ) {
        let limit = Limit { name: "test", burst, period: Duration::from_millis(period_ms) };
        let start = Instant::now();
        let (mut gcra, mut now) = (Gcra::new(start), start);
        let mut admitted: Vec<Instant> = Vec::new();
        for gap in gaps {
            now += Duration::from_micros(gap);
            match gcra.check(&limit, now) {
                Verdict::Allowed => admitted.push(now),
                Verdict::Denied { retry_after } => {
                    // The next permit is available after `retry_after`, and not earlier.
                    prop_assert!(gcra.clone().check(&limit, now + retry_after).is_allowed());
                    let before = now + retry_after - Duration::from_nanos(1);
                    prop_assert!(!gcra.clone().check(&limit, before).is_allowed());
                }
            }
        }
        // The limit holds in every period of time, not only in the first.
        for (first, from) in admitted.iter().enumerate() {
            for (last, to) in admitted.iter().enumerate().skip(first) {
                let rate = u128::from(burst) * (*to - *from).as_nanos() / limit.period.as_nanos();
                prop_assert!((last - first + 1) as u128 <= u128::from(burst) + rate);
            }
        }
    }

    #[test]
    fn requests_at_the_rate_are_never_refused(burst in 1_u32..20, period_ms in 1_u64..5_000, count in 1_u32..200) {
        let limit = Limit { name: "test", burst, period: Duration::from_millis(period_ms) };
        let start = Instant::now();
        let mut limiter = Limiter::new(10);
        for number in 0..count {
            prop_assert!(limiter.check("a", &limit, start + limit.interval() * number).is_allowed());
        }
    }
}

#[test]
fn a_look_gives_the_verdict_of_a_check_and_spends_no_permit() {
    let (mut limiter, now) = (Limiter::new(10), Instant::now());
    for _ in 0..3 {
        assert!(limiter.look("key", &THREE_PER_SECOND, now).is_allowed());
        assert!(allowed(&mut limiter, "key", now));
    }
    let looked = limiter.look("key", &THREE_PER_SECOND, now);
    assert_eq!(looked, limiter.check("key", &THREE_PER_SECOND, now));
    assert!(!looked.is_allowed());
}

#[test]
fn several_permits_are_spent_together_or_not_at_all() {
    let limit = Limit { name: "bytes", burst: 100, period: Duration::from_secs(100) };
    let start = Instant::now();
    let mut state = Gcra::new(start);
    assert!(state.check_many(&limit, 60, start).is_allowed());
    assert_eq!(state.check_many(&limit, 60, start), Verdict::Denied { retry_after: Duration::from_secs(20) });
    assert!(state.check_many(&limit, 40, start).is_allowed());
    assert!(state.check_many(&limit, 30, start + Duration::from_secs(30)).is_allowed());
    assert!(
        !state.check_many(&limit, 101, start + Duration::from_secs(1_000)).is_allowed(),
        "the burst is 100"
    );
}

#[test]
fn a_raised_limit_applies_at_once() {
    let now = Instant::now();
    let limit = |burst, seconds| Limit { name: "test", burst, period: Duration::from_secs(seconds) };
    let mut state = Gcra::new(now);
    assert!(state.check(&limit(1, 3600), now).is_allowed());
    assert!(!state.check(&limit(1, 3600), now).is_allowed());
    assert!(!state.check(&limit(2, 2), now).is_allowed());
    let later = now + Duration::from_secs(1);
    assert!(state.look(&limit(2, 2), later).is_allowed() && state.check(&limit(2, 2), later).is_allowed());
}
