//! Tests: which work the task of an order does, and which work remains for the feed.

use protocol::close::Cause;

use super::*;

fn heard(id: i64, origin: Uuid) -> HeardRevocation {
    let committed = CommittedRevocation {
        id: Some(RevocationId(id)),
        cause: Cause::Revoked,
        ended: store::Ended::These(Vec::new()),
        except: None,
        left: store::Left::default(),
        renewed: None,
    };
    HeardRevocation { committed, origin, at: time::OffsetDateTime::UNIX_EPOCH }
}

#[test]
fn the_feed_does_not_repeat_a_revocation_of_this_node() {
    let own = InFlightRevocations::default();
    own.claim(RevocationId(1));
    assert_eq!(own.remaining_work(&heard(1, Uuid::nil())), RemainingWork::Nothing);
    assert_eq!(own.remaining_work(&heard(2, Uuid::nil())), RemainingWork::Everything);
}

#[test]
fn the_feed_sets_the_tombstones_of_an_order_in_flight_and_its_task_closes_the_sockets() {
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
fn the_task_carries_out_an_order_that_was_answered_before_the_hand_over() {
    let own = Arc::new(InFlightRevocations::default());
    let under_way = InFlightRevocations::begin(&own, Uuid::from_u128(1));
    let heard = heard(7, Uuid::from_u128(1));
    assert_eq!(own.remaining_work(&heard), RemainingWork::Tombstones);
    assert_eq!(under_way.end(Some(RevocationId(7))), None);
    assert!(own.hand_over(&heard));
}

#[test]
fn the_feed_carries_out_an_order_that_failed_before_the_hand_over() {
    let own = Arc::new(InFlightRevocations::default());
    let under_way = InFlightRevocations::begin(&own, Uuid::from_u128(1));
    let heard = heard(7, Uuid::from_u128(1));
    assert_eq!(own.remaining_work(&heard), RemainingWork::Tombstones);
    assert_eq!(under_way.end(None), None);
    assert!(!own.hand_over(&heard));
}

#[test]
fn the_feed_carries_out_an_order_whose_task_was_dropped() {
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
fn a_look_forgets_the_claims_from_before_it_began() {
    let own = InFlightRevocations::default();
    own.claim(RevocationId(1));
    let look = own.begin_look();
    own.claim(RevocationId(2));
    own.seen_all(look);
    assert_eq!(own.0.lock().unseen.keys().copied().collect::<Vec<_>>(), [RevocationId(2)]);
}

#[test]
fn the_oldest_claim_is_forgotten_when_there_are_too_many() {
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
