//! Tests of subscriptions with a subscription token: grants, refusals and expiry.

use std::time::Duration;

use protocol::{
    Payload, UnsubscribeCode,
    subscription::{Overrides, ServerSubscription},
};

use super::*;

const SUBSCRIBE_2: Purpose = Purpose::Subscribe { id: 2 };
const SUB_REFRESH_3: Purpose = Purpose::SubRefresh { id: 3 };
const PRIVATE: &str = r#"{"id":2,"subscribe":{"channel":"$chat:a","token":"s"}}"#;
const REFRESH_PRIVATE: &str = r#"{"id":3,"sub_refresh":{"channel":"$chat:a","token":"s2"}}"#;

fn lasting(seconds: u64) -> SubscriptionGrant {
    SubscriptionGrant { expires_in: Some(Duration::from_secs(seconds)), ..SubscriptionGrant::default() }
}

fn mark(id: &str) -> TokenMark {
    TokenMark { id: Some(id.into()), issued_at_ms: None }
}

fn grant_by(id: &str) -> SubscriptionGrant {
    SubscriptionGrant { token: mark(id), ..lasting(60) }
}

/// A subscription to `$chat:a` that the server makes.
fn of_the_server() -> ServerSubscription {
    ServerSubscription {
        channel: channel("$chat:a"),
        chan_info: None,
        data: None,
        recover: None,
        expires_at: None,
        overrides: Overrides::default(),
    }
}

/// A connection with a subscription. The token of the subscription is valid for one minute. Missing pongs do not close the
/// connection.
fn subscribed() -> TestConnection {
    let without_pong_timeout = ClientConfig { pong_timeout: Duration::from_secs(9_999), ..config() };
    let mut connection =
        TestConnection::new(Some(Identity { token_expires_in: None, ..identity() }), without_pong_timeout);
    connection.receive(r#"{"id":1,"connect":{}}"#);
    connection.receive(PRIVATE);
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(60))), ["join $chat:a 2"]);
    connection
}

#[test]
fn a_verified_token_replaces_the_rights_of_the_namespace() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.receive(PRIVATE), ["verify Subscribe { id: 2 } $chat:a s"]);
    let grant = SubscriptionGrant::default();
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(grant)), ["join $chat:a 2"]);
    assert_eq!(
        connection.receive(r#"{"id":3,"publish":{"channel":"$chat:a","data":1}}"#),
        ["publish $chat:a 3 1"]
    );
}

#[test]
fn a_token_does_not_admit_its_user_to_a_channel_of_other_users() {
    let mut connection = TestConnection::connected();
    connection.receive(r#"{"id":2,"subscribe":{"channel":"user:#7","token":"s"}}"#);
    assert_eq!(
        connection.subscription_verified(SUBSCRIBE_2, Ok(SubscriptionGrant::default())),
        [error(2, 103)]
    );
}

#[test]
fn subscriptions_that_the_server_makes_during_a_verification_count_towards_the_limit() {
    let mut connection = TestConnection::connected();
    connection.receive(PRIVATE);
    for number in 0..config().max_channels {
        let subscription =
            ServerSubscription { channel: channel(&format!("chat:{number}")), ..of_the_server() };
        connection.server_request(ServerRequest::Subscribe(Box::new(subscription)));
    }
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(60))), [error(2, 106)]);
}

#[test]
fn the_info_of_a_token_is_visible_only_in_its_channel() {
    let mut connection = TestConnection::connected();
    connection.receive(PRIVATE);
    let info = Payload::parse(r#"{"nick":"x"}"#).unwrap();
    let grant = SubscriptionGrant { chan_info: Some(info.clone()), ..lasting(60) };
    let effects =
        connection.client.on_subscription_verified(connection.now, SUBSCRIBE_2, Ok(grant), |_| false, true);
    let [Effect::Join { request, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(request.info.chan_info, Some(info));
    assert_eq!(request.lifetime.map(|lifetime| lifetime.ttl), Some(60));
    let effects =
        connection.client.on_frame(connection.now, br#"{"id":4,"subscribe":{"channel":"chat:b"}}"#, true);
    let [Effect::Join { request, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(request.info.chan_info, None);
}

#[test]
fn each_refusal_of_a_token_gets_the_answer_that_clients_expect() {
    for (refusal, output) in [
        (SubscriptionRefusal::Expired, error(2, 109)),
        (SubscriptionRefusal::Invalid, error(2, 103)),
        (SubscriptionRefusal::Unavailable, error(2, 100)),
        (SubscriptionRefusal::Foreign, "close 3500".to_owned()),
    ] {
        let mut connection = TestConnection::connected();
        connection.receive(PRIVATE);
        assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Err(refusal)), [output]);
        assert_eq!(connection.channels(), 0);
    }
}

#[test]
fn commands_behind_a_token_verification_wait_and_keep_their_order() {
    let mut connection = TestConnection::connected();
    connection.receive(PRIVATE);
    assert!(connection.receive(r#"{"id":3,"unsubscribe":{"channel":"$chat:a"}}"#).is_empty());
    assert!(connection.subscribe(4, "chat:b").is_empty());
    assert_eq!(
        connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(9))),
        ["join $chat:a 2", "leave $chat:a 3", "join chat:b 4"]
    );
}

#[test]
fn a_token_for_an_unknown_namespace_is_not_verified() {
    let mut connection = TestConnection::connected();
    assert_eq!(
        connection.receive(r#"{"id":2,"subscribe":{"channel":"$news:a","token":"s"}}"#),
        [error(2, 102)]
    );
}

#[test]
fn a_verification_result_for_another_command_is_ignored() {
    let mut connection = TestConnection::connected();
    connection.receive(PRIVATE);
    assert!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))).is_empty());
    assert!(connection.verified(REFRESH_5, Ok(identity())).is_empty());
    assert_eq!(connection.channels(), 0);
}

#[test]
fn a_subscription_ends_25_seconds_after_the_expiry_of_its_token() {
    let mut connection = subscribed();
    assert!(!connection.after(84.9).iter().any(|line| line.starts_with("leave")));
    assert!(connection.after(0.1).contains(&"leave $chat:a push 2501".to_owned()));
    assert_eq!(connection.channels(), 0);
}

#[test]
fn a_refreshed_subscription_continues() {
    let mut connection = subscribed();
    connection.after(50.0);
    assert_eq!(connection.receive(REFRESH_PRIVATE), ["verify SubRefresh { id: 3 } $chat:a s2"]);
    assert_eq!(
        connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))),
        [r#"{"id":3,"sub_refresh":{"expires":true,"ttl":60}}"#]
    );
    assert!(!connection.after(84.9).iter().any(|line| line.starts_with("leave")));
    assert!(connection.after(0.1).contains(&"leave $chat:a push 2501".to_owned()));
}

#[test]
fn a_token_grants_nothing_while_the_node_may_have_missed_revocations() {
    let mut connection = TestConnection::connected();
    connection.receive(PRIVATE);
    connection.accepting = false;
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(60))), [error(2, 100)]);
    assert_eq!(connection.channels(), 0);
    let mut connection = subscribed();
    connection.receive(REFRESH_PRIVATE);
    connection.accepting = false;
    assert_eq!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(600))), [error(3, 100)]);
    assert!(connection.after(85.0).contains(&"leave $chat:a push 2501".to_owned()));
}

#[test]
fn a_refresh_with_an_expired_token_ends_the_subscription_so_that_the_client_subscribes_again() {
    let mut connection = subscribed();
    connection.receive(REFRESH_PRIVATE);
    let output = connection.subscription_verified(SUB_REFRESH_3, Err(SubscriptionRefusal::Expired));
    assert_eq!(output, [error(3, 100), "leave $chat:a push 2501".to_owned()]);
    assert_eq!(connection.channels(), 0);
    connection.receive(PRIVATE);
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(60))), ["join $chat:a 2"]);
}

#[test]
fn a_refresh_with_an_expired_token_does_not_end_a_later_subscription_of_the_server() {
    let mut connection = subscribed();
    connection.receive(REFRESH_PRIVATE);
    connection.server_request(ServerRequest::Unsubscribe(channel("$chat:a"), UnsubscribeCode::Server));
    connection.server_request(ServerRequest::Subscribe(Box::new(of_the_server())));
    let output = connection.subscription_verified(SUB_REFRESH_3, Err(SubscriptionRefusal::Expired));
    assert_eq!(output, [error(3, 100)]);
    assert_eq!(connection.channels(), 1);
}

#[test]
fn a_subscription_that_ended_during_the_verification_is_not_refreshed() {
    let mut connection = subscribed();
    connection.receive(REFRESH_PRIVATE);
    connection.after(85.0);
    assert_eq!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))), [error(3, 103)]);
}

#[test]
fn a_token_that_is_denied_during_its_verification_joins_no_channel() {
    let mut connection = TestConnection::connected();
    connection.receive(PRIVATE);
    let denied = |token: &TokenMark| *token == mark("denied");
    assert_eq!(connection.subscription_judged(SUBSCRIBE_2, Ok(grant_by("denied")), denied), [error(2, 103)]);
    assert_eq!(connection.channels(), 0);
}

#[test]
fn a_token_that_is_denied_during_its_verification_refreshes_no_subscription() {
    let mut connection = TestConnection::connected();
    connection.receive(PRIVATE);
    connection.subscription_verified(SUBSCRIBE_2, Ok(grant_by("first")));
    connection.receive(REFRESH_PRIVATE);
    assert_eq!(
        connection.subscription_judged(SUB_REFRESH_3, Ok(grant_by("denied")), |_| true),
        [error(3, 103)]
    );
    assert_eq!(connection.client.subscription_token(&channel("$chat:a")), Some(&mark("first")));
}

#[test]
fn a_token_does_not_refresh_a_later_subscription_of_the_server() {
    let mut connection = subscribed();
    connection.receive(REFRESH_PRIVATE);
    connection.server_request(ServerRequest::Unsubscribe(channel("$chat:a"), UnsubscribeCode::Server));
    connection.server_request(ServerRequest::Subscribe(Box::new(of_the_server())));
    assert_eq!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))), [error(3, 103)]);
    assert_eq!(connection.after(9_000.0), ["{}"], "the subscription of the server does not expire");
    assert_eq!(connection.client.subscription_token(&channel("$chat:a")), None);
}

#[test]
fn sub_refresh_requires_a_subscription_and_a_token() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.receive(REFRESH_PRIVATE), [error(3, 103)]);
    assert_eq!(connection.receive(r#"{"id":3,"sub_refresh":{"channel":"chat:a"}}"#), ["close 3501"]);
}

#[test]
fn a_subscription_is_found_by_its_latest_token() {
    let mut connection = TestConnection::connected();
    connection.subscribe(7, "chat:open");
    connection.receive(PRIVATE);
    connection.subscription_verified(SUBSCRIBE_2, Ok(grant_by("first")));
    let found = |connection: &TestConnection, id: &str| {
        connection.client.subscriptions_by(|_, token| *token == mark(id))
    };
    assert_eq!(found(&connection, "first"), [channel("$chat:a")]);
    connection.receive(REFRESH_PRIVATE);
    connection.subscription_verified(SUB_REFRESH_3, Ok(grant_by("second")));
    assert!(found(&connection, "first").is_empty());
    assert_eq!(found(&connection, "second"), [channel("$chat:a")]);
    assert_eq!(
        connection.client.subscriptions_by(|_, _| true).len(),
        1,
        "the other subscription has no token"
    );
}
