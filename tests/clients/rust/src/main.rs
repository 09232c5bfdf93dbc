//! The unmodified `tokio-centrifuge` against a running server, in JSON and in Protobuf: what this SDK can do, and what the
//! server API does to it. It knows no history, presence, recovery or refresh. One line per scenario; see `run.sh`.

mod application;

use std::{
    future::{Future, IntoFuture},
    process::ExitCode,
    time::Duration,
};

use application::{api, name_of, socket_url, token};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};
use tokio_centrifuge::{
    client::Client,
    config::{Config, Protocol},
    subscription::Subscription,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Something did not happen, or happened otherwise.
type Failure = String;

async fn within<T>(what: &str, happens: impl IntoFuture<Output = T>) -> Result<T, Failure> {
    timeout(PATIENCE, happens.into_future()).await.map_err(|_| format!("no {what} within {PATIENCE:?}"))
}

async fn next<T>(what: &str, events: &mut UnboundedReceiver<T>) -> Result<T, Failure> {
    within(what, events.recv()).await?.ok_or_else(|| format!("no more {what}"))
}

fn same<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Result<(), Failure> {
    if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
}

/// A client with its ends: code and reason.
fn client(protocol: Protocol, token: String) -> (Client, UnboundedReceiver<(u32, String)>) {
    let config = Config { protocol, ..Config::new().with_token(token) };
    let format = if protocol == Protocol::Protobuf { "?format=protobuf" } else { "" };
    let client = Client::new(&format!("{}{format}", socket_url()), config);
    let (ended, ends) = unbounded_channel();
    client.on_disconnected(move |event| {
        let _ = ended.send((event.code, event.reason.to_owned()));
    });
    (client, ends)
}

async fn connected(
    protocol: Protocol,
    user: &str,
) -> Result<(Client, UnboundedReceiver<(u32, String)>), Failure> {
    let (client, ends) = client(protocol, token(&json!({ "sub": user })));
    within("connection", client.connect()).await?.map_err(|()| "the connection is refused".to_owned())?;
    Ok((client, ends))
}

/// A subscription with what is published, and how it ends.
async fn subscribed(
    client: &Client,
    channel: &str,
) -> Result<(Subscription, UnboundedReceiver<Value>, UnboundedReceiver<u32>), Failure> {
    let subscription = client.new_subscription(channel);
    let ((heard, publications), (ended, ends)) = (unbounded_channel(), unbounded_channel());
    subscription.on_publication(move |publication| {
        let _ = heard.send(serde_json::from_slice(&publication.data).unwrap_or_default());
    });
    subscription.on_unsubscribed(move |event| {
        let _ = ended.send(event.code);
    });
    within("subscription", subscription.subscribe()).await?.map_err(|()| "it is refused".to_owned())?;
    Ok((subscription, publications, ends))
}

async fn talks(protocol: Protocol, channel: &str) -> Result<(), Failure> {
    let ((ann, _), (bob, _)) = (connected(protocol, "ann").await?, connected(protocol, "bob").await?);
    let (mine, mut echo, _) = subscribed(&ann, channel).await?;
    let (_theirs, mut heard, _) = subscribed(&bob, channel).await?;
    let said = json!({"text": "grüß dich"});
    within("answer", mine.publish(said.to_string().into_bytes()))
        .await?
        .map_err(|error| format!("{error:?}"))?;
    same(next("echo", &mut echo).await?, said.clone())?;
    same(next("publication", &mut heard).await?, said.clone())?;
    api("publish", &json!({"channel": channel, "data": 7})).await?;
    same(next("publication of the server", &mut heard).await?, json!(7))?;
    within("end of the subscription", mine.unsubscribe()).await
}

async fn comes_back(protocol: Protocol, channel: &str) -> Result<(), Failure> {
    let user = format!("rs-{channel}");
    let (client, _) = connected(protocol, &user).await?;
    let (_subscription, mut heard, _) = subscribed(&client, channel).await?;
    let (again, mut connections) = unbounded_channel();
    client.on_connected(move |_| {
        let _ = again.send(());
    });
    let order = json!({"user": name_of(&user), "disconnect": {"code": 4200, "reason": "come again"}});
    api("disconnect", &order).await?;
    next("connection", &mut connections).await?;
    // Once it is subscribed again it hears what is said.
    for _ in 0..200 {
        api("publish", &json!({"channel": channel, "data": "back"})).await?;
        if let Ok(Some(data)) = timeout(Duration::from_millis(50), heard.recv()).await {
            return same(data, json!("back"));
        }
    }
    Err("it hears nothing any more".to_owned())
}

async fn is_unsubscribed(protocol: Protocol, channel: &str) -> Result<(), Failure> {
    let user = format!("rs-{channel}");
    let (client, _) = connected(protocol, &user).await?;
    let (_subscription, _heard, mut ends) = subscribed(&client, channel).await?;
    api("unsubscribe", &json!({"user": name_of(&user), "channel": channel})).await?;
    same(next("end of the subscription", &mut ends).await?, 2000)
}

async fn is_disconnected(protocol: Protocol, channel: &str) -> Result<(), Failure> {
    let user = format!("rs-{channel}");
    let (client, mut ends) = connected(protocol, &user).await?;
    let result = api("disconnect", &json!({"user": name_of(&user)})).await?;
    same(result["closed"].as_u64(), Some(1))?;
    // Why, this SDK does not say.
    next("end", &mut ends).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    same(format!("{:?}", client.state()), "Disconnected".to_owned())
}

async fn is_refused(protocol: Protocol, _: &str) -> Result<(), Failure> {
    let (client, _) = client(protocol, "not-a-token".to_owned());
    same(within("answer", client.connect()).await?, Err(()))?;
    // This SDK tries again, whatever it was told.
    drop(client.disconnect());
    Ok(())
}

/// Runs a scenario and says how it went.
async fn scored(name: &str, scenario: impl Future<Output = Result<(), Failure>>) -> bool {
    let outcome = scenario.await;
    match &outcome {
        Ok(()) => println!("ok - {name}"),
        Err(why) => println!("not ok - {name}: {why}"),
    }
    outcome.is_ok()
}

#[tokio::main]
async fn main() -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for (encoding, protocol) in [("json", Protocol::Json), ("protobuf", Protocol::Protobuf)] {
        let channel = |kind: &str| format!("room:rs-{encoding}-{kind}-{}", std::process::id());
        let scores = [
            scored(&format!("{encoding}: subscribes and publishes"), talks(protocol, &channel("talk"))).await,
            scored(
                &format!("{encoding}: comes back and subscribes again"),
                comes_back(protocol, &channel("back")),
            )
            .await,
            scored(
                &format!("{encoding}: is unsubscribed by the server API"),
                is_unsubscribed(protocol, &channel("unsub")),
            )
            .await,
            scored(
                &format!("{encoding}: is disconnected by the server API"),
                is_disconnected(protocol, &channel("gone")),
            )
            .await,
            scored(
                &format!("{encoding}: is refused without a good token"),
                is_refused(protocol, &channel("none")),
            )
            .await,
        ];
        passed += scores.iter().filter(|ok| **ok).count();
        failed += scores.iter().filter(|ok| !**ok).count();
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
