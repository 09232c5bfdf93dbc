//! Presence: only permitted callers see the members of a channel, and each join or leave changes the presence at once.

use protocol::channel_name::ChannelName;
use serde_json::{Value, json};

use crate::{
    harness::{App, Socket},
    history::app,
};

async fn ask(socket: &mut Socket, what: &str, channel: &str) -> Value {
    let reply = socket.ask(json!({what: {"channel": channel}})).await.expect("a reply");
    if reply.get("error").is_some() { reply["error"]["code"].clone() } else { reply[what].clone() }
}

/// The kind and the user of the next join or leave.
async fn motion(socket: &mut Socket) -> (String, String) {
    let push = socket.pushed().await;
    for kind in ["join", "leave"] {
        if let Some(motion) = push.get(kind) {
            return (kind.to_owned(), motion["info"]["user"].as_str().expect("a user").to_owned());
        }
    }
    panic!("neither a join nor a leave: {push}")
}

async fn members(app: &App, channel: &str) -> usize {
    app.realtime().presence_of(ChannelName::parse(channel).unwrap()).await.unwrap().len()
}

#[tokio::test]
async fn presence_shows_every_connection_and_counts_the_users() {
    let app = app(|_| {});
    let (ann, bob) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    for channel in ["memory:room", "chat:room"] {
        let mut sockets =
            [ann.connect_by_command().await, ann.connect_by_command().await, bob.connect_by_command().await];
        for socket in &mut sockets {
            socket.subscribe(channel).await;
        }
        let presence = ask(&mut sockets[0], "presence", channel).await["presence"].clone();
        let members = presence.as_object().expect("members");
        assert_eq!(members.len(), 3, "{presence}");
        for (client, info) in members {
            assert_eq!(info["client"], *client);
        }
        let users: Vec<_> = members.values().filter_map(|info| info["user"].as_str()).collect();
        assert_eq!(users.iter().filter(|user| **user == ann.person.id.to_string()).count(), 2);
        let stats = ask(&mut sockets[2], "presence_stats", channel).await;
        assert_eq!((&stats["num_clients"], &stats["num_users"]), (&json!(3), &json!(2)));
    }
}

#[tokio::test]
async fn presence_requires_the_right_and_a_namespace_with_presence() {
    let app = app(|_| {});
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    socket.subscribe("ephemeral:room").await;
    for what in ["presence", "presence_stats"] {
        assert_eq!(ask(&mut socket, what, "ephemeral:room").await, 108);
        assert_eq!(ask(&mut socket, what, "memory:room").await, 103);
        assert_eq!(ask(&mut socket, what, "nowhere:room").await, 102);
    }
}

#[tokio::test]
async fn joins_and_leaves_are_pushed_to_all_members() {
    let app = app(|_| {});
    let (ann, bob) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let (ann_id, bob_id) = (ann.person.id.to_string(), bob.person.id.to_string());
    let mut first = ann.connect_by_command().await;
    first.subscribe("chat:room").await;
    assert_eq!(
        motion(&mut first).await,
        ("join".to_owned(), ann_id),
        "the join of the client itself comes after the reply"
    );
    let mut second = bob.connect_by_command().await;
    second.subscribe("chat:room").await;
    assert_eq!(motion(&mut first).await, ("join".to_owned(), bob_id.clone()));
    assert_eq!(motion(&mut second).await.0, "join");
    second.ask(json!({"unsubscribe": {"channel": "chat:room"}})).await.unwrap();
    assert_eq!(motion(&mut first).await, ("leave".to_owned(), bob_id.clone()));
    // A leave is announced for each kind of end: unsubscribing, a dropped connection, a revocation.
    second.subscribe("chat:room").await;
    assert_eq!(motion(&mut first).await.0, "join");
    drop(second);
    assert_eq!(motion(&mut first).await, ("leave".to_owned(), bob_id.clone()));
    let mut third = bob.connect_by_command().await;
    third.subscribe("chat:room").await;
    assert_eq!(motion(&mut first).await.0, "join");
    bob.sign_out("local").await.expect(200);
    assert_eq!(members(&app, "chat:room").await, 1, "the member has left when the sign-out is answered");
    assert_eq!(motion(&mut first).await, ("leave".to_owned(), bob_id));
}

#[tokio::test]
async fn joins_are_pushed_only_on_request_if_the_namespace_does_not_force_them() {
    let app = app(|memory| memory.join_leave = true);
    let session = app.register().await.sign_in().await;
    let (mut subscribed, mut other) =
        (session.connect_by_command().await, session.connect_by_command().await);
    subscribed.ask(json!({"subscribe": {"channel": "memory:room", "join_leave": true}})).await.unwrap();
    assert_eq!(motion(&mut subscribed).await.0, "join");
    other.subscribe("memory:room").await;
    assert_eq!(motion(&mut subscribed).await.0, "join");
    session.connect_by_command().await.subscribe("memory:room").await;
    assert_eq!(motion(&mut subscribed).await.0, "join");
    assert!(other.is_undisturbed().await);
}

#[tokio::test]
async fn a_subscriber_beyond_the_limit_is_refused_until_another_leaves() {
    let app = app(|memory| memory.max_subscribers = 1);
    let session = app.register().await.sign_in().await;
    let (mut first, mut second) = (session.connect_by_command().await, session.connect_by_command().await);
    first.subscribe("memory:room").await;
    let request = json!({"subscribe": {"channel": "memory:room"}});
    assert_eq!(second.ask(request.clone()).await.unwrap()["error"]["code"], 106);
    // The failed subscription is not stored: the error is the same again, not 105 (already subscribed).
    assert_eq!(second.ask(request).await.unwrap()["error"]["code"], 106);
    first.ask(json!({"unsubscribe": {"channel": "memory:room"}})).await.unwrap();
    second.subscribe("memory:room").await;
}
