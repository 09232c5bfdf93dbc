//! Tests of the limits of commands and frames.

use std::time::Duration;

use protocol::MAX_COMMANDS_PER_FRAME;

use super::*;

#[test]
fn connect_and_all_subscribes_in_one_frame_are_within_the_limits() {
    let config = ClientConfig::default();
    let subscribes: Vec<String> = (0..config.max_channels)
        .map(|n| format!(r#"{{"id":{},"subscribe":{{"channel":"chat:{n}"}}}}"#, n + 2))
        .collect();
    let frame = format!("{CONNECT}\n{}", subscribes.join("\n"));
    assert!(config.max_channels < MAX_COMMANDS_PER_FRAME);
    let mut connection = TestConnection::new(None, config);
    assert_eq!(connection.receive(&frame).len(), 1);
    let output = connection.verified(CONNECT_1, Ok(identity()));
    assert_eq!(output.iter().filter(|line| line.starts_with("join")).count(), 128);
}

#[test]
fn commands_over_the_rate_limit_are_refused_at_first_and_later_close_the_connection() {
    let mut connection = TestConnection::connected();
    let burst = connection.client.config.commands.burst;
    for _ in 1..burst {
        assert_eq!(connection.receive(r#"{"id":2,"ping":{}}"#), [error(2, 108)]);
    }
    for _ in 0..9 {
        assert_eq!(connection.receive(r#"{"id":2,"ping":{}}"#), [error(2, 111)]);
    }
    assert_eq!(connection.receive(r#"{"id":2,"ping":{}}"#), [error(2, 111), "close 3013".to_owned()]);
}

#[test]
fn too_many_commands_in_one_frame_close_the_connection_with_3013() {
    let flood = [r#"{"id":2,"ping":{}}"#; MAX_COMMANDS_PER_FRAME + 1].join("\n");
    assert_eq!(TestConnection::connected().receive(&flood), ["close 3013"]);
}

#[test]
fn the_count_of_frames_over_the_rate_limit_restarts_after_a_pause() {
    let mut connection = TestConnection::connected();
    let flood = [r#"{"id":2,"ping":{}}"#; 200].join("\n");
    for _ in 0..30 {
        assert!(!connection.receive(&flood).contains(&"close 3013".to_owned()));
        connection.now += Duration::from_secs(10);
    }
}

#[test]
fn pongs_do_not_count_towards_the_rate_limit() {
    let mut connection = TestConnection::connected();
    while connection.receive(r#"{"id":2,"ping":{}}"#) == [error(2, 108)] {}
    assert_eq!(lines(&connection.client.on_tick(connection.now + Duration::from_secs(19))), ["{}"]);
    assert!(connection.receive("{}").is_empty());
}

#[test]
fn handled_commands_do_not_count_as_waiting() {
    let config = ClientConfig { max_waiting_bytes: 2_000, ..ClientConfig::default() };
    let mut connection = TestConnection::new(None, config);
    assert_eq!(connection.receive(CONNECT).len(), 1);
    let refresh = |id: u32| format!(r#"{{"id":{id},"refresh":{{"token":"{}"}}}}"#, "t".repeat(800));
    assert!(connection.receive(&refresh(2)).is_empty());
    connection.verified(CONNECT_1, Ok(identity()));
    // One refresh is always pending. The next refresh waits in the queue until the pending refresh is verified.
    for id in 3..40 {
        assert!(connection.receive(&refresh(id)).is_empty(), "command {id} is enqueued");
        connection.verified(Purpose::Refresh { id: id - 1 }, Ok(identity()));
    }
}
