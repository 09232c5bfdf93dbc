//! Methods about channels (publishing, broadcasts, presence, history), and `info`.

use serde_json::{Value, json};

use crate::harness::{App, Session, Socket, app_with_key};

/// The next publication. Joins and leaves are skipped.
async fn publication(socket: &mut Socket) -> Value {
    loop {
        let push = socket.pushed().await;
        if push["pub"].is_object() {
            return push;
        }
    }
}

async fn member(app: &App) -> Session {
    app.register().await.open_session().await
}

#[tokio::test]
async fn a_publication_is_delivered_with_its_tags_and_answered_with_its_position() {
    let app = app_with_key();
    let mut socket = member(&app).await.connect_by_command().await;
    socket.subscribe("chat:lobby").await;
    let parameters = json!({"channel": "chat:lobby", "data": {"text": "hello"}, "tags": {"kind": "news"}});
    let result = app.api_result("publish", parameters).await;
    assert_eq!(result["offset"], 1);
    assert_eq!(result["epoch"].as_str().map(str::len), Some(8));
    let push = publication(&mut socket).await;
    assert_eq!(push["pub"]["data"], json!({"text": "hello"}));
    assert_eq!(push["pub"]["offset"], 1);
    assert_eq!(push["pub"]["tags"], json!({"kind": "news"}));
    assert!(push["pub"]["info"].is_null(), "a publication of the server has no client info: {push}");
}

#[tokio::test]
async fn info_contains_the_cpu_time_and_memory_of_the_process() {
    let app = app_with_key();
    let node = app.api_result("info", json!({})).await["nodes"][0].clone();
    let (cpu, rss) = (&node["process"]["cpu"], &node["process"]["rss"]);
    assert!(cpu.as_f64().is_some_and(|percent| percent >= 0.0), "{node}");
    assert!(rss.as_u64().is_some_and(|bytes| bytes > 1_000_000), "{node}");
}

#[tokio::test]
async fn numbers_and_escapes_in_data_are_not_changed() {
    let app = app_with_key();
    let text = r#"{"big":123456789012345678901234567890.10,"e":"é\/"}"#;
    let body = format!(r#"{{"channel":"chat:lobby","data":{text}}}"#);
    let request = app.api_request("publish").header("x-api-key", crate::harness::API_KEY).body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let answer = app.api("history", json!({"channel": "chat:lobby", "limit": 1})).await.expect(200);
    assert!(answer.text.contains(text), "{}", answer.text);
}

#[tokio::test]
async fn data_may_come_in_base64_if_it_is_json() {
    let app = app_with_key();
    let mut socket = member(&app).await.connect_by_command().await;
    socket.subscribe("ephemeral:x").await;
    // The data is `{"a":1}`.
    let result =
        app.api_result("publish", json!({"channel": "ephemeral:x", "b64data": "eyJhIjoxfQ=="})).await;
    assert_eq!(result, json!({}), "without history there is no position");
    assert_eq!(publication(&mut socket).await["pub"]["data"], json!({"a": 1}));
    for wrong in ["AAEC", "not base64", ""] {
        let parameters = json!({"channel": "ephemeral:x", "b64data": wrong});
        assert_eq!(app.api_error("publish", parameters).await, 107, "{wrong}");
    }
}

#[tokio::test]
async fn a_publication_with_an_idempotency_key_is_published_once() {
    let app = app_with_key();
    let publish = json!({"channel": "chat:lobby", "data": 1, "idempotency_key": "k"});
    let first = app.api_result("publish", publish.clone()).await;
    assert_eq!(app.api_result("publish", publish).await, first);
    let history = app.api_result("history", json!({"channel": "chat:lobby", "limit": -1})).await;
    assert_eq!(history["publications"].as_array().map(Vec::len), Some(1), "{history}");
}

#[tokio::test]
async fn publications_with_one_idempotency_key_are_published_once_even_if_one_of_them_skips_history() {
    let app = app_with_key();
    for channel in ["chat:lobby", "user:#1"] {
        for (key, first_is_kept) in [("a", true), ("b", false)] {
            let publish = |kept: bool| {
                let with_key =
                    json!({"channel": channel, "data": 1, "idempotency_key": key, "skip_history": !kept});
                app.api_result("publish", with_key)
            };
            let first = publish(first_is_kept).await;
            assert_eq!(first["offset"].is_u64(), first_is_kept, "{first}");
            assert_eq!(publish(!first_is_kept).await, first, "{channel} {key}");
        }
        let history = app.api_result("history", json!({"channel": channel, "limit": -1})).await;
        assert_eq!(history["publications"].as_array().map(Vec::len), Some(1), "{history}");
    }
}

#[tokio::test]
async fn a_publication_that_skips_history_is_delivered_and_not_kept() {
    let app = app_with_key();
    let mut socket = member(&app).await.connect_by_command().await;
    socket.subscribe("chat:lobby").await;
    app.api_result("publish", json!({"channel": "chat:lobby", "data": 1, "skip_history": true})).await;
    assert_eq!(publication(&mut socket).await["pub"]["data"], 1);
    let history = app.api_result("history", json!({"channel": "chat:lobby", "limit": -1})).await;
    assert_eq!(history["publications"], json!([]));
}

#[tokio::test]
async fn a_broadcast_answers_for_every_channel_in_order() {
    let app = app_with_key();
    let channels = json!(["chat:a", "nowhere:x", "ephemeral:b", ""]);
    let result = app.api_result("broadcast", json!({"channels": channels, "data": {"n": 1}})).await;
    let responses = result["responses"].as_array().expect("responses");
    assert_eq!(responses.len(), 4);
    assert_eq!(responses[0]["result"]["offset"], 1);
    assert_eq!(responses[1]["error"], json!({"code": 102, "message": "unknown channel"}));
    assert_eq!(responses[2], json!({"result": {}}));
    assert!(responses[3]["error"]["code"].is_number(), "{result}");
    assert_eq!(app.api_error("broadcast", json!({"channels": [], "data": 1})).await, 107);
    let many: Vec<String> = (0..1_001).map(|n| format!("chat:{n}")).collect();
    assert_eq!(app.api_error("broadcast", json!({"channels": many, "data": 1})).await, 107);
}

#[tokio::test]
async fn history_is_read_in_pages_in_both_directions_and_removed() {
    let app = app_with_key();
    for n in 1..=5 {
        app.api_result("publish", json!({"channel": "chat:lobby", "data": n})).await;
    }
    let page = async |extra: Value| {
        let mut parameters = json!({"channel": "chat:lobby", "limit": 2});
        parameters.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let result = app.api_result("history", parameters).await;
        let offsets = result["publications"].as_array().unwrap().iter().map(|found| found["offset"].as_u64());
        (offsets.flatten().collect::<Vec<_>>(), result)
    };
    let (first, result) = page(json!({})).await;
    let epoch = result["epoch"].clone();
    assert_eq!((first, &result["offset"]), (vec![1, 2], &json!(5)));
    assert_eq!(page(json!({"since": {"offset": 2, "epoch": epoch}})).await.0, [3, 4]);
    assert_eq!(page(json!({"reverse": true})).await.0, [5, 4]);
    assert_eq!(page(json!({"reverse": true, "since": {"offset": 4, "epoch": epoch}})).await.0, [3, 2]);
    let from_the_start = json!({"reverse": null, "since": {"offset": null, "epoch": epoch}});
    assert_eq!(page(from_the_start).await.0, [1, 2], "null counts as missing");
    let nulls = json!({"channel": "chat:lobby", "limit": null, "since": null, "reverse": null});
    let position = app.api_result("history", json!({"channel": "chat:lobby"})).await;
    assert_eq!(app.api_result("history", nulls).await, position);
    assert_eq!((&position["publications"], &position["offset"]), (&json!([]), &json!(5)));

    assert_eq!(app.api_result("history_remove", json!({"channel": "chat:lobby"})).await, json!({}));
    let (left, result) = page(json!({})).await;
    assert_eq!((left, &result["offset"]), (vec![], &json!(5)), "the offset stays");
}

#[tokio::test]
async fn presence_lists_the_subscribers_and_the_method_channels_counts_them() {
    let app = app_with_key();
    let session = member(&app).await;
    let user = session.person.id.to_string();
    let (mut one, mut two) = (session.connect_by_command().await, session.connect_by_command().await);
    one.subscribe("chat:lobby").await;
    two.subscribe("chat:lobby").await;
    two.subscribe("ephemeral:x").await;
    let presence = app.api_result("presence", json!({"channel": "chat:lobby"})).await;
    let present = presence["presence"].as_object().expect("presence");
    assert_eq!(present.len(), 2);
    for (client, info) in present {
        assert_eq!((&info["client"], &info["user"]), (&json!(client), &json!(user)));
    }
    let stats = app.api_result("presence_stats", json!({"channel": "chat:lobby"})).await;
    assert_eq!(stats, json!({"num_clients": 2, "num_users": 1}));

    let all = app.api_result("channels", json!({})).await;
    assert_eq!(all["channels"]["chat:lobby"], json!({"num_clients": 2}));
    assert_eq!(all["channels"]["ephemeral:x"], json!({"num_clients": 1}));
    let some = app.api_result("channels", json!({"pattern": "chat:*"})).await;
    assert_eq!(some["channels"].as_object().map(serde_json::Map::len), Some(1));
    let info = app.api_result("info", json!({})).await;
    let node = &info["nodes"][0];
    assert_eq!(
        (&node["num_clients"], &node["num_users"], &node["num_subs"]),
        (&json!(2), &json!(1), &json!(3))
    );
    assert_eq!(node["num_channels"], 2);
}
