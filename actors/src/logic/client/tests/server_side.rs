//! Tests of server-side subscriptions at `connect`, and of requests of the server.

use std::time::Duration;

use protocol::{
    Position, SubscribeResult, UnsubscribeCode,
    subscription::{Overrides, ServerSubscription},
};

use super::*;
use crate::{namespace::Namespaces, subscription::SubscriptionSource};

fn to(name: &str) -> ServerSubscription {
    ServerSubscription {
        channel: channel(name),
        chan_info: None,
        data: None,
        recover: None,
        expires_at: None,
        overrides: Overrides::default(),
    }
}

fn subscribe(subscription: ServerSubscription) -> ServerRequest {
    ServerRequest::Subscribe(Box::new(subscription))
}

/// A configuration with a very long pong timeout, so that missing pongs do not close the connection.
fn without_pong_timeout() -> ClientConfig {
    ClientConfig { pong_timeout: Duration::from_secs(9_999), ..config() }
}

fn with(subscriptions: Vec<ServerSubscription>) -> TestConnection {
    TestConnection::new(
        Some(Identity { subscriptions: subscriptions.into(), token_expires_in: None, ..identity() }),
        without_pong_timeout(),
    )
}

fn connect_subscriptions(
    connection: &mut TestConnection,
    results: &[(&str, Result<SubscribeResult, ErrorCode>)],
) -> Vec<String> {
    let results = results.iter().map(|(name, result)| (channel(name), result.clone())).collect();
    lines(&connection.client.on_connect_subscriptions(connection.now, results, connection.accepting))
}

#[test]
fn the_answer_to_connect_waits_for_its_subscriptions() {
    let mut connection = with(vec![to("chat:a"), to("ephemeral:b"), to("chat:a")]);
    assert_eq!(connection.receive(r#"{"id":1,"connect":{}}"#), ["connect subscriptions chat:a ephemeral:b"]);
    assert!(connection.subscribe(2, "chat:c").is_empty());
    assert!(!connection.client.takes_server_requests());
    let results =
        [("chat:a", Ok(SubscribeResult::default())), ("ephemeral:b", Ok(SubscribeResult::default()))];
    let output = connect_subscriptions(&mut connection, &results);
    assert!(output[0].starts_with(r#"release {"id":1,"connect":{"client""#), "{output:?}");
    assert!(output[0].contains(r#""subs":{"chat:a":{},"ephemeral:b":{}}"#), "{output:?}");
    assert_eq!(output[1..], ["join chat:c 2"]);
    assert_eq!(connection.subscribe(3, "chat:a"), [error(3, 105)]);
}

#[test]
fn a_named_user_is_subscribed_to_the_personal_channel() {
    let namespaces = Arc::new(Namespaces::default().with_personal("user"));
    let mut connection = TestConnection::new(None, ClientConfig { namespaces, ..config() });
    connection.receive(CONNECT);
    assert_eq!(connection.verified(CONNECT_1, Ok(identity())), ["connect subscriptions user:#42"]);
}

#[test]
fn server_side_subscriptions_recover_from_the_positions_in_connect() {
    let mut connection = with(vec![to("chat:a"), to("chat:b")]);
    let frame = br#"{"id":1,"connect":{"subs":{"chat:b":{"recover":true,"offset":7,"epoch":"e"}}}}"#;
    let effects = connection.client.on_frame(connection.now, frame, true);
    let [Effect::ConnectSubscriptions(requests)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(requests[0].terms.recover, None);
    assert_eq!(requests[1].terms.recover, Some(Position { offset: 7, epoch: "e".to_owned() }));
}

#[test]
fn a_server_side_subscription_that_fails_at_connect_ends_the_connection() {
    for (error, close) in [(ErrorCode::Internal, "close 3004"), (ErrorCode::PermissionDenied, "close 3507")] {
        let mut connection = with(vec![to("chat:a"), to("chat:b")]);
        connection.receive(r#"{"id":1,"connect":{}}"#);
        let results = [("chat:a", Ok(SubscribeResult::default())), ("chat:b", Err(error))];
        assert_eq!(connect_subscriptions(&mut connection, &results), [close]);
    }
}

#[test]
fn a_node_that_may_have_missed_revocations_during_connect_makes_the_client_reconnect() {
    let mut connection = with(vec![to("chat:a")]);
    connection.receive(r#"{"id":1,"connect":{}}"#);
    connection.subscribe(2, "chat:c");
    connection.accepting = false;
    let results = [("chat:a", Ok(SubscribeResult::default()))];
    assert_eq!(connect_subscriptions(&mut connection, &results), ["close 3010"]);
    assert!(CloseReason::InsufficientState.reconnects());
}

#[test]
fn a_full_channel_is_left_out_and_the_connection_stays_open() {
    let mut connection = with(vec![to("chat:a"), to("chat:b")]);
    connection.receive(r#"{"id":1,"connect":{}}"#);
    let results = [("chat:a", Err(ErrorCode::LimitExceeded)), ("chat:b", Ok(SubscribeResult::default()))];
    let output = connect_subscriptions(&mut connection, &results);
    assert!(output[0].contains(r#""subs":{"chat:b":{}}"#), "{output:?}");
    assert_eq!(
        connection.receive(r#"{"id":2,"publish":{"channel":"chat:b","data":1}}"#),
        ["publish chat:b 2 1"]
    );
    assert_eq!(connection.receive(r#"{"id":3,"publish":{"channel":"chat:a","data":1}}"#), [error(3, 103)]);
    assert_eq!(connection.subscribe(4, "chat:a"), ["join chat:a 4"], "the client may subscribe later");
}

#[test]
fn connect_with_an_unknown_channel_in_the_token_is_refused() {
    assert_eq!(with(vec![to("news:a")]).receive(r#"{"id":1,"connect":{}}"#), [error(1, 102)]);
}

#[test]
fn a_token_cannot_subscribe_its_user_to_a_channel_of_other_users() {
    let output = with(vec![to("chat:a"), to("user:#7")]).receive(r#"{"id":1,"connect":{}}"#);
    assert_eq!(output, [error(1, 103)]);
    assert_eq!(
        with(vec![to("user:#42")]).receive(r#"{"id":1,"connect":{}}"#),
        ["connect subscriptions user:#42"]
    );
}

#[test]
fn unrequested_results_of_subscriptions_are_ignored() {
    let mut connection = TestConnection::connected();
    assert!(connect_subscriptions(&mut connection, &[("chat:a", Err(ErrorCode::Internal))]).is_empty());
}

#[test]
fn the_server_makes_a_subscription_once_and_ends_it_with_a_push() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.server_request(subscribe(to("chat:a"))), ["join chat:a"]);
    assert!(connection.server_request(subscribe(to("chat:a"))).is_empty());
    assert!(connection.server_request(subscribe(to("news:a"))).is_empty());
    let end = || ServerRequest::Unsubscribe(channel("chat:a"), UnsubscribeCode::Server);
    assert_eq!(connection.server_request(end()), ["leave chat:a push 2000"]);
    assert!(connection.server_request(end()).is_empty());
}

#[test]
fn the_channel_limit_applies_to_requests_of_the_server() {
    let mut connection = TestConnection::connected();
    for name in ["chat:a", "chat:b", "chat:c"] {
        connection.server_request(subscribe(to(name)));
    }
    let (effects, done) = connection.client.on_server_request(connection.now, subscribe(to("chat:d")));
    assert!(effects.is_empty(), "the limit of this test is three channels");
    assert_eq!(done, Err(ErrorCode::LimitExceeded));
    let (_, done) = connection.client.on_server_request(connection.now, subscribe(to("chat:a")));
    assert_eq!(done, Ok(false), "this subscription already exists");
}

#[test]
fn a_request_of_the_server_without_effect_returns_false() {
    let mut connection = TestConnection::connected();
    let mut done = |request| connection.client.on_server_request(connection.now, request).1 == Ok(true);
    let end = || ServerRequest::Unsubscribe(channel("chat:a"), UnsubscribeCode::Server);
    assert!(!done(end()));
    assert!(done(subscribe(to("chat:a"))) && !done(subscribe(to("chat:a"))));
    assert!(done(end()));
}

#[test]
fn the_answer_to_connect_lists_earlier_subscriptions_of_the_server_api() {
    let mut connection = with(vec![to("chat:a")]);
    assert_eq!(connection.server_request(subscribe(to("chat:a"))), ["join chat:a"]);
    assert_eq!(connection.server_request(subscribe(to("chat:b"))), ["join chat:b"]);
    connection.server_request(ServerRequest::Unsubscribe(channel("chat:b"), UnsubscribeCode::Server));
    assert_eq!(connection.receive(r#"{"id":1,"connect":{}}"#), ["connect subscriptions chat:a"]);
    let output = connect_subscriptions(&mut connection, &[("chat:a", Ok(SubscribeResult::default()))]);
    assert!(output[0].contains(r#""subs":{"chat:a":{}}"#), "{output:?}");
    // `connect` has made the subscription to chat:a again, under another number. A late report that the old subscription
    // (number 1) was lost must not remove the new subscription.
    assert!(connection.server_request(ServerRequest::Forget(channel("chat:a"), 1)).is_empty());
    assert_eq!(connection.channels(), 1);
}

#[test]
fn earlier_subscriptions_of_the_server_api_recover_from_the_positions_in_connect() {
    let mut connection = with(Vec::new());
    let since = |offset| Some(Position { offset, epoch: "e".to_owned() });
    connection.server_request(subscribe(ServerSubscription { recover: since(3), ..to("chat:a") }));
    connection.server_request(subscribe(ServerSubscription { recover: since(3), ..to("chat:b") }));
    let frame = br#"{"id":1,"connect":{"subs":{"chat:b":{"recover":true,"offset":7,"epoch":"e"}}}}"#;
    let effects = connection.client.on_frame(connection.now, frame, true);
    let [Effect::ConnectSubscriptions(requests)] = &effects[..] else { panic!("{effects:?}") };
    let mut wanted: Vec<_> =
        requests.iter().map(|request| (request.channel.as_str(), request.terms.recover.clone())).collect();
    wanted.sort_by_key(|(channel, _)| *channel);
    assert_eq!(wanted, [("chat:a", None), ("chat:b", since(7))]);
}

#[test]
fn the_server_can_subscribe_a_client_that_has_not_sent_connect() {
    let mut connection = TestConnection::authenticated();
    assert_eq!(connection.server_request(subscribe(to("chat:a"))), ["join chat:a"]);
    assert_eq!(connection.subscribe(1, "chat:b"), ["join chat:b 1"]);
    assert_eq!(connection.subscribe(2, "chat:a"), [error(2, 105)]);
}

#[test]
fn a_lost_subscription_is_removed() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    assert!(connection.server_request(ServerRequest::Forget(channel("chat:a"), 1)).is_empty());
    assert_eq!(connection.subscribe(3, "chat:a"), ["join chat:a 3"]);
}

#[test]
fn the_loss_of_a_subscription_does_not_affect_a_later_one() {
    let mut connection = TestConnection::connected();
    connection.subscribe(2, "chat:a");
    connection.receive(r#"{"id":3,"unsubscribe":{"channel":"chat:a"}}"#);
    connection.subscribe(4, "chat:a");
    assert!(connection.server_request(ServerRequest::Forget(channel("chat:a"), 1)).is_empty());
    assert!(lines(&connection.client.on_busy(None, Some((&channel("chat:a"), 1)))).is_empty());
    assert_eq!(connection.channels(), 1);
    assert_eq!(connection.receive(r#"{"id":5,"unsubscribe":{"channel":"chat:a"}}"#), ["leave chat:a 5"]);
}

#[test]
fn an_expired_server_side_subscription_ends_the_connection() {
    let mut connection = with(Vec::new());
    connection.receive(r#"{"id":1,"connect":{}}"#);
    // The connection opened 1,000 seconds after the Unix epoch.
    connection.server_request(subscribe(ServerSubscription { expires_at: Some(1_060), ..to("chat:a") }));
    assert!(
        connection
            .server_request(subscribe(ServerSubscription { expires_at: Some(1_000), ..to("chat:b") }))
            .is_empty()
    );
    assert_eq!(
        connection.receive(r#"{"id":3,"sub_refresh":{"channel":"chat:a","token":"s"}}"#),
        [error(3, 107)]
    );
    assert!(!connection.after(84.9).iter().any(|line| line.starts_with("close")));
    assert_eq!(connection.after(0.1), ["close 3006"]);
}

#[test]
fn the_server_can_change_the_expiry_of_a_connection() {
    let mut connection = TestConnection::new(Some(identity()), without_pong_timeout());
    connection.receive(r#"{"id":1,"connect":{}}"#);
    let until = |expires_at| ServerRequest::Refresh { expires_at, conn_info: None };
    assert_eq!(
        connection.server_request(until(Some(1_060))),
        [r#"{"push":{"refresh":{"expires":true,"ttl":60}}}"#]
    );
    assert!(!connection.after(84.9).contains(&"close 3005".to_owned()));
    assert_eq!(connection.server_request(until(None)), [r#"{"push":{"refresh":{}}}"#]);
    assert!(!connection.after(9_000.0).contains(&"close 3005".to_owned()));
    assert_eq!(connection.server_request(until(Some(1_000))), ["close 3005"]);
}

#[test]
fn a_connection_describes_itself() {
    let mut connection = TestConnection::authenticated();
    connection.receive(r#"{"id":1,"connect":{"name":"js","version":"2.1"}}"#);
    connection.subscribe(2, "chat:a");
    connection.server_request(subscribe(to("chat:b")));
    let mut output = connection.client.describe();
    output.subscriptions.sort_by(|a, b| a.channel.cmp(&b.channel));
    assert_eq!((output.name.as_str(), output.version.as_str()), ("js", "2.1"));
    let seen: Vec<_> = output.subscriptions.iter().map(|s| (s.channel.as_str(), s.source)).collect();
    assert_eq!(
        seen,
        [("chat:a", SubscriptionSource::ClientAllowed), ("chat:b", SubscriptionSource::ServerApi)]
    );
}

#[test]
fn connect_without_a_token_is_verified_if_anonymous_connections_are_permitted() {
    let mut connection = TestConnection::new(None, ClientConfig { allow_anonymous: true, ..config() });
    assert_eq!(connection.receive(r#"{"id":1,"connect":{}}"#), ["verify Connect { id: 1 } no token"]);
}

#[test]
fn a_token_that_lists_more_channels_than_a_connection_may_have_is_refused() {
    let most = config().max_channels;
    let listed = |count: usize| with((0..count).map(|number| to(&format!("chat:{number}"))).collect());
    assert!(listed(most).receive(r#"{"id":1,"connect":{}}"#)[0].starts_with("connect subscriptions"));
    assert_eq!(listed(most + 1).receive(r#"{"id":1,"connect":{}}"#), ["close 3505"]);
}
