//! A stale node: its deliveries wait until it has carried out the revocations that it missed.

use std::{sync::Arc, time::Duration};

use logic::namespace::{Namespaces, Offer, Options, Right, Rights};
use portcullis::config::Settings;
use secrecy::SecretString;
use serde_json::{Value, json};
use service::{OnStale, Target};

use crate::harness::{
    API_KEY, App, Ask as _, DatabaseProxy, EmulatedConnection, Event, Session, Socket, eventually,
    fresh_database, of_user,
};

/// A channel with a history in memory. It pushes joins and leaves to subscribers that request them.
const CHANNEL: &str = "memory:room";

/// Two nodes over one database. The proxy can cut the link between `here` and the database.
struct Scene {
    here: App,
    elsewhere: App,
    proxy: DatabaseProxy,
}

fn configure(settings: &mut Settings) {
    let subscribers = Rights::of(&[Right::Subscriber]);
    let memory = Options {
        subscribe: Rights::of(&[Right::User]),
        publish: subscribers,
        history: subscribers,
        presence: subscribers,
        presence_enabled: true,
        join_leave: true,
        history_size: 100,
        history_ttl: Duration::from_secs(300),
        recovery: Offer::Forced,
        ..Options::default()
    };
    settings.realtime.namespaces = Arc::new(Namespaces::default().with("memory", memory));
    settings.api_key = Some(SecretString::from(API_KEY));
}

impl Scene {
    fn begin(change: impl Fn(&mut Settings)) -> Self {
        let database = fresh_database();
        let proxy = DatabaseProxy::to(&database);
        let configured = |settings: &mut Settings| {
            configure(settings);
            change(settings);
        };
        let (here, elsewhere) = (App::over(proxy.database(), configured), App::over(database, configured));
        Self { here, elsewhere, proxy }
    }

    async fn session(&self) -> Session {
        self.here.register().await.sign_in().await
    }

    /// Cuts the link, and returns once deliveries are held back.
    async fn cut(&self) {
        self.here.lose_database(&self.proxy).await;
    }

    /// Mends the link, and returns once deliveries leave again.
    async fn mend(&self) {
        self.proxy.mend();
        eventually("deliveries leave again", async || !self.here.holds_deliveries()).await;
    }

    /// Publishes on `here`, without the server API, which refuses publications while the node is stale.
    async fn publish(&self, channel: &str, data: Value) {
        self.here.publish(channel, data).await;
    }

    /// Ends a session on the other node.
    async fn end_elsewhere(&self, session: &Session) {
        let sign_out = self.elsewhere.post("/api/v1/auth/logout").bearer_auth(&session.access);
        sign_out.ask().await.expect(200);
    }
}

async fn subscribed(session: &Session, channel: &str) -> Socket {
    let mut socket = session.connect_by_command().await;
    socket.subscribe(channel).await;
    // Skips everything that the channel has pushed so far.
    while socket.try_pushed().await {}
    socket
}

/// The data of the next publication; joins and leaves are skipped.
async fn published(socket: &mut Socket) -> Value {
    loop {
        let push = socket.pushed().await;
        if push.get("pub").is_some() {
            return push["pub"]["data"].clone();
        }
    }
}

/// The code of the close. Nothing may arrive before the close.
async fn closed_in_silence(socket: &mut Socket) -> u16 {
    match socket.event().await {
        Event::Closed(closed) => closed.code,
        event => panic!("something arrived before the close: {event:?}"),
    }
}

#[tokio::test]
async fn publications_on_a_stale_node_are_delivered_once_and_in_order_when_it_is_current_again() {
    let scene = Scene::begin(|_| {});
    let session = scene.session().await;
    let (mut socket, mut stream) =
        (subscribed(&session, CHANNEL).await, EmulatedConnection::of(&session).await);
    assert!(stream.ask(json!({"subscribe": {"channel": CHANNEL}})).await["subscribe"].is_object());
    while socket.try_pushed().await {}
    scene.cut().await;
    for number in 0..3 {
        scene.publish(CHANNEL, json!(number)).await;
    }
    assert!(socket.is_undisturbed().await);
    scene.mend().await;
    scene.publish(CHANNEL, json!(3)).await;
    for number in 0..4 {
        assert_eq!(published(&mut socket).await, number);
        assert_eq!(stream.pushed().await["pub"]["data"], number);
    }
    assert!(socket.is_undisturbed().await, "each publication is delivered once");
}

#[tokio::test]
async fn a_session_that_ended_on_another_node_while_this_node_was_stale_receives_nothing_more() {
    let scene = Scene::begin(|_| {});
    let (ended, kept) = (scene.session().await, scene.session().await);
    let (mut revoked, mut socket) = (subscribed(&ended, CHANNEL).await, subscribed(&kept, CHANNEL).await);
    let mut stream = EmulatedConnection::of(&ended).await;
    stream.ask(json!({"subscribe": {"channel": CHANNEL}})).await;
    while revoked.try_pushed().await || socket.try_pushed().await {}
    scene.cut().await;
    scene.end_elsewhere(&ended).await;
    scene.publish(CHANNEL, json!("secret")).await;
    assert!(revoked.is_undisturbed().await && socket.is_undisturbed().await);
    scene.mend().await;
    assert_eq!(closed_in_silence(&mut revoked).await, 4501);
    assert_eq!(stream.pushed().await["disconnect"]["code"], 4501, "nothing arrived before the end");
    assert_eq!(published(&mut socket).await, "secret");
}

#[tokio::test]
async fn sockets_of_sessions_revoked_while_the_node_was_stale_receive_nothing_more() {
    let scene = Scene::begin(|_| {});
    let person = scene.here.register().await;
    let mut sockets = Vec::new();
    for _ in 0..15 {
        sockets.push(subscribed(&person.open_session().await, CHANNEL).await);
    }
    scene.cut().await;
    scene.elsewhere.revoke(Target::User(person.id)).await;
    scene.publish(CHANNEL, json!("secret")).await;
    scene.mend().await;
    for socket in &mut sockets {
        assert_eq!(closed_in_silence(socket).await, 4500);
    }
}

#[tokio::test]
async fn sockets_of_users_blocked_or_given_another_role_while_the_node_was_stale_receive_nothing_more() {
    let scene = Scene::begin(|_| {});
    let (blocked, changed) = (scene.session().await, scene.session().await);
    let (mut first, mut second) = (subscribed(&blocked, CHANNEL).await, subscribed(&changed, CHANNEL).await);
    while first.try_pushed().await {}
    scene.cut().await;
    scene.elsewhere.block(&blocked.person.id.into()).await;
    scene.elsewhere.set_role(changed.person.id, domain::account::role::Role::Operator).await;
    scene.publish(CHANNEL, json!("secret")).await;
    scene.mend().await;
    assert_eq!((closed_in_silence(&mut first).await, closed_in_silence(&mut second).await), (4503, 3014));
}

#[tokio::test]
async fn joins_and_leaves_wait_while_the_node_is_stale() {
    let scene = Scene::begin(|_| {});
    let (mut socket, guest) = (scene.session().await.connect_by_command().await, scene.session().await);
    socket.ask(json!({"subscribe": {"channel": CHANNEL, "join_leave": true}})).await.expect("a reply");
    let other = subscribed(&guest, CHANNEL).await;
    while socket.try_pushed().await {}
    scene.cut().await;
    drop(other);
    eventually("the guest has left", async || scene.here.members_of(CHANNEL).await == 1).await;
    assert!(socket.is_undisturbed().await);
    scene.mend().await;
    let push = socket.pushed().await;
    assert_eq!(push["leave"]["info"]["user"], guest.person.id.to_string(), "{push}");
}

#[tokio::test]
async fn a_connection_whose_deliveries_wait_receives_pings_and_refusals() {
    let scene = Scene::begin(|settings| {
        let mut client = (*settings.socket.client).clone();
        client.ping_interval = Duration::from_secs(1);
        settings.socket.client = Arc::new(client);
    });
    let session = scene.session().await;
    let mut socket = subscribed(&session, CHANNEL).await;
    scene.cut().await;
    scene.publish(CHANNEL, json!("held")).await;
    let refused = socket.ask(json!({"publish": {"channel": CHANNEL, "data": 1}})).await.expect("a reply");
    assert_eq!(refused["error"]["code"], 100, "{refused}");
    socket.answers_pings = false;
    for _ in 0..2 {
        assert!(matches!(socket.event().await, Event::Object(ping) if ping == json!({})));
        socket.send_text("{}").await;
    }
    socket.answers_pings = true;
    scene.mend().await;
    assert_eq!(published(&mut socket).await, "held");
}

#[tokio::test]
async fn a_connection_whose_deliveries_wait_too_long_is_closed_and_can_recover() {
    let scene = Scene::begin(|_| {});
    let session = scene.session().await;
    let (mut socket, mut idle) = (session.connect_by_command().await, session.connect_by_command().await);
    let joined = socket.ask(json!({"subscribe": {"channel": CHANNEL}})).await.expect("a reply");
    let epoch = joined["subscribe"]["epoch"].clone();
    while socket.try_pushed().await {}
    scene.cut().await;
    scene.publish(CHANNEL, json!("held")).await;
    scene.here.advance(Duration::from_secs(29));
    assert!(socket.is_undisturbed().await);
    scene.here.advance(Duration::from_secs(2));
    assert_eq!(closed_in_silence(&mut socket).await, 3010);
    assert!(idle.is_undisturbed().await, "a connection without deliveries stays open");
    scene.mend().await;
    let mut back = session.connect_by_command().await;
    let since = json!({"channel": CHANNEL, "recover": true, "offset": 0, "epoch": epoch});
    let reply = back.ask(json!({"subscribe": since})).await.expect("a reply");
    assert_eq!(reply["subscribe"]["recovered"], true, "{reply}");
    assert_eq!(reply["subscribe"]["publications"][0]["data"], "held");
}

#[tokio::test]
async fn an_emulated_stream_whose_deliveries_wait_too_long_ends_with_a_disconnect_push() {
    let scene = Scene::begin(|_| {});
    let mut stream = EmulatedConnection::of(&scene.session().await).await;
    stream.ask(json!({"subscribe": {"channel": CHANNEL}})).await;
    scene.cut().await;
    scene.publish(CHANNEL, json!("held")).await;
    eventually("the stream waits", async || scene.here.realtime().held_connections() == 1).await;
    scene.here.advance(Duration::from_secs(31));
    assert_eq!(stream.ended().await, (3010, "insufficient state".to_owned()));
}

#[tokio::test]
async fn a_connection_whose_queue_overflows_while_its_node_is_stale_is_closed_with_3010() {
    let scene = Scene::begin(|settings| settings.socket.outbox_bytes = 64 * 1024);
    let mut socket = subscribed(&scene.session().await, CHANNEL).await;
    scene.cut().await;
    for _ in 0..3 {
        scene.publish(CHANNEL, json!("x".repeat(30_000))).await;
    }
    assert_eq!(closed_in_silence(&mut socket).await, 3010);
}

#[tokio::test]
async fn a_stop_sends_no_deliveries_that_waited() {
    let scene = Scene::begin(|_| {});
    let mut socket = subscribed(&scene.session().await, CHANNEL).await;
    scene.cut().await;
    scene.publish(CHANNEL, json!("held")).await;
    scene.here.stop();
    assert_eq!(closed_in_silence(&mut socket).await, 3001);
}

#[tokio::test]
async fn the_server_api_of_a_stale_node_refuses_deliveries_but_still_disconnects() {
    let scene = Scene::begin(|_| {});
    let session = scene.session().await;
    let mut socket = subscribed(&session, CHANNEL).await;
    scene.cut().await;
    let (publication, user) = (json!({"channel": CHANNEL, "data": 1}), session.person.id);
    for (method, parameters) in [
        ("publish", publication.clone()),
        ("publish", json!({"channel": "ephemeral:x", "data": 1})),
        ("broadcast", json!({"channels": [CHANNEL], "data": 1})),
        ("subscribe", json!({"user": user.to_string(), "channel": "ephemeral:x"})),
        ("refresh", of_user(user)),
        ("batch", json!({"commands": [{"info": {}}, {"publish": publication}]})),
    ] {
        let answer = scene.here.api(method, parameters).await.expect(503).problem();
        assert!(answer.retry_after().is_some_and(|seconds| seconds >= 1), "{method}");
    }
    assert_eq!(scene.here.api_result("presence_stats", json!({"channel": CHANNEL})).await["num_clients"], 1);
    assert!(socket.is_undisturbed().await);
    scene.here.api_result("disconnect", of_user(user)).await;
    assert_eq!(closed_in_silence(&mut socket).await, 3503);
    scene.mend().await;
    scene.here.api_result("publish", json!({"channel": CHANNEL, "data": 1})).await;
}

#[tokio::test]
async fn a_stale_node_delivers_if_on_stale_is_set_to_deliver() {
    let scene = Scene::begin(|settings| settings.on_stale = OnStale::Deliver);
    let mut socket = subscribed(&scene.session().await, CHANNEL).await;
    scene.proxy.cut();
    eventually("the node is no longer current", async || !scene.here.is_current()).await;
    scene.here.api_result("publish", json!({"channel": CHANNEL, "data": "at once"})).await;
    assert_eq!(published(&mut socket).await, "at once");
    assert!(!scene.here.holds_deliveries());
}

#[tokio::test]
async fn connect_is_refused_if_the_node_became_stale_after_the_handshake() {
    let scene = Scene::begin(|_| {});
    let session = scene.session().await;
    let path = format!("/connection/websocket?token={}", session.access);
    let mut socket = scene.here.handshake(&path).open().await.expect("the handshake is accepted");
    scene.cut().await;
    let reply = socket.ask(json!({"connect": {}})).await.expect("a reply");
    assert_eq!(
        (&reply["error"]["code"], &reply["error"]["temporary"]),
        (&json!(100), &json!(true)),
        "{reply}"
    );
}

#[tokio::test]
async fn the_metrics_contain_held_connections_and_the_stale_time() {
    let scene = Scene::begin(|_| {});
    let mut socket = subscribed(&scene.session().await, CHANNEL).await;
    scene.cut().await;
    scene.publish(CHANNEL, json!("held")).await;
    assert!(socket.is_undisturbed().await);
    scene.here.advance(Duration::from_secs(1));
    eventually("both metrics have their values", async || {
        let text = scene.here.metrics();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        value("connections_held ") >= 1.0 && value("stale_seconds_total ") >= 1.0
    })
    .await;
}
