//! Tests of `connect` with and without an authenticated handshake.

use std::time::Duration;

use protocol::id::{SessionId, UserId};

use super::*;

#[test]
fn connect_with_a_valid_token_is_answered_with_all_fields_that_a_client_needs() {
    let mut connection = TestConnection::unauthenticated();
    assert_eq!(connection.receive(CONNECT), ["verify Connect { id: 1 } t"]);
    assert_eq!(connection.verified(CONNECT_1, Ok(identity())), [CONNECTED]);
    assert_eq!(connection.client.identity(), Some(&identity()));
}

#[test]
fn connect_without_a_token_is_refused_while_the_node_may_have_missed_revocations() {
    let mut connection = TestConnection::authenticated();
    connection.accepting = false;
    assert_eq!(connection.receive(r#"{"id":1,"connect":{}}"#), [error(1, 100)]);
    assert_eq!(
        connection.subscribe(2, "chat:a"),
        ["close 3501"],
        "the client must begin with a new handshake"
    );
}

#[test]
fn without_a_credential_in_the_handshake_the_first_command_must_be_connect_with_a_token() {
    for frame in [
        r#"{"id":1,"subscribe":{"channel":"chat:a"}}"#,
        r#"{"id":1,"ping":{}}"#,
        r#"{"id":1,"refresh":{"token":"t"}}"#,
        r#"{"send":{}}"#,
        "{}",
        r#"{"id":1,"connect":{}}"#,
        "nonsense",
    ] {
        assert_eq!(TestConnection::unauthenticated().receive(frame), ["close 3501"], "{frame}");
    }
}

#[test]
fn a_refused_cookie_does_not_prevent_connect_with_a_token() {
    let mut connection =
        TestConnection::with_refused_cookie(VerifyRefusal::Revoked(CloseReason::SignedOut), config());
    assert_eq!(connection.receive(CONNECT), ["verify Connect { id: 1 } t"]);
    assert_eq!(connection.verified(CONNECT_1, Ok(identity())), [CONNECTED]);
}

#[test]
fn connect_without_a_token_is_refused_for_the_same_reason_as_the_cookie() {
    let with_anonymous = || ClientConfig { allow_anonymous: true, ..config() };
    for (refusal, output) in [
        (VerifyRefusal::Revoked(CloseReason::SessionRevoked), "close 4500".to_owned()),
        (VerifyRefusal::Invalid, "close 3500".to_owned()),
        (VerifyRefusal::Forbidden, "close 3507".to_owned()),
        (VerifyRefusal::Expired, error(1, 109)),
    ] {
        for config in [config(), with_anonymous()] {
            let mut connection = TestConnection::with_refused_cookie(refusal, config);
            assert_eq!(
                connection.receive(r#"{"id":1,"connect":{}}"#),
                std::slice::from_ref(&output),
                "{refusal:?}"
            );
            assert_eq!(connection.client.identity(), None);
        }
    }
    let mut connection = TestConnection::with_refused_cookie(
        VerifyRefusal::Revoked(CloseReason::SessionRevoked),
        with_anonymous(),
    );
    assert_eq!(connection.receive(r#"{"id":1,"subscribe":{"channel":"chat:a"}}"#), ["close 4500"]);
}

#[test]
fn commands_behind_connect_wait_and_keep_their_order() {
    let mut connection = TestConnection::unauthenticated();
    let frame = format!(
        "{CONNECT}\n{}\n{}",
        r#"{"id":2,"subscribe":{"channel":"chat:a"}}"#,
        r#"{"id":3,"publish":{"channel":"chat:a","data":[1]}}"#
    );
    assert_eq!(connection.receive(&frame), ["verify Connect { id: 1 } t"]);
    assert!(connection.receive(r#"{"id":4,"unsubscribe":{"channel":"chat:a"}}"#).is_empty());
    assert_eq!(
        connection.verified(CONNECT_1, Ok(identity())),
        [CONNECTED, "join chat:a 2", "publish chat:a 3 [1]", "leave chat:a 4"]
    );
}

#[test]
fn a_full_command_queue_closes_the_connection() {
    let mut connection = TestConnection::new(None, ClientConfig { max_waiting: 2, ..config() });
    let more = [r#"{"id":2,"ping":{}}"#; 3].join("\n");
    assert_eq!(
        connection.receive(&format!("{CONNECT}\n{more}")),
        ["verify Connect { id: 1 } t", "close 3013"]
    );
    assert!(connection.verified(CONNECT_1, Ok(identity())).is_empty());
}

#[test]
fn an_expired_token_gets_error_109_and_the_command_queue_is_dropped() {
    let mut connection = TestConnection::unauthenticated();
    connection.receive(&format!("{CONNECT}\n{}", r#"{"id":2,"subscribe":{"channel":"chat:a"}}"#));
    assert_eq!(connection.verified(CONNECT_1, Err(VerifyRefusal::Expired)), [error(1, 109)]);
    assert_eq!(connection.receive(r#"{"id":3,"ping":{}}"#), ["close 3501"]);
}

#[test]
fn connect_gets_a_temporary_error_while_tokens_cannot_be_verified() {
    let mut connection = TestConnection::unauthenticated();
    connection.receive(CONNECT);
    let output = connection.verified(CONNECT_1, Err(VerifyRefusal::Unavailable));
    assert_eq!(output, [error(1, 100)]);
    assert!(output[0].contains(r#""temporary":true"#));
}

#[test]
fn connect_gets_a_temporary_error_when_a_connection_limit_is_reached() {
    let mut connection = TestConnection::unauthenticated();
    connection.receive(CONNECT);
    let output = connection.verified(CONNECT_1, Err(VerifyRefusal::ConnectionLimit));
    assert_eq!(output, [error(1, 111)]);
    assert!(output[0].contains(r#""temporary":true"#));
}

#[test]
fn a_permanent_refusal_closes_the_connection_with_its_reason() {
    for (refusal, close) in [
        (VerifyRefusal::Invalid, "close 3500"),
        (VerifyRefusal::Revoked(CloseReason::SessionRevoked), "close 4500"),
        (VerifyRefusal::Revoked(CloseReason::PasswordChanged), "close 4502"),
    ] {
        let mut connection = TestConnection::unauthenticated();
        connection.receive(CONNECT);
        assert_eq!(connection.verified(CONNECT_1, Err(refusal)), [close]);
    }
}

#[test]
fn a_second_connect_is_a_bad_request() {
    assert_eq!(TestConnection::connected().receive(CONNECT), ["close 3501"]);
    let mut connection = TestConnection::unauthenticated();
    assert_eq!(connection.receive(&format!("{CONNECT}\n{CONNECT}")), ["verify Connect { id: 1 } t"]);
    assert_eq!(connection.verified(CONNECT_1, Ok(identity())), [CONNECTED, "close 3501"]);
    let mut refused = TestConnection::unauthenticated();
    refused.receive(CONNECT);
    refused.verified(CONNECT_1, Err(VerifyRefusal::Expired));
    assert_eq!(refused.receive(CONNECT), ["close 3501"]);
}

#[test]
fn without_connect_the_connection_is_stale_after_ten_seconds() {
    let mut connection = TestConnection::unauthenticated();
    assert!(connection.after(9.9).is_empty());
    assert_eq!(connection.after(0.1), ["close 3502"]);
    assert_eq!(connection.client.next_deadline(), None);
}

#[test]
fn a_connection_becomes_stale_after_a_refused_connect() {
    for mut connection in [TestConnection::unauthenticated(), TestConnection::authenticated()] {
        connection.receive(CONNECT);
        connection.verified(CONNECT_1, Err(VerifyRefusal::Expired));
        assert_eq!(connection.next(), (10.0, vec!["close 3502".to_owned()]));
    }
}

#[test]
fn an_unrequested_verification_result_is_ignored() {
    let mut connection = TestConnection::unauthenticated();
    assert!(connection.verified(CONNECT_1, Ok(identity())).is_empty());
    connection.receive(CONNECT);
    assert!(connection.verified(REFRESH_5, Ok(identity())).is_empty());
    assert!(connection.verified(Purpose::Connect { id: 2 }, Ok(identity())).is_empty());
    assert_eq!(connection.verified(CONNECT_1, Ok(identity())), [CONNECTED]);
}

#[test]
fn an_authenticated_connection_may_send_other_commands_before_connect() {
    let mut connection = TestConnection::authenticated();
    assert_eq!(connection.subscribe(1, "chat:a"), ["join chat:a 1"]);
    assert_eq!(connection.receive(r#"{"id":2,"connect":{}}"#).len(), 1);
}

#[test]
fn connect_with_a_newer_token_of_the_same_session_replaces_the_lifetime() {
    let mut connection = TestConnection::authenticated();
    assert_eq!(connection.receive(CONNECT), ["verify Connect { id: 1 } t"]);
    let renewed = Identity { token_expires_in: Some(Duration::from_secs(60)), ..identity() };
    assert!(connection.verified(CONNECT_1, Ok(renewed))[0].contains(r#""ttl":60,"#));
}

#[test]
fn connect_with_a_token_of_another_user_or_session_is_refused() {
    for other in [
        Identity { subject: UserId(43).into(), ..identity() },
        Identity { session: SessionId(Uuid::from_u128(8)), ..identity() },
    ] {
        let mut connection = TestConnection::authenticated();
        connection.receive(CONNECT);
        assert_eq!(connection.verified(CONNECT_1, Ok(other)), ["close 3500"]);
    }
}

#[test]
fn an_authenticated_connection_is_pinged_with_websocket_pings_before_connect() {
    let mut connection = TestConnection::authenticated();
    assert_eq!(connection.next(), (18.75, vec!["native ping".to_owned()]));
    connection.client.on_native_pong(connection.now);
    assert_eq!(connection.next(), (25.0, vec!["native ping".to_owned()]));
    assert_eq!(connection.next(), (8.0, vec!["close 3012".to_owned()]));
}

#[test]
fn after_connect_pings_are_messages_and_an_earlier_websocket_ping_is_forgotten() {
    let mut connection = TestConnection::authenticated();
    connection.next();
    connection.receive(r#"{"id":1,"connect":{}}"#);
    assert_eq!(connection.next(), (25.0, vec!["{}".to_owned()]));
    connection.client.on_native_pong(connection.now);
    assert_eq!(connection.next(), (8.0, vec!["close 3012".to_owned()]));
}
