//! Tests: which revocations this node carries out itself, and which it leaves to the feed.

use protocol::close::Cause;

use super::*;

fn heard(id: i64, origin: Uuid) -> HeardRevocation {
    let committed = CommittedRevocation {
        id: Some(RevocationId(id)),
        cause: Cause::Revoked,
        ended: store::Ended::These(Vec::new()),
        except: None,
        renewed: None,
    };
    HeardRevocation { committed, origin }
}

#[test]
fn a_revocation_that_was_carried_out_here_is_not_carried_out_again() {
    let own = InFlightRevocations::default();
    own.claim(RevocationId(1));
    assert_eq!(own.remaining_work(&heard(1, Uuid::nil())), RemainingWork::Nothing);
    assert_eq!(own.remaining_work(&heard(2, Uuid::nil())), RemainingWork::Everything);
}

#[test]
fn the_feed_sets_the_tombstones_of_an_order_in_flight_and_its_task_does_the_rest() {
    let own = Arc::new(InFlightRevocations::default());
    let under_way = InFlightRevocations::begin(&own, Uuid::from_u128(1));
    let heard = heard(7, Uuid::from_u128(1));
    assert_eq!(own.remaining_work(&heard), RemainingWork::Tombstones);
    assert!(own.hand_over(&heard));
    assert_eq!(under_way.end(Some(RevocationId(7))), Some(heard.committed));
    assert!(own.0.lock().unseen.is_empty(), "the feed has read it");
}

#[tokio::test]
async fn an_order_without_an_answer_continues_when_the_feed_has_read_it() {
    let own = Arc::new(InFlightRevocations::default());
    let under_way = InFlightRevocations::begin(&own, Uuid::from_u128(1));
    assert!(own.hand_over(&heard(7, Uuid::from_u128(1))));
    under_way.seen().await;
    assert!(under_way.end(None).is_some());
}

#[test]
fn an_order_that_was_answered_before_the_hand_over_is_left_to_its_task() {
    let own = Arc::new(InFlightRevocations::default());
    let under_way = InFlightRevocations::begin(&own, Uuid::from_u128(1));
    let heard = heard(7, Uuid::from_u128(1));
    assert_eq!(own.remaining_work(&heard), RemainingWork::Tombstones);
    assert_eq!(under_way.end(Some(RevocationId(7))), None);
    assert!(own.hand_over(&heard));
}

#[test]
fn an_order_that_failed_before_the_hand_over_is_left_to_the_feed() {
    let own = Arc::new(InFlightRevocations::default());
    let under_way = InFlightRevocations::begin(&own, Uuid::from_u128(1));
    let heard = heard(7, Uuid::from_u128(1));
    assert_eq!(own.remaining_work(&heard), RemainingWork::Tombstones);
    assert_eq!(under_way.end(None), None);
    assert!(!own.hand_over(&heard));
}

#[test]
fn an_order_whose_task_was_dropped_is_left_to_the_feed() {
    let own = Arc::new(InFlightRevocations::default());
    let under_way = InFlightRevocations::begin(&own, Uuid::from_u128(1));
    let heard = heard(7, Uuid::from_u128(1));
    assert!(own.hand_over(&heard));
    drop(under_way);
    let look = own.begin_look();
    assert_eq!(own.seen_all(look), [heard.committed]);
    assert_eq!(own.seen_all(look), []);
}

#[test]
fn claims_from_before_a_look_are_forgotten_after_it() {
    let own = InFlightRevocations::default();
    own.claim(RevocationId(1));
    let look = own.begin_look();
    own.claim(RevocationId(2));
    own.seen_all(look);
    assert_eq!(own.0.lock().unseen.keys().copied().collect::<Vec<_>>(), [RevocationId(2)]);
}

#[test]
fn while_looks_fail_the_oldest_claims_are_forgotten() {
    let own = InFlightRevocations::default();
    for id in 0..=i64::try_from(MAX_UNSEEN).unwrap() {
        own.claim(RevocationId(id));
    }
    assert_eq!(own.0.lock().unseen.len(), MAX_UNSEEN);
    assert_eq!(
        own.remaining_work(&heard(0, Uuid::nil())),
        RemainingWork::Everything,
        "the first has been forgotten"
    );
    assert_eq!(own.remaining_work(&heard(1, Uuid::nil())), RemainingWork::Nothing);
}
