//! Subscriptions with a subscription token: grants, refusals and expiry.

use std::time::Duration;

use protocol::{
    Payload, UnsubscribeCode,
    subscription::{Overrides, ServerSubscription},
};

use super::*;

const SUBSCRIBE_2: Purpose = Purpose::Subscribe { id: 2 };
const SUB_REFRESH_3: Purpose = Purpose::SubRefresh { id: 3 };
const PRIVATE: &str = r#"{"id":2,"subscribe":{"channel":"$chat:a","token":"s"}}"#;
const RENEW: &str = r#"{"id":3,"sub_refresh":{"channel":"$chat:a","token":"s2"}}"#;

fn lasting(seconds: u64) -> SubscriptionGrant {
    SubscriptionGrant { expires_in: Some(Duration::from_secs(seconds)), ..SubscriptionGrant::default() }
}

fn mark(id: &str) -> TokenMark {
    TokenMark { id: Some(id.into()), issued_at_ms: None }
}

fn by(id: &str) -> SubscriptionGrant {
    SubscriptionGrant { token: mark(id), ..lasting(60) }
}

/// A subscription that the server makes to the channel of the tests.
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

/// A connection that is subscribed with a token of one minute. The server sends no pings.
fn subscribed() -> TestConnection {
    let patient = ClientConfig { pong_timeout: Duration::from_secs(9_999), ..config() };
    let mut connection =
        TestConnection::new(Some(Identity { token_expires_in: None, ..identity() }), patient);
    connection.say(r#"{"id":1,"connect":{}}"#);
    connection.say(PRIVATE);
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(60))), ["join $chat:a 2"]);
    connection
}

#[test]
fn a_verified_token_replaces_the_rights_of_the_namespace() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.say(PRIVATE), ["verify Subscribe { id: 2 } $chat:a s"]);
    let grant = SubscriptionGrant::default();
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(grant)), ["join $chat:a 2"]);
    assert_eq!(
        connection.say(r#"{"id":3,"publish":{"channel":"$chat:a","data":1}}"#),
        ["publish $chat:a 3 1"]
    );
}

#[test]
fn no_token_admits_to_a_channel_of_other_users() {
    let mut connection = TestConnection::connected();
    connection.say(r#"{"id":2,"subscribe":{"channel":"user:#7","token":"s"}}"#);
    assert_eq!(
        connection.subscription_verified(SUBSCRIBE_2, Ok(SubscriptionGrant::default())),
        [error(2, 103)]
    );
}

#[test]
fn the_info_of_a_token_is_visible_only_in_its_channel() {
    let mut connection = TestConnection::connected();
    connection.say(PRIVATE);
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
fn refusals_are_what_clients_expect() {
    for (refusal, said) in [
        (SubscriptionRefusal::Expired, error(2, 109)),
        (SubscriptionRefusal::Invalid, error(2, 103)),
        (SubscriptionRefusal::Unavailable, error(2, 100)),
        (SubscriptionRefusal::Foreign, "close 3500".to_owned()),
    ] {
        let mut connection = TestConnection::connected();
        connection.say(PRIVATE);
        assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Err(refusal)), [said]);
        assert_eq!(connection.channels(), 0);
    }
}

#[test]
fn later_commands_wait_behind_a_token_in_order() {
    let mut connection = TestConnection::connected();
    connection.say(PRIVATE);
    assert!(connection.say(r#"{"id":3,"unsubscribe":{"channel":"$chat:a"}}"#).is_empty());
    assert!(connection.subscribe(4, "chat:b").is_empty());
    assert_eq!(
        connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(9))),
        ["join $chat:a 2", "leave $chat:a 3", "join chat:b 4"]
    );
}

#[test]
fn an_unknown_namespace_needs_no_verification() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.say(r#"{"id":2,"subscribe":{"channel":"$news:a","token":"s"}}"#), [error(2, 102)]);
}

#[test]
fn a_verification_result_for_another_command_is_ignored() {
    let mut connection = TestConnection::connected();
    connection.say(PRIVATE);
    assert!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))).is_empty());
    assert!(connection.verified(REFRESH_5, Ok(identity())).is_empty());
    assert_eq!(connection.channels(), 0);
}

#[test]
fn a_subscription_ends_25_seconds_after_its_token() {
    let mut connection = subscribed();
    assert!(!connection.after(84.9).iter().any(|line| line.starts_with("leave")));
    assert!(connection.after(0.1).contains(&"leave $chat:a push 2501".to_owned()));
    assert_eq!(connection.channels(), 0);
}

#[test]
fn a_refreshed_subscription_continues() {
    let mut connection = subscribed();
    connection.after(50.0);
    assert_eq!(connection.say(RENEW), ["verify SubRefresh { id: 3 } $chat:a s2"]);
    assert_eq!(
        connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))),
        [r#"{"id":3,"sub_refresh":{"expires":true,"ttl":60}}"#]
    );
    assert!(!connection.after(84.9).iter().any(|line| line.starts_with("leave")));
    assert!(connection.after(0.1).contains(&"leave $chat:a push 2501".to_owned()));
}

#[test]
fn a_token_grants_nothing_while_revocations_may_be_missing() {
    let mut connection = TestConnection::connected();
    connection.say(PRIVATE);
    connection.accepting = false;
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(60))), [error(2, 100)]);
    assert_eq!(connection.channels(), 0);
    let mut connection = subscribed();
    connection.say(RENEW);
    connection.accepting = false;
    assert_eq!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(600))), [error(3, 100)]);
    assert!(connection.after(85.0).contains(&"leave $chat:a push 2501".to_owned()));
}

#[test]
fn an_expired_token_ends_the_subscription_and_the_client_subscribes_again() {
    let mut connection = subscribed();
    connection.say(RENEW);
    let said = connection.subscription_verified(SUB_REFRESH_3, Err(SubscriptionRefusal::Expired));
    assert_eq!(said, [error(3, 100), "leave $chat:a push 2501".to_owned()]);
    assert_eq!(connection.channels(), 0);
    connection.say(PRIVATE);
    assert_eq!(connection.subscription_verified(SUBSCRIBE_2, Ok(lasting(60))), ["join $chat:a 2"]);
}

#[test]
fn an_expired_token_ends_no_other_subscription_of_its_channel() {
    let mut connection = subscribed();
    connection.say(RENEW);
    connection.told(ServerRequest::Unsubscribe(channel("$chat:a"), UnsubscribeCode::Server));
    connection.told(ServerRequest::Subscribe(Box::new(of_the_server())));
    let said = connection.subscription_verified(SUB_REFRESH_3, Err(SubscriptionRefusal::Expired));
    assert_eq!(said, [error(3, 100)]);
    assert_eq!(connection.channels(), 1);
}

#[test]
fn a_subscription_that_ended_meanwhile_is_not_renewed() {
    let mut connection = subscribed();
    connection.say(RENEW);
    connection.after(85.0);
    assert_eq!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))), [error(3, 103)]);
}

#[test]
fn a_token_that_is_denied_while_it_is_verified_joins_no_channel() {
    let mut connection = TestConnection::connected();
    connection.say(PRIVATE);
    let denied = |token: &TokenMark| *token == mark("denied");
    assert_eq!(connection.subscription_judged(SUBSCRIBE_2, Ok(by("denied")), denied), [error(2, 103)]);
    assert_eq!(connection.channels(), 0);
}

#[test]
fn a_token_that_is_denied_while_it_is_verified_renews_nothing() {
    let mut connection = TestConnection::connected();
    connection.say(PRIVATE);
    connection.subscription_verified(SUBSCRIBE_2, Ok(by("first")));
    connection.say(RENEW);
    assert_eq!(connection.subscription_judged(SUB_REFRESH_3, Ok(by("denied")), |_| true), [error(3, 103)]);
    assert_eq!(connection.client.subscription_token(&channel("$chat:a")), Some(&mark("first")));
}

#[test]
fn a_token_does_not_renew_the_subscription_of_the_server_that_took_the_place_of_its_own() {
    let mut connection = subscribed();
    connection.say(RENEW);
    connection.told(ServerRequest::Unsubscribe(channel("$chat:a"), UnsubscribeCode::Server));
    connection.told(ServerRequest::Subscribe(Box::new(of_the_server())));
    assert_eq!(connection.subscription_verified(SUB_REFRESH_3, Ok(lasting(60))), [error(3, 103)]);
    assert_eq!(connection.after(9_000.0), ["{}"], "the subscription of the server does not expire");
    assert_eq!(connection.client.subscription_token(&channel("$chat:a")), None);
}

#[test]
fn a_renewal_needs_a_subscription_and_a_token() {
    let mut connection = TestConnection::connected();
    assert_eq!(connection.say(RENEW), [error(3, 103)]);
    assert_eq!(connection.say(r#"{"id":3,"sub_refresh":{"channel":"chat:a"}}"#), ["close 3501"]);
}

#[test]
fn a_subscription_is_found_by_its_latest_token() {
    let mut connection = TestConnection::connected();
    connection.subscribe(7, "chat:open");
    connection.say(PRIVATE);
    connection.subscription_verified(SUBSCRIBE_2, Ok(by("first")));
    let found = |connection: &TestConnection, id: &str| {
        connection.client.subscriptions_by(|_, token| *token == mark(id))
    };
    assert_eq!(found(&connection, "first"), [channel("$chat:a")]);
    connection.say(RENEW);
    connection.subscription_verified(SUB_REFRESH_3, Ok(by("second")));
    assert!(found(&connection, "first").is_empty());
    assert_eq!(found(&connection, "second"), [channel("$chat:a")]);
    assert_eq!(
        connection.client.subscriptions_by(|_, _| true).len(),
        1,
        "the other subscription has no token"
    );
}
