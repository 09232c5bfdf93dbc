//! The permissions of a subscription begin when the channel has confirmed it, not earlier.

use protocol::UnsubscribeCode;

use super::*;

const ALL: &str = r#"{"id":2,"subscribe":{"channel":"chat:a"}}
{"id":3,"publish":{"channel":"chat:a","data":1}}
{"id":4,"history":{"channel":"chat:a"}}
{"id":5,"presence":{"channel":"chat:a"}}
{"id":6,"presence_stats":{"channel":"chat:a"}}"#;

/// A connection whose channels have not confirmed the subscriptions yet.
fn waiting() -> TestConnection {
    let mut connection = TestConnection::connected();
    connection.channels_answer = false;
    assert_eq!(connection.say(ALL), ["join chat:a 2"]);
    assert!(!connection.client.is_membership_known() && connection.membership_known().is_empty());
    connection
}

fn made(number: u64) -> ServerRequest {
    ServerRequest::Confirm(channel("chat:a"), number)
}

#[test]
fn commands_of_members_wait_until_the_channel_confirms() {
    let mut connection = waiting();
    assert!(connection.told(made(1)).is_empty());
    assert!(connection.client.is_membership_known());
    assert_eq!(connection.membership_known(), ["publish chat:a 3 1", "history chat:a 4 0", "make room"]);
    assert_eq!(connection.room(), ["presence chat:a 5", "stats chat:a 6"]);
}

#[test]
fn a_large_answer_waits_until_every_subscription_is_confirmed() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:b");
    connection.channels_answer = false;
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
    // `history` for a position only, and `publish`, need no reserved space.
    assert_eq!(connection.say(r#"{"id":4,"history":{"channel":"chat:b"}}"#), ["history chat:b 4 0"]);
    assert!(connection.say(r#"{"id":5,"history":{"channel":"chat:b","limit":9}}"#).is_empty());
    connection.told(made(2));
    assert_eq!(connection.membership_known(), ["make room"]);
}

#[test]
fn commands_are_refused_when_the_channel_refuses_the_subscription() {
    let mut connection = waiting();
    connection.told(ServerRequest::Forget(channel("chat:a"), 1));
    assert_eq!(connection.membership_known(), [error(3, 103), error(4, 103), error(5, 103), error(6, 103)]);
    assert_eq!(connection.subscribe(7, "chat:a"), ["join chat:a 7"]);
}

#[test]
fn waiting_commands_are_answered_when_the_server_ends_the_subscription() {
    let mut connection = waiting();
    connection.told(ServerRequest::Unsubscribe(channel("chat:a"), UnsubscribeCode::Server));
    assert!(connection.client.is_membership_known());
    assert_eq!(connection.membership_known()[0], error(3, 103));
}

#[test]
fn waiting_commands_are_answered_when_the_queue_of_the_channel_is_full() {
    let mut connection = waiting();
    let name = channel("chat:a");
    assert_eq!(lines(&connection.client.on_busy(Some(2), Some((&name, 1)))), [error(2, 100)]);
    assert_eq!(connection.membership_known()[0], error(3, 103));
}

#[test]
fn the_confirmation_of_another_number_is_ignored() {
    let mut connection = waiting();
    assert!(connection.client.on_server_request(connection.now, made(2)).1 == Ok(false));
    assert!(!connection.client.is_membership_known());
}

#[test]
fn commands_for_other_channels_do_not_wait() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:b");
    connection.channels_answer = false;
    connection.subscribe(3, "chat:a");
    assert_eq!(connection.say(r#"{"id":4,"publish":{"channel":"chat:b","data":1}}"#), ["publish chat:b 4 1"]);
    assert_eq!(connection.subscribe(5, "chat:c"), ["join chat:c 5"]);
}

#[test]
fn the_queue_behind_an_unconfirmed_channel_is_bounded() {
    let mut connection = waiting();
    let frame = vec![r#"{"id":9,"unsubscribe":{"channel":"chat:z"}}"#; 50].join("\n");
    connection.after(8.0);
    let said: Vec<String> = (0..7).flat_map(|_| connection.say(&frame)).collect();
    assert!(said.iter().all(|line| *line == error(9, 111)), "{said:?}");
    assert!(connection.client.queue.len() <= connection.client.config.max_waiting);
}
