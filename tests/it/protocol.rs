//! The Centrifuge protocol over a real socket: commands, replies and pushes.

use std::sync::Arc;

use serde_json::json;

use crate::harness::{App, Event, Session};

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

#[tokio::test]
async fn the_answer_to_connect_has_the_fields_that_client_libraries_need() {
    let session = signed_in().await;
    let mut socket =
        session.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let reply =
        socket.ask(json!({"connect": {"token": session.access, "name": "js"}})).await.expect("a reply");
    let result = &reply["connect"];
    assert!(result["client"].as_str().is_some_and(|client| client.len() == 36), "{reply}");
    assert!(result["version"].as_str().is_some_and(|version| version.starts_with("portcullis")), "{reply}");
    assert_eq!(
        (&result["expires"], &result["ping"], &result["pong"]),
        (&json!(true), &json!(25), &json!(true))
    );
    assert!(result["ttl"].as_u64().is_some_and(|ttl| (3500..=3600).contains(&ttl)), "{reply}");
}

#[tokio::test]
async fn connect_and_subscribes_in_one_frame_are_answered_in_order() {
    let session = signed_in().await;
    let mut socket =
        session.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let lines = [
        json!({"id": 1, "connect": {"token": session.access}}),
        json!({"id": 2, "subscribe": {"channel": "ephemeral:lobby", "flag": 1}}),
        json!({"id": 3, "subscribe": {"channel": "ephemeral:side"}}),
    ];
    socket.send_text(&lines.map(|line| line.to_string()).join("\n")).await;
    for (id, result) in [(1, "connect"), (2, "subscribe"), (3, "subscribe")] {
        let Event::Object(reply) = socket.event().await else { panic!("no reply") };
        assert_eq!(reply["id"], id, "replies come in order");
        assert!(reply[result].is_object(), "{reply}");
    }
}

#[tokio::test]
async fn a_publication_with_its_author_reaches_every_member_and_no_other_connection() {
    let app = App::start();
    let (ann, bob, eve) = (app.register().await, app.register().await, app.register().await);
    let mut one = ann.sign_in().await.connect_by_command().await;
    let mut two = bob.sign_in().await.connect().await;
    let mut outsider = eve.sign_in().await.connect().await;
    one.subscribe("ephemeral:lobby").await;
    two.subscribe("ephemeral:lobby").await;
    outsider.subscribe("ephemeral:side").await;
    one.publish("ephemeral:lobby", json!({"text": "hi", "n": 1.50, "nested": {"a": [1, null]}})).await;
    for member in [&mut one, &mut two] {
        let push = member.pushed().await;
        assert_eq!(push["channel"], "ephemeral:lobby");
        assert_eq!(push["pub"]["data"], json!({"text": "hi", "n": 1.50, "nested": {"a": [1, null]}}));
        assert_eq!(push["pub"]["info"]["user"], ann.id.to_string());
    }
    assert!(outsider.is_undisturbed().await);
}

#[tokio::test]
async fn publications_of_one_author_arrive_in_order() {
    let session = signed_in().await;
    let (mut author, mut reader) = (session.connect().await, session.connect().await);
    author.subscribe("ephemeral:count").await;
    reader.subscribe("ephemeral:count").await;
    for number in 0..100 {
        author.publish("ephemeral:count", json!(number)).await;
    }
    for number in 0..100 {
        assert_eq!(reader.pushed().await["pub"]["data"], number);
    }
}

#[tokio::test]
async fn after_an_unsubscribe_no_publication_arrives() {
    let session = signed_in().await;
    let (mut author, mut reader) = (session.connect().await, session.connect().await);
    author.subscribe("ephemeral:lobby").await;
    reader.subscribe("ephemeral:lobby").await;
    let unsubscribe = json!({"unsubscribe": {"channel": "ephemeral:lobby"}});
    assert_eq!(reader.ask(unsubscribe.clone()).await.unwrap()["unsubscribe"], json!({}));
    author.publish("ephemeral:lobby", json!("not received")).await;
    assert!(reader.is_undisturbed().await);
    assert_eq!(
        reader.ask(unsubscribe).await.unwrap()["unsubscribe"],
        json!({}),
        "a second unsubscribe is not an error"
    );
}

#[tokio::test]
async fn a_refused_command_gets_its_error_and_closes_nothing() {
    let session = signed_in().await;
    let mut socket = session.connect_by_command().await;
    socket.subscribe("ephemeral:lobby").await;
    let foreign = format!("user:#{}", session.person.id.0 + 1);
    for (command, code) in [
        (json!({"subscribe": {"channel": "ephemeral:lobby"}}), 105),
        (json!({"subscribe": {"channel": "nowhere:lobby"}}), 102),
        (json!({"subscribe": {"channel": foreign}}), 103),
        (json!({"subscribe": {"channel": ""}}), 107),
        (json!({"subscribe": {"channel": "chat:\u{e9}t\u{e9}"}}), 107),
        (json!({"subscribe": {"channel": format!("chat:{}", "x".repeat(255))}}), 107),
        (json!({"subscribe": {"channel": "chat:filtered", "tf": {"op": "eq"}}}), 107),
        (json!({"publish": {"channel": "ephemeral:elsewhere", "data": 1}}), 103),
        (json!({"publish": {"channel": "ephemeral:lobby"}}), 107),
        (json!({"rpc": {"method": "x", "data": {}}}), 108),
        (json!({"presence": {"channel": "chat:elsewhere"}}), 103),
        (json!({"presence_stats": {"channel": "user:#1"}}), 108),
        (json!({"history": {"channel": "ephemeral:lobby"}}), 108),
    ] {
        let reply = socket.ask(command.clone()).await.expect("a reply");
        assert_eq!(reply["error"]["code"], code, "{command}: {reply}");
        assert!(reply["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{reply}");
    }
    assert!(socket.is_undisturbed().await);
}

#[tokio::test]
async fn a_user_can_subscribe_to_the_personal_channel_but_not_publish_in_it() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    let own = format!("user:#{}", session.person.id.0);
    socket.subscribe(&own).await;
    let reply = socket.ask(json!({"publish": {"channel": own, "data": 1}})).await.unwrap();
    assert_eq!(reply["error"]["code"], 103);
}

#[tokio::test]
async fn a_subscription_beyond_the_limit_of_channels_is_refused() {
    let app = App::with(|settings| Arc::make_mut(&mut settings.socket.client).max_channels = 2);
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    socket.subscribe("ephemeral:one").await;
    socket.subscribe("ephemeral:two").await;
    let reply = socket.ask(json!({"subscribe": {"channel": "ephemeral:three"}})).await.expect("a reply");
    assert_eq!(reply["error"]["code"], 106, "{reply}");
    assert!(socket.is_undisturbed().await);
}
