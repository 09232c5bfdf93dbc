//! The parameter `session` as in Centrifugo: the secret of an emulated stream selects the connection of this stream.

use serde_json::json;

use crate::harness::{EmulatedConnection, app_with_key};

#[tokio::test]
async fn the_secret_of_a_stream_selects_only_the_connection_of_this_stream() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let other = app.register().await.sign_in().await;
    let (mut selected, mut untouched) =
        (EmulatedConnection::of(&session).await, EmulatedConnection::of(&session).await);
    let user = session.person.id.to_string();
    let secret = selected.connected["connect"]["session"].clone();
    let done = json!({"done": 1, "pending": 0});
    let wanted = json!({"user": user, "session": secret, "channel": "ephemeral:x"});
    assert_eq!(app.api_result("subscribe", wanted.clone()).await, done);
    assert_eq!(selected.pushed().await["channel"], "ephemeral:x");
    assert_eq!(app.api_result("unsubscribe", wanted).await, done);
    assert_eq!(app.api_result("refresh", json!({"user": user, "session": secret})).await, done);
    let (nothing, client) = (json!({"closed": 0, "pending": 0}), &untouched.connected["connect"]["client"]);
    for mismatch in [
        json!({"user": other.person.id.to_string(), "session": secret}),
        json!({"user": user, "session": secret, "client": client}),
        json!({"user": user, "session": "A".repeat(43)}),
    ] {
        assert_eq!(app.api_result("disconnect", mismatch.clone()).await, nothing, "{mismatch}");
    }
    let closed = app.api_result("disconnect", json!({"user": user, "session": secret})).await;
    assert_eq!(closed, json!({"closed": 1, "pending": 0}));
    assert_eq!(selected.ended().await.0, 3503);
    let again = app.api_result("disconnect", json!({"user": user, "session": secret})).await;
    assert_eq!(again, nothing, "the secret ends with its stream");
    assert_eq!(
        untouched.ask(json!({"unsubscribe": {"channel": "ephemeral:x"}})).await["unsubscribe"],
        json!({})
    );
}
