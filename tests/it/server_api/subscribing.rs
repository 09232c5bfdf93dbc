//! `subscribe` answers when the channel has added the connections. If a connection cannot be added, the answer contains the
//! reason.

use std::{sync::Arc, time::Duration};

use actors::runtime::{ConnectionSelection, SubscribeCounts};
use logic::namespace::{Namespaces, Options};
use protocol::{
    ErrorCode,
    channel_name::ChannelName,
    id::Subject,
    subscription::{Overrides, ServerSubscription},
};
use secrecy::SecretString;
use serde_json::json;

use crate::harness::{API_KEY, App, DatabaseProxy, fresh_database};

fn app(namespaces: Namespaces) -> App {
    App::with(|settings| {
        settings.api_key = Some(SecretString::from(API_KEY));
        settings.realtime.namespaces = Arc::new(namespaces);
    })
}

#[tokio::test]
async fn connections_that_cannot_be_subscribed_are_counted_and_the_error_is_returned() {
    let app = app(Namespaces::default().with("pair", Options { max_subscribers: 2, ..Options::default() }));
    let session = app.register().await.sign_in().await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(session.connect_by_command().await);
    }
    let wanted = json!({"user": session.person.id.to_string(), "channel": "pair:a"});
    let full = json!({"code": 106, "message": "limit exceeded"});
    assert_eq!(
        app.api_result("subscribe", wanted.clone()).await,
        json!({"done": 2, "pending": 0, "failed": 1, "error": full})
    );
    // Two connections are already subscribed; the third cannot be.
    assert_eq!(app.api_error("subscribe", wanted).await, 106);
    let nobody = json!({"user": "nobody", "channel": "pair:a"});
    assert_eq!(app.api_result("subscribe", nobody).await, json!({"done": 0, "pending": 0}));
}

#[tokio::test]
async fn fields_that_are_null_count_as_missing() {
    let app = app(Namespaces::default());
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect_by_command().await;
    let wanted = json!({
        "user": session.person.id.to_string(), "channel": "ephemeral:a", "info": null, "b64info": null, "data": null,
        "b64data": null, "expire_at": null, "recover_since": {"offset": null, "epoch": null}, "override": null,
    });
    assert_eq!(app.api_result("subscribe", wanted).await, json!({"done": 1, "pending": 0}));
    let pushed = socket.pushed().await;
    assert!(pushed["subscribe"].is_object() && pushed["subscribe"].get("data").is_none(), "{pushed}");
    let words = json!({"user": session.person.id.to_string(), "disconnect": {"code": null, "reason": null}});
    app.api_result("disconnect", words).await;
    assert_eq!(socket.closed().await.code, 3503);
}

#[tokio::test]
async fn a_connection_at_its_limit_of_channels_cannot_be_subscribed_to_another() {
    let app = App::with(|settings| {
        settings.api_key = Some(SecretString::from(API_KEY));
        Arc::make_mut(&mut settings.socket.client).max_channels = 1;
    });
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect_by_command().await;
    socket.subscribe("ephemeral:a").await;
    let wanted = |channel: &str| json!({"user": session.person.id.to_string(), "channel": channel});
    assert_eq!(app.api_error("subscribe", wanted("ephemeral:b")).await, 106);
    assert_eq!(app.api_result("subscribe", wanted("ephemeral:a")).await["done"], 0);
}

#[tokio::test]
async fn a_connection_that_leaves_before_its_channel_is_read_is_no_failure() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let socket = session.connect_by_command().await;
    let mut rows = app.rows().await;
    let lock = rows.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE channels IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let subject = Subject::from(session.person.id);
    let selection = ConnectionSelection::of(subject.clone());
    let subscribing = app.realtime().subscribe(&selection, to("chat:cold"));
    let leaving = async {
        crate::harness::eventually("the connection waits for its channel", async || {
            let connections = app.realtime().connections_of(&subject).await;
            let said = connections.iter().filter_map(|connection| connection.described.as_ref());
            said.map(|said| said.subscriptions.len()).sum::<usize>() == 1
        })
        .await;
        drop(socket);
    };
    let (made, ()) = tokio::join!(subscribing, leaving);
    assert_eq!(made, SubscribeCounts::default());
    lock.rollback().await.unwrap();
}

fn to(channel: &str) -> ServerSubscription {
    ServerSubscription {
        channel: ChannelName::parse(channel).unwrap(),
        chan_info: None,
        data: None,
        recover: None,
        expires_at: None,
        overrides: Overrides::default(),
    }
}

#[tokio::test]
async fn a_subscription_to_a_channel_that_cannot_be_read_fails_with_an_error() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |settings| {
        settings.database.acquire_timeout = Duration::from_millis(300);
    });
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect_by_command().await;
    proxy.cut();
    let wanted = to("chat:cold");
    let selection = ConnectionSelection::of(Subject::from(session.person.id));
    let made = app.realtime().subscribe(&selection, wanted.clone()).await;
    assert_eq!(
        made,
        SubscribeCounts { failed: 1, error: Some(ErrorCode::Internal), ..SubscribeCounts::default() }
    );
    proxy.mend();
    // The failed subscription is not stored, so it can be tried again.
    crate::harness::eventually("subscribing works again", async || {
        app.realtime().subscribe(&selection, wanted.clone()).await.done == 1
    })
    .await;
    assert_eq!(socket.pushed().await["channel"], "chat:cold");
}
