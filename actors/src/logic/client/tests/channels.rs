//! Tests of commands for channels: permitted, refused and unsupported commands.

use super::*;

#[test]
fn a_subscribe_command_is_checked_in_the_order_of_the_protocol() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.subscribe(2, ""), [error(2, 107)]);
    assert_eq!(connection.subscribe(2, "chat:é"), [error(2, 107)]);
    assert_eq!(connection.subscribe(2, "news:a"), [error(2, 102)]);
    assert_eq!(connection.subscribe(2, "$chat:a"), [error(2, 103)]);
    assert_eq!(connection.subscribe(2, "user:#7"), [error(2, 103)]);
    for (number, channel) in ["chat:a", "ephemeral:b", "user:#42"].into_iter().enumerate() {
        assert_eq!(connection.subscribe(9, channel), [format!("join {channel} 9")], "{number}");
    }
    assert_eq!(connection.subscribe(3, "chat:a"), [error(3, 105)]);
    assert_eq!(connection.subscribe(3, "news:a"), [error(3, 106)]);
    assert_eq!(connection.channels(), 3);
}

#[test]
fn subscribe_commands_with_unsupported_options_are_refused() {
    let mut connection = TestConnection::connected();
    let filter = r#"{"id":2,"subscribe":{"channel":"chat:a","tf":{"key":"k","cmp":"eq","val":"v"}}}"#;
    assert_eq!(connection.receive(filter), [error(2, 107)]);
    assert_eq!(connection.receive(r#"{"id":2,"subscribe":{"channel":"chat:a","type":1}}"#), [error(2, 108)]);
    assert_eq!(
        connection.receive(r#"{"id":2,"subscribe":{"channel":"ephemeral:a","recover":true,"flag":2}}"#),
        [error(2, 112)]
    );
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
}

#[test]
fn an_unsubscribe_command_without_a_subscription_succeeds() {
    let mut connection = TestConnection::connected();
    let unsubscribe = r#"{"id":4,"unsubscribe":{"channel":"chat:a"}}"#;
    assert_eq!(connection.receive(unsubscribe), [r#"{"id":4,"unsubscribe":{}}"#]);
    connection.subscribe(3, "chat:a");
    assert_eq!(connection.receive(unsubscribe), ["leave chat:a 4"]);
    assert_eq!(connection.receive(unsubscribe), [r#"{"id":4,"unsubscribe":{}}"#]);
    assert_eq!(connection.subscribe(5, "chat:a"), ["join chat:a 5"]);
}

#[test]
fn only_members_may_publish_and_only_with_data() {
    let mut connection = TestConnection::connected();
    let publish =
        |channel: &str, rest: &str| format!(r#"{{"id":6,"publish":{{"channel":"{channel}"{rest}}}}}"#);
    assert_eq!(connection.receive(&publish("chat:a", r#","data":1"#)), [error(6, 103)]);
    connection.subscribe(2, "chat:a");
    assert_eq!(
        connection.receive(&publish("chat:a", r#","data":{"x": 1.0}"#)),
        [r#"publish chat:a 6 {"x": 1.0}"#]
    );
    assert_eq!(connection.receive(&publish("chat:a", "")), [error(6, 107)]);
    assert_eq!(connection.receive(&publish("chat:a", r#","data":1,"type":1"#)), [error(6, 108)]);
    assert_eq!(connection.receive(&publish("news:a", r#","data":1"#)), [error(6, 102)]);
}

#[test]
fn a_command_to_a_shard_with_a_full_lane_gets_a_temporary_error() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    let name = ChannelName::parse("chat:a").unwrap();
    connection.receive(r#"{"id":6,"publish":{"channel":"chat:a","data":1}}"#);
    assert_eq!(lines(&connection.client.on_busy(Some(6), None)), [error(6, 100)]);
    assert_eq!(connection.channels(), 1);
    assert_eq!(lines(&connection.client.on_busy(Some(2), Some((&name, 1)))), [error(2, 100)]);
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
}

#[test]
fn the_methods_rpc_and_ping_get_error_108() {
    for method in ["rpc", "ping"] {
        let mut connection = TestConnection::connected();
        assert_eq!(
            connection.receive(&format!(r#"{{"id":8,"{method}":{{"channel":"chat:a"}}}}"#)),
            [error(8, 108)]
        );
    }
}

#[test]
fn send_closes_the_connection_because_it_has_no_reply() {
    assert_eq!(TestConnection::connected().receive(r#"{"send":{"data":1}}"#), ["close 3508"]);
}

#[test]
fn commands_that_require_a_session_are_refused_while_the_node_may_have_missed_revocations() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.accepting = false;
    assert_eq!(connection.subscribe(3, "chat:b"), [error(3, 100)]);
    assert_eq!(connection.receive(r#"{"id":4,"publish":{"channel":"chat:a","data":1}}"#), [error(4, 100)]);
    assert_eq!(connection.receive(REFRESH), [error(5, 100)]);
    assert_eq!(connection.receive(r#"{"id":6,"unsubscribe":{"channel":"chat:a"}}"#), ["leave chat:a 6"]);
}

#[test]
fn the_queue_behind_a_verification_is_bounded_in_bytes() {
    let mut connection = TestConnection::connected();
    connection.receive(REFRESH);
    let payload = "x".repeat(60_000);
    let publish = format!(r#"{{"id":6,"publish":{{"channel":"chat:a","data":"{payload}"}}}}"#);
    for _ in 0..4 {
        assert!(connection.receive(&publish).is_empty());
    }
    assert_eq!(connection.receive(&publish), ["close 3013"]);
}

#[test]
fn a_queued_command_is_checked_when_it_is_handled() {
    let mut connection = TestConnection::connected();
    connection.receive(REFRESH);
    assert!(connection.subscribe(6, "chat:a").is_empty());
    connection.accepting = false;
    assert_eq!(
        connection.verified(REFRESH_5, Err(VerifyRefusal::Unavailable)),
        [error(5, 100), error(6, 100)]
    );
}
