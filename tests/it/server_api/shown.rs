//! A refresh with `info` changes what other clients see of a connection: the method `refresh` of the server API, or a newer
//! token of the client.

use serde_json::{Value, json};

use crate::harness::{
    App, Socket, app_with_key,
    issuer::{shared_with, signed},
    of_user,
};

async fn connected(app: &App) -> (Socket, String, i64) {
    let session = app.register().await.sign_in().await;
    let mut socket = app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let reply = socket.ask(json!({"connect": {"token": session.access}})).await.expect("a reply");
    let client = reply["connect"]["client"].as_str().expect("a client").to_owned();
    (socket, client, session.person.id.0)
}

async fn show(app: &App, user: i64, info: Value) {
    let done = app.api_result("refresh", json!({"user": user.to_string(), "info": info})).await;
    assert_eq!(done, json!({"done": 1, "pending": 0}));
}

#[tokio::test]
async fn a_refresh_with_info_changes_what_others_see_of_a_connection() {
    let app = app_with_key();
    let (mut ann, client, user) = connected(&app).await;
    let (mut bob, _, _) = connected(&app).await;
    for channel in ["chat:lobby", "ephemeral:x"] {
        ann.subscribe(channel).await;
        bob.subscribe(channel).await;
    }
    show(&app, user, json!({"mood": "good"})).await;
    let seen = app.api_result("presence", json!({"channel": "chat:lobby"})).await;
    assert_eq!(seen["presence"][&client]["conn_info"], json!({"mood": "good"}), "{seen}");
    for channel in ["chat:lobby", "ephemeral:x"] {
        ann.ask(json!({"publish": {"channel": channel, "data": 1}})).await.expect("a reply");
        let info = loop {
            let push = bob.pushed().await;
            if push["channel"] == *channel && push["pub"].is_object() {
                break push["pub"]["info"].clone();
            }
        };
        assert_eq!((&info["client"], &info["conn_info"]["mood"]), (&json!(client), &json!("good")));
    }
    bob.subscribe("chat:other").await;
    ann.subscribe("chat:other").await;
    for kind in ["join", "leave"] {
        let info = loop {
            let push = bob.pushed().await;
            if push["channel"] == "chat:other" && push[kind]["info"]["client"] == *client {
                break push[kind]["info"].clone();
            }
        };
        assert_eq!(info["conn_info"], json!({"mood": "good"}), "{kind}");
        ann.ask(json!({"unsubscribe": {"channel": "chat:other"}})).await.expect("a reply");
    }
}

#[tokio::test]
async fn a_refresh_does_not_change_the_info_of_a_subscription() {
    let app = app_with_key();
    let (_ann, client, user) = connected(&app).await;
    let given = json!({"user": user.to_string(), "channel": "chat:lobby", "info": {"team": "a"}});
    app.api_result("subscribe", given).await;
    show(&app, user, json!("1.10")).await;
    let seen =
        app.api_result("presence", json!({"channel": "chat:lobby"})).await["presence"][&client].clone();
    assert_eq!((&seen["conn_info"], &seen["chan_info"]), (&json!("1.10"), &json!({"team": "a"})));
    app.api_result("refresh", of_user(user)).await;
    let seen =
        app.api_result("presence", json!({"channel": "chat:lobby"})).await["presence"][&client].clone();
    assert_eq!(seen["conn_info"], json!("1.10"), "a refresh without info changes no info");
}

#[tokio::test]
async fn info_larger_than_a_frame_is_refused() {
    let app = app_with_key();
    for method in ["refresh", "subscribe"] {
        let large = json!({"user": "1", "channel": "chat:a", "info": "x".repeat(65_536)});
        assert_eq!(app.api_error(method, large).await, 107, "{method}");
    }
}

#[tokio::test]
async fn a_newer_token_changes_the_info_of_a_connection_only_if_the_token_has_info() {
    let app = App::with(shared_with);
    let mut socket = app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let token = |claims: Value| signed(&claims);
    let first = token(json!({"sub": "ann", "info": {"n": 1}}));
    socket.ask(json!({"connect": {"token": first}})).await.expect("a reply");
    socket.subscribe("chat:lobby").await;
    let lobby = protocol::channel_name::ChannelName::parse("chat:lobby").unwrap();
    for (claims, seen) in
        [(json!({"sub": "ann", "info": {"n": 2}}), json!({"n": 2})), (json!({"sub": "ann"}), json!({"n": 2}))]
    {
        let reply = socket.ask(json!({"refresh": {"token": token(claims)}})).await.expect("a reply");
        assert!(reply["refresh"].is_object(), "{reply}");
        let publish = json!({"publish": {"channel": "chat:lobby", "data": 1}});
        socket.ask(publish).await.expect("a reply");
        let info = loop {
            let push = socket.pushed().await;
            if push["pub"].is_object() {
                break push["pub"]["info"]["conn_info"].clone();
            }
        };
        assert_eq!(info, seen);
        let present = app.realtime().presence_of(lobby.clone()).await.unwrap();
        let shown: Value = serde_json::from_slice(present[0].conn_info.as_ref().unwrap().as_bytes()).unwrap();
        assert_eq!(shown, seen);
    }
}
