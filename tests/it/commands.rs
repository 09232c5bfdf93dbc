//! Commands of a client and requests of the server on one connection: order, limits, expiry.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actors::runtime::{ConnectionRequest, ConnectionSelection, RequestCounts};
use portcullis::socket::ClientConfig;
use protocol::{channel_name::ChannelName, id::Subject};
use serde_json::{Value, json};

use crate::harness::{App, Closed, Event, Session, eventually};

async fn session(change: impl FnOnce(&mut ClientConfig)) -> Session {
    let app = App::with(|settings| change(Arc::make_mut(&mut settings.socket.client)));
    app.register().await.sign_in().await
}

/// Sets the expiry of this user's connections to `seconds` from now; `None` removes it.
async fn set_expiry(session: &Session, seconds: Option<i64>) -> RequestCounts {
    let expires_at = seconds.map(|left| time::OffsetDateTime::now_utc().unix_timestamp() + left);
    let selection = ConnectionSelection::of(Subject::from(session.person.id));
    session
        .app
        .realtime()
        .request(&selection, move |reply| ConnectionRequest::Refresh { expires_at, conn_info: None, reply })
        .await
}

#[tokio::test]
async fn commands_of_one_frame_take_effect_in_order() {
    let session = session(|_| {}).await;
    let mut socket =
        session.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let lines = [
        json!({"id": 1, "connect": {"token": session.access}}),
        json!({"id": 2, "subscribe": {"channel": "ephemeral:a"}}),
        json!({"id": 3, "publish": {"channel": "ephemeral:a", "data": 1}}),
        json!({"id": 4, "unsubscribe": {"channel": "ephemeral:a"}}),
        json!({"id": 5, "publish": {"channel": "ephemeral:a", "data": 2}}),
        json!({"id": 6, "subscribe": {"channel": "ephemeral:a"}}),
        json!({"id": 7, "rpc": {"data": {}}}),
    ];
    socket.send_text(&lines.map(|line| line.to_string()).join("\n")).await;
    // Errors of the connection itself may arrive before the answers of a channel. So the replies are matched to the commands by
    // their ids.
    let mut replies = BTreeMap::new();
    let mut published = Vec::new();
    while replies.len() < 7 || published.is_empty() {
        let Event::Object(object) = socket.event().await else { panic!("the connection ended") };
        match object["id"].as_u64() {
            Some(id) => drop(replies.insert(id, object)),
            None => published.push(object["push"]["pub"]["data"].clone()),
        }
    }
    for (id, result) in
        [(1, "connect"), (2, "subscribe"), (3, "publish"), (4, "unsubscribe"), (6, "subscribe")]
    {
        assert!(replies[&id][result].is_object(), "{id}: {}", replies[&id]);
    }
    let errors = [5, 7].map(|id| replies[&id]["error"]["code"].clone());
    assert_eq!(errors, [103, 108]);
    assert_eq!(published, [json!(1)]);
    assert!(socket.is_undisturbed().await);
}

#[tokio::test]
async fn a_private_channel_is_refused_without_a_valid_subscription_token() {
    let session = session(|_| {}).await;
    let mut socket = session.connect_by_command().await;
    for request in [
        json!({"channel": "$chat:a"}),
        json!({"channel": "$chat:a", "token": "nonsense"}),
        // A connection token is no subscription token.
        json!({"channel": "$chat:a", "token": session.access}),
    ] {
        let reply = socket.ask(json!({"subscribe": request})).await.expect("a reply");
        assert_eq!(reply["error"]["code"], 103, "{reply}");
    }
    let refresh = json!({"sub_refresh": {"channel": "$chat:a", "token": "nonsense"}});
    assert_eq!(socket.ask(refresh).await.expect("a reply")["error"]["code"], 103);
    assert!(socket.is_undisturbed().await);
}

#[tokio::test]
async fn a_subscription_over_the_limit_is_refused_until_the_client_leaves_a_channel() {
    let session = session(|config| config.max_channels = 2).await;
    let mut socket = session.connect_by_command().await;
    socket.subscribe("ephemeral:1").await;
    socket.subscribe("ephemeral:2").await;
    let third = json!({"subscribe": {"channel": "ephemeral:3"}});
    assert_eq!(socket.ask(third.clone()).await.expect("a reply")["error"]["code"], 106);
    socket.ask(json!({"unsubscribe": {"channel": "ephemeral:1"}})).await.expect("a reply");
    assert!(socket.ask(third).await.expect("a reply")["subscribe"].is_object());
}

#[tokio::test]
async fn the_command_send_closes_the_connection() {
    let session = session(|_| {}).await;
    let mut socket = session.connect_by_command().await;
    socket.send_text(r#"{"send":{"data":{}}}"#).await;
    assert_eq!(socket.closed().await, Closed { code: 3508, reason: "not available".to_owned() });
}

#[tokio::test]
async fn a_changed_expiry_of_a_connection_is_pushed_to_the_client() {
    let session = session(|config| config.expired_grace = Duration::ZERO).await;
    let mut socket = session.connect_by_command().await;
    assert_eq!(set_expiry(&session, None).await, RequestCounts { done: 1, pending: 0 });
    assert_eq!(socket.pushed().await["refresh"], json!({}));
    set_expiry(&session, Some(1)).await;
    assert_eq!(socket.pushed().await["refresh"], json!({"expires": true, "ttl": 1}));
    assert_eq!(socket.closed().await, Closed { code: 3005, reason: "connection expired".to_owned() });
}

#[tokio::test]
async fn an_expiry_in_the_past_closes_the_connection_at_once() {
    let session = session(|_| {}).await;
    let mut socket = session.connect_by_command().await;
    set_expiry(&session, Some(-1)).await;
    assert_eq!(socket.closed().await, Closed { code: 3005, reason: "connection expired".to_owned() });
}

#[tokio::test]
async fn a_request_reaches_all_connections_of_a_user_and_no_others() {
    let session = session(|_| {}).await;
    let other = session.app.register().await.sign_in().await;
    let mut bystander = other.connect_by_command().await;
    let second = session.person.sign_in().await;
    let mut sockets = [
        session.connect_by_command().await,
        session.connect_by_command().await,
        second.connect_by_command().await,
    ];
    assert_eq!(set_expiry(&session, None).await, RequestCounts { done: 3, pending: 0 });
    for socket in &mut sockets {
        assert_eq!(socket.pushed().await["refresh"], json!({}));
    }
    assert!(bystander.is_undisturbed().await);
}

#[tokio::test]
async fn a_dropped_connection_leaves_all_its_channels() {
    let session = session(|_| {}).await;
    let mut socket = session.connect_by_command().await;
    for number in 0..20 {
        socket.subscribe(&format!("ephemeral:{number}")).await;
    }
    assert_eq!(session.app.realtime().channels().await.len(), 20);
    drop(socket);
    eventually("no channel has a subscriber", || async {
        session.app.realtime().channels().await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn commands_behind_a_refused_connect_are_not_carried_out() {
    let session = session(|_| {}).await;
    let mut socket =
        session.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let lines = [
        json!({"id": 1, "connect": {"token": session.forged(crate::harness::Forgery::Expired)}}),
        json!({"id": 2, "subscribe": {"channel": "ephemeral:a"}}),
    ];
    socket.send_text(&lines.map(|line| line.to_string()).join("\n")).await;
    let Event::Object(reply) = socket.event().await else { panic!("no answer") };
    assert_eq!((&reply["id"], &reply["error"]["code"]), (&json!(1), &json!(109)));
    assert!(socket.is_undisturbed().await);
    let subscribed = session.app.realtime().channels().await;
    assert!(!subscribed.iter().any(|(name, _)| *name == ChannelName::parse("ephemeral:a").unwrap()));
    let after: Value = json!({"id": 3, "history": {"channel": "chat:a"}});
    socket.send_text(&after.to_string()).await;
    assert_eq!(socket.closed().await, Closed { code: 3501, reason: "bad request".to_owned() });
}
