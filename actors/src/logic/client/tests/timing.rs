//! Tests of timing: pings, pongs, and the expiry of tokens.

use std::time::Duration;

use protocol::id::UserId;

use super::*;

#[test]
fn the_first_ping_is_sent_in_the_second_half_of_the_interval() {
    for (jitter, due) in [(0.0, 12.5), (1.0, 25.0), (f64::NAN, 18.75), (7.0, 25.0)] {
        let mut connection = TestConnection::authenticated();
        connection.client =
            ClientState::new(Arc::new(config()), opening(connection.now, jitter), Some(identity()));
        assert_eq!(connection.next().0, due);
    }
}

#[test]
fn a_pong_must_arrive_within_eight_seconds() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.next(), (18.75, vec!["{}".to_owned()]));
    connection.now += Duration::from_secs_f64(7.9);
    assert!(connection.receive("{}").is_empty());
    assert_eq!(connection.next(), (17.1, vec!["{}".to_owned()]));
    assert_eq!(connection.next(), (8.0, vec!["close 3012".to_owned()]));
}

#[test]
fn a_connection_whose_peer_does_not_answer_a_probe_is_closed_after_three_seconds() {
    let mut connection = TestConnection::connected();
    connection.now += Duration::from_secs(5);
    assert_eq!(connection.server_request(ServerRequest::Probe), ["{}"]);
    assert_eq!(connection.next(), (3.0, vec!["close 3012".to_owned()]));
    let mut before_connect = TestConnection::authenticated();
    before_connect.now += Duration::from_secs(5);
    assert_eq!(before_connect.server_request(ServerRequest::Probe), ["native ping"]);
}

#[test]
fn a_peer_that_answers_a_probe_stays_connected_and_is_not_probed_again_at_once() {
    let mut connection = TestConnection::connected();
    connection.now += Duration::from_secs(5);
    connection.server_request(ServerRequest::Probe);
    connection.now += Duration::from_secs_f64(2.9);
    assert!(connection.receive("{}").is_empty());
    assert!(connection.server_request(ServerRequest::Probe).is_empty(), "the peer has just answered");
    assert_eq!(connection.next(), (22.1, vec!["{}".to_owned()]), "the probe replaced the next ping");
}

#[test]
fn a_probe_while_a_pong_is_awaited_sends_no_ping_and_shortens_the_wait() {
    let mut connection = TestConnection::connected();
    connection.next();
    connection.now += Duration::from_secs(1);
    assert!(connection.server_request(ServerRequest::Probe).is_empty());
    assert_eq!(connection.next(), (3.0, vec!["close 3012".to_owned()]));
}

#[test]
fn an_unrequested_pong_is_a_bad_request() {
    assert_eq!(TestConnection::connected().receive("{}"), ["close 3501"]);
    assert_eq!(TestConnection::authenticated().receive("{}"), ["close 3501"]);
    let mut connection = TestConnection::connected();
    connection.next();
    assert_eq!(connection.receive("{}\n{}"), ["close 3501"]);
}

#[test]
fn a_pong_is_handled_during_a_verification() {
    let mut connection = TestConnection::connected();
    connection.next();
    assert_eq!(connection.receive(REFRESH).len(), 1);
    assert!(connection.receive("{}").is_empty());
    assert!(connection.after(8.0).is_empty());
}

fn connected_for(seconds: u64) -> TestConnection {
    let short = Identity { token_expires_in: Some(Duration::from_secs(seconds)), ..identity() };
    let mut connection = TestConnection::new(
        Some(short),
        ClientConfig { pong_timeout: Duration::from_secs(9999), ..config() },
    );
    assert!(connection.receive(r#"{"id":1,"connect":{}}"#)[0].contains(&format!("\"ttl\":{seconds},")));
    connection
}

#[test]
fn a_connection_ends_25_seconds_after_the_expiry_of_its_token() {
    let mut connection = connected_for(30);
    connection.now += Duration::from_secs_f64(54.9);
    assert!(!connection.after(0.0).contains(&"close 3005".to_owned()));
    assert_eq!(connection.after(0.1), ["close 3005"]);
}

#[test]
fn a_refresh_extends_the_connection() {
    let mut connection = connected_for(30);
    assert_eq!(connection.receive(REFRESH), ["verify Refresh { id: 5 } t2"]);
    assert_eq!(
        connection.verified(REFRESH_5, Ok(identity())),
        [r#"{"id":5,"refresh":{"expires":true,"ttl":3600}}"#]
    );
    assert!(!connection.after(3600.0).contains(&"close 3005".to_owned()));
    assert_eq!(connection.after(25.0), ["close 3005"]);
}

#[test]
fn a_refresh_with_a_token_of_another_user_closes_the_connection() {
    let mut connection = TestConnection::connected();
    connection.receive(REFRESH);
    assert_eq!(
        connection.verified(REFRESH_5, Ok(Identity { subject: UserId(1).into(), ..identity() })),
        ["close 3500"]
    );
}

#[test]
fn a_refused_refresh_closes_the_connection_or_gets_a_temporary_error() {
    for (refusal, output) in [
        (VerifyRefusal::Expired, "close 3005".to_owned()),
        (VerifyRefusal::Invalid, "close 3500".to_owned()),
        (VerifyRefusal::Revoked(CloseReason::SignedOut), "close 4501".to_owned()),
        (VerifyRefusal::Unavailable, error(5, 100)),
    ] {
        let mut connection = TestConnection::connected();
        connection.receive(REFRESH);
        assert_eq!(connection.verified(REFRESH_5, Err(refusal)), [output]);
    }
}

#[test]
fn a_refresh_without_a_token_is_a_bad_request() {
    assert_eq!(TestConnection::connected().receive(r#"{"id":5,"refresh":{}}"#), ["close 3501"]);
}

#[test]
fn a_ttl_is_at_least_one_second() {
    let almost_expired = Identity { token_expires_in: Some(Duration::from_millis(10)), ..identity() };
    let mut connection = TestConnection::new(Some(almost_expired), config());
    assert!(connection.receive(r#"{"id":1,"connect":{}}"#)[0].contains(r#""ttl":1,"#));
}
