//! Tests of the scores of sign-ins: where the history comes from, and what happens if it cannot be read.

use domain::risk::{Place, Reason, Signals, Standing};

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn signals() -> Signals {
    Signals { at_ms: 1_000, standing: Standing::New, fingerprint_changed: false, place: Place::default() }
}

#[actix_rt::test]
async fn attempts_of_this_node_count_without_another_read_of_the_history() {
    let f = start(|_| {});
    let before = f.realtime.score(UserId(1), ADDRESS, signals()).await.unwrap();
    f.realtime.attempted(Attempted { user: UserId(1), at_ms: 1_000, succeeded: None });
    let after = f.realtime.score(UserId(1), ADDRESS, signals()).await.unwrap();
    assert_eq!((before.reasons, after.reasons), (vec![], vec![Reason::RecentFailures]));
    assert_eq!(f.memory.histories.load(Ordering::SeqCst), 1);
    f.realtime.stop();
}

#[actix_rt::test]
async fn a_sign_in_gets_no_score_if_its_history_cannot_be_read() {
    let f = start(|_| {});
    f.memory.down.store(true, Ordering::SeqCst);
    assert!(f.realtime.score(UserId(1), ADDRESS, signals()).await.is_err());
    f.memory.down.store(false, Ordering::SeqCst);
    assert!(f.realtime.score(UserId(1), ADDRESS, signals()).await.is_ok());
    f.realtime.stop();
}

#[actix_rt::test]
async fn the_history_is_read_once_per_address() {
    let f = start(|_| {});
    for last in [1, 2, 2] {
        let address = IpAddr::from([203, 0, 113, last]);
        f.realtime.score(UserId(1), address, signals()).await.unwrap();
    }
    assert_eq!(f.memory.histories.load(Ordering::SeqCst), 2);
    f.realtime.stop();
}
