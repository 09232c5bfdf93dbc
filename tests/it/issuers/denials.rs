//! Denied users and tokens of external issuers.

use std::time::Duration;

use protocol::id::Subject;
use serde_json::{Value, json};

use super::{connected, outcome};
use crate::harness::{
    App, DatabaseProxy, Event, Socket, fresh_database,
    issuer::{self, now, signed},
};

#[actix_web::test]
async fn a_denial_ends_external_connections_and_refuses_new_ones() {
    let app = App::with(issuer::shared_with);
    let ann = Subject::new("corp:ann");
    let claims = json!({"sub": "ann", "jti": "first", "iat": now() - 60});
    let mut socket = connected(&app, &claims).await;
    let severed = app.block(&ann).await;
    assert_eq!((severed.closed, severed.pending), (1, 0));
    assert_eq!(socket.closed().await.code, 4503);
    assert_eq!(outcome(&app, &signed(&claims)).await, "close 4503");
    app.unblock(&ann).await;
    let mut socket = connected(&app, &claims).await;
    app.revoke_token("first").await;
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(outcome(&app, &signed(&claims)).await, "close 4500");
    let second = json!({"sub": "ann", "jti": "second", "iat": now() - 60});
    let mut socket = connected(&app, &second).await;
    app.invalidate_tokens_before(&ann, app.now() - Duration::from_secs(30)).await;
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(outcome(&app, &signed(&second)).await, "close 4500");
    assert_eq!(
        outcome(&app, &signed(&json!({"sub": "ann"}))).await,
        "close 4500",
        "issued at an unknown time"
    );
    assert_eq!(outcome(&app, &signed(&json!({"sub": "ann", "iat": now()}))).await, "connected");
    assert_eq!(outcome(&app, &signed(&json!({"sub": "bob", "iat": now() - 60}))).await, "connected");
}

#[actix_web::test]
async fn a_denied_token_has_expired_when_its_denial_ends() {
    let app = App::with(issuer::shared_with);
    let days = |days: i64| now() + days * 86_400;
    let tokens = [
        json!({"sub": "ann", "jti": "with-end", "exp": days(30)}),
        json!({"sub": "ann", "jti": "with-start", "iat": now()}),
    ];
    for claims in &tokens {
        assert_eq!(outcome(&app, &signed(claims)).await, "connected", "{claims}");
        app.revoke_token(claims["jti"].as_str().unwrap()).await;
        assert_eq!(outcome(&app, &signed(claims)).await, "close 4500", "{claims}");
    }
    app.advance(Duration::from_hours(30 * 24 + 2));
    for claims in &tokens {
        assert_eq!(outcome(&app, &signed(claims)).await, "error 109", "{claims}");
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

async fn gets_push_2502(ann: &mut Socket, channel: &str) {
    let push = ann.pushed().await;
    assert_eq!((&push["channel"], &push["unsubscribe"]["code"]), (&json!(channel), &json!(2502)), "{push}");
}

#[actix_web::test]
async fn a_denial_of_channel_tokens_on_one_node_ends_subscriptions_on_another() {
    let app = App::with(issuer::shared_with);
    let mut ann = subscribed(&app, "ephemeral:room", &json!({"iat": now() - 60})).await;
    let (ann_of_corp, moment) = (Subject::new("corp:ann"), app.now() - Duration::from_secs(30));
    other_node(&app).invalidate_channel_tokens(&ann_of_corp, "ephemeral:room", moment).await;
    gets_push_2502(&mut ann, "ephemeral:room").await;
}

#[actix_web::test]
async fn a_denied_token_ends_its_subscription_and_the_connection_stays_open() {
    let app = App::with(issuer::shared_with);
    let room = "$ephemeral:room";
    let mut ann = subscribed(&app, room, &json!({"jti": "room", "iat": now() - 60})).await;
    resubscribed(&mut ann, "$ephemeral:other", &json!({"jti": "other", "iat": now()})).await;
    let severed = app.revoke_token("room").await;
    assert_eq!((severed.closed, severed.pending), (1, 0));
    gets_push_2502(&mut ann, room).await;
    let token = signed(&json!({"sub": "ann", "channel": room, "jti": "room"}));
    let reply = ann.ask(json!({"subscribe": {"channel": room, "token": token}})).await.unwrap();
    assert_eq!(reply["error"]["code"], 103, "{reply}");
    resubscribed(&mut ann, room, &json!({"iat": now() - 60})).await;
    // Of the tokens in use, only the token of the subscription to `room` was issued before this moment.
    let before = app.now() - Duration::from_secs(30);
    let done = app.invalidate_tokens_before(&Subject::new("corp:ann"), before).await;
    assert_eq!((done.closed, done.pending), (1, 0));
    gets_push_2502(&mut ann, room).await;
    other_node(&app).revoke_token("other").await;
    gets_push_2502(&mut ann, "$ephemeral:other").await;
    assert!(ann.is_undisturbed().await);
}

#[actix_web::test]
async fn a_subscription_that_is_denied_while_its_node_is_stale_gets_no_held_delivery() {
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
            Event::Closed(closed) => assert_eq!(closed.code, 3010, "the client reconnects"),
            event => panic!("something came before the close: {event:?}"),
        }
    }
}
