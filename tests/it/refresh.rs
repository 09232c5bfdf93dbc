//! Refresh tokens: rotation, retries, and the end of a session after the reuse of its refresh token.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::harness::{App, Ask, Closed, DatabaseProxy, Session, fresh_database};

/// For this long, a replaced refresh token can be exchanged for its successor any number of times.
const GRACE: Duration = Duration::from_secs(10);

async fn signed_in() -> Session {
    App::start().register().await.sign_in().await
}

/// The refresh counter of the session in the database.
async fn counter(session: &Session) -> i64 {
    session.app.count(&format!("SELECT refresh_counter FROM sessions WHERE id = '{}'", session.id)).await
}

#[tokio::test]
async fn a_refresh_rotates_the_token_and_issues_another_access_token() {
    let session = signed_in().await;
    let renewed = session.renewed().await;
    assert_eq!(renewed.id, session.id);
    assert_ne!(renewed.refresh, session.refresh);
    assert_ne!(renewed.access, session.access);
    assert!(renewed.works().await && session.works().await);
}

#[tokio::test]
async fn sixteen_refreshes_at_once_make_one_rotation_and_one_successor() {
    let session = signed_in().await;
    let before = counter(&session).await;
    let answers = join_all((0..16).map(|_| session.try_refresh())).await;
    let successors: HashSet<_> =
        answers.into_iter().map(|answer| answer.expect(200).text_of("refresh_token")).collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    assert_eq!(counter(&session).await, before + 1);
}

#[tokio::test]
async fn a_retry_within_the_grace_gets_the_same_successor() {
    let session = signed_in().await;
    let first = session.renewed().await;
    assert!(first.works().await);
    session.app.advance(GRACE - Duration::from_secs(1));
    assert_eq!(session.renewed().await.refresh, first.refresh);
}

#[tokio::test]
async fn after_the_grace_a_replaced_token_gets_its_unused_successor_once() {
    let session = signed_in().await;
    let lost = session.renewed().await;
    session.app.advance(2 * GRACE);
    assert_eq!(session.renewed().await.refresh, lost.refresh);
    session.app.advance(2 * GRACE);
    session.try_refresh().await.expect(401).problem();
    assert!(!lost.works().await);
}

#[tokio::test]
async fn late_retries_at_the_same_moment_count_as_one() {
    let session = signed_in().await;
    for _ in 0..5 {
        let session = session.person.sign_in().await;
        let lost = session.renewed().await;
        session.app.advance(2 * GRACE);
        for answer in join_all((0..8).map(|_| session.try_refresh())).await {
            assert_eq!(answer.expect(200).text_of("refresh_token"), lost.refresh);
        }
        assert!(lost.works().await);
    }
}

#[tokio::test]
async fn a_reuse_after_the_grace_ends_the_session_and_closes_its_socket_with_4504() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    let renewed = session.renewed().await;
    assert!(renewed.works().await, "the successor is used");
    session.app.advance(GRACE + Duration::from_secs(1));
    session.try_refresh().await.expect(401).problem();
    assert_eq!(socket.closed().await, Closed { code: 4504, reason: "refresh token reused".to_owned() });
    assert!(!renewed.works().await && !session.works().await);
    renewed.try_refresh().await.expect(401).problem();
    renewed.try_connect().await.err().expect("a refusal").expect(401).problem();
    let sql = "SELECT count(*) FROM revocations WHERE cause = 'refresh_reused'";
    assert_eq!(session.app.count(sql).await, 1, "the revocation is committed although the answer was 401");
}

#[tokio::test]
async fn the_first_use_of_refreshed_tokens_is_stored_before_its_answer() {
    let session = signed_in().await;
    let renewed = session.renewed().await;
    assert!(renewed.works().await);
    let used = format!("SELECT used_counter FROM sessions WHERE id = '{}'", session.id);
    assert_eq!(session.app.count(&used).await, 1);
}

#[tokio::test]
async fn the_first_use_on_one_node_is_known_at_once_on_another() {
    let database = fresh_database();
    let (one, two) = (App::over(database.clone(), |_| {}), App::over(database, |_| {}));
    let session = one.register().await.sign_in().await;
    let renewed = session.renewed().await;
    assert!(renewed.works().await);
    two.advance(GRACE + Duration::from_secs(1));
    let there = Session { app: two.clone(), ..session };
    there.try_refresh().await.refused(401, "refresh_reused");
}

#[tokio::test]
async fn the_first_use_of_refreshed_tokens_is_refused_if_the_session_is_revoked() {
    let session = signed_in().await;
    let renewed = session.renewed().await;
    assert!(session.works().await, "this node knows the session");
    // This has the effect of a revocation by another node that this node has not read yet.
    let sql = format!("UPDATE sessions SET revoked_at = now() WHERE id = '{}'", session.id);
    session.app.rows().await.batch_execute(&sql).await.expect("revoked");
    renewed.get("/api/v1/profile").await.refused(401, "session_revoked");
}

#[tokio::test]
async fn a_first_use_that_cannot_be_stored_is_refused_with_503() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |_| {});
    let session = app.register().await.sign_in().await;
    let renewed = session.renewed().await;
    assert!(session.works().await);
    proxy.cut();
    renewed.get("/api/v1/profile").await.refused(503, "unavailable");
    proxy.mend();
}

#[tokio::test]
async fn a_token_from_two_rotations_ago_is_a_reuse_at_once() {
    let session = signed_in().await;
    let latest = session.renewed().await.renewed().await;
    session.try_refresh().await.expect(401).problem();
    assert!(!latest.works().await);
}

#[tokio::test]
async fn a_forged_token_is_refused_and_ends_no_session() {
    let session = signed_in().await;
    let (mut altered, other) = (session.refresh.clone(), session.person.sign_in().await);
    let place = altered.len() - 4;
    let other_letter = if altered.as_bytes()[place] == b'A' { "B" } else { "A" };
    altered.replace_range(place..=place, other_letter);
    for refresh in [altered, "garbage".to_owned(), session.access.clone(), "A".repeat(5000)] {
        Session { refresh, ..session.clone() }.try_refresh().await.expect(401).problem();
    }
    assert!(session.works().await && other.works().await);
    session.try_refresh().await.expect(200);
}

#[tokio::test]
async fn a_refresh_does_not_disturb_open_sockets() {
    let session = signed_in().await;
    let mut socket = session.connect().await;
    session.renewed().await.renewed().await;
    assert!(socket.is_undisturbed().await);
}

#[tokio::test]
async fn each_refresh_token_is_valid_for_seven_days() {
    const DAY: Duration = Duration::from_secs(86_400);
    let app = App::with(|settings| settings.sessions.idle = 60 * DAY);
    let session = app.register().await.sign_in().await;
    app.advance(6 * DAY);
    let renewed = session.renewed().await;
    app.advance(6 * DAY);
    let renewed = renewed.renewed().await;
    app.advance(8 * DAY);
    renewed.try_refresh().await.expect(401).problem();
}

#[tokio::test]
async fn a_refresh_does_not_extend_the_absolute_end_of_its_session() {
    const DAY: Duration = Duration::from_secs(86_400);
    let app = App::with(|settings| settings.sessions.idle = 60 * DAY);
    let mut session = app.register().await.sign_in().await;
    for _ in 0..5 {
        app.advance(5 * DAY);
        session = session.renewed().await;
    }
    app.advance(5 * DAY - Duration::from_secs(600));
    let last = session.try_refresh().await.expect(200);
    assert!(
        last.body["expires_in"].as_i64().is_some_and(|seconds| (1..=600).contains(&seconds)),
        "{}",
        last.text
    );
    app.advance(Duration::from_secs(601));
    Session::granted(&session.person, &last).try_refresh().await.expect(401).problem();
}

#[tokio::test]
async fn a_browser_refreshes_by_cookie_with_its_csrf_token() {
    let session = signed_in().await;
    let request =
        || session.by_cookie(Method::POST, "/api/v1/auth/refresh").header("sec-fetch-site", "same-origin");
    request().ask().await.refused(403, "csrf_token_missing");
    let answer = request().header("x-csrf-token", &session.csrf).ask().await.expect(200);
    assert!(answer.body.get("refresh_token").is_none(), "a browser's token stays in its cookie");
    assert!(answer.cookie("refresh_token").is_some_and(|token| token != session.refresh));
}

#[tokio::test]
async fn a_refused_refresh_removes_no_cookies() {
    let session = signed_in().await;
    session.sign_out("local").await.expect(200);
    let request =
        session.by_cookie(Method::POST, "/api/v1/auth/refresh").header("x-csrf-token", &session.csrf);
    let answer = request.ask().await.expect(401).problem();
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 0);
}

#[tokio::test]
async fn the_newer_of_two_refresh_cookies_is_exchanged_and_the_older_one_is_not_a_reuse() {
    let first = signed_in().await;
    let second = first.renewed().await;
    first.app.advance(Duration::from_secs(60));
    assert!(second.works().await);
    for cookies in [
        format!("refresh_token={}; refresh_token={}", first.refresh, second.refresh),
        format!("refresh_token={}; refresh_token={}", second.refresh, first.refresh),
    ] {
        let request = first.app.post("/api/v1/auth/refresh").header("cookie", cookies);
        let request = request.header("x-csrf-token", &first.csrf);
        request.ask().await.expect(200);
    }
    assert!(second.works().await);
}

#[tokio::test]
async fn the_refresh_cookie_of_the_newest_working_session_counts() {
    let old = signed_in().await;
    old.app.advance(Duration::from_secs(60));
    let new = old.person.sign_in().await;
    for cookies in [
        format!("refresh_token={}; refresh_token={}", old.refresh, new.refresh),
        format!("refresh_token={}; refresh_token=planted; refresh_token={}", new.refresh, old.refresh),
    ] {
        let request = old.app.post("/api/v1/auth/refresh").header("cookie", cookies);
        let answer = request.header("x-csrf-token", &new.csrf).ask().await.expect(200);
        assert_eq!(answer.text_of("session_id"), new.id.to_string());
    }
    new.sign_out("local").await.expect(200);
    let cookies = format!("refresh_token={}; refresh_token={}", new.refresh, old.refresh);
    let request = old.app.post("/api/v1/auth/refresh").header("cookie", cookies);
    let answer = request.header("x-csrf-token", &old.csrf).ask().await.expect(200);
    assert_eq!(answer.text_of("session_id"), old.id.to_string());
}

#[tokio::test]
async fn a_refresh_without_a_token_is_refused() {
    let app = App::start();
    app.post("/api/v1/auth/refresh").ask().await.refused(401, "not_authenticated");
    app.post("/api/v1/auth/refresh").json(&json!({})).ask().await.expect(422).problem();
}
