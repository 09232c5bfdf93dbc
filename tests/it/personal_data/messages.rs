//! The messages of an erased person: erased, kept or under another name. Other clients recover without a gap in each case.

use std::time::Duration;

use domain::account::erasure::MessagesOfErased;
use serde_json::{Value, json};

use super::HOUR;
use crate::harness::{App, Session, Socket};

const CHANNEL: &str = "chat:lobby";

/// The messages that a returning client recovers after the erasure of the first of two publishers. They come from the memory of
/// the node that had them, and from a node that reads them from the database.
async fn recovered(messages: MessagesOfErased) -> (i64, [Vec<Value>; 2]) {
    let app = App::with(|settings| {
        settings.erasure.grace = Duration::ZERO;
        settings.erasure.messages = messages;
    });
    let (ada, ben) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let (mut first, mut second) = (ada.connect_by_command().await, ben.connect_by_command().await);
    let subscribe = json!({"subscribe": {"channel": CHANNEL}});
    asked(&mut first, &subscribe, "subscribe").await;
    let epoch = asked(&mut second, &subscribe, "subscribe").await["subscribe"]["epoch"].clone();
    for (of_first, text) in [(true, "one"), (false, "two"), (true, "three")] {
        let socket = if of_first { &mut first } else { &mut second };
        let publish = json!({"publish": {"channel": CHANNEL, "data": {"text": text}}});
        asked(socket, &publish, "publish").await;
    }
    ada.delete("/api/v1/profile").await.expect(202);
    app.advance(HOUR);
    app.sweep().await;
    let fresh = App::over(app.database().clone(), |_| {});
    let elsewhere = fresh.person(ben.person.id.0);
    let elsewhere = crate::harness::Person { email: ben.person.email.clone(), ..elsewhere };
    let here = recover(&ben.person.sign_in().await, &epoch).await;
    (ada.person.id.0, [here, recover(&elsewhere.sign_in().await, &epoch).await])
}

/// The reply to this command. On a busy machine, a node may answer for a moment that it must look at the database first.
async fn asked(socket: &mut Socket, command: &Value, name: &str) -> Value {
    loop {
        let reply = socket.ask(command.clone()).await.expect("a reply");
        if reply[name].is_object() {
            return reply;
        }
        assert_eq!(reply["error"]["temporary"], true, "{reply}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn recover(session: &Session, epoch: &Value) -> Vec<Value> {
    let mut socket = session.connect_by_command().await;
    let back = json!({"subscribe": {"channel": CHANNEL, "recover": true, "offset": 0, "epoch": epoch}});
    let back = asked(&mut socket, &back, "subscribe").await;
    assert_eq!(back["subscribe"]["recovered"], true, "{back}");
    let publications = back["subscribe"]["publications"].as_array().expect("publications").clone();
    let offsets: Vec<_> = publications.iter().map(|one| one["offset"].as_u64()).collect();
    assert_eq!(offsets, [Some(1), Some(2), Some(3)], "no offset is missing");
    publications
}

#[tokio::test]
async fn erased_messages_keep_their_offsets_and_lose_content_and_publisher() {
    let (_, nodes) = recovered(MessagesOfErased::Erase).await;
    for publications in nodes {
        for at in [0, 2] {
            assert_eq!(publications[at]["data"], json!({"erased": true}), "{publications:?}");
            assert!(publications[at].get("info").is_none(), "{publications:?}");
        }
        assert_eq!(publications[1]["data"], json!({"text": "two"}));
    }
}

#[tokio::test]
async fn pseudonymised_messages_have_one_random_publisher() {
    let (id, nodes) = recovered(MessagesOfErased::Pseudonymise).await;
    let name = nodes[0][0]["info"]["user"].clone();
    assert!(name.as_str().is_some_and(|name| name.starts_with("erased-") && name != id.to_string()));
    for publications in nodes {
        assert_eq!((&publications[0]["info"]["user"], &publications[2]["info"]["user"]), (&name, &name));
        assert_eq!(publications[0]["data"], json!({"text": "one"}));
    }
}

#[tokio::test]
async fn kept_messages_stay_as_they_are() {
    let (id, nodes) = recovered(MessagesOfErased::Keep).await;
    for publications in nodes {
        assert_eq!(publications[0]["info"]["user"], id.to_string());
        assert_eq!(publications[0]["data"], json!({"text": "one"}));
    }
}
