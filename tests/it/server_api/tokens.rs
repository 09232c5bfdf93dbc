//! Methods that deny users and tokens.

use serde_json::json;

use crate::harness::{app_with_key, of_user};

#[tokio::test]
async fn a_blocked_user_is_disconnected_and_refused_until_the_block_is_lifted() {
    let app = app_with_key();
    let session = app.register().await.open_session().await;
    let mut socket = session.connect().await;
    let user = of_user(session.person.id);
    assert_eq!(app.api_result("block_user", user.clone()).await, json!({"closed": 1, "pending": 0}));
    assert_eq!(socket.closed().await.code, 4503);
    session.get("/api/v1/profile").await.refused(403, "user_blocked");
    assert_eq!(app.api_result("unblock_user", user).await, json!({}));
    assert!(session.works().await);
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_its_connections_are_closed() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    let revoked = app.api_result("revoke_token", json!({"uid": session.token_id()})).await;
    assert_eq!(revoked, json!({"closed": 1, "pending": 0}));
    assert_eq!(socket.closed().await.code, 4500);
    assert!(!session.works().await);
    assert!(session.renewed().await.works().await, "a refresh gives a new token");
}

#[tokio::test]
async fn invalidating_the_tokens_of_a_user_ends_sessions_and_connections() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let mut socket = session.connect().await;
    let user = of_user(session.person.id);
    assert_eq!(app.api_result("invalidate_user_tokens", user).await, json!({"closed": 1, "pending": 0}));
    assert_eq!(socket.closed().await.code, 4500);
    assert!(!session.works().await);
    session.try_refresh().await.expect(401);
    assert!(session.person.sign_in().await.works().await);
}

#[tokio::test]
async fn tokens_that_were_issued_after_the_given_moment_stay_valid() {
    let app = app_with_key();
    let session = app.register().await.sign_in().await;
    let moment = app.now().unix_timestamp() - 60;
    let parameters = json!({"user": session.person.id.to_string(), "issued_before": moment});
    assert_eq!(app.api_result("invalidate_user_tokens", parameters).await["closed"], 0);
    assert!(session.works().await);
}

#[tokio::test]
async fn wrong_moments_unknown_namespaces_and_missing_parameters_are_refused() {
    let app = app_with_key();
    let now = app.now().unix_timestamp();
    let (past, future) = (now - 10, now + 1_000);
    assert_eq!(app.api_error("block_user", json!({"user": "7", "expire_at": past})).await, 107);
    assert_eq!(app.api_error("revoke_token", json!({"uid": "a", "expire_at": past})).await, 107);
    assert_eq!(
        app.api_error("invalidate_user_tokens", json!({"user": "7", "issued_before": future})).await,
        107
    );
    assert_eq!(app.api_error("invalidate_user_tokens", json!({"user": "7", "channel": "no:x"})).await, 102);
    for missing in ["block_user", "unblock_user", "revoke_token", "invalidate_user_tokens"] {
        assert_eq!(app.api_error(missing, json!({})).await, 107, "{missing}");
    }
}

#[tokio::test]
async fn a_block_and_a_revoked_token_are_audited_with_the_api_key() {
    let app = app_with_key();
    let key = app.api_key("ops", &["tokens"]).await;
    app.api_with(&key, "block_user", &of_user("an external user")).await.expect(200);
    app.api_with(&key, "revoke_token", &json!({"uid": "a"})).await.expect(200);
    let id = key.split('_').nth(1).expect("an id").to_owned();
    let sql = format!(
        "SELECT count(*) FROM audit_events WHERE api_key_id = '{id}' AND
           (event = 'user.blocked' AND subject = 'an external user' OR event = 'token.revoked')"
    );
    assert_eq!(app.count(&sql).await, 2);
}
