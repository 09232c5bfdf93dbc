//! Commands for channels: the permitted, the refused and the unsupported ones.

use super::*;

#[test]
fn subscribing_is_checked_in_the_protocols_order() {
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
fn a_tags_filter_and_other_kinds_of_subscription_are_refused() {
    let mut connection = TestConnection::connected();
    let filter = r#"{"id":2,"subscribe":{"channel":"chat:a","tf":{"key":"k","cmp":"eq","val":"v"}}}"#;
    assert_eq!(connection.say(filter), [error(2, 107)]);
    assert_eq!(connection.say(r#"{"id":2,"subscribe":{"channel":"chat:a","type":1}}"#), [error(2, 108)]);
    assert_eq!(
        connection.say(r#"{"id":2,"subscribe":{"channel":"ephemeral:a","recover":true,"flag":2}}"#),
        [error(2, 112)]
    );
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
}

#[test]
fn unsubscribing_twice_is_no_error() {
    let mut connection = TestConnection::connected();
    let unsubscribe = r#"{"id":4,"unsubscribe":{"channel":"chat:a"}}"#;
    assert_eq!(connection.say(unsubscribe), [r#"{"id":4,"unsubscribe":{}}"#]);
    connection.subscribe(3, "chat:a");
    assert_eq!(connection.say(unsubscribe), ["leave chat:a 4"]);
    assert_eq!(connection.say(unsubscribe), [r#"{"id":4,"unsubscribe":{}}"#]);
    assert_eq!(connection.subscribe(5, "chat:a"), ["join chat:a 5"]);
}

#[test]
fn only_members_publish_and_only_with_data() {
    let mut connection = TestConnection::connected();
    let publish =
        |channel: &str, rest: &str| format!(r#"{{"id":6,"publish":{{"channel":"{channel}"{rest}}}}}"#);
    assert_eq!(connection.say(&publish("chat:a", r#","data":1"#)), [error(6, 103)]);
    connection.subscribe(2, "chat:a");
    assert_eq!(
        connection.say(&publish("chat:a", r#","data":{"x": 1.0}"#)),
        [r#"publish chat:a 6 {"x": 1.0}"#]
    );
    assert_eq!(connection.say(&publish("chat:a", "")), [error(6, 107)]);
    assert_eq!(connection.say(&publish("chat:a", r#","data":1,"type":1"#)), [error(6, 108)]);
    assert_eq!(connection.say(&publish("news:a", r#","data":1"#)), [error(6, 102)]);
}

#[test]
fn a_lost_channel_can_be_subscribed_to_again() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.told(ServerRequest::Forget(channel("chat:a"), 1));
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
}

#[test]
fn a_full_queue_is_a_temporary_error() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    let name = ChannelName::parse("chat:a").unwrap();
    assert_eq!(lines(&connection.client.on_busy(Some(6), None)), [error(6, 100)]);
    assert_eq!(connection.channels(), 1);
    assert_eq!(lines(&connection.client.on_busy(Some(2), Some((&name, 1)))), [error(2, 100)]);
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
}

#[test]
fn unsupported_methods_are_error_108() {
    for method in ["rpc", "ping"] {
        let mut connection = TestConnection::connected();
        assert_eq!(
            connection.say(&format!(r#"{{"id":8,"{method}":{{"channel":"chat:a"}}}}"#)),
            [error(8, 108)]
        );
    }
}

#[test]
fn send_has_no_reply_and_so_closes() {
    assert_eq!(TestConnection::connected().say(r#"{"send":{"data":1}}"#), ["close 3508"]);
}

#[test]
fn commands_that_need_a_session_are_refused_while_revocations_may_be_missing() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.accepting = false;
    assert_eq!(connection.subscribe(3, "chat:b"), [error(3, 100)]);
    assert_eq!(connection.say(r#"{"id":4,"publish":{"channel":"chat:a","data":1}}"#), [error(4, 100)]);
    assert_eq!(connection.say(REFRESH), [error(5, 100)]);
    assert_eq!(connection.say(r#"{"id":6,"unsubscribe":{"channel":"chat:a"}}"#), ["leave chat:a 6"]);
}

#[test]
fn the_queue_behind_a_verification_is_bounded_in_bytes() {
    let mut connection = TestConnection::connected();
    connection.say(REFRESH);
    let payload = "x".repeat(60_000);
    let publish = format!(r#"{{"id":6,"publish":{{"channel":"chat:a","data":"{payload}"}}}}"#);
    for _ in 0..4 {
        assert!(connection.say(&publish).is_empty());
    }
    assert_eq!(connection.say(&publish), ["close 3013"]);
}

#[test]
fn a_queued_command_is_judged_when_it_is_handled() {
    let mut connection = TestConnection::connected();
    connection.say(REFRESH);
    assert!(connection.subscribe(6, "chat:a").is_empty());
    connection.accepting = false;
    assert_eq!(
        connection.verified(REFRESH_5, Err(VerifyRefusal::Unavailable)),
        [error(5, 100), error(6, 100)]
    );
}
