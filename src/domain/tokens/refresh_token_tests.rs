//! Tests of refresh tokens, and of the rule for their rotation.

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;

fn keys() -> RefreshKeys {
    RefreshKeys::new(&SecretRing {
        previous: vec![SecretString::from("older").into()],
        ..SecretRing::of("current".into())
    })
}

fn token(counter: u64) -> RefreshToken {
    RefreshToken { session: SessionId(Uuid::from_u128(0xfeed)), counter }
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds)
}

/// A chain with refresh counter 5, rotated at second 0. Its newest token was not used yet.
fn chain() -> ChainState {
    ChainState {
        counter: 5,
        rotated_at: Some(at(0)),
        used_counter: 4,
        retried_counter: None,
        renewed_counter: None,
    }
}

#[test]
fn a_token_signed_with_a_previous_key_is_accepted() {
    let older = RefreshKeys::new(&SecretRing::of("older".into()));
    assert_eq!(keys().decode(older.encode(&token(3)).expose_secret()), Ok(token(3)));
    assert_eq!(older.decode(keys().encode(&token(3)).expose_secret()), Err(RefreshError::Forged));
}

#[test]
fn the_same_token_is_computed_again() {
    assert_eq!(keys().encode(&token(3)).expose_secret(), keys().encode(&token(3)).expose_secret());
}

#[test]
fn a_text_of_another_form_is_malformed() {
    let genuine = keys().encode(&token(3));
    let genuine = genuine.expose_secret();
    for text in ["", "x", "not base64!", &genuine[..54], &format!("{genuine}AAAA"), &format!("{genuine}=")] {
        assert_eq!(keys().decode(text), Err(RefreshError::Malformed), "{text}");
    }
}

#[test]
fn the_current_token_rotates() {
    assert_eq!(decide(5, &chain(), at(1_000_000)), Decision::Rotate);
    let first = ChainState {
        counter: 0,
        rotated_at: None,
        used_counter: 0,
        retried_counter: None,
        renewed_counter: None,
    };
    assert_eq!(decide(0, &first, at(0)), Decision::Rotate);
}

#[test]
fn the_previous_token_gets_its_successor_again_for_ten_seconds() {
    let used = ChainState { used_counter: 5, ..chain() };
    assert_eq!(decide(4, &used, at(10)), Decision::Repeat);
    assert_eq!(decide(4, &used, at(11)), Decision::Reuse);
    assert_eq!(decide(4, &used, at(-3)), Decision::Repeat);
}

#[test]
fn an_unused_successor_is_returned_once_more_within_a_day() {
    assert_eq!(decide(4, &chain(), at(11)), Decision::RepeatLate);
    assert_eq!(decide(4, &chain(), at(24 * 3600 - 1)), Decision::RepeatLate);
    assert_eq!(decide(4, &chain(), at(24 * 3600)), Decision::Reuse);
}

#[test]
fn an_unused_successor_is_returned_only_once_per_rotation() {
    let spent = ChainState { retried_counter: Some(5), ..chain() };
    assert_eq!(decide(4, &spent, at(11)), Decision::Reuse);
    let spent_earlier = ChainState { retried_counter: Some(4), ..chain() };
    assert_eq!(decide(4, &spent_earlier, at(11)), Decision::RepeatLate);
}

#[test]
fn a_token_from_before_a_renewal_never_gets_a_successor() {
    let unused = ChainState { renewed_counter: Some(5), used_counter: 3, ..chain() };
    let used = ChainState { used_counter: 5, ..unused };
    for seconds in [-3, 0, 10] {
        assert_eq!(decide(3, &unused, at(seconds)), Decision::Superseded, "{seconds}");
        assert_eq!(decide(3, &used, at(seconds)), Decision::Superseded, "{seconds}");
    }
    for seconds in [11, 3600, 24 * 3600] {
        assert_eq!(decide(3, &unused, at(seconds)), Decision::Superseded, "{seconds}: a lost answer");
        assert_eq!(decide(3, &used, at(seconds)), Decision::Reuse, "{seconds}");
    }
    assert_eq!(decide(2, &unused, at(0)), Decision::Reuse, "its successor is in use");
    let renewed_twice = ChainState { counter: 7, renewed_counter: Some(7), ..unused };
    assert_eq!(decide(3, &renewed_twice, at(0)), Decision::Superseded, "two lost answers");
    assert_eq!(decide(5, &unused, at(0)), Decision::Rotate);
}

#[test]
fn a_rotation_after_a_renewal_is_repeated_like_any_other() {
    let rotated = ChainState { renewed_counter: Some(4), ..chain() };
    assert_eq!(decide(4, &rotated, at(0)), Decision::Repeat);
    assert_eq!(decide(4, &rotated, at(11)), Decision::RepeatLate);
}

#[test]
fn a_token_older_than_the_previous_token_counts_as_reuse_at_once() {
    assert_eq!(decide(3, &chain(), at(0)), Decision::Reuse);
    assert_eq!(decide(0, &chain(), at(0)), Decision::Reuse);
}

#[test]
fn a_rotation_that_never_took_place_is_forged() {
    assert_eq!(decide(6, &chain(), at(0)), Decision::Forged);
    assert_eq!(decide(u64::MAX, &chain(), at(0)), Decision::Forged);
}

prop_compose! {
    fn any_chain()(counter in 0u64..20, rotated in proptest::option::of(-100i64..100_000), used in 0u64..20, retried in proptest::option::of(0u64..20), renewed: bool)
        -> ChainState {
        let renewed_counter = renewed.then_some(counter);
        ChainState { counter, rotated_at: rotated.map(at), used_counter: used, retried_counter: retried, renewed_counter }
    }
}

proptest! {
    #[test]
    fn any_token_round_trips(session: u128, counter: u64) {
        let token = RefreshToken { session: SessionId(Uuid::from_u128(session)), counter };
        prop_assert_eq!(keys().decode(keys().encode(&token).expose_secret()), Ok(token));
    }

    #[test]
    fn any_changed_byte_is_refused(counter: u64, at in any::<prop::sample::Index>(), flip in 1u8..128) {
        let genuine = keys().encode(&token(counter));
        let mut bytes = genuine.expose_secret().as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = (bytes[at] ^ flip) & 0x7f;
        prop_assert!(keys().decode(&String::from_utf8(bytes).unwrap()).is_err());
    }

    #[test]
    fn only_the_current_token_rotates_the_chain(presented in 0u64..20, chain in any_chain(), now in -100i64..200_000) {
        let rotates = decide(presented, &chain, at(now)) == Decision::Rotate;
        prop_assert_eq!(rotates, presented == chain.counter);
    }

    #[test]
    fn no_token_from_before_a_renewal_gets_a_token_from_after_the_renewal(presented in 0u64..20, chain in any_chain(), now in -100i64..200_000) {
        prop_assume!(chain.renewed_counter.is_some_and(|renewed| presented < renewed));
        let answered = matches!(decide(presented, &chain, at(now)), Decision::Rotate | Decision::Repeat | Decision::RepeatLate);
        prop_assert!(!answered);
    }

    #[test]
    fn a_replaced_token_with_a_used_successor_counts_as_reuse_after_ten_seconds(chain in any_chain(), now in -100i64..200_000) {
        prop_assume!(chain.counter > 0 && chain.used_counter >= chain.counter);
        prop_assume!(chain.rotated_at.is_none_or(|rotated| at(now) - rotated > REPEAT_WINDOW));
        prop_assert_eq!(decide(chain.counter - 1, &chain, at(now)), Decision::Reuse);
    }

    #[test]
    fn no_text_makes_the_decoder_panic(text in "\\PC{0,80}|[A-Za-z0-9_-]{55}") {
        prop_assert!(keys().decode(&text).is_err());
    }
}
