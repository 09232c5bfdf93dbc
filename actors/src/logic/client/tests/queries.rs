//! Tests of queries about channels, and of the rights that they require.

use protocol::UnsubscribeCode;

use super::*;

#[test]
fn subscribers_may_query_presence_and_history() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    assert_eq!(connection.receive(r#"{"id":3,"presence":{"channel":"chat:a"}}"#), ["reserve space"]);
    assert_eq!(connection.space_reserved(), ["presence chat:a 3"]);
    assert_eq!(connection.receive(r#"{"id":4,"presence_stats":{"channel":"chat:a"}}"#), ["stats chat:a 4"]);
    assert_eq!(connection.receive(r#"{"id":5,"history":{"channel":"chat:a","limit":7}}"#), ["reserve space"]);
    assert_eq!(connection.space_reserved(), ["history chat:a 5 7"]);
}

#[test]
fn queries_with_large_answers_run_one_by_one_while_later_commands_wait() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    let history = |id: u32| format!(r#"{{"id":{id},"history":{{"channel":"chat:a","limit":7}}}}"#);
    let publish = r#"{"id":5,"publish":{"channel":"chat:a","data":1}}"#;
    assert_eq!(
        connection.receive(&[history(3), history(4), publish.to_owned()].join("\n")),
        ["reserve space"]
    );
    assert!(connection.after(9.0).iter().all(|line| line == "{}"));
    assert_eq!(connection.space_reserved(), ["history chat:a 3 7", "reserve space"]);
    assert_eq!(connection.space_reserved(), ["history chat:a 4 7", "publish chat:a 5 1"]);
    assert!(connection.space_reserved().is_empty(), "no query waits for space");
}

#[test]
fn the_permission_of_a_query_is_checked_again_when_space_is_reserved() {
    let request = r#"{"id":3,"history":{"channel":"chat:a","limit":7}}"#;
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.receive(request);
    connection.server_request(ServerRequest::Unsubscribe(channel("chat:a"), UnsubscribeCode::Server));
    assert_eq!(connection.space_reserved(), [error(3, 103)]);
    connection.subscribe(2, "chat:a");
    connection.receive(request);
    connection.accepting = false;
    assert_eq!(connection.space_reserved(), [error(3, 100)]);
}

#[test]
fn queries_require_a_subscription_and_an_enabled_feature() {
    let mut connection = TestConnection::connected();
    for method in ["presence", "presence_stats", "history"] {
        let request = |channel: &str| format!(r#"{{"id":8,"{method}":{{"channel":"{channel}"}}}}"#);
        assert_eq!(connection.receive(&request("chat:a")), [error(8, 103)], "{method}");
        assert_eq!(connection.receive(&request("news:a")), [error(8, 102)], "{method}");
        assert_eq!(connection.receive(&request("")), [error(8, 107)], "{method}");
    }
    connection.subscribe(2, "ephemeral:a");
    assert_eq!(connection.receive(r#"{"id":5,"history":{"channel":"ephemeral:a"}}"#), [error(5, 108)]);
}

#[test]
fn queries_are_refused_while_the_node_may_have_missed_revocations() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.accepting = false;
    for method in ["presence", "presence_stats", "history"] {
        assert_eq!(
            connection.receive(&format!(r#"{{"id":8,"{method}":{{"channel":"chat:a"}}}}"#)),
            [error(8, 100)]
        );
    }
}

#[test]
fn a_query_to_a_shard_with_a_full_lane_gets_a_temporary_error() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    let stats = |id: u32| format!(r#"{{"id":{id},"presence_stats":{{"channel":"chat:a"}}}}"#);
    assert_eq!(connection.receive(&stats(6)), ["stats chat:a 6"]);
    assert_eq!(lines(&connection.client.on_busy(Some(6), None)), [error(6, 100)]);
    assert_eq!(connection.receive(r#"{"id":7,"presence":{"channel":"chat:a"}}"#), ["reserve space"]);
    assert_eq!(connection.space_reserved(), ["presence chat:a 7"]);
    assert_eq!(lines(&connection.client.on_busy(Some(7), None)), [error(7, 100)]);
    assert_eq!(
        connection.receive(&stats(8)),
        ["stats chat:a 8"],
        "the subscription stays, and nothing waits"
    );
}
