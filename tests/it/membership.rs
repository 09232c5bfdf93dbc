//! Rights of subscribers: a client that is not subscribed does not have them.

use std::{sync::Arc, time::Duration};

use logic::namespace::{Namespaces, Options, Right, Rights};
use serde_json::{Value, json};

use crate::harness::{App, Event, Socket};

/// A server with two namespaces, one in memory and one durable. Each of their channels permits one subscriber.
fn app() -> App {
    let members = Rights::of(&[Right::Subscriber]);
    let memory = Options {
        subscribe: Rights::of(&[Right::User]),
        publish: members,
        history: members,
        presence: members,
        presence_enabled: true,
        history_size: 5,
        history_ttl: Duration::from_secs(300),
        max_subscribers: 1,
        ..Options::default()
    };
    let durable = Options { durable: true, ..memory };
    let namespaces = Namespaces::default().with("memory", memory).with("durable", durable);
    App::with(move |settings| settings.realtime.namespaces = Arc::new(namespaces))
}

/// Sends `subscribe` and further commands in one frame, and returns the replies.
async fn all_at_once(socket: &mut Socket, channel: &str) -> [Value; 5] {
    let commands = [
        json!({"id": 1_001, "subscribe": {"channel": channel}}),
        json!({"id": 1_002, "publish": {"channel": channel, "data": "said"}}),
        json!({"id": 1_003, "history": {"channel": channel, "limit": 5}}),
        json!({"id": 1_004, "presence": {"channel": channel}}),
        json!({"id": 1_005, "presence_stats": {"channel": channel}}),
    ];
    socket.send_text(&commands.map(|command| command.to_string()).join("\n")).await;
    // In a durable channel, the reply to `publish` waits for the commit. So replies to later commands may arrive earlier.
    let mut replies = [const { Value::Null }; 5];
    while replies.contains(&Value::Null) {
        match socket.event().await {
            Event::Object(reply) if reply.get("id").is_some() => {
                let place = (1_001..).zip(&mut replies).find(|(id, _)| reply["id"] == *id);
                *place.expect("a reply to one of the commands").1 = reply;
            }
            Event::Closed(closed) => panic!("closed: {closed:?}"),
            _ => {}
        }
    }
    replies
}

#[tokio::test]
async fn a_client_whose_subscription_is_refused_can_neither_publish_nor_read() {
    let app = app();
    for channel in ["memory:seat", "durable:seat"] {
        let mut member = app.register().await.sign_in().await.connect_by_command().await;
        member.subscribe(channel).await;
        member.publish(channel, json!("secret")).await;
        let mut other = app.register().await.sign_in().await.connect_by_command().await;
        let codes = all_at_once(&mut other, channel).await.map(|reply| reply["error"]["code"].clone());
        assert_eq!(codes, [106, 103, 103, 103, 103], "{channel}");
    }
}

#[tokio::test]
async fn a_client_can_send_commands_before_its_subscription_is_answered() {
    let app = app();
    for channel in ["memory:free", "durable:free"] {
        let mut socket = app.register().await.sign_in().await.connect_by_command().await;
        let [subscribed, published, history, presence, stats] = all_at_once(&mut socket, channel).await;
        assert!(subscribed["subscribe"].is_object() && published["publish"].is_object(), "{channel}");
        assert!(history["history"]["publications"].is_array(), "{history}");
        assert_eq!(presence["presence"]["presence"].as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(stats["presence_stats"]["num_clients"], 1, "{stats}");
    }
}
