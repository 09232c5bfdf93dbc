//! Clients that ask for deltas receive differences, and can restore the whole publication from them.

use logic::delta::apply;
use serde_json::{Value, json};

use crate::history::app;

/// Data that differs only slightly from number to number.
fn state(number: u64) -> Value {
    json!({"text": "the quick brown fox jumps over the lazy dog, again and again", "number": number})
}

/// Decodes the data of a publication, given the data of the previous one.
fn decode(publication: &Value, before: &str) -> String {
    let data = publication["data"].as_str().unwrap_or_else(|| panic!("not a string: {publication}"));
    if publication["delta"] == true {
        let whole = apply(before.as_bytes(), data.as_bytes()).expect("a delta to the previous publication");
        String::from_utf8(whole).expect("text")
    } else {
        data.to_owned()
    }
}

#[tokio::test]
async fn a_client_with_deltas_gets_the_first_publication_whole_and_then_differences() {
    let app = app(|_| {});
    let session = app.register().await.sign_in().await;
    let (mut plain, mut delta) = (session.connect_by_command().await, session.connect_by_command().await);
    plain.subscribe("memory:room").await;
    let request = json!({"subscribe": {"channel": "memory:room", "delta": "fossil"}});
    let reply = delta.ask(request).await.unwrap();
    assert_eq!(reply["subscribe"]["delta"], true, "{reply}");
    let mut before = String::new();
    for number in 1..=4 {
        plain.publish("memory:room", state(number)).await;
        assert_eq!(plain.pushed().await["pub"]["data"], state(number));
        let publication = delta.pushed().await["pub"].clone();
        assert_eq!(publication["delta"] == true, number > 1, "{publication}");
        before = decode(&publication, &before);
        assert_eq!(serde_json::from_str::<Value>(&before).unwrap(), state(number));
    }
    // A delta would not be smaller, so the data is sent whole.
    plain.publish("memory:room", json!(1)).await;
    let publication = delta.pushed().await["pub"].clone();
    assert_eq!((&publication["data"], publication.get("delta")), (&json!("1"), None));
}

#[tokio::test]
async fn the_first_delta_after_a_recovery_is_the_difference_to_the_last_recovered_publication() {
    let app = app(|_| {});
    let session = app.register().await.sign_in().await;
    for channel in ["memory:room", "chat:room"] {
        let mut publisher = session.connect_by_command().await;
        publisher.subscribe(channel).await;
        for number in 1..=3 {
            publisher.publish(channel, state(number)).await;
        }
        let mut reader = session.connect_by_command().await;
        let request = json!({"channel": channel, "delta": "fossil", "recover": true, "offset": 1});
        let reply = reader.ask(json!({"subscribe": request})).await.unwrap();
        let recovered = reply["subscribe"]["publications"].as_array().expect("publications").clone();
        assert_eq!(recovered.len(), 2, "{reply}");
        let last = decode(&recovered[1], "");
        assert_eq!(serde_json::from_str::<Value>(&last).unwrap(), state(3));
        publisher.publish(channel, state(4)).await;
        let publication = loop {
            let push = reader.pushed().await;
            if let Some(publication) = push.get("pub") {
                break publication.clone();
            }
        };
        assert_eq!(publication["delta"], true, "{channel}: {publication}");
        let whole = decode(&publication, &last);
        assert_eq!(serde_json::from_str::<Value>(&whole).unwrap(), state(4), "{channel}");
    }
}

#[tokio::test]
async fn without_the_option_delta_a_client_that_asks_for_deltas_gets_whole_publications() {
    let app = app(|memory| memory.delta = false);
    let mut socket = app.register().await.sign_in().await.connect_by_command().await;
    let request = json!({"subscribe": {"channel": "memory:room", "delta": "fossil"}});
    let reply = socket.ask(request).await.unwrap();
    assert_eq!(reply["subscribe"].get("delta"), None, "{reply}");
    socket.publish("memory:room", state(1)).await;
    assert_eq!(socket.pushed().await["pub"]["data"], state(1));
}
