//! Batches: several methods in one request.

use serde_json::{Value, json};

use crate::harness::{App, app_with_key, of_user};

async fn replies(app: &App, batch: Value) -> Vec<Value> {
    let answer = app.api("batch", batch).await.expect(200);
    assert!(answer.body["result"].is_null(), "{}", answer.text);
    answer.body["replies"].as_array().expect("replies").clone()
}

#[tokio::test]
async fn replies_come_in_order_each_named_after_its_method() {
    let app = app_with_key();
    for parallel in [false, true] {
        let channel = format!("chat:{parallel}");
        let publish = |n: u32| json!({"publish": {"channel": channel, "data": n}});
        let commands =
            json!([publish(1), {"publish": {"channel": "nowhere:x", "data": 1}}, {"rpc": {}}, {"info": {}}]);
        let got = replies(&app, json!({"commands": commands, "parallel": parallel})).await;
        assert_eq!(got.len(), 4);
        assert_eq!(got[0]["publish"]["offset"], 1);
        assert_eq!(got[1], json!({"error": {"code": 102, "message": "unknown channel"}}));
        assert_eq!(got[2]["error"]["code"], 108);
        assert!(got[3]["info"]["nodes"].is_array());
    }
}

#[tokio::test]
async fn the_commands_of_a_sequential_batch_are_carried_out_in_order() {
    let app = app_with_key();
    let commands: Vec<_> = (1..=50).map(|n| json!({"publish": {"channel": "chat:x", "data": n}})).collect();
    let got = replies(&app, json!({"commands": commands})).await;
    let offsets: Vec<_> = got.iter().filter_map(|reply| reply["publish"]["offset"].as_u64()).collect();
    assert_eq!(offsets, (1..=50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_without_the_scopes_of_all_its_commands_does_nothing() {
    let app = app_with_key();
    let key = app.api_key("publisher", &["publish"]).await;
    let publish = json!({"publish": {"channel": "chat:x", "data": 1}});
    let mixed = json!({"commands": [publish, {"block_user": of_user("7")}]});
    app.api_with(&key, "batch", &mixed).await.refused(403, "insufficient_scope");
    let history = app.api_result("history", json!({"channel": "chat:x", "limit": -1})).await;
    assert_eq!(history["publications"], json!([]));
    app.api_with(&key, "batch", &json!({"commands": [publish]})).await.expect(200);
}

#[tokio::test]
async fn commands_after_32_mib_of_replies_are_not_carried_out() {
    let app = app_with_key();
    let text = "x".repeat(30_000);
    for _ in 0..20 {
        app.api_result("publish", json!({"channel": "chat:x", "data": text})).await;
    }
    let history = json!({"history": {"channel": "chat:x", "limit": -1}});
    for parallel in [false, true] {
        let mut commands = vec![history.clone(); 80];
        commands.push(json!({"publish": {"channel": "chat:late", "data": 1}}));
        let got = replies(&app, json!({"commands": commands, "parallel": parallel})).await;
        let carried_out = got.iter().filter(|reply| reply["history"].is_object()).count();
        assert!((40..70).contains(&carried_out), "{carried_out} replies of 600 KB each");
        assert_eq!((got.len(), &got[79]["error"]["code"]), (81, &json!(100)));
        assert_eq!(got[80]["error"]["code"], 100);
        let late = app.api_result("history", json!({"channel": "chat:late", "limit": -1})).await;
        assert_eq!(late["publications"], json!([]));
    }
    let single = json!({"commands": [history]});
    assert!(replies(&app, single).await[0]["history"].is_object());
}

#[tokio::test]
async fn an_invalid_batch_is_refused() {
    let app = app_with_key();
    for wrong in [json!({}), json!({"commands": {}}), json!([]), json!({"commands": [7]})] {
        assert_eq!(app.api_error("batch", wrong).await, 107);
    }
    let many: Vec<_> = (0..1_001).map(|_| json!({"info": {}})).collect();
    assert_eq!(app.api_error("batch", json!({"commands": many})).await, 107);
    let odd = json!({"commands": [{}, {"batch": {}}, {"a": {}, "b": {}}, {"nonsense": {}}]});
    for reply in replies(&app, odd).await {
        assert_eq!(reply["error"]["code"], 107);
    }
    assert!(replies(&app, json!({"commands": []})).await.is_empty());
}
