//! Several cookies of one name, cookies of other applications, and cookies that were set for another domain.
//!
//! A planted cookie is one that an attacker has set, for example from another host of the same domain. A cookie of the domain
//! has the attribute `Domain`, and a cookie of the host does not have it.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder,
    header::{HeaderName, HeaderValue},
};
use serde_json::json;

use crate::harness::{Answer, App, Ask, PASSWORD, Session};

fn with_cookies(request: RequestBuilder, cookies: &[u8]) -> RequestBuilder {
    let value = HeaderValue::from_bytes(cookies).expect("bytes that a header may have");
    request.header(HeaderName::from_static("cookie"), value)
}

async fn get(app: &App, path: &str, cookies: &[u8]) -> Answer {
    with_cookies(app.get(path), cookies).ask().await
}

/// The id of the session that the server finds for these cookies. Empty if it finds none.
async fn session_of(app: &App, cookies: &str) -> String {
    let status = get(app, "/api/v1/auth/status", cookies.as_bytes()).await.expect(200);
    status.body["session"]["id"].as_str().unwrap_or_default().to_owned()
}

fn sign_in(session: &Session) -> RequestBuilder {
    let body = json!({"username": session.person.email, "password": PASSWORD});
    session.app.post("/api/v1/auth/jwt/login").json(&body)
}

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

#[tokio::test]
async fn a_planted_cookie_does_not_hide_a_genuine_cookie() {
    let session = signed_in().await;
    for planted in ["planted", "a.b.c", ""] {
        for cookies in [
            format!("access_token={}; access_token={planted}", session.access),
            format!("access_token={planted}; access_token={}", session.access),
        ] {
            assert_eq!(session_of(&session.app, &cookies).await, session.id.to_string(), "{cookies}");
            get(&session.app, "/api/v1/profile", cookies.as_bytes()).await.expect(200);
            let handshake = session.app.handshake("/api/v1/ws/chat").header("cookie", &cookies);
            let mut socket = handshake.header("origin", "https://localhost").open().await.expect("a socket");
            socket.subscribe("ephemeral:cookies").await;
        }
    }
}

#[tokio::test]
async fn the_newer_of_two_genuine_cookies_counts_if_its_session_works() {
    let old = signed_in().await;
    old.app.advance(Duration::from_secs(60));
    let new = old.person.sign_in().await;
    let both = [
        format!("access_token={}; access_token={}", old.access, new.access),
        format!("access_token={}; access_token={}", new.access, old.access),
    ];
    for cookies in &both {
        assert_eq!(session_of(&old.app, cookies).await, new.id.to_string());
    }
    new.sign_out("local").await.expect(200);
    for cookies in &both {
        assert_eq!(session_of(&old.app, cookies).await, old.id.to_string());
    }
    old.sign_out("local").await.expect(200);
    get(&old.app, "/api/v1/profile", both[0].as_bytes()).await.refused(401, "session_revoked");
}

#[tokio::test]
async fn invalid_cookies_do_not_prevent_a_sign_in_or_a_sign_out() {
    let session = signed_in().await;
    let other = session.person.sign_in().await;
    for cookies in
        ["access_token=x; access_token=y; csrf_token=1; csrf_token=2; psid=a; psid=b", "refresh_token=\u{e9}"]
    {
        with_cookies(sign_in(&session), cookies.as_bytes()).ask().await.expect(200);
        get(&session.app, "/api/v1/auth/csrf-token", cookies.as_bytes()).await.expect(200);
    }
    let cookies = format!("access_token=planted; access_token={}", other.access);
    with_cookies(session.app.post("/api/v1/auth/logout"), cookies.as_bytes()).ask().await.expect(200);
    assert!(!other.works().await && session.works().await);
}

/// The answer to a sign-out with these cookies and the CSRF token that belongs to `session`.
async fn sign_out(session: &Session, cookies: &str, scope: &str) -> Answer {
    let request = session.app.post(&format!("/api/v1/auth/logout?scope={scope}"));
    with_cookies(request, cookies.as_bytes()).header("x-csrf-token", &session.csrf).ask().await
}

#[tokio::test]
async fn a_sign_out_works_beside_a_newer_cookie_of_a_revoked_session() {
    let app = App::start();
    let (person, stranger) = (app.register().await, app.register().await);
    let (first, second) = (person.sign_in().await, person.sign_in().await);
    app.advance(Duration::from_secs(60));
    let planted = stranger.open_session().await;
    planted.sign_out("local").await.expect(200);
    let behind = format!("access_token={}; access_token={}", first.access, planted.access);
    assert_eq!(sign_out(&first, &behind, "local").await.expect(200).body["sessions"], 1);
    assert!(!first.works().await && second.works().await);
    let before = format!("access_token={}; access_token={}", planted.access, second.access);
    sign_out(&second, &before, "local").await.expect(200);
    assert!(!second.works().await);
    sign_out(&second, &before, "local").await.expect(204);
}

#[tokio::test]
async fn a_sign_out_of_other_or_all_sessions_acts_for_the_session_that_works() {
    let app = App::start();
    let person = app.register().await;
    let (session, other) = (person.sign_in().await, person.open_session().await);
    app.advance(Duration::from_secs(60));
    let planted = app.register().await.open_session().await;
    planted.sign_out("local").await.expect(200);
    let cookies = format!("access_token={}; access_token={}", session.access, planted.access);
    sign_out(&session, &cookies, "others").await.expect(200);
    assert!(session.works().await && !other.works().await);
    sign_out(&session, &cookies, "global").await.expect(200);
    assert!(!session.works().await);
}

#[tokio::test]
async fn a_sign_out_ends_every_working_session_of_its_cookies() {
    let app = App::start();
    let (person, stranger) = (app.register().await, app.register().await);
    let session = person.sign_in().await;
    app.advance(Duration::from_secs(60));
    let planted = stranger.open_session().await;
    let cookies = format!("access_token={}; refresh_token={}", planted.access, session.refresh);
    assert_eq!(sign_out(&session, &cookies, "local").await.expect(200).body["sessions"], 2);
    assert!(!session.works().await && !planted.works().await);
}

#[tokio::test]
async fn a_csrf_token_may_belong_to_any_genuine_cookie() {
    let app = App::start();
    let person = app.register().await;
    let session = person.sign_in().await;
    app.advance(Duration::from_secs(60));
    let planted = app.register().await.open_session().await;
    let cookies = format!("access_token={}; access_token={}", session.access, planted.access);
    let again = with_cookies(sign_in(&session), cookies.as_bytes()).header("x-csrf-token", &session.csrf);
    again.ask().await.expect(200);
}

#[tokio::test]
async fn a_cookie_of_another_application_may_contain_any_bytes() {
    let session = signed_in().await;
    let cookies = [b"greeting=na\xefve; ", session.cookies().as_bytes(), b"; \xff=\xfe"].concat();
    for path in ["/api/v1/profile", "/api/v1/auth/status", "/api/v1/auth/csrf-token"] {
        get(&session.app, path, &cookies).await.expect(200);
    }
    assert_eq!(get(&session.app, "/api/v1/auth/status", &cookies).await.body["authenticated"], true);
    with_cookies(sign_in(&session), b"greeting=na\xefve").ask().await.expect(200);
    let put = with_cookies(session.app.request(Method::PUT, "/api/v1/profile"), &cookies);
    put.header("x-csrf-token", &session.csrf).json(&json!({"display_name": "Ann"})).ask().await.expect(200);
    let line = [b"cookie: ", &cookies[..]].concat();
    let handshake =
        session.app.handshake("/api/v1/ws/chat").header("origin", "https://localhost").line(&line);
    handshake.open().await.expect("a socket").subscribe("ephemeral:cookies").await;
}

#[tokio::test]
async fn an_access_token_cookie_that_is_not_text_is_an_invalid_token() {
    let app = App::start();
    get(&app, "/api/v1/profile", b"access_token=\xff").await.refused(401, "invalid_token");
    assert_eq!(
        get(&app, "/api/v1/auth/status", b"access_token=\xff").await.expect(200).body["authenticated"],
        false
    );
}

/// For each `set-cookie` line of this cookie, in order: whether the line removes the cookie, and its domain.
fn removals_and_domains(answer: &Answer, name: &str) -> Vec<(bool, Option<String>)> {
    let lines = answer.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
    let lines = lines.filter(|line| line.split('=').next() == Some(name));
    lines
        .map(|line| {
            let domain = line.split("; ").find_map(|part| part.strip_prefix("Domain="));
            (line.contains("Max-Age=0"), domain.map(str::to_owned))
        })
        .collect()
}

#[tokio::test]
async fn a_cookie_of_the_domain_replaces_the_cookie_of_the_host() {
    let database = App::start().database().clone();
    let app = App::over(database, |settings| settings.web.cookie_domain = Some("example.org".to_owned()));
    let person = app.register().await;
    let answer = person.try_password(PASSWORD).await.expect(200);
    let domain = Some("example.org".to_owned());
    for name in ["access_token", "refresh_token", "csrf_token"] {
        assert_eq!(removals_and_domains(&answer, name), [(true, None), (false, domain.clone())], "{name}");
    }
    assert_eq!(removals_and_domains(&answer, "device_id"), [(false, None)]);
    let session = Session::granted(&person, &answer);
    let out = session.by_cookie(Method::POST, "/api/v1/auth/logout").ask().await.expect(200);
    for name in ["access_token", "refresh_token", "csrf_token"] {
        assert_eq!(removals_and_domains(&out, name), [(true, None), (true, domain.clone())], "{name}");
    }
}

#[tokio::test]
async fn a_cookie_of_the_domain_replaces_the_cookies_of_earlier_domains() {
    let app = App::with(|settings| {
        settings.web.domain = "chat.example.org".to_owned();
        settings.web.cookie_domain = Some("example.org".to_owned());
    });
    let session = app.register().await.sign_in().await;
    let cookies = format!("access_token={}; access_token=older", session.access);
    let answer = with_cookies(sign_in(&session), cookies.as_bytes()).ask().await.expect(200);
    let domain = |name: &str| Some(name.to_owned());
    assert_eq!(
        removals_and_domains(&answer, "access_token"),
        [(true, None), (true, domain("chat.example.org")), (false, domain("example.org"))]
    );
}

#[tokio::test]
async fn a_cookie_of_the_host_replaces_the_cookies_of_its_domains() {
    let app = App::with(|settings| settings.web.domain = "chat.example.org".to_owned());
    let session = app.register().await.sign_in().await;
    let cookies = format!("access_token={}; access_token=older", session.access);
    let answer = with_cookies(sign_in(&session), cookies.as_bytes()).ask().await.expect(200);
    let parents = ["chat.example.org", "example.org"].map(|domain| (true, Some(domain.to_owned())));
    assert_eq!(removals_and_domains(&answer, "access_token"), [&parents[..], &[(false, None)]].concat());
    assert_eq!(removals_and_domains(&answer, "csrf_token"), [(false, None)]);
}

/// A refresh with these tokens, each in a separate cookie.
async fn refresh_with(session: &Session, tokens: &[&str]) -> Answer {
    let cookies: Vec<_> = tokens.iter().map(|token| format!("refresh_token={token}")).collect();
    let request = session.app.post("/api/v1/auth/refresh").header("x-csrf-token", &session.csrf);
    with_cookies(request, cookies.join("; ").as_bytes()).ask().await
}

#[tokio::test]
async fn an_expired_refresh_token_does_not_hide_a_valid_refresh_token() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(60));
    let newer = app.register().await.sign_in().await;
    let sql = "UPDATE sessions SET refresh_expires_at = now() - interval '1 hour' WHERE id = $1";
    app.rows().await.execute(sql, &[&newer.id.0]).await.unwrap();
    for tokens in [[&*session.refresh, &*newer.refresh], [&newer.refresh, &session.refresh]] {
        refresh_with(&session, &tokens).await.expect(200);
    }
}

#[tokio::test]
async fn the_last_of_many_refresh_tokens_is_checked() {
    let app = App::with(|settings| settings.address_limit_factor = 100);
    let mut ended = Vec::new();
    for _ in 0..12 {
        let session = app.register().await.open_session().await;
        ended.push(session.refresh.clone());
        session.sign_out("local").await.expect(200);
    }
    let session = app.register().await.sign_in().await;
    let tokens: Vec<_> = ended.iter().map(String::as_str).chain([&*session.refresh]).collect();
    for _ in 0..5 {
        refresh_with(&session, &tokens).await.expect(200);
    }
}
