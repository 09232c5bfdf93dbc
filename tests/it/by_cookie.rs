//! Connections that are authenticated by a browser's cookie: when the server accepts the cookie, and what an invalid
//! cookie causes.

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

/// Opens a socket as a client library does on a page of an allowed origin, in a browser with the cookies of this session.
async fn socket(session: &Session) -> Socket {
    let handshake = session.app.handshake("/connection/websocket").header("origin", "https://localhost");
    handshake.header("cookie", &session.cookies()).open().await.expect("the handshake is accepted")
}

fn signed_out_reason() -> Closed {
    Closed { code: 4501, reason: "signed out".to_owned() }
}

async fn connections(session: &Session) -> u64 {
    let listed = session.get("/api/v1/sessions").await.expect(200);
    listed.body["sessions"][0]["open_connections"].as_u64().expect("a number")
}

/// The request of an `EventSource` in a browser with the cookies of this session. It has no `Origin`.
fn events(session: &Session, token: Option<&str>) -> RequestBuilder {
    let connect = token.map_or_else(|| json!({}), |token| json!({"token": token}));
    EmulatedConnection::events(&session.app, &connect).header("cookie", session.cookies())
}

#[tokio::test]
async fn the_token_of_connect_counts_instead_of_the_cookie_of_an_ended_session() {
    let app = App::start();
    let (before, now) = (signed_out(&app).await, session(&app).await);
    let mut socket = socket(&before).await;
    let reply = socket.ask(json!({"connect": {"token": now.access}})).await.expect("a reply");
    assert!(reply["connect"].is_object(), "{reply}");
    assert_eq!(connections(&now).await, 1);
    socket.subscribe("chat:lobby").await;
}

#[tokio::test]
async fn the_cookie_of_an_ended_session_is_refused_at_the_first_command_with_the_reason_of_the_end() {
    let app = App::with(|settings| {
        let client = Arc::make_mut(&mut settings.socket.client);
        client.allow_anonymous = true;
        client.connect_timeout = Duration::from_secs(2);
    });
    let before = signed_out(&app).await;
    for command in [json!({"connect": {}}), json!({"subscribe": {"channel": "chat:lobby"}})] {
        let outcome = socket(&before).await.ask(command).await;
        assert_eq!(outcome, Err(signed_out_reason()));
    }
    let closed = socket(&before).await.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (3502, "stale"));
}

#[tokio::test]
async fn a_token_of_an_ended_session_beside_a_cookie_of_an_ended_session_is_refused() {
    let app = App::start();
    let (one, two) = (signed_out(&app).await, signed_out(&app).await);
    let outcome = socket(&one).await.ask(json!({"connect": {"token": two.access}})).await;
    assert_eq!(outcome, Err(signed_out_reason()));
}

#[tokio::test]
async fn a_handshake_at_the_chat_path_with_the_cookie_of_an_ended_session_is_refused() {
    let app = App::start();
    let before = signed_out(&app).await;
    let handshake = app.handshake("/api/v1/ws/chat").header("origin", "https://localhost");
    handshake.header("cookie", &before.cookies()).refusal().await.refused(401, "session_ended");
}

#[tokio::test]
async fn a_handshake_with_the_token_of_an_ended_session_is_refused() {
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
async fn a_token_of_another_session_closes_a_socket_that_was_opened_with_a_cookie() {
    let app = App::start();
    let (one, two) = (session(&app).await, session(&app).await);
    let outcome = socket(&one).await.ask(json!({"connect": {"token": two.access}})).await;
    assert_eq!(outcome, Err(Closed { code: 3500, reason: "invalid token".to_owned() }));
}

#[tokio::test]
async fn a_stream_with_the_cookie_of_an_ended_session_gets_the_reason_of_the_end() {
    let app = App::start();
    let before = signed_out(&app).await;
    let request = events(&before, None).header("sec-fetch-site", "same-origin");
    let mut stream =
        EmulatedConnection::over(&app, request).await.expect("a stream with the reason of the refusal");
    assert_eq!(stream.connected["push"]["disconnect"]["code"], 4501);
    assert_eq!(stream.message().await, None);
}

#[tokio::test]
async fn a_cookie_without_an_origin_counts_if_sec_fetch_site_is_same_origin() {
    let app = App::start();
    let session = session(&app).await;
    let request = events(&session, None).header("sec-fetch-site", "same-origin");
    let mut stream = EmulatedConnection::over(&app, request).await.expect("a stream");
    assert!(stream.ask(json!({"subscribe": {"channel": "chat:lobby"}})).await["subscribe"].is_object());
}

#[tokio::test]
async fn a_cookie_without_an_origin_is_refused_with_any_other_sec_fetch_site() {
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
async fn the_token_in_the_connect_of_a_stream_takes_precedence_over_the_cookie() {
    let app = App::start();
    let (cookie, token) = (session(&app).await, session(&app).await);
    // Without a token, the cookie would be accepted in the second and the fourth request. It would be refused in the first and
    // the third request, which have no `Sec-Fetch-Site`. Moreover, the session of the third cookie has ended.
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
        eventually("the permit of the stream is released", async || app.open_sockets() == 0).await;
    }
}
