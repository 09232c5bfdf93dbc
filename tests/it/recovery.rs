//! A client that reconnects receives the missed publications exactly once and in order, or learns that they cannot be
//! recovered.

use logic::namespace::RecoveryMode;
use serde_json::{Value, json};

use crate::{
    harness::{Session, Socket},
    history::app,
};

/// The position in a result.
fn position(result: &Value) -> (u64, String) {
    let epoch = result["epoch"].as_str().unwrap_or_else(|| panic!("no position: {result}"));
    (result["offset"].as_u64().unwrap_or(0), epoch.to_owned())
}

/// Subscribes from a position, and returns the result or the error code. With a `flag` of 2, a subscription that cannot be
/// recovered is refused.
async fn recover(socket: &mut Socket, channel: &str, from: &(u64, String), flag: u64) -> Value {
    let (offset, epoch) = from;
    let request =
        json!({"channel": channel, "recover": true, "offset": offset, "epoch": epoch, "flag": flag});
    let reply = socket.ask(json!({"subscribe": request})).await.expect("a reply");
    if reply.get("error").is_some() { reply["error"]["code"].clone() } else { reply["subscribe"].clone() }
}

fn data(result: &Value) -> Vec<Value> {
    let publications = result["publications"].as_array().cloned().unwrap_or_default();
    publications.iter().map(|publication| publication["data"].clone()).collect()
}

/// The next publication. Joins and leaves are skipped.
async fn published(socket: &mut Socket) -> Value {
    loop {
        let push = socket.pushed().await;
        if push.get("pub").is_some() {
            return push["pub"].clone();
        }
    }
}

async fn speaker(session: &Session, channel: &str) -> Socket {
    let mut socket = session.connect_by_command().await;
    socket.subscribe(channel).await;
    socket
}

#[tokio::test]
async fn a_returning_client_gets_the_missed_publications_and_then_the_new_ones() {
    let app = app(|_| {});
    let session = app.register().await.sign_in().await;
    for channel in ["memory:room", "chat:room"] {
        let mut speaker = speaker(&session, channel).await;
        let mut reader = session.connect_by_command().await;
        let reply = reader.ask(json!({"subscribe": {"channel": channel}})).await.unwrap();
        let result = &reply["subscribe"];
        assert_eq!((&result["recoverable"], result.get("recovered")), (&json!(true), None), "{reply}");
        let epoch = position(result).1;
        speaker.publish(channel, json!("seen")).await;
        let seen = published(&mut reader).await["offset"].as_u64().unwrap();
        drop(reader);
        for number in 0..4 {
            speaker.publish(channel, json!(number)).await;
        }
        let mut back = session.connect_by_command().await;
        let result = recover(&mut back, channel, &(seen, epoch.clone()), 0).await;
        assert_eq!((&result["was_recovering"], &result["recovered"]), (&json!(true), &json!(true)));
        assert_eq!(position(&result), (seen, epoch), "the result has the position of the client");
        assert_eq!(data(&result), [json!(0), json!(1), json!(2), json!(3)], "{channel}");
        speaker.publish(channel, json!("live")).await;
        let live = published(&mut back).await;
        assert_eq!((&live["data"], &live["offset"]), (&json!("live"), &json!(seen + 5)), "{channel}");
    }
}

#[tokio::test]
async fn a_client_that_missed_nothing_is_recovered_without_publications() {
    let app = app(|_| {});
    let session = app.register().await.sign_in().await;
    for channel in ["memory:room", "chat:room"] {
        let mut speaker = speaker(&session, channel).await;
        speaker.publish(channel, json!(1)).await;
        let mut reader = session.connect_by_command().await;
        let reply = reader.ask(json!({"subscribe": {"channel": channel}})).await.unwrap();
        let top = position(&reply["subscribe"]);
        drop(reader);
        let result = recover(&mut session.connect_by_command().await, channel, &top, 0).await;
        assert_eq!((&result["recovered"], data(&result).len()), (&json!(true), 0), "{channel}");
    }
}

#[tokio::test]
async fn a_client_that_cannot_recover_begins_anew_or_gets_an_error_if_it_set_the_flag() {
    let app = app(|_| {});
    let session = app.register().await.sign_in().await;
    let mut speaker = speaker(&session, "memory:room").await;
    for number in 0..7 {
        speaker.publish("memory:room", json!(number)).await;
    }
    let reply = speaker.ask(json!({"history": {"channel": "memory:room"}})).await.unwrap();
    let top = position(&reply["history"]);
    let elsewhere = |offset: u64| (offset, "xxxxxxxx".to_owned());
    let mut reader = session.connect_by_command().await;
    for (from, recovered) in [
        ((1, top.1.clone()), false),
        ((2, top.1.clone()), true),
        ((8, top.1.clone()), false),
        ((2, String::new()), true),
        (elsewhere(2), false),
        (elsewhere(7), false),
        ((0, "_".to_owned()), false),
    ] {
        let result = recover(&mut reader, "memory:room", &from, 0).await;
        assert_eq!(result["recovered"] == true, recovered, "{from:?}: {result}");
        assert_eq!(data(&result).len(), if recovered { 5 } else { 0 }, "{from:?}");
        assert_eq!(position(&result), if recovered { (from.0, top.1.clone()) } else { top.clone() });
        reader.ask(json!({"unsubscribe": {"channel": "memory:room"}})).await.unwrap();
        let strict = recover(&mut reader, "memory:room", &from, 2).await;
        assert_eq!(strict == 112, !recovered, "{from:?}: {strict}");
        reader.ask(json!({"unsubscribe": {"channel": "memory:room"}})).await.unwrap();
    }
}

#[tokio::test]
async fn the_recovery_mode_cache_returns_the_newest_publication() {
    let app = app(|memory| memory.recovery_mode = RecoveryMode::Cache);
    let session = app.register().await.sign_in().await;
    let mut speaker = speaker(&session, "memory:room").await;
    for number in 0..9 {
        speaker.publish("memory:room", json!(number)).await;
    }
    let mut reader = session.connect_by_command().await;
    let result = recover(&mut reader, "memory:room", &(0, String::new()), 0).await;
    assert_eq!((&result["recovered"], data(&result)), (&json!(true), vec![json!(8)]));
}

#[tokio::test]
async fn a_reader_that_returns_repeatedly_gets_every_publication_once_and_in_order() {
    const PUBLICATIONS: u64 = 60;
    let app = app(|memory| memory.history_size = 200);
    let session = app.register().await.sign_in().await;
    let (start, mut reader) = (speaker(&session, "memory:room").await, session.connect_by_command().await);
    drop(start);
    let reply = reader.ask(json!({"subscribe": {"channel": "memory:room"}})).await.unwrap();
    let (mut at, epoch) = position(&reply["subscribe"]);
    let mut speaking = speaker(&session, "memory:room").await;
    let speech = async {
        for number in 1..=PUBLICATIONS {
            speaking.publish("memory:room", json!(number)).await;
        }
    };
    let listening = async {
        let mut heard = Vec::new();
        while at < PUBLICATIONS {
            // The reader receives some publications live, then disconnects and returns.
            for _ in 0..5 {
                if at < PUBLICATIONS {
                    let publication = published(&mut reader).await;
                    at = publication["offset"].as_u64().unwrap();
                    heard.push(publication["data"].as_u64().unwrap());
                }
            }
            reader = session.connect_by_command().await;
            let result = recover(&mut reader, "memory:room", &(at, epoch.clone()), 2).await;
            assert_eq!(result["recovered"], true, "{result}");
            for missed in data(&result) {
                heard.push(missed.as_u64().unwrap());
                at += 1;
            }
        }
        heard
    };
    let ((), heard) = tokio::join!(speech, listening);
    assert_eq!(heard, (1..=PUBLICATIONS).collect::<Vec<_>>());
}
