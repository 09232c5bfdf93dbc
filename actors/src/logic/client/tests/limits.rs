//! Limits of commands and frames.

use std::time::Duration;

use protocol::MAX_COMMANDS_PER_FRAME;

use super::*;

#[test]
fn opening_with_every_subscribe_at_once_is_within_the_limit() {
    let config = ClientConfig::default();
    let subscribes: Vec<String> = (0..config.max_channels)
        .map(|n| format!(r#"{{"id":{},"subscribe":{{"channel":"chat:{n}"}}}}"#, n + 2))
        .collect();
    let frame = format!("{CONNECT}\n{}", subscribes.join("\n"));
    assert!(config.max_channels < MAX_COMMANDS_PER_FRAME);
    let mut connection = TestConnection::new(None, config);
    assert_eq!(connection.say(&frame).len(), 1);
    let said = connection.verified(CONNECT_1, Ok(identity()));
    assert_eq!(said.iter().filter(|line| line.starts_with("join")).count(), 128);
}

#[test]
fn too_many_commands_are_refused_at_first_and_then_close() {
    let mut connection = TestConnection::connected();
    let burst = connection.client.config.commands.burst;
    for _ in 1..burst {
        assert_eq!(connection.say(r#"{"id":2,"ping":{}}"#), [error(2, 108)]);
    }
    for _ in 0..9 {
        assert_eq!(connection.say(r#"{"id":2,"ping":{}}"#), [error(2, 111)]);
    }
    assert_eq!(connection.say(r#"{"id":2,"ping":{}}"#), [error(2, 111), "close 3013".to_owned()]);
}

#[test]
fn too_many_commands_in_a_frame_close_with_a_code_that_reconnects() {
    let flood = [r#"{"id":2,"ping":{}}"#; MAX_COMMANDS_PER_FRAME + 1].join("\n");
    assert_eq!(TestConnection::connected().say(&flood), ["close 3013"]);
}

#[test]
fn strikes_are_forgiven_after_a_pause() {
    let mut connection = TestConnection::connected();
    let flood = [r#"{"id":2,"ping":{}}"#; 200].join("\n");
    for _ in 0..30 {
        assert!(!connection.say(&flood).contains(&"close 3013".to_owned()));
        connection.now += Duration::from_secs(10);
    }
}

#[test]
fn pongs_are_not_counted() {
    let mut connection = TestConnection::connected();
    while connection.say(r#"{"id":2,"ping":{}}"#) == [error(2, 108)] {}
    assert_eq!(lines(&connection.client.on_tick(connection.now + Duration::from_secs(19))), ["{}"]);
    assert!(connection.say("{}").is_empty());
}

#[test]
fn commands_that_were_handled_do_not_count_as_waiting() {
    let config = ClientConfig { max_waiting_bytes: 2_000, ..ClientConfig::default() };
    let mut connection = TestConnection::new(None, config);
    assert_eq!(connection.say(CONNECT).len(), 1);
    let refresh = |id: u32| format!(r#"{{"id":{id},"refresh":{{"token":"{}"}}}}"#, "t".repeat(800));
    assert!(connection.say(&refresh(2)).is_empty());
    connection.verified(CONNECT_1, Ok(identity()));
    // One refresh is always pending and another waits behind it, so the queue is never empty for long.
    for id in 3..40 {
        assert!(connection.say(&refresh(id)).is_empty(), "command {id} has its place");
        connection.verified(Purpose::Refresh { id: id - 1 }, Ok(identity()));
    }
}
