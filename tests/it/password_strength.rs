//! The strength of a password, while a user chooses it.

use reqwest::header;
use serde_json::json;

use crate::harness::{App, Ask, PASSWORD, secret_watch};

#[tokio::test]
async fn the_verdict_is_that_of_a_registration() {
    let app = App::start();
    for (password, code) in [
        ("short", Some("password_too_short")),
        ("qwertyuiop", Some("password_guessable")),
        ("ada@example.com", Some("password_guessable")),
        (PASSWORD, None),
    ] {
        let body = json!({"password": password, "email": "ada@example.com"});
        let judged = app.post("/api/v1/auth/password-strength").json(&body).ask().await.expect(200);
        assert_eq!(judged.body["code"], json!(code), "{password}");
        assert_eq!(judged.body["accepted"], code.is_none(), "{password}");
        let registered = app.post("/api/v1/auth/register").json(&body).ask().await;
        assert_eq!(registered.body["code"], json!(code), "{password}");
    }
}

#[tokio::test]
async fn a_weak_password_is_explained_and_not_written_to_the_log() {
    let app = App::start();
    let typed = "abcdefghijklmnopq";
    secret_watch::note("password that is being chosen", typed);
    let judged =
        app.post("/api/v1/auth/password-strength").json(&json!({"password": typed})).ask().await.expect(200);
    assert_eq!((&judged.body["pattern"], &judged.body["score"]), (&json!("sequence"), &json!(0)));
}

#[tokio::test]
async fn another_site_and_more_requests_than_a_person_types_are_refused() {
    let app = App::with(|settings| {
        settings.address_limit_factor = 1;
        settings.limits.strength_address.burst = 2;
    });
    let ask = || app.post("/api/v1/auth/password-strength").json(&json!({"password": PASSWORD}));
    let foreign = ask().header(header::ORIGIN, "https://evil.example").ask().await.expect(403);
    assert_eq!(foreign.body["code"], "origin_not_allowed");
    ask().ask().await.expect(200);
    ask().ask().await.expect(200);
    ask().ask().await.expect(429);
}
