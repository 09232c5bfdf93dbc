//! Errors of methods: a code in the body, or a status if the caller requests that.

use serde_json::json;

use crate::harness::{API_KEY, Ask as _, app_with_key};

#[tokio::test]
async fn errors_are_codes_in_the_body_of_a_200() {
    let app = app_with_key();
    let answer = app.api("publish", json!({"channel": "nowhere:x", "data": 1})).await.expect(200);
    assert_eq!(answer.body, json!({"error": {"code": 102, "message": "unknown channel"}}));
    for (method, parameters, code) in [
        ("publish", json!({"channel": "chat:x"}), 107),
        ("publish", json!({"data": 1}), 107),
        ("publish", json!({"channel": 7, "data": 1}), 107),
        ("publish", json!([1]), 107),
        ("publish", json!({"channel": "chat:x", "data": 1, "version": 1_u64 << 63}), 107),
        ("publish", json!({"channel": "chat:x", "data": 1, "version": -1}), 107),
        (
            "publish",
            json!({"channel": "chat:x", "data": 1, "version": 1, "version_epoch": "e".repeat(256)}),
            107,
        ),
        ("publish", json!({"channel": "chat:x", "data": 1, "idempotency_key": "k".repeat(256)}), 107),
        ("presence", json!({"channel": "ephemeral:x"}), 108),
        ("presence", json!({"channel": "nowhere:x"}), 102),
        ("presence_stats", json!({"channel": "ephemeral:x"}), 108),
        ("history", json!({"channel": "ephemeral:x"}), 108),
        (
            "history",
            json!({"channel": "chat:x", "limit": 1, "since": {"offset": 1, "epoch": "another"}}),
            112,
        ),
        (
            "history",
            json!({"channel": "chat:x", "limit": 1, "reverse": true, "since": {"offset": 0, "epoch": ""}}),
            107,
        ),
        ("history_remove", json!({"channel": "ephemeral:x"}), 108),
        ("subscribe", json!({"user": "7", "channel": "nowhere:x"}), 102),
        ("subscribe", json!({"channel": "chat:x"}), 107),
        ("unsubscribe", json!({"user": "7", "channel": "nowhere:x"}), 102),
        ("unsubscribe", json!({"user": "7"}), 107),
        ("disconnect", json!({}), 107),
        ("refresh", json!({}), 107),
        ("refresh", json!({"user": "7", "expire_at": -1}), 107),
        ("subscribe", json!({"user": "7", "channel": "chat:x", "expire_at": -1}), 107),
        ("block_user", json!({"user": "7", "expire_at": -1}), 107),
        ("block_user", json!({"user": ""}), 107),
        ("invalidate_user_tokens", json!({"user": "7", "issued_before": -1}), 107),
        ("connections", json!({}), 107),
        ("channels", json!({"pattern": "["}), 107),
        ("rpc", json!({"method": "x"}), 108),
        ("map_publish", json!({}), 108),
        ("shared_poll_publish", json!({}), 108),
        ("get_user_status", json!({"users": []}), 108),
    ] {
        assert_eq!(app.api_error(method, parameters.clone()).await, code, "{method} {parameters}");
    }
}

#[tokio::test]
async fn in_transport_mode_an_error_has_a_status_and_is_the_whole_body() {
    let app = app_with_key();
    for (method, parameters, status, code) in [
        ("publish", json!({"channel": "nowhere:x", "data": 1}), 404, 102),
        ("publish", json!({"channel": "chat:x"}), 400, 107),
        ("presence", json!({"channel": "ephemeral:x"}), 400, 108),
        ("history", json!({"channel": "chat:x", "since": {"offset": 1, "epoch": "another"}}), 416, 112),
        ("batch", json!({"commands": 7}), 400, 107),
        ("batch", json!({"commands": vec![json!({"info": {}}); 1_001]}), 400, 107),
    ] {
        let request = app.api_request(method).header("x-api-key", API_KEY);
        let request = request.header("x-centrifugo-error-mode", "transport").json(&parameters);
        let answer = request.ask().await.expect(status);
        assert_eq!(answer.body["code"], code, "{}", answer.text);
        assert!(answer.body["error"].is_null());
    }
    let request = app.api_request("info").header("x-api-key", API_KEY);
    let answer = request.header("x-centrifugo-error-mode", "transport").json(&json!({})).ask().await;
    assert!(answer.expect(200).body["result"].is_object());
}

#[tokio::test]
async fn an_unreadable_request_gets_a_problem_document() {
    let app = app_with_key();
    let request = |method: &str| app.api_request(method).header("x-api-key", API_KEY);
    for body in ["", "{", "{}{}", "\u{fffe}", "nonsense"] {
        request("publish").body(body).ask().await.refused(400, "malformed_json");
    }
    request("publish").body(vec![0xff, 0xfe]).ask().await.refused(400, "malformed_json");
    request("no_such_method").json(&json!({})).ask().await.refused(404, "not_found");
    app.get("/api/publish").header("x-api-key", API_KEY).ask().await.refused(405, "method_not_allowed");
    let large = json!({"channel": "chat:x", "data": "x".repeat(1_048_576)});
    request("publish").json(&large).ask().await.refused(413, "body_too_large");
    let fits = json!({"channel": "ephemeral:x", "data": "x".repeat(60_000)});
    request("publish").json(&fits).ask().await.expect(200);
}

#[tokio::test]
async fn deep_nesting_is_refused_and_the_server_still_answers() {
    let app = app_with_key();
    let deep = format!(r#"{{"channel":"chat:x","data":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    let answer = app.api_request("publish").header("x-api-key", API_KEY).body(deep).ask().await;
    assert!(answer.status == 400 || answer.body["error"]["code"] == 107, "{}", answer.text);
    app.api_result("info", json!({})).await;
}
