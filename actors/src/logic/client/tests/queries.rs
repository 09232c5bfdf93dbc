//! Queries about channels, and their permissions.

use protocol::UnsubscribeCode;

use super::*;

#[test]
fn subscribers_ask_who_is_there_and_what_was_said() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    assert_eq!(connection.say(r#"{"id":3,"presence":{"channel":"chat:a"}}"#), ["make room"]);
    assert_eq!(connection.room(), ["presence chat:a 3"]);
    assert_eq!(connection.say(r#"{"id":4,"presence_stats":{"channel":"chat:a"}}"#), ["stats chat:a 4"]);
    assert_eq!(connection.say(r#"{"id":5,"history":{"channel":"chat:a","limit":7}}"#), ["make room"]);
    assert_eq!(connection.room(), ["history chat:a 5 7"]);
}

#[test]
fn large_answers_are_asked_for_one_after_the_other_and_the_rest_waits_in_order() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    let history = |id: u32| format!(r#"{{"id":{id},"history":{{"channel":"chat:a","limit":7}}}}"#);
    let publish = r#"{"id":5,"publish":{"channel":"chat:a","data":1}}"#;
    assert_eq!(connection.say(&[history(3), history(4), publish.to_owned()].join("\n")), ["make room"]);
    assert!(connection.after(9.0).iter().all(|line| line == "{}"));
    assert_eq!(connection.room(), ["history chat:a 3 7", "make room"]);
    assert_eq!(connection.room(), ["history chat:a 4 7", "publish chat:a 5 1"]);
    assert!(connection.room().is_empty(), "no query waits for space");
}

#[test]
fn what_may_be_asked_is_decided_when_there_is_room() {
    let ask = r#"{"id":3,"history":{"channel":"chat:a","limit":7}}"#;
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.say(ask);
    connection.told(ServerRequest::Unsubscribe(channel("chat:a"), UnsubscribeCode::Server));
    assert_eq!(connection.room(), [error(3, 103)]);
    connection.subscribe(2, "chat:a");
    connection.say(ask);
    connection.accepting = false;
    assert_eq!(connection.room(), [error(3, 100)]);
}

#[test]
fn strangers_are_told_nothing_and_nobody_what_is_not_kept() {
    let mut connection = TestConnection::connected();
    for method in ["presence", "presence_stats", "history"] {
        let ask = |channel: &str| format!(r#"{{"id":8,"{method}":{{"channel":"{channel}"}}}}"#);
        assert_eq!(connection.say(&ask("chat:a")), [error(8, 103)], "{method}");
        assert_eq!(connection.say(&ask("news:a")), [error(8, 102)], "{method}");
        assert_eq!(connection.say(&ask("")), [error(8, 107)], "{method}");
    }
    connection.subscribe(2, "ephemeral:a");
    assert_eq!(connection.say(r#"{"id":5,"history":{"channel":"ephemeral:a"}}"#), [error(5, 108)]);
}

#[test]
fn with_a_stale_view_of_revocations_nothing_is_told() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.accepting = false;
    for method in ["presence", "presence_stats", "history"] {
        assert_eq!(
            connection.say(&format!(r#"{{"id":8,"{method}":{{"channel":"chat:a"}}}}"#)),
            [error(8, 100)]
        );
    }
}

#[test]
fn a_question_that_cannot_be_asked_now_is_a_temporary_error() {
    let mut connection = TestConnection::connected();
    assert_eq!(lines(&connection.client.on_busy(Some(6), None)), [error(6, 100)]);
}
