//! API keys: which methods a key may call, and when it expires.

use std::time::Duration;

use domain::tokens::api_key::{ApiScope, ApiScopes};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::harness::{API_KEY, App, Ask as _, app_with_key, eventually, of_user};

#[tokio::test]
async fn a_missing_or_wrong_key_is_refused() {
    let app = app_with_key();
    let missing = app.api_request("info").json(&json!({})).ask().await;
    missing.refused(401, "invalid_api_key");
    let key = app.api_key("good", &["*"]).await;
    let mut other = key.clone();
    other.pop();
    other.push(if key.ends_with('A') { 'E' } else { 'A' });
    for wrong in ["nonsense", "", &API_KEY[1..], &other, "pck_00000000000000000000000000000000_AAAA"] {
        let answer = app.api_with(wrong, "info", &json!({})).await;
        answer.refused(401, "invalid_api_key");
    }
    app.api_with(&key, "info", &json!({})).await.expect(200);
}

#[tokio::test]
async fn without_a_key_in_the_settings_only_keys_of_the_database_are_accepted() {
    let app = App::start();
    app.api("info", json!({})).await.refused(401, "invalid_api_key");
    let key = app.api_key("good", &["*"]).await;
    app.api_with(&key, "info", &json!({})).await.expect(200);
}

#[tokio::test]
async fn a_key_is_accepted_in_either_header_and_refused_in_the_query() {
    let app = app_with_key();
    let request = |path: &str| app.post(path).json(&json!({}));
    let authorized = request("/api/info").header("authorization", format!("apikey {API_KEY}"));
    authorized.ask().await.expect(200);
    let bearer = request("/api/info").header("authorization", format!("Bearer {API_KEY}"));
    bearer.ask().await.refused(401, "invalid_api_key");
    let both = request("/api/info").header("authorization", "apikey another").header("x-api-key", API_KEY);
    both.ask().await.refused(400, "repeated_credential");
    let query = request("/api/info?api_key=x").header("x-api-key", API_KEY);
    query.ask().await.refused(400, "key_in_query");
}

#[tokio::test]
async fn a_users_token_is_no_api_key_and_an_api_key_is_no_token() {
    let app = app_with_key();
    let session = app.register().await.open_session().await;
    let request = app.api_request("info").bearer_auth(&session.access).json(&json!({}));
    request.ask().await.refused(401, "invalid_api_key");
    app.get("/api/v1/profile").bearer_auth(API_KEY).ask().await.expect(401);
}

#[tokio::test]
async fn a_key_may_call_the_methods_of_its_scopes_and_no_others() {
    let app = app_with_key();
    let of_scope = |scope: ApiScope| match scope {
        ApiScope::Publish => ("publish", json!({"channel": "ephemeral:x", "data": 1})),
        ApiScope::Channels => ("info", json!({})),
        ApiScope::History => ("history_remove", json!({"channel": "chat:x"})),
        ApiScope::Connections => ("connections", of_user("7")),
        ApiScope::Tokens | ApiScope::Events => ("unblock_user", of_user("7")),
    };
    // The scope of events permits no method of the server API.
    let of_methods = || ApiScope::ALL.iter().filter(|scope| **scope != ApiScope::Events);
    for held in of_methods() {
        let key = app.api_key(&format!("only {}", held.as_str()), &[held.as_str()]).await;
        for wanted in of_methods() {
            let (method, parameters) = of_scope(*wanted);
            let answer = app.api_with(&key, method, &parameters).await;
            if held == wanted {
                assert!(answer.expect(200).body["result"].is_object());
            } else {
                answer.refused(403, "insufficient_scope");
            }
        }
    }
}

#[tokio::test]
async fn a_key_is_refused_at_once_after_its_revocation_and_after_its_end() {
    let app = app_with_key();
    let key = app.api_key("ops", &["*"]).await;
    app.api_with(&key, "info", &json!({})).await.expect(200);
    assert!(app.revoke_api_key("OPS").await.is_some());
    app.api_with(&key, "info", &json!({})).await.refused(401, "invalid_api_key");
    assert!(app.revoke_api_key("ops").await.is_none());

    let day = Some(Duration::from_secs(86_400));
    let made = app.create_api_key("ops", ApiScopes::everything(), day).await;
    let key = made.expect("a name that is free again").0.expose_secret().to_owned();
    app.api_with(&key, "info", &json!({})).await.expect(200);
    app.advance(Duration::from_secs(86_401));
    app.api_with(&key, "info", &json!({})).await.refused(401, "invalid_api_key");
}

#[tokio::test]
async fn a_key_is_revoked_by_its_id_even_if_this_id_is_the_name_of_another_key() {
    let app = app_with_key();
    let create = async |name: &str| {
        let made = app.create_api_key(name, ApiScopes::everything(), None).await;
        made.expect("a key").1.id
    };
    let revoke = async |key: &str| app.revoke_api_key(key).await;
    let first = create("first").await;
    let namesake = create(&first.to_string()).await;
    assert_eq!(revoke(&first.to_string()).await, Some(first));
    assert_eq!(revoke(&first.to_string()).await, None, "the id of a key is not read as a name");
    assert_eq!(revoke(&namesake.simple().to_string()).await, Some(namesake));
    let unlikely = "00000000-0000-4000-8000-000000000000";
    let named = create(unlikely).await;
    assert_eq!(revoke(unlikely).await, Some(named));
}

#[tokio::test]
async fn the_secret_of_a_key_is_not_in_the_rows_of_keys_or_audit_events() {
    let app = app_with_key();
    let key = app.api_key("ops", &["*"]).await;
    app.api_with(&key, "unblock_user", &of_user("7")).await.expect(200);
    let (id, secret) = key.trim_start_matches("pck_").split_once('_').expect("an id and a secret");
    let events = format!("SELECT count(*) FROM audit_events WHERE api_key_id = '{id}'");
    eventually("the event of the request is written", async || app.count(&events).await > 0).await;
    for table in ["api_keys", "audit_events"] {
        let sql = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{secret}%'");
        assert_eq!(app.count(&sql).await, 0, "{table}");
    }
}

#[tokio::test]
async fn requests_over_the_limit_of_a_key_get_a_time_to_retry() {
    let app = App::with(|settings| settings.limits.api_key.burst = 3);
    let (one, two) = (app.api_key("one", &["*"]).await, app.api_key("two", &["*"]).await);
    for _ in 0..3 {
        app.api_with(&one, "info", &json!({})).await.expect(200);
    }
    let refused = app.api_with(&one, "info", &json!({})).await.refused(429, "too_many_requests");
    assert!(refused.retry_after().is_some_and(|seconds| seconds >= 1));
    app.api_with(&two, "info", &json!({})).await.expect(200);
}

#[tokio::test]
async fn an_address_with_too_many_wrong_keys_is_refused_and_other_addresses_are_not() {
    let app = App::with(|settings| {
        settings.address_limit_factor = 1;
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.limits.api_key_address.burst = 3;
        settings.api_key = Some(API_KEY.into());
    });
    let key = app.api_key("good", &["*"]).await;
    let asked = async |key: &str, address: &str| {
        let request = app.api_request("info").header("x-api-key", key).json(&json!({}));
        request.header("x-forwarded-for", address).ask().await
    };
    let (stranger, server) = ("198.51.100.7", "198.51.100.8");
    for _ in 0..5 {
        asked(&key, stranger).await.expect(200);
    }
    for wrong in ["nonsense", &format!("pck_{}_{}", "0".repeat(32), "A".repeat(43)), &API_KEY[1..]] {
        asked(wrong, stranger).await.refused(401, "invalid_api_key");
    }
    for any in ["nonsense", &key, API_KEY] {
        let refused = asked(any, stranger).await.refused(429, "too_many_requests");
        assert!(refused.retry_after().is_some_and(|seconds| seconds >= 1));
    }
    asked(&key, server).await.expect(200);
}

#[tokio::test]
async fn invalid_names_scopes_and_lifetimes_of_keys_are_refused() {
    let app = App::start();
    let create =
        async |name: &str, scopes: ApiScopes, life| app.create_api_key(name, scopes, life).await.is_ok();
    assert!(!create(" ", ApiScopes::everything(), None).await);
    assert!(!create(&"x".repeat(101), ApiScopes::everything(), None).await);
    assert!(!create("a", ApiScopes::default(), None).await);
    assert!(!create("a", ApiScopes::everything(), Some(Duration::ZERO)).await);
    assert!(create("a", ApiScopes::everything(), None).await);
    assert!(!create("A", ApiScopes::everything(), None).await, "the name is taken");
}
