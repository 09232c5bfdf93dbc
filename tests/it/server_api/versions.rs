//! Publications with versions: a publication is not delivered if its version is not newer than the last one of the channel.

use serde_json::{Value, json};

use crate::harness::{App, Socket, app_with_key};

async fn publish(app: &App, channel: &str, data: &str, version: u64, epoch: &str) -> Value {
    let versioned = json!({"channel": channel, "data": data, "version": version, "version_epoch": epoch});
    app.api_result("publish", versioned).await
}

async fn published(socket: &mut Socket) -> Value {
    loop {
        let push = socket.pushed().await;
        if push["pub"].is_object() {
            return push["pub"]["data"].clone();
        }
    }
}

#[tokio::test]
async fn an_outdated_version_is_not_published_and_is_answered_with_the_position_of_the_channel() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect_by_command().await;
    let own = format!("user:#{}", session.person.id);
    // The first channel is in PostgreSQL, the second in memory.
    for channel in ["chat:lobby", &own] {
        socket.ask(json!({"subscribe": {"channel": channel}})).await.expect("a reply");
        let wanted =
            [(5, "", 1), (5, "", 1), (4, "", 1), (6, "", 2), (1, "other", 3), (1, "other", 3), (9, "", 4)];
        for (n, (version, epoch, offset)) in wanted.into_iter().enumerate() {
            let answer = publish(&app, channel, &n.to_string(), version, epoch).await;
            assert_eq!(answer["offset"], offset, "{channel} {n}");
        }
        let plain = app.api_result("publish", json!({"channel": channel, "data": "plain"})).await;
        assert_eq!(plain["offset"], 5, "a publication without a version is always new");
        assert_eq!(publish(&app, channel, "old", 9, "").await["offset"], 5);
        for data in ["0", "3", "4", "6", "plain"] {
            assert_eq!(published(&mut socket).await, data, "{channel}");
        }
        let history = app.api_result("history", json!({"channel": channel, "limit": -1})).await;
        assert_eq!(history["publications"].as_array().map(Vec::len), Some(5), "{history}");
        app.api_result("history_remove", json!({"channel": channel})).await;
        assert_eq!(
            publish(&app, channel, "old", 9, "").await["offset"],
            5,
            "the version is compared even after the removal of the history"
        );
    }
}

#[tokio::test]
async fn versions_are_not_compared_without_a_history() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect_by_command().await;
    socket.subscribe("ephemeral:x").await;
    for (data, version) in [("a", 2), ("b", 1)] {
        assert_eq!(publish(&app, "ephemeral:x", data, version, "").await, json!({}));
        assert_eq!(published(&mut socket).await, data);
    }
}

#[tokio::test]
async fn a_broadcast_compares_the_version_in_each_channel() {
    let app = app_with_key();
    publish(&app, "chat:a", "a", 7, "").await;
    let both = json!({"channels": ["chat:a", "chat:b"], "data": "b", "version": 7});
    let responses = app.api_result("broadcast", both).await["responses"].clone();
    let offsets = [&responses[0]["result"]["offset"], &responses[1]["result"]["offset"]];
    assert_eq!(offsets, [&json!(1), &json!(1)]);
    let history = app.api_result("history", json!({"channel": "chat:a", "limit": -1})).await;
    assert_eq!(history["publications"].as_array().map(Vec::len), Some(1), "{history}");
}
