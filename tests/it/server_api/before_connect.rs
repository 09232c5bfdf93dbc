//! The method `subscribe` also reaches a connection that was authenticated at its handshake but has not sent `connect`.

use serde_json::json;

use crate::harness::{Session, Socket, app_with_key};

/// A connection that has sent no command. The server has subscribed the connection to this channel, and one publication
/// has arrived.
async fn subscribed(session: &Session, channel: &str) -> Socket {
    let mut socket = session.connect().await;
    let wanted = json!({
        "user": session.person.id.to_string(), "channel": channel, "data": {"welcome": true},
    });
    assert_eq!(session.app.api_result("subscribe", wanted).await, json!({"done": 1, "pending": 0}));
    let push = socket.pushed().await;
    assert_eq!((&push["channel"], &push["subscribe"]["data"]["welcome"]), (&json!(channel), &json!(true)));
    assert_eq!(published(session, &mut socket, channel).await, 1);
    socket
}

/// Publishes, and returns the offset at which the connection receives the publication.
async fn published(session: &Session, socket: &mut Socket, channel: &str) -> u64 {
    session.app.api_result("publish", json!({"channel": channel, "data": "news"})).await;
    loop {
        let push = socket.pushed().await;
        if push["channel"] == channel && push["pub"].is_object() {
            return push["pub"]["offset"].as_u64().expect("an offset");
        }
    }
}

#[tokio::test]
async fn the_answer_to_connect_lists_the_subscription_with_its_position() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let mut socket = subscribed(&session, "chat:news").await;
    while socket.try_pushed().await {}
    let reply = socket.ask(json!({"connect": {}})).await.expect("a reply");
    let subs = reply["connect"]["subs"].as_object().expect("subscriptions");
    assert_eq!(subs.keys().collect::<Vec<_>>(), ["chat:news"]);
    let listed = &subs["chat:news"];
    assert_eq!((&listed["offset"], &listed["recoverable"]), (&json!(1), &json!(true)), "{listed}");
    assert_eq!(listed["data"], json!({"welcome": true}));
    assert!(socket.is_undisturbed().await, "there is no join and no leave");
    assert_eq!(published(&session, &mut socket, "chat:news").await, 2);
    assert!(socket.is_undisturbed().await, "the publication arrives once");
    let members = app.api_result("presence_stats", json!({"channel": "chat:news"})).await;
    assert_eq!(members["num_clients"], 1);
}

#[tokio::test]
async fn a_connection_that_never_sends_connect_keeps_the_subscription() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let mut socket = subscribed(&session, "chat:news").await;
    socket.subscribe("chat:chosen").await;
    assert_eq!(published(&session, &mut socket, "chat:news").await, 2);
    assert_eq!(published(&session, &mut socket, "chat:chosen").await, 1);
}
