//! History: the publications of channels in memory and of durable channels can be read page by page.

use std::sync::Arc;

use actors::runtime::ServerPublication;
use logic::namespace::{Namespaces, Offer, Options, Right, Rights};
use protocol::{Payload, channel_name::ChannelName};
use serde_json::{Value, json};

use crate::harness::{App, Ask as _, Socket};

/// A server with [`namespaces`].
pub(crate) fn app(change: impl FnOnce(&mut Options)) -> App {
    let namespaces = namespaces(change);
    App::with(move |settings| settings.realtime.namespaces = namespaces)
}

/// The built-in namespaces and the namespace `memory`, which has the rights of `chat` and keeps five publications in memory. `change`
/// changes the options of `memory`.
pub(crate) fn namespaces(change: impl FnOnce(&mut Options)) -> Arc<Namespaces> {
    let subscribers = Rights::of(&[Right::Subscriber]);
    let mut memory = Options {
        subscribe: Rights::of(&[Right::User]),
        publish: subscribers,
        history: subscribers,
        presence: subscribers,
        presence_enabled: true,
        history_size: 5,
        history_ttl: std::time::Duration::from_secs(300),
        recovery: Offer::Forced,
        delta: true,
        ..Options::default()
    };
    change(&mut memory);
    Arc::new(Namespaces::default().with("memory", memory))
}

/// The result of `history`, or the code of the error.
async fn history(socket: &mut Socket, mut request: Value, channel: &str) -> Value {
    request["channel"] = channel.into();
    let reply = socket.ask(json!({"history": request})).await.expect("a reply");
    if reply.get("error").is_some() { reply["error"]["code"].clone() } else { reply["history"].clone() }
}

fn offsets(result: &Value) -> Vec<u64> {
    let publications = result["publications"].as_array().unwrap_or_else(|| panic!("no history: {result}"));
    publications.iter().map(|publication| publication["offset"].as_u64().expect("an offset")).collect()
}

#[tokio::test]
async fn history_is_paged_in_both_directions_for_channels_in_memory_and_for_durable_channels() {
    let app = app(|_| {});
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    for channel in ["memory:room", "chat:room"] {
        socket.subscribe(channel).await;
        for number in 1..=5 {
            socket.publish(channel, json!({"number": number})).await;
        }
        let position = history(&mut socket, json!({}), channel).await;
        assert_eq!((offsets(&position), &position["offset"]), (vec![], &json!(5)), "{channel}");
        let epoch = position["epoch"].as_str().expect("an epoch").to_owned();
        let since = |offset: u64| json!({"offset": offset, "epoch": epoch});
        for (request, expected) in [
            (json!({"limit": 2}), vec![1, 2]),
            (json!({"limit": 2, "since": since(2)}), vec![3, 4]),
            (json!({"limit": 2, "since": since(4)}), vec![5]),
            (json!({"limit": 2, "since": since(5)}), vec![]),
            (json!({"limit": -1}), vec![1, 2, 3, 4, 5]),
            (json!({"limit": 2, "reverse": true}), vec![5, 4]),
            (json!({"limit": 9, "reverse": true, "since": since(4)}), vec![3, 2, 1]),
            (json!({"limit": 1, "since": {"offset": 1}}), vec![2]),
        ] {
            let result = history(&mut socket, request.clone(), channel).await;
            assert_eq!(offsets(&result), expected, "{channel} {request}");
            assert_eq!((&result["offset"], &result["epoch"]), (&json!(5), &json!(epoch)), "{channel}");
        }
        let first = &history(&mut socket, json!({"limit": 1}), channel).await["publications"][0];
        assert_eq!(first["data"], json!({"number": 1}));
        assert!(first["info"]["client"].is_string(), "{first}");
        let strange = json!({"limit": 1, "since": {"offset": 1, "epoch": "xxxxxxxx"}});
        assert_eq!(history(&mut socket, strange, channel).await, 112, "{channel}");
        let before = json!({"limit": 1, "since": since(0), "reverse": true});
        assert_eq!(history(&mut socket, before, channel).await, 107, "{channel}");
    }
}

#[tokio::test]
async fn all_pages_that_a_client_requests_in_one_frame_arrive() {
    let app = app(|options| options.history_size = 300);
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    let data = Payload::parse(&json!("x".repeat(1_400)).to_string()).unwrap();
    for name in ["memory:room", "chat:room"] {
        let channel = ChannelName::parse(name).unwrap();
        for _ in 0..300 {
            let publication = ServerPublication {
                data: data.clone(),
                tags: Vec::new(),
                skip_history: false,
                idempotency_key: None,
                version: None,
            };
            app.realtime().publish_as_server(channel.clone(), publication).await.unwrap();
        }
        socket.subscribe(name).await;
        let ids = 1_001..=1_012;
        let ask = |id| json!({"id": id, "history": {"channel": name, "limit": 300}}).to_string();
        socket.send_text(&ids.clone().map(ask).collect::<Vec<_>>().join("\n")).await;
        for id in ids {
            let reply = socket.reply(id).await.expect("a reply");
            assert!(offsets(&reply["history"]).len() > 250, "{name}");
        }
    }
}

#[tokio::test]
async fn history_is_refused_without_the_right_to_it_and_in_namespaces_without_history() {
    let app = app(|_| {});
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    socket.subscribe("ephemeral:room").await;
    assert_eq!(history(&mut socket, json!({"limit": 1}), "ephemeral:room").await, 108);
    for channel in ["memory:other", "chat:other"] {
        assert_eq!(history(&mut socket, json!({"limit": 1}), channel).await, 103);
    }
    assert_eq!(history(&mut socket, json!({"limit": 1}), "nowhere:room").await, 102);
}

#[tokio::test]
async fn history_keeps_only_the_newest_publications_and_can_be_removed() {
    let app = app(|_| {});
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    socket.subscribe("memory:room").await;
    for number in 0..8 {
        socket.publish("memory:room", json!(number)).await;
    }
    let result = history(&mut socket, json!({"limit": -1}), "memory:room").await;
    assert_eq!(offsets(&result), [4, 5, 6, 7, 8]);
    let channel = ChannelName::parse("memory:room").unwrap();
    app.realtime().remove_history(channel).await.unwrap();
    let removed = history(&mut socket, json!({"limit": -1}), "memory:room").await;
    assert_eq!((offsets(&removed), &removed["epoch"]), (vec![], &result["epoch"]));
    socket.publish("memory:room", json!(8)).await;
    assert_eq!(offsets(&history(&mut socket, json!({"limit": -1}), "memory:room").await), [9]);
}

#[tokio::test]
async fn the_terms_of_a_channel_say_what_it_keeps_and_what_the_caller_may_do_there() {
    let app = app(|_| {});
    let person = app.register().await;
    let session = person.sign_in().await;
    let terms = async |channel: &str| {
        let path =
            format!("/api/v1/channels/terms?channel={}", channel.replace('#', "%23").replace('$', "%24"));
        session.get(&path).await
    };
    let chat = terms("chat:room").await.expect(200).body;
    assert_eq!((&chat["durable"], &chat["history_size"]), (&json!(true), &json!(1000)), "{chat}");
    assert_eq!(
        (&chat["history_ttl_seconds"], &chat["recovery"]),
        (&json!(604_800), &json!("forced")),
        "{chat}"
    );
    let memory = terms("memory:room").await.expect(200).body;
    assert_eq!((&memory["durable"], &memory["history_size"]), (&json!(false), &json!(5)), "{memory}");
    assert_eq!(terms("ephemeral:room").await.expect(200).body["history_size"], 0);
    let may = |answer: &Value| {
        ["may_subscribe", "may_publish", "presence", "history"].map(|right| answer[right] == true)
    };
    assert_eq!(may(&chat), [true; 4]);
    assert_eq!(
        may(&terms("$chat:room").await.expect(200).body),
        [false, true, true, true],
        "a token is needed"
    );
    let (own, other) = (format!("user:#{}", person.id.0), format!("user:#{}", person.id.0 + 1));
    assert_eq!(may(&terms(&own).await.expect(200).body), [true, false, false, true]);
    assert_eq!(terms(&other).await.expect(200).body["may_subscribe"], false);
    assert_eq!(terms("nowhere:room").await.expect(404).body["code"], "not_found");
    assert_eq!(terms("").await.expect(422).body["code"], "invalid_channel");
    app.get("/api/v1/channels/terms?channel=chat:room").ask().await.expect(401);
}
