//! Tests that a subscription gives rights only after the channel has confirmed the subscription.

use protocol::UnsubscribeCode;

use super::*;

const ALL: &str = r#"{"id":2,"subscribe":{"channel":"chat:a"}}
{"id":3,"publish":{"channel":"chat:a","data":1}}
{"id":4,"history":{"channel":"chat:a"}}
{"id":5,"presence":{"channel":"chat:a"}}
{"id":6,"presence_stats":{"channel":"chat:a"}}"#;

/// A connection with subscriptions that the channels have not confirmed yet.
fn waiting() -> TestConnection {
    waiting_with(config())
}

fn waiting_with(config: ClientConfig) -> TestConnection {
    let mut connection = TestConnection::new(Some(identity()), config);
    connection.receive(r#"{"id":1,"connect":{}}"#);
    connection.channels_answer = false;
    assert_eq!(connection.receive(ALL), ["join chat:a 2"]);
    assert!(!connection.client.is_membership_known() && connection.membership_known().is_empty());
    connection
}

fn confirmation(number: u64) -> ServerRequest {
    ServerRequest::Confirm(channel("chat:a"), number)
}

#[test]
fn commands_that_require_a_subscription_wait_until_the_channel_confirms_it() {
    let mut connection = waiting();
    assert!(connection.server_request(confirmation(1)).is_empty());
    assert!(connection.client.is_membership_known());
    assert_eq!(connection.membership_known(), ["publish chat:a 3 1", "history chat:a 4 0", "reserve space"]);
    assert_eq!(connection.space_reserved(), ["presence chat:a 5", "stats chat:a 6"]);
}

#[test]
fn a_large_answer_waits_until_every_subscription_is_confirmed() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:b");
    connection.channels_answer = false;
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
    // `history` without publications needs no reserved space.
    assert_eq!(connection.receive(r#"{"id":4,"history":{"channel":"chat:b"}}"#), ["history chat:b 4 0"]);
    assert!(connection.receive(r#"{"id":5,"history":{"channel":"chat:b","limit":9}}"#).is_empty());
    connection.server_request(confirmation(2));
    assert_eq!(connection.membership_known(), ["reserve space"]);
}

#[test]
fn commands_are_refused_when_the_channel_refuses_the_subscription() {
    let mut connection = waiting();
    connection.server_request(ServerRequest::Forget(channel("chat:a"), 1));
    assert_eq!(connection.membership_known(), [error(3, 103), error(4, 103), error(5, 103), error(6, 103)]);
    assert_eq!(connection.subscribe(7, "chat:a"), ["join chat:a 7"]);
}

#[test]
fn waiting_commands_are_answered_when_the_server_ends_the_subscription() {
    let mut connection = waiting();
    connection.server_request(ServerRequest::Unsubscribe(channel("chat:a"), UnsubscribeCode::Server));
    assert!(connection.client.is_membership_known());
    assert_eq!(connection.membership_known()[0], error(3, 103));
}

#[test]
fn waiting_commands_are_answered_when_the_lane_of_the_shard_is_full() {
    let mut connection = waiting();
    let name = channel("chat:a");
    assert_eq!(lines(&connection.client.on_busy(Some(2), Some((&name, 1)))), [error(2, 100)]);
    assert_eq!(connection.membership_known()[0], error(3, 103));
}

#[test]
fn the_confirmation_of_another_subscription_number_is_ignored() {
    let mut connection = waiting();
    assert!(connection.client.on_server_request(connection.now, confirmation(2)).1 == Ok(false));
    assert!(!connection.client.is_membership_known());
}

#[test]
fn commands_for_other_channels_do_not_wait() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:b");
    connection.channels_answer = false;
    connection.subscribe(3, "chat:a");
    assert_eq!(
        connection.receive(r#"{"id":4,"publish":{"channel":"chat:b","data":1}}"#),
        ["publish chat:b 4 1"]
    );
    assert_eq!(connection.subscribe(5, "chat:c"), ["join chat:c 5"]);
}

#[test]
fn the_queue_behind_an_unconfirmed_subscription_is_bounded() {
    let max_waiting = 10;
    let mut connection = waiting_with(ClientConfig { max_waiting, ..config() });
    let unsubscribe = r#"{"id":9,"unsubscribe":{"channel":"chat:z"}}"#;
    for _ in connection.client.queue.len()..max_waiting {
        assert!(connection.receive(unsubscribe).is_empty());
    }
    assert_eq!(connection.client.queue.len(), max_waiting);
    assert_eq!(connection.receive(unsubscribe), ["close 3013"]);
}
