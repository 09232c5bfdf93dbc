//! Rate limits, and limits of open connections. A request beyond a rate limit gets 429 and a time to retry.

use std::{sync::Mutex, time::Duration};

use futures_util::future::join_all;
use portcullis::config::Settings;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::harness::{Answer, App, Ask, PASSWORD, Person, Session, Socket, eventually, within};

/// Checks that the answer is a refusal with a time to retry.
#[track_caller]
fn too_many(answer: Answer) {
    let answer = answer.expect(429).problem();
    let wait = answer.retry_after().filter(|seconds| *seconds >= 1).expect("a Retry-After header");
    let policy = answer.header("ratelimit-policy").expect("a policy").to_owned();
    let name = policy.split(';').next().unwrap();
    assert_eq!(answer.header("ratelimit"), Some(format!("{name};r=0;t={wait}").as_str()), "{policy}");
}

/// Repeats an attempt until it is refused with a time to retry. At least `burst` attempts must be allowed. More can be allowed,
/// because permits are restored in the meantime.
async fn until_refused<F: Future<Output = Answer>>(burst: usize, attempt: impl Fn(usize) -> F) {
    for number in 0..4 * burst {
        let answer = attempt(number).await;
        if answer.status == 429 {
            assert!(number >= burst, "only {number} were allowed");
            return too_many(answer);
        }
    }
    panic!("{} were allowed", 4 * burst);
}

async fn exhaust(person: &Person) {
    for _ in 0..10 {
        person.try_password("not-her-password-91").await.expect(401);
    }
}

#[tokio::test]
async fn sign_ins_to_one_account_are_limited() {
    let app = App::start();
    let (person, other) = (app.register().await, app.register().await);
    exhaust(&person).await;
    too_many(person.try_password(PASSWORD).await);
    other.try_password(PASSWORD).await.expect(200);
}

#[tokio::test]
async fn an_unknown_account_is_limited_like_a_known_one() {
    let app = App::start();
    let body = json!({"username": "nobody@example.com", "password": PASSWORD});
    for _ in 0..10 {
        app.post("/api/v1/auth/jwt/login").json(&body).ask().await.expect(401);
    }
    too_many(app.post("/api/v1/auth/jwt/login").json(&body).ask().await);
}

#[tokio::test]
async fn attempts_from_unknown_devices_do_not_lock_out_the_owner() {
    let app = App::start();
    let person = app.register().await;
    let owner = person.sign_in().await;
    for _ in 0..9 {
        person.try_password("not-her-password-91").await.expect(401);
    }
    too_many(person.try_password(PASSWORD).await);
    let body = json!({"username": person.email, "password": PASSWORD});
    let request = app.post("/api/v1/auth/jwt/login").header("cookie", format!("device_id={}", owner.device));
    request.json(&body).ask().await.expect(200);
}

/// The production limits for one address, except the limit of wrong pairs of account and password, which would be
/// reached first.
fn of_one_address(settings: &mut Settings) {
    settings.address_limit_factor = 1;
    settings.limits.stuffing.burst = 1_000;
}

/// A sign-in to an account that does not exist.
fn unknown_account(app: &App, number: usize) -> RequestBuilder {
    let body = json!({"username": format!("nobody{number}@example.com"), "password": PASSWORD});
    app.post("/api/v1/auth/jwt/login").json(&body)
}

#[tokio::test]
async fn sign_ins_from_one_address_are_limited() {
    let app = App::with(of_one_address);
    until_refused(30, |number| unknown_account(&app, number).ask()).await;
}

#[tokio::test]
async fn each_address_behind_a_trusted_proxy_is_limited_separately() {
    let app = App::with(|settings| {
        of_one_address(settings);
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    until_refused(30, |number| unknown_account(&app, number).header("x-forwarded-for", "198.51.100.7").ask())
        .await;
    unknown_account(&app, 0).header("x-forwarded-for", "198.51.100.8").ask().await.expect(401);
}

#[tokio::test]
async fn a_forwarded_address_of_an_untrusted_peer_is_ignored() {
    let app = App::with(of_one_address);
    let from = |number: usize| {
        unknown_account(&app, number).header("x-forwarded-for", format!("198.51.100.{number}"))
    };
    until_refused(30, |number| from(number).ask()).await;
}

#[tokio::test]
async fn ipv6_addresses_of_one_network_are_limited_together() {
    let app = App::with(|settings| {
        of_one_address(settings);
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let from = |number: usize, address: String| {
        unknown_account(&app, number).header("x-forwarded-for", address).ask()
    };
    until_refused(30, |number| from(number, format!("2001:db8:1:1::{number:x}"))).await;
    from(0, "2001:db8:1:2::1".to_owned()).await.expect(401);
}

#[tokio::test]
async fn registrations_of_one_address_are_limited() {
    let app = App::with(|settings| settings.address_limit_factor = 1);
    let weak = |_| {
        app.post("/api/v1/auth/register").json(&json!({"email": app.new_email(), "password": "short"})).ask()
    };
    until_refused(20, weak).await;
}

#[tokio::test]
async fn refreshes_of_one_session_are_limited() {
    let session = Mutex::new(App::start().register().await.sign_in().await);
    let refresh = async |_| {
        let current = session.lock().unwrap().clone();
        let answer = current.try_refresh().await;
        if answer.status == 200 {
            *session.lock().unwrap() = Session::granted(&current.person, &answer);
        }
        answer
    };
    until_refused(30, refresh).await;
    let session = session.into_inner().unwrap();
    assert!(session.works().await, "the session still works");
}

#[tokio::test]
async fn step_ups_of_one_session_are_limited() {
    let session = App::start().register().await.sign_in().await;
    let wrong = json!({"password": "not-her-password-91"});
    until_refused(10, |_| session.post("/api/v1/auth/step-up", &wrong)).await;
    too_many(session.post("/api/v1/auth/step-up", &json!({"password": PASSWORD})).await);
}

#[tokio::test]
async fn password_changes_are_limited() {
    let session = App::start().register().await.sign_in().await;
    let wrong =
        json!({"current_password": "not-her-password-91", "new_password": "another-copper-walrus-17"});
    until_refused(10, |_| session.post("/api/v1/profile/password", &wrong)).await;
    session.person.try_password(PASSWORD).await.expect(200);
}

#[tokio::test]
async fn only_one_password_of_a_user_is_hashed_at_a_time() {
    let app = App::start();
    let (person, other) = (app.register().await, app.register().await);
    let (one, two) = (person.open_session().await, person.open_session().await);
    let wrong =
        json!({"current_password": "not-her-password-91", "new_password": "another-copper-walrus-17"});
    let proof = json!({"password": "not-her-password-91"});
    let flood = join_all((0..60).map(async |number| {
        let session = if number % 2 == 0 { &one } else { &two };
        match number % 3 {
            0 => session.post("/api/v1/auth/step-up", &proof).await,
            _ => session.post("/api/v1/profile/password", &wrong).await,
        }
    }));
    let (answers, signed_in) = tokio::join!(flood, other.try_password(PASSWORD));
    signed_in.expect(200);
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert!((1..40).contains(&tried), "{tried}");
    for answer in answers.into_iter().filter(|answer| answer.status != 401) {
        too_many(answer);
    }
    let fresh = person.open_session().await;
    eventually("the permit is released", async || {
        fresh.post("/api/v1/auth/step-up", &json!({"password": PASSWORD})).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn csrf_tokens_of_one_address_are_limited() {
    let app = App::with(|settings| settings.address_limit_factor = 1);
    until_refused(120, |_| app.get("/api/v1/auth/csrf-token").ask()).await;
}

#[tokio::test]
async fn handshakes_of_one_address_are_limited() {
    let app = App::with(|settings| {
        settings.address_limit_factor = 1;
        settings.limits.handshake_address.burst = 3;
        settings.limits.handshake_address.period = Duration::from_secs(60);
    });
    let session = app.register().await.sign_in().await;
    let _open = (session.connect().await, session.connect().await, session.connect().await);
    too_many(session.try_connect().await.err().expect("a refusal"));
}

#[tokio::test]
async fn a_refusal_names_the_policy_with_its_quota_and_window() {
    let app = App::with(|settings| {
        settings.limits.csrf_address.burst = 2;
        settings.address_limit_factor = 1;
    });
    for _ in 0..2 {
        app.get("/api/v1/auth/csrf-token").ask().await.expect(200);
    }
    let answer = app.get("/api/v1/auth/csrf-token").ask().await.expect(429);
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""csrf_address";q=2;w=60"#));
    assert_eq!(answer.header("ratelimit"), Some(r#""csrf_address";r=0;t=30"#), "rounded up, never early");
    assert_eq!(answer.retry_after(), Some(30));
}

#[tokio::test]
async fn publications_of_one_user_are_limited_over_all_connections() {
    let app = App::with(|settings| settings.limits.publication_user.burst = 3);
    let (session, other) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    let publish = json!({"publish": {"channel": "ephemeral:a", "data": 1}});
    let mut sockets = [session.connect_by_command().await, session.connect_by_command().await];
    for socket in &mut sockets {
        socket.subscribe("ephemeral:a").await;
    }
    let mut refused = 0;
    for number in 0..6 {
        let reply = sockets[number % 2].ask(publish.clone()).await.expect("a reply");
        refused += usize::from(reply["error"]["code"] == 111);
    }
    assert!((1..=3).contains(&refused), "{refused}");
    let mut socket = other.connect_by_command().await;
    socket.subscribe("ephemeral:a").await;
    let reply = socket.ask(publish).await.expect("a reply");
    assert!(reply["error"].is_null(), "{reply}");
}

#[tokio::test]
async fn open_sockets_are_limited_per_user_and_a_close_releases_the_permit() {
    let app = App::with(|settings| settings.socket.limits.per_user = 2);
    let session = app.register().await.sign_in().await;
    let (_one, two) = (session.connect().await, session.connect().await);
    session.try_connect().await.err().expect("a refusal").refused(429, "connection_limit");
    app.register().await.sign_in().await.connect().await;
    drop(two);
    eventually("a permit is released", async || session.try_connect().await.is_ok()).await;
}

#[tokio::test]
async fn open_sockets_are_limited_per_session_and_in_total() {
    let app = App::with(|settings| settings.realtime.connections_per_session = 1);
    let session = app.register().await.sign_in().await;
    let _one = session.connect().await;
    session.try_connect().await.err().expect("a refusal").refused(429, "connection_limit");
    let app = App::with(|settings| settings.socket.limits.total = 1);
    let session: Session = app.register().await.sign_in().await;
    let _one = session.connect().await;
    session.try_connect().await.err().expect("a refusal").refused(429, "connection_limit");
    session.request(Method::GET, "/api/v1/profile").ask().await.expect(200);
}

/// Waits until `silent`, which answers no pings, is closed in favour of a new connection of `other`.
async fn loses_its_place_to(mut silent: Socket, other: &Session) {
    silent.answers_pings = false;
    let mut refused = other.try_connect().await.is_err();
    assert!(refused, "the limit is not reached");
    // The client tries again after a pause, as client libraries do.
    while refused {
        tokio::time::sleep(Duration::from_millis(500)).await;
        refused = other.try_connect().await.is_err();
    }
    assert_eq!(silent.closed().await.code, 3012);
}

#[tokio::test]
async fn a_silent_connection_loses_its_place_to_a_new_connection_of_its_session() {
    let app = App::with(|settings| settings.realtime.connections_per_session = 1);
    let session = app.register().await.sign_in().await;
    within("a place", loses_its_place_to(session.connect_by_command().await, &session)).await;
}

#[tokio::test]
async fn a_silent_connection_loses_its_place_to_a_new_connection_of_its_user() {
    let app = App::with(|settings| settings.socket.limits.per_user = 1);
    let person = app.register().await;
    let silent = person.sign_in().await.connect_by_command().await;
    within("a place", loses_its_place_to(silent, &person.sign_in().await)).await;
}

/// Changes of all kinds count together, because each of them may add a row to a table.
#[tokio::test]
async fn changes_of_one_user_are_limited_over_all_sessions_and_reads_are_not() {
    let app = App::with(|settings| settings.limits.request_user.burst = 6);
    let (person, other) = (app.register().await, app.register().await);
    let (one, two) = (person.open_session().await, person.open_session().await);
    let name = json!({"display_name": "Ada"});
    one.request(Method::PUT, "/api/v1/profile").json(&name).ask().await.expect(200);
    two.post("/api/v1/ws/ticket", &json!({})).await.expect(200);
    one.delete("/api/v1/sessions/00000000-0000-0000-0000-000000000001").await.expect(404);
    let empty = json!({});
    until_refused(3, |_| two.post("/api/v1/ws/ticket", &empty)).await;
    too_many(one.request(Method::PUT, "/api/v1/profile").json(&name).ask().await);
    too_many(one.delete("/api/v1/sessions").await);
    for _ in 0..20 {
        one.get("/api/v1/profile").await.expect(200);
    }
    other.open_session().await.post("/api/v1/ws/ticket", &json!({})).await.expect(200);
}

#[tokio::test]
async fn refusals_for_a_missing_role_write_few_audit_events() {
    let app = App::start();
    let session = app.register().await.open_session().await;
    let revoke = json!({"all": true, "reason": "mine"});
    until_refused(10, |number| {
        let (session, revoke) = (&session, &revoke);
        async move {
            match number % 3 {
                0 => session.post("/api/v1/admin/revocations", revoke).await,
                1 => session.get("/api/v1/admin/sessions").await,
                _ => session.get("/api/v1/admin/connections?user=1").await,
            }
        }
    })
    .await;
    let denied = "SELECT count(*) FROM audit_events WHERE outcome = 'denied'";
    eventually("the events are written", async || app.count(denied).await >= 10).await;
    for _ in 0..20 {
        session.get("/api/v1/admin/sessions").await.expect(429);
    }
    assert!(app.count(denied).await <= 12);
}

#[tokio::test]
async fn a_request_that_changes_nothing_writes_no_audit_event() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let put = |name: &str| {
        session.request(Method::PUT, "/api/v1/profile").json(&json!({"display_name": name})).ask()
    };
    put("Ada").await.expect(200);
    let device = format!("/api/v1/devices/{}", session.device.split('.').next().unwrap());
    let label = json!({"label": "laptop"});
    session.request(Method::PATCH, &device).json(&label).ask().await.expect(200);
    let rows = "SELECT (SELECT count(*) FROM audit_events WHERE event IN ('user.renamed', 'device.changed', 'session.revoked'))
                     + (SELECT count(*) FROM revocations)";
    eventually("both events are written", async || app.count(rows).await == 2).await;
    for _ in 0..3 {
        put("Ada").await.expect(200);
        assert_eq!(put(" Ada ").await.expect(200).body["display_name"], "Ada");
        let answer = session.request(Method::PATCH, &device).json(&label).ask().await.expect(200);
        assert_eq!(answer.body["label"], "laptop");
        let ended = session.delete("/api/v1/sessions").await.expect(200);
        assert_eq!((&ended.body["sessions"], &ended.body["revocation_id"]), (&json!(0), &json!(null)));
    }
    assert_eq!(app.count(rows).await, 2);
    assert!(session.works().await);
}

#[tokio::test]
async fn step_ups_and_password_changes_from_one_address_are_limited_over_all_accounts() {
    let app = App::with(|settings| {
        settings.address_limit_factor = 1;
        settings.limits.step_up_address.burst = 5;
        settings.limits.password_address.burst = 5;
    });
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let person = app.register().await;
        sessions.extend([person.open_session().await, person.open_session().await]);
    }
    let body = json!({"password": "not-the-password-91"});
    until_refused(5, |number| sessions[number % 8].post("/api/v1/auth/step-up", &body)).await;
    sessions[0].person.try_password(PASSWORD).await.expect(200);
    let change =
        json!({"current_password": "not-the-password-91", "new_password": "correct-zebra-lantern-42"});
    until_refused(5, |number| sessions[number % 8].post("/api/v1/profile/password", &change)).await;
}

#[tokio::test]
async fn step_ups_of_one_user_are_limited_over_all_sessions() {
    let app = App::with(|settings| settings.limits.step_up_user.burst = 4);
    let person = app.register().await;
    let sessions = [person.open_session().await, person.open_session().await, person.open_session().await];
    let body = json!({"password": "not-the-password-91"});
    until_refused(4, |number| sessions[number % 3].post("/api/v1/auth/step-up", &body)).await;
}

#[tokio::test]
async fn the_data_and_the_number_of_durable_channels_of_a_user_are_limited_over_all_connections() {
    let app = App::with(|settings| {
        settings.limits.durable_bytes_user.burst = 20_000;
        settings.limits.durable_channels_user.burst = 3;
    });
    let session = app.register().await.open_session().await;
    let (mut one, mut two) = (session.connect_by_command().await, session.connect_by_command().await);
    let publish =
        |channel: &str, size: usize| json!({"publish": {"channel": channel, "data": "x".repeat(size)}});
    let code = |reply: &serde_json::Value| reply["error"]["code"].as_u64();
    for channel in ["chat:a", "chat:b", "chat:c"] {
        one.subscribe(channel).await;
        let reply = one.ask(publish(channel, 10)).await.expect("a reply");
        assert!(reply["publish"].is_object(), "{reply}");
    }
    two.subscribe("chat:d").await;
    assert_eq!(code(&two.ask(publish("chat:d", 10)).await.expect("a reply")), Some(111));
    two.subscribe("chat:a").await;
    assert!(two.ask(publish("chat:a", 10_000)).await.expect("a reply")["publish"].is_object());
    assert_eq!(code(&one.ask(publish("chat:a", 10_000)).await.expect("a reply")), Some(111));
    one.subscribe("ephemeral:a").await;
    let reply = one.ask(publish("ephemeral:a", 30_000)).await.expect("a reply");
    assert!(reply["publish"].is_object(), "a publication that is not stored does not count");
    assert_eq!(app.count("SELECT count(*) FROM channels WHERE top > 0").await, 3);
}
