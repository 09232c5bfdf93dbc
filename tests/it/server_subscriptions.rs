//! Subscriptions that the server makes: at `connect`, and on an open connection.

use std::{sync::Arc, time::Duration};

use actors::runtime::{
    ConnectionRequest, ConnectionSelection, Reply, RequestCounts, ServerPublication, SubscribeCounts,
};
use logic::namespace::{Namespaces, Offer, Options, Right, Rights};
use portcullis::socket::ClientConfig;
use protocol::{
    ErrorCode, Payload, UnsubscribeCode,
    channel_name::ChannelName,
    id::Subject,
    subscription::{Overrides, ServerSubscription},
};
use serde_json::{Value, json};

use crate::harness::{App, Closed, Event, Session, Socket, eventually};

/// Namespaces: `mine` has personal channels of users, `kept` has a history, `single` allows one subscriber.
fn app(change: impl FnOnce(&mut ClientConfig)) -> App {
    let kept = Options {
        subscribe: Rights::of(&[Right::User]),
        publish: Rights::of(&[Right::Subscriber]),
        presence: Rights::of(&[Right::User]),
        presence_enabled: true,
        history_size: 2_000,
        history_ttl: Duration::from_secs(300),
        recovery: Offer::Forced,
        ..Options::default()
    };
    let namespaces = Namespaces::default()
        .with("mine", kept.clone())
        .with("kept", kept.clone())
        .with("single", Options { max_subscribers: 1, ..kept })
        .with_personal("mine");
    App::with(|settings| {
        settings.realtime.namespaces = Arc::new(namespaces);
        change(Arc::make_mut(&mut settings.socket.client));
    })
}

async fn session(app: &App) -> Session {
    app.register().await.sign_in().await
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

fn own(session: &Session) -> String {
    format!("mine:#{}", session.person.id)
}

fn to(name: &str) -> ServerSubscription {
    ServerSubscription {
        channel: channel(name),
        chan_info: None,
        data: None,
        recover: None,
        expires_at: None,
        overrides: Overrides::default(),
    }
}

async fn connect(session: &Session, mut request: Value) -> (Socket, Value) {
    let mut socket =
        session.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
    request["token"] = session.access.clone().into();
    let reply = socket.ask(json!({"connect": request})).await.expect("a reply");
    (socket, reply["connect"].clone())
}

async fn publish(app: &App, name: &str, data: &Value) -> u64 {
    let publication = ServerPublication {
        data: Payload::parse(&data.to_string()).unwrap(),
        tags: Vec::new(),
        skip_history: false,
        idempotency_key: None,
        version: None,
    };
    app.realtime().publish_as_server(channel(name), publication).await.unwrap().map_or(0, |at| at.offset)
}

/// Sends a request to every connection of this session's user.
async fn tell(
    session: &Session,
    control: impl Fn(Reply) -> ConnectionRequest + Send + Sync + 'static,
) -> RequestCounts {
    let selection = ConnectionSelection::of(Subject::from(session.person.id));
    session.app.realtime().request(&selection, control).await
}

async fn subscribe(session: &Session, subscription: ServerSubscription) -> SubscribeCounts {
    let selection = ConnectionSelection::of(Subject::from(session.person.id));
    session.app.realtime().subscribe(&selection, subscription).await
}

/// The result if this many connections were subscribed.
fn made(done: usize) -> SubscribeCounts {
    SubscribeCounts { done, ..SubscribeCounts::default() }
}

#[tokio::test]
async fn a_user_hears_in_the_personal_channel_without_asking() {
    let app = app(|_| {});
    let (ann, bob) = (session(&app).await, session(&app).await);
    let (mut socket, result) = connect(&ann, json!({})).await;
    let (mut other, _) = connect(&bob, json!({})).await;
    assert_eq!(result["subs"].as_object().map(serde_json::Map::len), Some(1), "{result}");
    assert_eq!(result["subs"][own(&ann)]["recoverable"], true, "{result}");
    publish(&app, &own(&ann), &json!("for ann")).await;
    let push = socket.pushed().await;
    assert_eq!((&push["channel"], &push["pub"]["data"]), (&json!(own(&ann)), &json!("for ann")));
    assert!(other.is_undisturbed().await);
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_in_the_answer_to_connect() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (socket, result) = connect(&ann, json!({})).await;
    let epoch = result["subs"][own(&ann)]["epoch"].clone();
    publish(&app, &own(&ann), &json!(1)).await;
    drop(socket);
    publish(&app, &own(&ann), &json!(2)).await;
    let at = |epoch: &Value| json!({"subs": {own(&ann): {"recover": true, "offset": 1, "epoch": epoch}}});
    let (_, result) = connect(&ann, at(&epoch)).await;
    let sub = &result["subs"][own(&ann)];
    assert_eq!((&sub["recovered"], &sub["was_recovering"]), (&json!(true), &json!(true)), "{sub}");
    assert_eq!(sub["publications"][0]["data"], 2, "{sub}");
    let (_, result) = connect(&ann, at(&json!("lost"))).await;
    let sub = &result["subs"][own(&ann)];
    assert_eq!((&sub["recovered"], &sub["publications"]), (&Value::Null, &Value::Null), "{sub}");
}

#[tokio::test]
async fn the_answer_to_connect_comes_first_and_nothing_is_missed_after_it() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let name = own(&ann);
    let flood = {
        let (app, name) = (app.clone(), name.clone());
        tokio::spawn(async move {
            for number in 0..600 {
                publish(&app, &name, &json!(number)).await;
            }
        })
    };
    let mut begins = Vec::new();
    for _ in 0..10 {
        let mut socket =
            app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
        let request = json!({"id": 1, "connect": {"token": ann.access}});
        socket.send_text(&request.to_string()).await;
        let Event::Object(reply) = socket.event().await else { panic!("no answer") };
        assert_eq!(reply["id"], 1, "the answer comes first: {reply}");
        let sub = &reply["connect"]["subs"][&name];
        begins.push((socket, sub["offset"].as_u64().unwrap_or(0)));
    }
    flood.await.unwrap();
    for (mut socket, begin) in begins {
        for offset in begin + 1..=600 {
            assert_eq!(socket.pushed().await["pub"]["offset"], offset);
        }
        assert!(socket.is_undisturbed().await);
    }
}

#[tokio::test]
async fn the_server_subscribes_a_living_connection_and_ends_it() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (mut socket, _) = connect(&ann, json!({})).await;
    let given = ServerSubscription { data: Some(Payload::parse("{\"a\":1}").unwrap()), ..to("kept:news") };
    assert_eq!(subscribe(&ann, given.clone()).await, made(1));
    let push = socket.pushed().await;
    assert_eq!((&push["channel"], &push["subscribe"]["data"]), (&json!("kept:news"), &json!({"a": 1})));
    assert_eq!(subscribe(&ann, given).await, made(0), "there was nothing to be done");
    publish(&app, "kept:news", &json!("heard")).await;
    assert_eq!(socket.pushed().await["pub"]["data"], "heard", "a second subscription changes nothing");
    let reply = socket.ask(json!({"subscribe": {"channel": "kept:news"}})).await.unwrap();
    assert_eq!(reply["error"]["code"], 105);
    let end = |reply| ConnectionRequest::Unsubscribe {
        channel: channel("kept:news"),
        code: UnsubscribeCode::StateInvalidated,
        reply,
    };
    assert_eq!(tell(&ann, end).await, RequestCounts { done: 1, pending: 0 });
    assert_eq!(socket.pushed().await["unsubscribe"]["code"], 2502);
    publish(&app, "kept:news", &json!("unheard")).await;
    assert!(socket.is_undisturbed().await);
    socket.subscribe("kept:news").await;
}

#[tokio::test]
async fn what_was_missed_follows_a_subscription_of_the_servers() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (mut socket, _) = connect(&ann, json!({})).await;
    for number in 1..=3 {
        publish(&app, "kept:news", &json!(number)).await;
    }
    let since = protocol::Position { offset: 1, epoch: String::new() };
    subscribe(&ann, ServerSubscription { recover: Some(since), ..to("kept:news") }).await;
    assert!(socket.pushed().await["subscribe"].is_object());
    for number in 2..=3 {
        assert_eq!(socket.pushed().await["pub"]["data"], number);
    }
}

#[tokio::test]
async fn a_subscription_of_the_servers_that_expires_ends_the_connection() {
    let app = app(|config| config.expired_grace = Duration::ZERO);
    let ann = session(&app).await;
    let (mut socket, _) = connect(&ann, json!({})).await;
    let soon = time::OffsetDateTime::now_utc().unix_timestamp() + 2;
    subscribe(&ann, ServerSubscription { expires_at: Some(soon), ..to("kept:news") }).await;
    let push = socket.pushed().await;
    assert!(push["subscribe"].is_object(), "{push}");
    assert_eq!(socket.closed().await, Closed { code: 3006, reason: "subscription expired".to_owned() });
}

#[tokio::test]
async fn a_personal_channel_that_is_full_is_left_out_of_the_connection() {
    let namespaces = Namespaces::empty().with("mine", Options { max_subscribers: 1, ..Options::default() });
    let app = App::with(|settings| {
        settings.realtime.namespaces = Arc::new(namespaces.with_personal("mine"));
    });
    let ann = session(&app).await;
    let (mut first, _) = connect(&ann, json!({})).await;
    let (mut second, connected) = connect(&ann, json!({})).await;
    assert!(connected["client"].is_string() && connected.get("subs").is_none(), "{connected}");
    assert!(first.is_undisturbed().await && second.is_undisturbed().await);
}

#[tokio::test]
async fn a_full_channel_is_no_reason_to_end_a_living_connection() {
    let app = app(|_| {});
    let (ann, bob) = (session(&app).await, session(&app).await);
    let (mut taken, _) = connect(&bob, json!({})).await;
    taken.subscribe("single:seat").await;
    let (mut socket, _) = connect(&ann, json!({})).await;
    let refused = SubscribeCounts { failed: 1, error: Some(ErrorCode::LimitExceeded), ..made(0) };
    assert_eq!(subscribe(&ann, to("single:seat")).await, refused);
    assert!(socket.is_undisturbed().await);
    // The failed subscription is not stored, so it can be tried again.
    drop(taken);
    eventually("the subscription can be made", || async {
        app.realtime().presence_of(channel("single:seat")).await.unwrap().is_empty()
    })
    .await;
    socket.subscribe("single:seat").await;
}

#[tokio::test]
async fn a_connection_that_ends_leaves_what_the_server_subscribed_it_to() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (socket, _) = connect(&ann, json!({})).await;
    subscribe(&ann, to("kept:news")).await;
    let members = || async { app.realtime().presence_of(channel("kept:news")).await.unwrap().len() };
    assert_eq!(members().await, 1);
    drop(socket);
    eventually("the connection is not seen any more", || async { members().await == 0 }).await;
}

#[tokio::test]
async fn connections_say_what_they_are() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (mut socket, _) = connect(&ann, json!({"name": "js", "version": "7"})).await;
    socket.subscribe("kept:chosen").await;
    subscribe(&ann, to("kept:given")).await;
    let connections = app.realtime().connections_of(&Subject::from(ann.person.id)).await;
    let [connection] = &connections[..] else { panic!("{connections:?}") };
    let said = connection.described.as_ref().expect("an answer");
    assert_eq!((said.name.as_str(), said.version.as_str()), ("js", "7"));
    let mut seen: Vec<_> =
        said.subscriptions.iter().map(|s| (s.channel.to_string(), s.source.is_server_side())).collect();
    seen.sort();
    let expected = [("kept:chosen", false), ("kept:given", true), (own(&ann).as_str(), true)]
        .map(|(n, s)| (n.to_owned(), s));
    assert_eq!(seen, expected);
}
