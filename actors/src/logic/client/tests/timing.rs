//! Timing: pings, pongs, and the expiry of tokens.

use std::time::Duration;

use protocol::id::UserId;

use super::*;

#[test]
fn the_first_ping_comes_within_the_second_half_of_an_interval() {
    for (jitter, due) in [(0.0, 12.5), (1.0, 25.0), (f64::NAN, 18.75), (7.0, 25.0)] {
        let mut connection = TestConnection::authenticated();
        connection.client =
            ClientState::new(Arc::new(config()), opening(connection.now, jitter), Some(identity()));
        assert_eq!(connection.next().0, due);
    }
}

#[test]
fn a_ping_is_answered_by_a_pong_within_eight_seconds() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.next(), (18.75, vec!["{}".to_owned()]));
    connection.now += Duration::from_secs_f64(7.9);
    assert!(connection.say("{}").is_empty());
    assert_eq!(connection.next(), (17.1, vec!["{}".to_owned()]));
    assert_eq!(connection.next(), (8.0, vec!["close 3012".to_owned()]));
}

#[test]
fn a_peer_that_does_not_answer_a_probe_is_gone_after_three_seconds() {
    let mut connection = TestConnection::connected();
    connection.now += Duration::from_secs(5);
    assert_eq!(connection.told(ServerRequest::Probe), ["{}"]);
    assert_eq!(connection.next(), (3.0, vec!["close 3012".to_owned()]));
    let mut plain = TestConnection::authenticated();
    plain.now += Duration::from_secs(5);
    assert_eq!(plain.told(ServerRequest::Probe), ["native ping"]);
}

#[test]
fn a_peer_that_answers_a_probe_stays_and_is_not_asked_again_at_once() {
    let mut connection = TestConnection::connected();
    connection.now += Duration::from_secs(5);
    connection.told(ServerRequest::Probe);
    connection.now += Duration::from_secs_f64(2.9);
    assert!(connection.say("{}").is_empty());
    assert!(connection.told(ServerRequest::Probe).is_empty(), "it has just answered");
    assert_eq!(connection.next(), (22.1, vec!["{}".to_owned()]), "the ping was the next one");
}

#[test]
fn a_probe_during_a_ping_sends_no_second_one_and_shortens_the_wait() {
    let mut connection = TestConnection::connected();
    connection.next();
    connection.now += Duration::from_secs(1);
    assert!(connection.told(ServerRequest::Probe).is_empty());
    assert_eq!(connection.next(), (3.0, vec!["close 3012".to_owned()]));
}

#[test]
fn an_unrequested_pong_is_a_bad_request() {
    assert_eq!(TestConnection::connected().say("{}"), ["close 3501"]);
    assert_eq!(TestConnection::authenticated().say("{}"), ["close 3501"]);
    let mut connection = TestConnection::connected();
    connection.next();
    assert_eq!(connection.say("{}\n{}"), ["close 3501"]);
}

#[test]
fn a_pong_does_not_wait_behind_a_verification() {
    let mut connection = TestConnection::connected();
    connection.next();
    assert_eq!(connection.say(REFRESH).len(), 1);
    assert!(connection.say("{}").is_empty());
    assert!(connection.after(8.0).is_empty());
}

fn connected_for(seconds: u64) -> TestConnection {
    let short = Identity { token_expires_in: Some(Duration::from_secs(seconds)), ..identity() };
    let mut connection = TestConnection::new(
        Some(short),
        ClientConfig { pong_timeout: Duration::from_secs(9999), ..config() },
    );
    assert!(connection.say(r#"{"id":1,"connect":{}}"#)[0].contains(&format!("\"ttl\":{seconds},")));
    connection
}

#[test]
fn a_connection_ends_25_seconds_after_its_token() {
    let mut connection = connected_for(30);
    connection.now += Duration::from_secs_f64(54.9);
    assert!(!connection.after(0.0).contains(&"close 3005".to_owned()));
    assert_eq!(connection.after(0.1), ["close 3005"]);
}

#[test]
fn a_refresh_extends_the_connection() {
    let mut connection = connected_for(30);
    assert_eq!(connection.say(REFRESH), ["verify Refresh { id: 5 } t2"]);
    assert_eq!(
        connection.verified(REFRESH_5, Ok(identity())),
        [r#"{"id":5,"refresh":{"expires":true,"ttl":3600}}"#]
    );
    assert!(!connection.after(3600.0).contains(&"close 3005".to_owned()));
    assert_eq!(connection.after(25.0), ["close 3005"]);
}

#[test]
fn a_refresh_never_changes_the_user() {
    let mut connection = TestConnection::connected();
    connection.say(REFRESH);
    assert_eq!(
        connection.verified(REFRESH_5, Ok(Identity { subject: UserId(1).into(), ..identity() })),
        ["close 3500"]
    );
}

#[test]
fn a_refused_refresh_closes_or_is_a_temporary_error() {
    for (refusal, said) in [
        (VerifyRefusal::Expired, "close 3005".to_owned()),
        (VerifyRefusal::Invalid, "close 3500".to_owned()),
        (VerifyRefusal::Revoked(CloseReason::SignedOut), "close 4501".to_owned()),
        (VerifyRefusal::Unavailable, error(5, 100)),
    ] {
        let mut connection = TestConnection::connected();
        connection.say(REFRESH);
        assert_eq!(connection.verified(REFRESH_5, Err(refusal)), [said]);
    }
}

#[test]
fn a_refresh_without_a_token_is_a_bad_request() {
    assert_eq!(TestConnection::connected().say(r#"{"id":5,"refresh":{}}"#), ["close 3501"]);
}

#[test]
fn a_ttl_is_at_least_one_second() {
    let nearly = Identity { token_expires_in: Some(Duration::from_millis(10)), ..identity() };
    let mut connection = TestConnection::new(Some(nearly), config());
    assert!(connection.say(r#"{"id":1,"connect":{}}"#)[0].contains(r#""ttl":1,"#));
}
