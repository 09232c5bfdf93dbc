//! Connections that are authenticated by a browser's cookie: when the server accepts the cookie, and the effect of an
//! invalid one.

use std::{sync::Arc, time::Duration};

use reqwest::RequestBuilder;
use serde_json::json;

use crate::harness::{App, Ask, Closed, EmulatedConnection, Session, Socket, eventually};

async fn session(app: &App) -> Session {
    app.register().await.sign_in().await
}

async fn signed_out(app: &App) -> Session {
    let session = session(app).await;
    session.post("/api/v1/auth/logout", &json!({})).await.expect(200);
    session
}

/// A socket as an SDK opens it from an allowed page, in a browser that holds this session.
async fn socket(session: &Session) -> Socket {
    let handshake = session.app.handshake("/connection/websocket").header("origin", "https://localhost");
    handshake.header("cookie", &session.cookies()).open().await.expect("the handshake is accepted")
}

fn signed_out_is_told() -> Closed {
    Closed { code: 4501, reason: "signed out".to_owned() }
}

async fn connections(session: &Session) -> u64 {
    let listed = session.get("/api/v1/sessions").await.expect(200);
    listed.body["sessions"][0]["open_connections"].as_u64().expect("a number")
}

/// An `EventSource` of a browser that holds this session, without an `Origin`.
fn events(session: &Session, token: Option<&str>) -> RequestBuilder {
    let connect = token.map_or_else(|| json!({}), |token| json!({"token": token}));
    EmulatedConnection::events(&session.app, &connect).header("cookie", session.cookies())
}

#[tokio::test]
async fn a_cookie_of_a_session_that_ended_gives_way_to_the_token_of_connect() {
    let app = App::start();
    let (before, now) = (signed_out(&app).await, session(&app).await);
    let mut socket = socket(&before).await;
    let reply = socket.ask(json!({"connect": {"token": now.access}})).await.expect("a reply");
    assert!(reply["connect"].is_object(), "{reply}");
    assert_eq!(connections(&now).await, 1);
    socket.subscribe("chat:lobby").await;
}

#[tokio::test]
async fn a_cookie_of_a_session_that_ended_opens_nothing_and_is_told_why() {
    let app = App::with(|settings| {
        let client = Arc::make_mut(&mut settings.socket.client);
        client.allow_anonymous = true;
        client.connect_timeout = Duration::from_secs(2);
    });
    let before = signed_out(&app).await;
    for command in [json!({"connect": {}}), json!({"subscribe": {"channel": "chat:lobby"}})] {
        let told = socket(&before).await.ask(command).await;
        assert_eq!(told, Err(signed_out_is_told()));
    }
    let closed = socket(&before).await.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (3502, "stale"));
}

#[tokio::test]
async fn a_dead_cookie_and_a_dead_token_open_nothing_either() {
    let app = App::start();
    let (one, two) = (signed_out(&app).await, signed_out(&app).await);
    let told = socket(&one).await.ask(json!({"connect": {"token": two.access}})).await;
    assert_eq!(told, Err(signed_out_is_told()));
}

#[tokio::test]
async fn where_no_token_follows_a_dead_cookie_ends_the_handshake() {
    let app = App::start();
    let before = signed_out(&app).await;
    let handshake = app.handshake("/api/v1/ws/chat").header("origin", "https://localhost");
    handshake.header("cookie", &before.cookies()).refusal().await.refused(401, "session_ended");
}

#[tokio::test]
async fn an_explicit_token_that_is_dead_ends_the_handshake_everywhere() {
    let app = App::start();
    let before = signed_out(&app).await;
    let at = |query: &str| app.handshake(&format!("/connection/websocket{query}"));
    at(&format!("?token={}", before.access)).refusal().await.refused(401, "session_ended");
    let bearer = format!("Bearer {}", before.access);
    at("").header("authorization", &bearer).refusal().await.refused(401, "session_ended");
    let stream = EmulatedConnection::request(&app, &json!({})).bearer_auth(&before.access);
    stream.ask().await.refused(401, "session_ended");
}

#[tokio::test]
async fn a_live_cookie_and_a_token_of_somebody_else_are_not_one_connection() {
    let app = App::start();
    let (one, two) = (session(&app).await, session(&app).await);
    let told = socket(&one).await.ask(json!({"connect": {"token": two.access}})).await;
    assert_eq!(told, Err(Closed { code: 3500, reason: "invalid token".to_owned() }));
}

#[tokio::test]
async fn a_stream_that_a_dead_cookie_does_not_open_says_why() {
    let app = App::start();
    let before = signed_out(&app).await;
    let request = events(&before, None).header("sec-fetch-site", "same-origin");
    let mut stream =
        EmulatedConnection::over(&app, request).await.expect("a stream with the reason of the refusal");
    assert_eq!(stream.connected["push"]["disconnect"]["code"], 4501);
    assert_eq!(stream.message().await, None);
}

#[tokio::test]
async fn a_cookie_without_an_origin_counts_if_the_browser_says_it_is_the_same() {
    let app = App::start();
    let session = session(&app).await;
    let request = events(&session, None).header("sec-fetch-site", "same-origin");
    let mut stream = EmulatedConnection::over(&app, request).await.expect("a stream");
    assert!(stream.ask(json!({"subscribe": {"channel": "chat:lobby"}})).await["subscribe"].is_object());
}

#[tokio::test]
async fn a_cookie_without_an_origin_proves_nothing_if_the_browser_says_anything_else() {
    let app = App::start();
    let session = session(&app).await;
    events(&session, None).ask().await.refused(403, "origin_not_allowed");
    for site in ["cross-site", "same-site", "none", "", "same-origin, same-origin", "Same-Origin"] {
        let request = events(&session, None).header("sec-fetch-site", site);
        request.ask().await.refused(403, "origin_not_allowed");
        let handshake = app.handshake("/connection/websocket").header("sec-fetch-site", site);
        let refused = handshake.header("cookie", &session.cookies()).refusal().await;
        refused.refused(403, "origin_not_allowed");
    }
    let twice = events(&session, None).header("sec-fetch-site", "same-origin");
    twice.header("sec-fetch-site", "same-origin").ask().await.refused(403, "origin_not_allowed");
    // A foreign `Origin` is refused, even with `Sec-Fetch-Site: same-origin`.
    let foreign = events(&session, None).header("sec-fetch-site", "same-origin");
    foreign.header("origin", "https://evil.example").ask().await.refused(403, "origin_not_allowed");
}

#[tokio::test]
async fn the_token_of_a_streams_connect_goes_before_the_cookie() {
    let app = App::start();
    let (cookie, token) = (session(&app).await, session(&app).await);
    // This holds also if the cookie would not be accepted, or belongs to no session.
    let streams = [
        events(&cookie, Some(&token.access)),
        events(&cookie, Some(&token.access)).header("sec-fetch-site", "same-origin"),
        events(&signed_out(&app).await, Some(&token.access)),
        EmulatedConnection::request(&app, &json!({"token": token.access}))
            .header("cookie", cookie.cookies())
            .header("origin", "https://localhost"),
    ];
    for request in streams {
        let stream = EmulatedConnection::over(&app, request).await.expect("a stream");
        assert!(stream.connected["connect"].is_object(), "{}", stream.connected);
        assert_eq!((connections(&token).await, connections(&cookie).await), (1, 0));
        drop(stream);
        eventually("its permit is released", async || app.open_sockets() == 0).await;
    }
}
