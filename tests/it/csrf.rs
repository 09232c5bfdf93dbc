//! Cross-site requests: which of them are refused, when a request needs a CSRF token, and which tokens are valid.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::harness::{App, Ask, PASSWORD, Session};

const MINUTE: Duration = Duration::from_secs(60);

/// A request that changes data, authenticated by cookie.
fn rename(session: &Session) -> RequestBuilder {
    session.by_cookie(Method::PUT, "/api/v1/profile").json(&json!({"display_name": "Ann"}))
}

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

#[tokio::test]
async fn a_change_by_cookie_requires_a_csrf_token() {
    let session = signed_in().await;
    rename(&session).ask().await.refused(403, "csrf_token_missing");
    session.by_cookie(Method::GET, "/api/v1/profile").ask().await.expect(200);
}

#[tokio::test]
async fn a_change_by_cookie_succeeds_with_the_csrf_token() {
    let session = signed_in().await;
    let answer = rename(&session).header("x-csrf-token", &session.csrf).ask().await.expect(200);
    assert_eq!(answer.text_of("display_name"), "Ann");
}

#[tokio::test]
async fn a_change_by_bearer_token_requires_no_csrf_token() {
    let session = signed_in().await;
    let body = json!({"display_name": "Ann"});
    session.request(Method::PUT, "/api/v1/profile").json(&body).ask().await.expect(200);
}

#[tokio::test]
async fn every_tab_may_have_its_own_token() {
    let session = signed_in().await;
    let tab = session.renewed().await;
    for token in [&tab.csrf, &session.csrf, &tab.csrf] {
        let answer = rename(&session).header("x-csrf-token", token).ask().await.expect(200);
        assert_eq!(answer.cookie("csrf_token"), None, "a token younger than five minutes is not replaced");
    }
    let without = format!("access_token={}", session.access);
    let request = session.app.request(Method::PUT, "/api/v1/profile").header("cookie", without);
    let request = request.header("x-csrf-token", &session.csrf).json(&json!({"display_name": "Ann"}));
    request.ask().await.expect(200);
}

#[tokio::test]
async fn the_token_of_the_cookie_is_returned_until_it_is_five_minutes_old() {
    let app = App::start();
    let issued = app.get("/api/v1/auth/csrf-token").ask().await.expect(200);
    let (first, psid) = (issued.text_of("csrf_token"), issued.cookie("psid").expect("a pre-session"));
    let again =
        || app.get("/api/v1/auth/csrf-token").header("cookie", format!("csrf_token={first}; psid={psid}"));
    app.advance(4 * MINUTE);
    let second = again().ask().await.expect(200);
    assert_eq!(second.text_of("csrf_token"), first);
    assert!(
        second.body["expires_in"].as_i64().is_some_and(|left| (3_300..=3_360).contains(&left)),
        "{}",
        second.text
    );
    app.advance(2 * MINUTE);
    assert_ne!(again().ask().await.expect(200).text_of("csrf_token"), first);
}

#[tokio::test]
async fn a_tab_with_an_invalid_token_gets_the_token_of_the_cookie() {
    let session = signed_in().await;
    let refused = rename(&session).header("x-csrf-token", "nonsense").ask().await.expect(403);
    assert_eq!(refused.header("x-csrf-token"), Some(session.csrf.as_str()));
    rename(&session).header("x-csrf-token", &session.csrf).ask().await.expect(200);
}

#[tokio::test]
async fn the_token_of_another_session_is_refused() {
    let session = signed_in().await;
    let other = session.person.sign_in().await;
    let mixed = Session { csrf: other.csrf.clone(), ..session };
    rename(&mixed).header("x-csrf-token", &other.csrf).ask().await.refused(403, "csrf_token_invalid");
}

#[tokio::test]
async fn the_answer_to_a_refused_request_has_a_token_that_works() {
    let session = signed_in().await;
    let refused = rename(&session).ask().await.expect(403);
    let fresh = refused.header("x-csrf-token").expect("a fresh token").to_owned();
    assert_eq!(refused.cookie("csrf_token").as_ref(), Some(&fresh));
    let session = Session { csrf: fresh.clone(), ..session };
    rename(&session).header("x-csrf-token", fresh).ask().await.expect(200);
}

#[tokio::test]
async fn a_token_older_than_five_minutes_works_and_is_replaced() {
    let session = signed_in().await;
    let young = rename(&session).header("x-csrf-token", &session.csrf).ask().await.expect(200);
    assert!(young.header("x-csrf-token").is_none());
    session.app.advance(6 * MINUTE);
    let old = rename(&session).header("x-csrf-token", &session.csrf).ask().await.expect(200);
    assert!(old.header("x-csrf-token").is_some_and(|fresh| fresh != session.csrf));
}

#[tokio::test]
async fn a_token_expires_after_an_hour() {
    let app = App::with(|settings| settings.sessions.idle = Duration::from_secs(86_400));
    let session = app.register().await.sign_in().await;
    app.advance(50 * MINUTE);
    let renewed = session.renewed().await;
    app.advance(15 * MINUTE);
    let old = Session { csrf: session.csrf.clone(), ..renewed };
    rename(&old).header("x-csrf-token", &session.csrf).ask().await.refused(403, "csrf_token_expired");
}

#[tokio::test]
async fn a_request_of_another_origin_is_refused_even_with_the_token() {
    let session = signed_in().await;
    for (header, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "https://localhost.evil.example"),
        ("origin", "null"),
        ("referer", "https://evil.example/page"),
    ] {
        let request = rename(&session).header("x-csrf-token", &session.csrf).header(header, value);
        request.ask().await.refused(403, "origin_not_allowed");
    }
    let own = rename(&session).header("x-csrf-token", &session.csrf).header("origin", "https://localhost");
    own.header("sec-fetch-site", "same-origin").ask().await.expect(200);
}

#[tokio::test]
async fn another_site_cannot_sign_in_register_or_sign_out() {
    let session = signed_in().await;
    let app = &session.app;
    let login = json!({"username": session.person.email, "password": PASSWORD});
    let foreign = |request: RequestBuilder| request.header("origin", "https://evil.example").ask();
    foreign(app.post("/api/v1/auth/jwt/login").json(&login)).await.refused(403, "origin_not_allowed");
    let registration = json!({"email": app.new_email(), "password": PASSWORD});
    foreign(app.post("/api/v1/auth/register").json(&registration)).await.refused(403, "origin_not_allowed");
    foreign(session.by_cookie(Method::POST, "/api/v1/auth/logout")).await.refused(403, "origin_not_allowed");
    assert!(session.works().await);
}

#[tokio::test]
async fn another_site_cannot_refresh_even_with_the_refresh_token() {
    let session = signed_in().await;
    let body = json!({"refresh_token": session.refresh});
    let refresh =
        |name, value| session.app.post("/api/v1/auth/refresh").header(name, value).json(&body).ask();
    for (name, value) in
        [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        let answer = refresh(name, value).await.refused(403, "origin_not_allowed");
        assert_eq!(answer.cookie("access_token"), None, "{name}: {value}");
    }
    refresh("origin", "https://localhost").await.expect(200);
}

#[tokio::test]
async fn a_sign_in_with_an_invalid_csrf_token_is_refused() {
    let session = signed_in().await;
    let login = json!({"username": session.person.email, "password": PASSWORD});
    let request = |token: &str, cookies: String| {
        let request = session.app.post("/api/v1/auth/jwt/login").header("x-csrf-token", token);
        request.header("cookie", cookies).json(&login).ask()
    };
    let issued = session.app.get("/api/v1/auth/csrf-token").ask().await.expect(200);
    let (token, psid) = (issued.text_of("csrf_token"), issued.cookie("psid").expect("a pre-session"));
    request(&token, format!("csrf_token={token}; psid={psid}")).await.expect(200);
    request(&token, format!("csrf_token={token}")).await.refused(403, "csrf_token_invalid");
    request(&token, format!("psid={psid}")).await.refused(403, "csrf_token_mismatch");
    request("nonsense", format!("csrf_token=nonsense; psid={psid}")).await.refused(403, "csrf_token_invalid");
}

#[tokio::test]
async fn a_token_from_before_the_sign_in_is_invalid_after_it() {
    let session = signed_in().await;
    let issued = session.app.get("/api/v1/auth/csrf-token").ask().await.expect(200);
    let (token, psid) = (issued.text_of("csrf_token"), issued.cookie("psid").expect("a pre-session"));
    let cookies = format!("access_token={}; csrf_token={token}; psid={psid}", session.access);
    let request = session.app.request(Method::PUT, "/api/v1/profile").header("cookie", cookies);
    let request = request.header("x-csrf-token", &token).json(&json!({"display_name": "Eve"}));
    request.ask().await.refused(403, "csrf_token_invalid");
}

#[tokio::test]
async fn only_a_page_of_an_allowed_origin_may_read_an_answer() {
    let session = signed_in().await;
    let ask = |origin: &str| session.request(Method::GET, "/api/v1/profile").header("origin", origin).ask();
    let own = ask("https://localhost").await.expect(200);
    assert_eq!(own.header("access-control-allow-origin"), Some("https://localhost"));
    let foreign = ask("https://evil.example").await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}
