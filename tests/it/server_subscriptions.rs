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

/// A server with three namespaces besides the built-in ones. All three have a history. `mine` has the personal channels of
/// users, and `single` allows one subscriber.
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
async fn send(
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
async fn a_user_receives_publications_in_the_personal_channel_without_a_subscribe() {
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
async fn a_client_that_reconnects_gets_missed_publications_in_the_answer_to_connect() {
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
async fn the_answer_to_connect_comes_first_and_no_publication_is_missed_after_it() {
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
async fn the_server_subscribes_an_open_connection_and_ends_the_subscription() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (mut socket, _) = connect(&ann, json!({})).await;
    let given = ServerSubscription { data: Some(Payload::parse("{\"a\":1}").unwrap()), ..to("kept:news") };
    assert_eq!(subscribe(&ann, given.clone()).await, made(1));
    let push = socket.pushed().await;
    assert_eq!((&push["channel"], &push["subscribe"]["data"]), (&json!("kept:news"), &json!({"a": 1})));
    assert_eq!(subscribe(&ann, given).await, made(0), "the connection is subscribed already");
    publish(&app, "kept:news", &json!("received")).await;
    assert_eq!(socket.pushed().await["pub"]["data"], "received", "a second subscription changes nothing");
    let reply = socket.ask(json!({"subscribe": {"channel": "kept:news"}})).await.unwrap();
    assert_eq!(reply["error"]["code"], 105);
    let end = |reply| ConnectionRequest::Unsubscribe {
        channel: channel("kept:news"),
        code: UnsubscribeCode::StateInvalidated,
        reply,
    };
    assert_eq!(send(&ann, end).await, RequestCounts { done: 1, pending: 0 });
    assert_eq!(socket.pushed().await["unsubscribe"]["code"], 2502);
    publish(&app, "kept:news", &json!("not received")).await;
    assert!(socket.is_undisturbed().await);
    socket.subscribe("kept:news").await;
}

#[tokio::test]
async fn missed_publications_follow_a_subscription_that_the_server_makes() {
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
async fn a_connection_is_closed_when_a_subscription_that_the_server_made_expires() {
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
async fn a_full_personal_channel_is_missing_in_the_answer_to_connect() {
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
async fn a_full_channel_does_not_close_a_connection_that_the_server_subscribes() {
    let app = app(|_| {});
    let (ann, bob) = (session(&app).await, session(&app).await);
    let (mut member, _) = connect(&bob, json!({})).await;
    member.subscribe("single:seat").await;
    let (mut socket, _) = connect(&ann, json!({})).await;
    let refused = SubscribeCounts { failed: 1, error: Some(ErrorCode::LimitExceeded), ..made(0) };
    assert_eq!(subscribe(&ann, to("single:seat")).await, refused);
    assert!(socket.is_undisturbed().await);
    // The failed subscription is not stored, so the client can subscribe later.
    drop(member);
    eventually("the channel has no members", || async {
        app.realtime().presence_of(channel("single:seat")).await.unwrap().is_empty()
    })
    .await;
    socket.subscribe("single:seat").await;
}

#[tokio::test]
async fn a_connection_that_ends_leaves_the_channels_to_which_the_server_subscribed_it() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (socket, _) = connect(&ann, json!({})).await;
    subscribe(&ann, to("kept:news")).await;
    let members = || async { app.realtime().presence_of(channel("kept:news")).await.unwrap().len() };
    assert_eq!(members().await, 1);
    drop(socket);
    eventually("the channel has no members any more", || async { members().await == 0 }).await;
}

#[tokio::test]
async fn connections_are_listed_with_the_client_library_and_their_subscriptions() {
    let app = app(|_| {});
    let ann = session(&app).await;
    let (mut socket, _) = connect(&ann, json!({"name": "js", "version": "7"})).await;
    socket.subscribe("kept:chosen").await;
    subscribe(&ann, to("kept:given")).await;
    let connections = app.realtime().connections_of(&Subject::from(ann.person.id)).await;
    let [connection] = &connections[..] else { panic!("{connections:?}") };
    let described = connection.described.as_ref().expect("an answer");
    assert_eq!((described.name.as_str(), described.version.as_str()), ("js", "7"));
    let mut found: Vec<_> =
        described.subscriptions.iter().map(|s| (s.channel.to_string(), s.source.is_server_side())).collect();
    found.sort();
    let expected = [("kept:chosen", false), ("kept:given", true), (own(&ann).as_str(), true)]
        .map(|(n, s)| (n.to_owned(), s));
    assert_eq!(found, expected);
}
