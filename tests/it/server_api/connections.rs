//! Methods that list connections or change them. The answer to a change comes after the change, and contains the number of
//! connections.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{App, Closed, Session, Socket, app_with_key, of_user};

/// A server, and a user with one connection.
struct Scene {
    app: App,
    session: Session,
    socket: Socket,
    client: String,
}

/// A connection, and its id.
async fn connected(session: &Session) -> (Socket, String) {
    let mut socket =
        session.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    let reply = socket.ask(json!({"connect": {"token": session.access}})).await.expect("a reply");
    let client = reply["connect"]["client"].as_str().expect("a client").to_owned();
    (socket, client)
}

/// The next push of this kind.
async fn pushed(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let push = socket.pushed().await;
        if push[kind].is_object() {
            return push;
        }
    }
}

impl Scene {
    async fn begin() -> Self {
        let app = app_with_key();
        let session = app.register().await.sign_in().await;
        let (socket, client) = connected(&session).await;
        Self { app, session, socket, client }
    }

    fn of_user(&self, mut more: Value) -> Value {
        let mut parameters = of_user(self.session.person.id);
        parameters.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
        parameters
    }
}

fn forced() -> Closed {
    Closed { code: 3503, reason: "force disconnect".to_owned() }
}

#[tokio::test]
async fn disconnect_closes_every_connection_of_the_user_and_counts_them() {
    let mut scene = Scene::begin().await;
    let (mut second, _) = connected(&scene.session).await;
    let (mut other, _) = connected(&scene.app.register().await.open_session().await).await;
    let result = scene.app.api_result("disconnect", scene.of_user(json!({}))).await;
    assert_eq!(result, json!({"closed": 2, "pending": 0}));
    assert_eq!((scene.socket.closed().await, second.closed().await), (forced(), forced()));
    assert!(other.is_undisturbed().await);
    assert!(scene.session.works().await && scene.session.try_connect().await.is_ok());
    assert_eq!(
        scene.app.api_result("disconnect", of_user("nobody")).await,
        json!({"closed": 0, "pending": 0})
    );
}

#[tokio::test]
async fn disconnect_selects_one_connection_one_session_or_all_but_a_whitelist() {
    let mut scene = Scene::begin().await;
    let other = scene.session.person.sign_in().await;
    let (mut second, second_id) = connected(&scene.session).await;
    let (mut third, _) = connected(&other).await;
    let one = scene.app.api_result("disconnect", scene.of_user(json!({"client": scene.client}))).await;
    assert_eq!(one["closed"], 1);
    assert_eq!(scene.socket.closed().await, forced());
    let session = scene.app.api_result("disconnect", scene.of_user(json!({"session": other.id}))).await;
    assert_eq!(session["closed"], 1);
    assert_eq!(third.closed().await, forced());
    let kept = scene.of_user(json!({"whitelist": [second_id]}));
    assert_eq!(scene.app.api_result("disconnect", kept).await["closed"], 0);
    let unknown = scene.of_user(json!({"client": "no such"}));
    assert_eq!(scene.app.api_result("disconnect", unknown).await["closed"], 0);
    let secret = scene.of_user(json!({"session": "the secret of an emulated stream"}));
    for method in ["disconnect", "refresh", "subscribe", "unsubscribe"] {
        assert_eq!(scene.app.api_error(method, secret.clone()).await, 107, "{method}");
    }
    assert!(second.is_undisturbed().await);
}

#[tokio::test]
async fn disconnect_sends_the_requested_code_and_reason_if_they_are_valid() {
    let mut scene = Scene::begin().await;
    for wrong in [
        json!({"code": 1000, "reason": "x"}),
        json!({"code": 4100, "reason": ""}),
        json!({"code": 4100, "reason": "42"}),
        json!({"code": 4100, "reason": "x".repeat(124)}),
    ] {
        let parameters = scene.of_user(json!({"disconnect": wrong}));
        assert_eq!(scene.app.api_error("disconnect", parameters).await, 107);
    }
    let valid = scene.of_user(json!({"disconnect": {"code": 4100, "reason": "so long"}}));
    assert_eq!(scene.app.api_result("disconnect", valid).await["closed"], 1);
    assert_eq!(scene.socket.closed().await, Closed { code: 4100, reason: "so long".to_owned() });
}

#[tokio::test]
async fn disconnect_with_code_3000_ends_the_transport_without_a_close_frame() {
    let mut scene = Scene::begin().await;
    let closed = scene.of_user(json!({"disconnect": {"code": 3000, "reason": "connection closed"}}));
    assert_eq!(scene.app.api_result("disconnect", closed).await["closed"], 1);
    assert_eq!(scene.socket.closed().await, Closed { code: 1006, reason: String::new() });
}

#[tokio::test]
async fn a_publication_from_before_a_disconnect_arrives_before_the_close() {
    let mut scene = Scene::begin().await;
    scene.socket.subscribe("chat:lobby").await;
    scene.app.publish("chat:lobby", json!("you have been kicked")).await;
    scene.app.api_result("disconnect", scene.of_user(json!({}))).await;
    assert_eq!(pushed(&mut scene.socket, "pub").await["pub"]["data"], "you have been kicked");
    assert_eq!(scene.socket.closed().await, forced());
}

#[tokio::test]
async fn subscribe_and_unsubscribe_have_taken_effect_when_they_are_answered() {
    let mut scene = Scene::begin().await;
    let parameters = scene.of_user(json!({"channel": "chat:lobby", "data": {"n": 1}, "info": {"team": "a"}}));
    let done = scene.app.api_result("subscribe", parameters).await;
    assert_eq!(done, json!({"done": 1, "pending": 0}));
    let push = pushed(&mut scene.socket, "subscribe").await;
    assert_eq!((&push["channel"], &push["subscribe"]["data"]), (&json!("chat:lobby"), &json!({"n": 1})));
    let presence = scene.app.api_result("presence", json!({"channel": "chat:lobby"})).await;
    assert_eq!(presence["presence"][&scene.client]["chan_info"], json!({"team": "a"}));
    scene.app.api_result("publish", json!({"channel": "chat:lobby", "data": "hi"})).await;
    assert_eq!(pushed(&mut scene.socket, "pub").await["pub"]["data"], "hi");

    let done = scene.app.api_result("unsubscribe", scene.of_user(json!({"channel": "chat:lobby"}))).await;
    assert_eq!(done, json!({"done": 1, "pending": 0}));
    let push = pushed(&mut scene.socket, "unsubscribe").await;
    assert_eq!(push["unsubscribe"]["code"], 2000, "{push}");
    let stats = scene.app.api_result("presence_stats", json!({"channel": "chat:lobby"})).await;
    assert_eq!(stats["num_clients"], 0);
}

#[tokio::test]
async fn refresh_prolongs_a_connection_or_ends_it() {
    let mut scene = Scene::begin().await;
    let later = scene.app.now().unix_timestamp() + 7_200;
    let done = scene.app.api_result("refresh", scene.of_user(json!({"expire_at": later}))).await;
    assert_eq!(done, json!({"done": 1, "pending": 0}));
    let push = pushed(&mut scene.socket, "refresh").await;
    assert!(push["refresh"]["ttl"].as_u64().is_some_and(|ttl| (7_100..=7_200).contains(&ttl)), "{push}");
    scene.app.api_result("refresh", scene.of_user(json!({"expired": true}))).await;
    assert_eq!(scene.socket.closed().await, Closed { code: 3005, reason: "connection expired".to_owned() });
}

#[tokio::test]
async fn connections_lists_the_details_of_each_connection() {
    let mut scene = Scene::begin().await;
    scene.socket.subscribe("chat:lobby").await;
    let result = scene.app.api_result("connections", scene.of_user(json!({"expression": ""}))).await;
    let all = result["connections"].as_object().expect("connections");
    assert_eq!(all.len(), 1);
    let found = &all[&scene.client];
    assert_eq!((&found["transport"], &found["protocol"]), (&json!("websocket"), &json!("json")));
    assert_eq!(found["user"], json!(scene.session.person.id.to_string()));
    assert_eq!(found["session"], json!(scene.session.id));
    assert_eq!(found["state"]["connection_token"]["uid"], json!(scene.session.token_id()));
    assert_eq!(found["state"]["channels"]["chat:lobby"], json!({"server_side": false, "source": 6}));
    assert_eq!(found["state"]["subscription_tokens"], json!({}));
    assert_eq!(scene.app.api_result("connections", of_user("nobody")).await["connections"], json!({}));
    for filter in [json!({"expression": "client.user == '1'"}), json!({"label_filter": {}})] {
        assert_eq!(scene.app.api_error("connections", scene.of_user(filter)).await, 108);
    }
}

#[tokio::test]
async fn disconnect_also_closes_a_connection_whose_peer_does_not_read() {
    let app = app_with_key();
    let session = app.register().await.open_session().await;
    let mut reader = session.connect_by_command().await;
    reader.subscribe("ephemeral:noise").await;
    let unread = app.handshake(&format!("/api/v1/ws/chat?token={}", session.access)).receive_buffer(2_048);
    let mut unread = unread.open().await.expect("the handshake is accepted");
    unread.ask(json!({"subscribe": {"channel": "ephemeral:noise"}})).await.expect("a reply");
    for _ in 0..20 {
        let data = "x".repeat(32_000);
        app.api_result("publish", json!({"channel": "ephemeral:noise", "data": data})).await;
    }
    let began = std::time::Instant::now();
    let result = app.api_result("disconnect", of_user(session.person.id)).await;
    assert_eq!((&result["closed"], &result["pending"]), (&json!(2), &json!(0)), "{result}");
    // The server tries to write the queue for two seconds. Then it cuts the connection.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
