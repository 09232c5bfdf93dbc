//! Scores of sign-ins: the source of the history, and no score without a history.

use domain::risk::{Place, Reason, Signals, Standing};

use super::*;

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn signals() -> Signals {
    Signals { at_ms: 1_000, standing: Standing::New, fingerprint_changed: false, place: Place::default() }
}

#[actix_rt::test]
async fn attempts_of_this_node_count_without_another_look_at_the_database() {
    let f = start(|_| {});
    let before = f.realtime.score(UserId(1), ADDRESS, signals()).await.unwrap();
    f.realtime.attempted(Attempted { user: UserId(1), at_ms: 1_000, succeeded: None });
    let after = f.realtime.score(UserId(1), ADDRESS, signals()).await.unwrap();
    assert_eq!((before.reasons, after.reasons), (vec![], vec![Reason::RecentFailures]));
    assert_eq!(f.memory.histories.load(Ordering::SeqCst), 1);
    f.realtime.stop();
}

#[actix_rt::test]
async fn without_a_history_there_is_no_score() {
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
