//! Logs and audit events: they contain no secrets.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::harness::{Answer, Ask, Server, client};

const PASSWORD: &str = "a-password-that-must-not-be-logged";

async fn traced(request: RequestBuilder) -> Answer {
    request.header("x-request-id", "find-me-in-the-log").ask().await
}

/// Sends passwords, tokens, a ticket and cookies to the server. Returns these secrets, and those that the server issued.
async fn send_secrets(server: &Server) -> Vec<String> {
    let base = format!("http://{}", server.address());
    let at = |path: &str| format!("{base}{path}");
    let client = || client().build().expect("a client");
    let body = json!({"email": "secretive@example.com", "password": PASSWORD});
    traced(client().post(at("/api/v1/auth/register")).json(&body)).await.expect(201);
    let body = json!({"username": "secretive@example.com", "password": PASSWORD});
    let granted = traced(client().post(at("/api/v1/auth/jwt/login")).json(&body)).await.expect(200);
    let wrong = json!({"username": "secretive@example.com", "password": "another-that-must-not-be-logged"});
    traced(client().post(at("/api/v1/auth/jwt/login")).json(&wrong)).await.expect(401);
    let (access, refresh) = (granted.text_of("access_token"), granted.text_of("refresh_token"));
    let mut socket = server.handshake(&format!("/api/v1/ws/chat?token={access}")).open().await.expect("open");
    assert!(socket.ask(json!({"connect": {"token": access}})).await.is_ok());
    traced(client().get(at(&format!("/api/v1/profile?token={access}")))).await.expect(400);
    let ticket = traced(client().post(at("/api/v1/ws/ticket")).bearer_auth(&access))
        .await
        .expect(200)
        .text_of("ticket");
    server.handshake(&format!("/api/v1/ws/chat?ticket={ticket}")).open().await.expect("open");
    let body = json!({"refresh_token": refresh});
    let renewed = traced(client().post(at("/api/v1/auth/refresh")).json(&body)).await.expect(200);
    traced(client().post(at("/api/v1/auth/refresh")).json(&body)).await.expect(200);
    let cookies = format!("access_token={access}; refresh_token={refresh}");
    traced(client().get(at("/api/v1/profile/debug")).header("cookie", cookies)).await.expect(200);
    let mut secrets =
        vec![PASSWORD.to_owned(), "another-that-must-not-be-logged".to_owned(), ticket, access, refresh];
    for answer in [&granted, &renewed] {
        secrets.extend(["access_token", "refresh_token", "csrf_token"].map(|field| answer.text_of(field)));
        secrets.extend(answer.cookie("device_id"));
    }
    secrets
}

#[tokio::test]
async fn no_secret_is_logged_even_with_the_option_debug() {
    let server = Server::start();
    let secrets = send_secrets(&server).await;
    let log = server.log();
    assert!(
        log.contains("find-me-in-the-log") && log.contains("/api/v1/auth/jwt/login"),
        "nothing was logged"
    );
    // The secrets do not include the passwords of the demonstration users, which `dev` prints on purpose.
    for secret in &secrets {
        // The header of a JWT is not secret, so only the last part of each secret is searched for.
        let part = secret.rsplit('.').next().unwrap_or(secret);
        assert!(!log.contains(part), "the log contains {part}");
    }
    for kept in ["jwt", "csrf", "data_encryption"] {
        let key = std::fs::read_to_string(server.data_dir().join("secrets").join(kept)).expect("a key");
        assert!(!log.contains(key.trim()), "the log contains the key {kept}");
    }
}

#[tokio::test]
async fn a_refused_sign_in_is_audited_without_the_password() {
    let app = crate::harness::App::start();
    let person = app.register().await;
    person.try_password("a-wrong-one-not-to-be-kept").await.expect(401);
    assert!(app.realtime().flush(std::time::Duration::from_secs(5)).await);
    let rows = app.rows().await.query("SELECT detail::text FROM audit_events", &[]).await.unwrap();
    let details: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect();
    assert!(!details.is_empty());
    assert!(!json!(details).to_string().contains("a-wrong-one-not-to-be-kept"));
}
