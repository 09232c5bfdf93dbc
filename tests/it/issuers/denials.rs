//! Denied users and tokens of external issuers.

use std::time::Duration;

use protocol::id::Subject;
use serde_json::{Value, json};

use super::{connected, told};
use crate::harness::{
    App, DatabaseProxy, Event, Socket, fresh_database,
    issuer::{self, now, signed},
};

#[actix_web::test]
async fn what_is_denied_ends_outside_connections_and_keeps_them_out() {
    let app = App::with(issuer::shared_with);
    let ann = Subject::new("corp:ann");
    let claims = json!({"sub": "ann", "jti": "first", "iat": now() - 60});
    let mut socket = connected(&app, &claims).await;
    let severed = app.block(&ann).await;
    assert_eq!((severed.closed, severed.pending), (1, 0));
    assert_eq!(socket.closed().await.code, 4503);
    assert_eq!(told(&app, &signed(&claims)).await, "close 4503");
    app.unblock(&ann).await;
    let mut socket = connected(&app, &claims).await;
    app.revoke_token("first").await;
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(told(&app, &signed(&claims)).await, "close 4500");
    let second = json!({"sub": "ann", "jti": "second", "iat": now() - 60});
    let mut socket = connected(&app, &second).await;
    app.invalidate_tokens_before(&ann, app.now() - Duration::from_secs(30)).await;
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(told(&app, &signed(&second)).await, "close 4500");
    assert_eq!(told(&app, &signed(&json!({"sub": "ann"}))).await, "close 4500", "issued at an unknown time");
    assert_eq!(told(&app, &signed(&json!({"sub": "ann", "iat": now()}))).await, "connected");
    assert_eq!(told(&app, &signed(&json!({"sub": "bob", "iat": now() - 60}))).await, "connected");
}

#[actix_web::test]
async fn a_denied_token_is_refused_when_its_denial_has_ended() {
    let app = App::with(issuer::shared_with);
    let days = |days: i64| now() + days * 86_400;
    let tokens = [
        json!({"sub": "ann", "jti": "with-end", "exp": days(30)}),
        json!({"sub": "ann", "jti": "with-start", "iat": now()}),
    ];
    for claims in &tokens {
        assert_eq!(told(&app, &signed(claims)).await, "connected", "{claims}");
        app.revoke_token(claims["jti"].as_str().unwrap()).await;
        assert_eq!(told(&app, &signed(claims)).await, "close 4500", "{claims}");
    }
    app.advance(Duration::from_hours(30 * 24 + 2));
    for claims in &tokens {
        assert_eq!(told(&app, &signed(claims)).await, "error 109", "{claims}");
    }
}

/// Another node over the same database.
fn other_node(app: &App) -> App {
    App::over(app.database().clone(), issuer::shared_with)
}

async fn subscribed(app: &App, channel: &str, claims: &Value) -> Socket {
    let mut ann = connected(app, &json!({"sub": "ann", "iat": now()})).await;
    resubscribed(&mut ann, channel, claims).await;
    ann
}

async fn resubscribed(ann: &mut Socket, channel: &str, claims: &Value) {
    let mut token = json!({"sub": "ann", "channel": channel});
    token.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let reply = ann.ask(json!({"subscribe": {"channel": channel, "token": signed(&token)}})).await.unwrap();
    assert!(reply["subscribe"].is_object(), "{reply}");
}

async fn is_told_to_subscribe_anew(ann: &mut Socket, channel: &str) {
    let push = ann.pushed().await;
    assert_eq!((&push["channel"], &push["unsubscribe"]["code"]), (&json!(channel), &json!(2502)), "{push}");
}

#[actix_web::test]
async fn tokens_of_one_channel_that_are_denied_elsewhere_end_its_subscriptions_here() {
    let app = App::with(issuer::shared_with);
    let mut ann = subscribed(&app, "ephemeral:room", &json!({"iat": now() - 60})).await;
    let (ann_of_corp, moment) = (Subject::new("corp:ann"), app.now() - Duration::from_secs(30));
    other_node(&app).invalidate_channel_tokens(&ann_of_corp, "ephemeral:room", moment).await;
    is_told_to_subscribe_anew(&mut ann, "ephemeral:room").await;
}

#[actix_web::test]
async fn a_subscription_ends_with_its_token_and_the_connection_stays() {
    let app = App::with(issuer::shared_with);
    let room = "$ephemeral:room";
    let mut ann = subscribed(&app, room, &json!({"jti": "room", "iat": now() - 60})).await;
    resubscribed(&mut ann, "$ephemeral:other", &json!({"jti": "other", "iat": now()})).await;
    let severed = app.revoke_token("room").await;
    assert_eq!((severed.closed, severed.pending), (1, 0));
    is_told_to_subscribe_anew(&mut ann, room).await;
    let token = signed(&json!({"sub": "ann", "channel": room, "jti": "room"}));
    let reply = ann.ask(json!({"subscribe": {"channel": room, "token": token}})).await.unwrap();
    assert_eq!(reply["error"]["code"], 103, "{reply}");
    resubscribed(&mut ann, room, &json!({"iat": now() - 60})).await;
    // Subscriptions that used the connection's own token are newer than this moment.
    let before = app.now() - Duration::from_secs(30);
    let done = app.invalidate_tokens_before(&Subject::new("corp:ann"), before).await;
    assert_eq!((done.closed, done.pending), (1, 0));
    is_told_to_subscribe_anew(&mut ann, room).await;
    other_node(&app).revoke_token("other").await;
    is_told_to_subscribe_anew(&mut ann, "$ephemeral:other").await;
    assert!(ann.is_undisturbed().await);
}

#[actix_web::test]
async fn a_subscription_that_was_denied_during_a_cut_gets_nothing_that_was_held() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let (app, other) =
        (App::over(proxy.database(), issuer::shared_with), App::over(database, issuer::shared_with));
    let mut denied = [
        subscribed(&app, "ephemeral:room", &json!({"iat": now() - 60})).await,
        subscribed(&app, "ephemeral:room", &json!({"jti": "room", "iat": now()})).await,
    ];
    app.lose_database(&proxy).await;
    let moment = other.now() - Duration::from_secs(30);
    other.invalidate_channel_tokens(&Subject::new("corp:ann"), "ephemeral:room", moment).await;
    other.revoke_token("room").await;
    app.publish("ephemeral:room", json!("secret")).await;
    proxy.mend();
    for socket in &mut denied {
        match socket.event().await {
            Event::Closed(closed) => assert_eq!(closed.code, 3010, "its client comes back"),
            event => panic!("something came before the close: {event:?}"),
        }
    }
}
