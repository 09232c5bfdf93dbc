//! The parameter `session` as in Centrifugo: the secret of an emulated stream, which selects its single connection.

use serde_json::json;

use crate::harness::{EmulatedConnection, app_with_key};

#[tokio::test]
async fn the_secret_of_a_stream_means_its_one_connection_of_this_user() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let other = app.register().await.sign_in().await;
    let (mut meant, mut spared) =
        (EmulatedConnection::of(&session).await, EmulatedConnection::of(&session).await);
    let user = session.person.id.to_string();
    let secret = meant.connected["connect"]["session"].clone();
    let done = json!({"done": 1, "pending": 0});
    let wanted = json!({"user": user, "session": secret, "channel": "ephemeral:x"});
    assert_eq!(app.api_result("subscribe", wanted.clone()).await, done);
    assert_eq!(meant.pushed().await["channel"], "ephemeral:x");
    assert_eq!(app.api_result("unsubscribe", wanted).await, done);
    assert_eq!(app.api_result("refresh", json!({"user": user, "session": secret})).await, done);
    let (nothing, client) = (json!({"closed": 0, "pending": 0}), &spared.connected["connect"]["client"]);
    for beside in [
        json!({"user": other.person.id.to_string(), "session": secret}),
        json!({"user": user, "session": secret, "client": client}),
        json!({"user": user, "session": "A".repeat(43)}),
    ] {
        assert_eq!(app.api_result("disconnect", beside.clone()).await, nothing, "{beside}");
    }
    let closed = app.api_result("disconnect", json!({"user": user, "session": secret})).await;
    assert_eq!(closed, json!({"closed": 1, "pending": 0}));
    assert_eq!(meant.ended().await.0, 3503);
    let again = app.api_result("disconnect", json!({"user": user, "session": secret})).await;
    assert_eq!(again, nothing, "the stream is over, and its secret with it");
    assert_eq!(
        spared.ask(json!({"unsubscribe": {"channel": "ephemeral:x"}})).await["unsubscribe"],
        json!({})
    );
}
