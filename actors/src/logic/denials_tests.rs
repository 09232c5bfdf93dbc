//! Tests of denials: which tokens they deny and for how long. The order of the rulings does not matter.

use proptest::prelude::*;

use super::*;

fn token(id: &str, issued_at_ms: i64) -> TokenMark {
    TokenMark { id: Some(id.into()), issued_at_ms: Some(issued_at_ms) }
}

fn block(id: i64, subject: &str, lifted: bool, until_ms: Option<i64>) -> DenialRecord {
    DenialRecord { id, denial: Denial::User { subject: Subject::new(subject), lifted }, until_ms }
}

fn before(id: i64, moment_ms: i64, channel: Option<&str>, until_ms: Option<i64>) -> DenialRecord {
    let channel = channel.map(Arc::from);
    let denial = Denial::IssuedBefore { subject: Subject::new("7"), moment_ms, channel };
    DenialRecord { id, denial, until_ms }
}

fn denials(rulings: &[DenialRecord]) -> Denials {
    let mut denials = Denials::default();
    for ruling in rulings {
        denials.apply(ruling, 0);
    }
    denials
}

#[test]
fn a_reload_drops_denials_without_rows_and_keeps_new_rulings() {
    let blocked = |copy: &DenialCopy, subject: &str| {
        copy.judge(&Subject::new(subject), &token("a", 0), None, 1) == Some(Denied::Blocked)
    };
    let mut copy = DenialCopy::default();
    copy.apply(&block(1, "lifted meanwhile", false, None), 0);
    copy.apply(&block(2, "7", false, None), 0);
    copy.begin_reload();
    copy.load(&block(2, "7", false, None), 0);
    copy.load(&block(3, "loaded", false, None), 0);
    copy.apply(&block(4, "new", false, None), 0);
    assert!(!blocked(&copy, "loaded"), "a loaded ruling counts only after the reload");
    assert!(blocked(&copy, "lifted meanwhile") && blocked(&copy, "7") && blocked(&copy, "new"));
    assert!(copy.finish_reload().is_some(), "the old copy is returned");
    assert!(!blocked(&copy, "lifted meanwhile") && blocked(&copy, "7") && blocked(&copy, "new"));
    assert!(blocked(&copy, "loaded"));
}

#[test]
fn a_blocked_user_is_denied_until_the_block_ends() {
    let denials = denials(&[block(1, "7", false, Some(100))]);
    let judge = |subject: &str, now| denials.judge(&Subject::new(subject), &token("a", 0), None, now);
    assert_eq!(judge("7", 99), Some(Denied::Blocked));
    assert_eq!(judge("7", 100), None);
    assert_eq!(judge("8", 99), None);
    assert_eq!(judge("", 99), None);
}

#[test]
fn a_lifted_block_stays_lifted_when_the_older_ruling_arrives_again() {
    let mut denials = denials(&[block(1, "7", false, None), block(2, "7", true, None)]);
    denials.apply(&block(1, "7", false, None), 0);
    assert_eq!(denials.judge(&Subject::new("7"), &token("a", 0), None, 0), None);
    denials.apply(&block(3, "7", false, None), 0);
    assert_eq!(denials.judge(&Subject::new("7"), &token("a", 0), None, 0), Some(Denied::Blocked));
}

#[test]
fn only_the_revoked_token_of_a_user_is_denied() {
    let denials =
        denials(&[DenialRecord { id: 1, denial: Denial::Token { id: "a".into() }, until_ms: Some(100) }]);
    let judge = |id: &str, now| denials.judge(&Subject::new("7"), &token(id, 0), None, now);
    assert_eq!(judge("a", 0), Some(Denied::TokenRevoked));
    assert_eq!(judge("b", 0), None);
    assert_eq!(judge("a", 100), None);
}

#[test]
fn tokens_issued_before_the_moment_and_tokens_without_iat_are_denied() {
    let denials = denials(&[before(1, 1_000, None, None)]);
    let judge = |token: &TokenMark| denials.judge(&Subject::new("7"), token, None, 0);
    assert_eq!(judge(&token("a", 999)), Some(Denied::TokensInvalidated));
    assert_eq!(judge(&token("a", 1_000)), None);
    assert_eq!(judge(&TokenMark::default()), Some(Denied::TokensInvalidated));
    assert_eq!(denials.judge(&Subject::new("8"), &token("a", 0), None, 0), None);
}

#[test]
fn a_ruling_about_one_channel_denies_only_subscriptions_to_it() {
    let denials = denials(&[before(1, 1_000, Some("news"), None)]);
    let seven = Subject::new("7");
    assert_eq!(denials.judge(&seven, &token("a", 0), None, 0), None);
    assert_eq!(denials.judge(&seven, &token("a", 0), Some("chat"), 0), None);
    let denied = denials.judge(&seven, &token("a", 0), Some("news"), 0);
    assert_eq!(denied, Some(Denied::TokensInvalidated));
}

#[test]
fn a_ruling_with_an_earlier_moment_does_not_weaken_one_with_a_later_moment() {
    let denials = denials(&[before(1, 1_000, None, Some(50)), before(2, 500, None, None)]);
    let judge = |issued, now| denials.judge(&Subject::new("7"), &token("a", issued), None, now);
    assert_eq!(judge(700, 49), Some(Denied::TokensInvalidated));
    assert_eq!(judge(700, 50), None);
    assert_eq!(judge(499, 50), Some(Denied::TokensInvalidated));
}

#[test]
fn a_purge_drops_only_expired_rulings() {
    let mut denials = denials(&[
        block(1, "7", false, Some(10)),
        block(2, "8", false, Some(20)),
        before(3, 5, None, Some(10)),
    ]);
    denials.purge(10);
    assert_eq!(denials.len(), 1);
    assert_eq!(denials.judge(&Subject::new("8"), &token("a", 9), None, 10), Some(Denied::Blocked));
}

fn any_ruling() -> impl Strategy<Value = (u8, bool, i64, Option<i64>, u8)> {
    (0_u8..3, any::<bool>(), 0_i64..6, prop::option::of(1_i64..6), 0_u8..3)
}

proptest! {
    #[test]
    fn the_order_and_repetition_of_rulings_do_not_matter(
        drawn in prop::collection::vec(any_ruling(), 1..12),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
    ) {
        let rulings: Vec<DenialRecord> = drawn
            .iter()
            .enumerate()
            .map(|(number, (kind, lifted, moment, until, channel))| {
                let id = number as i64;
                match kind {
                    0 => block(id, "7", *lifted, *until),
                    1 => DenialRecord { id, denial: Denial::Token { id: format!("t{moment}").into() }, until_ms: *until },
                    _ => before(id, *moment, ["a", "b"].get(usize::from(*channel)).copied(), *until),
                }
            })
            .collect();
        let mut delivered: Vec<DenialRecord> = places.iter().map(|place| place.get(&rulings).clone()).collect();
        delivered.extend(rulings.iter().rev().cloned());
        let (straight, shuffled) = (denials(&rulings), denials(&delivered));
        for now in 0..7 {
            for issued in 0..7 {
                let token = token(&format!("t{issued}"), issued);
                let seven = Subject::new("7");
                prop_assert_eq!(straight.judge(&seven, &token, None, now), shuffled.judge(&seven, &token, None, now));
                for channel in ["a", "b", "c"] {
                    prop_assert_eq!(
                        straight.judge(&seven, &token, Some(channel), now),
                        shuffled.judge(&seven, &token, Some(channel), now)
                    );
                }
            }
        }
    }
}

#[test]
fn a_denial_of_all_older_tokens_concerns_every_user_and_no_connection_without_a_token() {
    let record =
        DenialRecord { id: 1, denial: Denial::AllIssuedBefore { moment_ms: 50 }, until_ms: Some(100) };
    let mut denials = denials(&[record]);
    let judge = |denials: &Denials, subject: &str, token: &TokenMark, channel, now| {
        denials.judge(&Subject::new(subject), token, channel, now) == Some(Denied::TokensInvalidated)
    };
    for subject in ["7", "corp:ann", ""] {
        assert!(judge(&denials, subject, &token("a", 49), None, 60));
        assert!(!judge(&denials, subject, &token("a", 50), None, 60));
        assert!(!judge(&denials, subject, &token("a", 49), None, 100), "the denial has ended");
    }
    let unknown = TokenMark::default();
    assert!(judge(&denials, "7", &unknown, None, 60) && judge(&denials, "", &unknown, Some("news"), 60));
    assert!(!judge(&denials, "", &unknown, None, 60), "an anonymous connection has no token");
    denials.purge(100);
    assert!(denials.is_empty());
}
