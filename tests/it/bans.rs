//! Bans of addresses: their causes, the requests that they refuse, and their end.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::json;

use crate::harness::{Answer, App, Ask, PASSWORD, eventually};

const HOUR: Duration = Duration::from_secs(3_600);
const HOME: &str = "198.51.100.7";
const ELSEWHERE: &str = "203.0.113.9";

/// A server behind a proxy, so that a test can use many addresses. The limit for credential stuffing is low.
fn proxied() -> App {
    App::with(|settings| {
        settings.address_limit_factor = 1;
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.limits.stuffing.burst = 6;
    })
}

fn from(address: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("x-forwarded-for", address)
}

async fn try_pair(app: &App, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"username": email, "password": password});
    from(address, app.post("/api/v1/auth/jwt/login").json(&body)).ask().await
}

/// Tries wrong pairs of account and password until the address is banned.
async fn stuff(app: &App, address: &str) {
    for number in 0..6 {
        try_pair(app, address, &format!("nobody{number}@example.com"), "leaked-password-1").await.expect(401);
    }
}

/// Checks that this answer is a refusal because of a ban, and returns the seconds in `Retry-After`.
#[track_caller]
fn banned(answer: Answer) -> u64 {
    let answer = answer.expect(429).problem();
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""ban";q=0"#));
    let wait = answer.retry_after().expect("a Retry-After header");
    assert_eq!(answer.header("ratelimit"), Some(format!(r#""ban";r=0;t={wait}"#).as_str()));
    wait
}

#[tokio::test]
async fn stuffing_bans_only_its_own_address_for_an_hour() {
    let app = proxied();
    let person = app.register().await;
    stuff(&app, ELSEWHERE).await;
    let wait = banned(try_pair(&app, ELSEWHERE, &person.email, PASSWORD).await);
    assert!((3_590..=3_600).contains(&wait), "{wait}");
    try_pair(&app, HOME, &person.email, PASSWORD).await.expect(200);
    app.advance(Duration::from_secs(3_601));
    try_pair(&app, ELSEWHERE, &person.email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn wrong_step_ups_of_many_accounts_count_as_stuffing() {
    let app = proxied();
    for number in 0..7 {
        let session = app.register().await.open_session().await;
        let body = json!({"password": format!("not-the-password-{number}")});
        let step_up = session.request(reqwest::Method::POST, "/api/v1/auth/step-up").json(&body);
        let status = from(ELSEWHERE, step_up).ask().await.status;
        assert!([401, 403, 429].contains(&status), "{status}");
    }
    let person = app.register().await;
    banned(try_pair(&app, ELSEWHERE, &person.email, PASSWORD).await);
}

#[tokio::test]
async fn a_ban_for_stuffing_is_listed_and_audited() {
    let app = proxied();
    stuff(&app, ELSEWHERE).await;
    let bans = app.bans().await;
    assert_eq!(bans.len(), 1);
    assert_eq!((bans[0].key.as_str(), bans[0].reason.as_str()), (ELSEWHERE, "credential stuffing"));
    let sql = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'address.banned' AND outcome = 'denied'
         AND address = '{ELSEWHERE}' AND detail ->> 'reason' = 'credential stuffing' AND request_id IS NOT NULL"
    );
    assert_eq!(app.count(&sql).await, 1);
}

#[tokio::test]
async fn a_banned_address_cannot_sign_in_register_refresh_or_connect() {
    let app = proxied();
    let session = app.register().await.sign_in().await;
    app.ban_address(ELSEWHERE, HOUR).await;
    banned(try_pair(&app, ELSEWHERE, &session.person.email, PASSWORD).await);
    let new = json!({"email": app.new_email(), "password": PASSWORD});
    banned(from(ELSEWHERE, app.post("/api/v1/auth/register").json(&new)).ask().await);
    let refresh = json!({"refresh_token": session.refresh});
    banned(from(ELSEWHERE, app.post("/api/v1/auth/refresh").json(&refresh)).ask().await);
    banned(from(ELSEWHERE, app.get("/api/v1/auth/csrf-token")).ask().await);
    let handshake = app.handshake(&format!("/api/v1/ws/chat?token={}", session.access));
    banned(handshake.header("x-forwarded-for", ELSEWHERE).open().await.err().expect("a refusal"));
    assert!(session.works().await, "a ban is no revocation");
}

#[tokio::test]
async fn many_wrong_passwords_of_one_account_cause_no_ban() {
    let app = proxied();
    let person = app.register().await;
    for number in 0..10 {
        try_pair(&app, ELSEWHERE, &person.email, &format!("not-her-password-{number}")).await.expect(401);
    }
    assert_eq!(app.bans().await, []);
    // Five of these tries count towards the limit of six. One wrong password of another account is the sixth try.
    try_pair(&app, ELSEWHERE, "nobody@example.com", "leaked-password-1").await.expect(401);
    eventually("the ban", async || app.bans().await.len() == 1).await;
}

#[tokio::test]
async fn neither_one_repeated_wrong_pair_nor_successes_cause_a_ban() {
    let app = proxied();
    for _ in 0..10 {
        try_pair(&app, HOME, "nobody@example.com", "leaked-password-1").await.expect(401);
    }
    for _ in 0..6 {
        let person = app.register().await;
        try_pair(&app, HOME, &person.email, PASSWORD).await.expect(200);
    }
    assert_eq!(app.bans().await, []);
}

#[tokio::test]
async fn an_attack_from_other_addresses_does_not_lock_out_the_owner() {
    let app = proxied();
    let person = app.register().await;
    let known = person.sign_in().await.device;
    for number in 0..10 {
        let address = if number < 5 { "203.0.113.10" } else { "203.0.113.11" };
        try_pair(&app, address, &person.email, &format!("leaked-password-{number}")).await;
    }
    stuff(&app, ELSEWHERE).await;
    banned(try_pair(&app, ELSEWHERE, &person.email, PASSWORD).await);
    try_pair(&app, "192.0.2.1", &person.email, PASSWORD).await.expect(429);
    let body = json!({"username": person.email, "password": PASSWORD});
    let request = app.post("/api/v1/auth/jwt/login").json(&body);
    from(HOME, request).header("cookie", format!("device_id={known}")).ask().await.expect(200);
}

#[tokio::test]
async fn a_ban_of_an_ipv6_address_covers_all_addresses_with_its_64_bit_prefix() {
    let app = proxied();
    let ban = app.ban_address("2001:db8:1:1::5", HOUR).await;
    assert_eq!(ban.key, "2001:db8:1:1::/64");
    banned(try_pair(&app, "2001:db8:1:1::6", "a@example.com", PASSWORD).await);
    try_pair(&app, "2001:db8:1:2::5", "a@example.com", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn a_ban_made_or_lifted_on_another_node_arrives_within_seconds() {
    let app = App::start();
    let other_node = App::over(app.database().clone(), |_| {});
    other_node.ban_address("127.0.0.1", HOUR).await;
    let status = async || app.get("/api/v1/auth/csrf-token").ask().await.status;
    eventually("the ban arrives", async || status().await == 429).await;
    assert!(other_node.lift_ban("127.0.0.1").await);
    eventually("the ban is lifted", async || status().await == 200).await;
}

#[tokio::test]
async fn a_lifted_ban_ends_at_once_and_a_later_ban_does_not_shorten_a_longer_one() {
    let app = proxied();
    app.ban_address(ELSEWHERE, 2 * HOUR).await;
    app.ban_address(ELSEWHERE, HOUR).await;
    assert!(banned(try_pair(&app, ELSEWHERE, "a@example.com", PASSWORD).await) > 3_600);
    assert!(app.lift_ban(ELSEWHERE).await);
    assert!(!app.lift_ban(ELSEWHERE).await);
    try_pair(&app, ELSEWHERE, "a@example.com", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn a_starting_server_loads_the_bans_before_it_answers() {
    let app = proxied();
    app.ban_address("127.0.0.1", HOUR).await;
    let again = App::over(app.database().clone(), |_| {});
    banned(again.get("/api/v1/auth/csrf-token").ask().await);
}

#[tokio::test]
async fn ended_bans_are_deleted() {
    let app = proxied();
    app.ban_address(ELSEWHERE, HOUR).await;
    app.advance(2 * HOUR);
    app.sweep().await;
    assert_eq!(app.count("SELECT count(*) FROM bans").await, 0);
}

#[tokio::test]
async fn a_private_address_is_not_banned_for_stuffing() {
    let app = proxied();
    for private in ["10.1.2.3", "192.168.1.7", "fd00::7"] {
        for number in 0..8 {
            let email = format!("nobody{number}@example.com");
            try_pair(&app, private, &email, "leaked-password-1").await.expect(401);
        }
    }
    assert_eq!(app.bans().await, []);
    app.ban_address("10.1.2.3", HOUR).await;
    banned(try_pair(&app, "10.1.2.3", "a@example.com", PASSWORD).await);
}

#[tokio::test]
async fn a_ban_ends_in_the_year_9999_at_the_latest() {
    let app = proxied();
    let ban = app.ban_address(ELSEWHERE, Duration::MAX).await;
    assert_eq!(ban.expires_at.year(), 9999);
    banned(try_pair(&app, ELSEWHERE, "a@example.com", PASSWORD).await);
}
