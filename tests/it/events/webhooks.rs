//! Webhooks: signatures, secrets, tests, dead letters, replays, and where they may lead.

use std::time::Duration;

use domain::account::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{WEBHOOKS, admin, is_signed, webhook};
use crate::harness::{App, Ask as _, EventSink, Mode, Session, eventually, secret_watch};

async fn deliveries(admin: &Session, id: &str, query: &str) -> Vec<Value> {
    let answer = admin.get(&format!("{WEBHOOKS}/{id}/deliveries?{query}")).await.expect(200);
    answer.body["deliveries"].as_array().expect("a list").clone()
}

async fn change(admin: &Session, id: &str, mut change: Value) -> Value {
    change["reason"] = "a test".into();
    let request = admin.request(Method::PATCH, &format!("{WEBHOOKS}/{id}"));
    request.json(&change).ask().await.expect(200).body
}

#[tokio::test]
async fn a_security_event_arrives_signed_with_the_secret_that_was_shown_once() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, secret) = webhook(&admin, &sink.url(), &["security"]).await;
    let session = app.register().await.sign_in().await;
    session.sign_out("local").await.expect(200);
    eventually("the sign-out arrives", async || !sink.of_type("session.signed_out").is_empty()).await;
    let taken = sink.of_type("session.signed_out").remove(0);
    assert!(is_signed(&taken, &secret));
    let body = taken.json();
    assert_eq!(body["data"]["user"], session.person.id.0);
    assert_eq!(body["data"]["session"], session.id.to_string());
    assert_eq!(body["data"]["detail"]["cause"], "signed_out");
    assert!(taken.header("webhook-id").len() == 36 && body["timestamp"].is_string());
    let shown = admin.get(&format!("{WEBHOOKS}/{id}")).await.expect(200);
    assert!(!shown.text.contains(&secret) && !shown.text.contains("whsec_"));
    assert_eq!(deliveries(&admin, &id, "state=delivered").await[0]["attempts"], 1);
}

#[tokio::test]
async fn during_a_rotation_both_secrets_sign_and_afterwards_only_the_new_one() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, old) = webhook(&admin, &sink.url(), &["security"]).await;
    let changed = change(&admin, &id, json!({"rotate_secret": true})).await;
    let new = changed["secret"].as_str().expect("a secret").to_owned();
    secret_watch::note("secret of a webhook", &new);
    let test = async || {
        let answer = admin.post(&format!("{WEBHOOKS}/{id}/test"), &json!({})).await.expect(202);
        let event = answer.text_of("event_id");
        let find = || sink.accepted().into_iter().find(|taken| taken.header("webhook-id") == event);
        eventually("the test arrives", async || find().is_some()).await;
        find().unwrap()
    };
    let taken = test().await;
    assert!(is_signed(&taken, &old) && is_signed(&taken, &new));
    app.advance(Duration::from_secs(25 * 3600));
    let admin = admin.person.sign_in().await;
    let answer = admin.post(&format!("{WEBHOOKS}/{id}/test"), &json!({})).await.expect(202);
    let event = answer.text_of("event_id");
    let find = || sink.accepted().into_iter().find(|taken| taken.header("webhook-id") == event);
    eventually("the test arrives", async || find().is_some()).await;
    let taken = find().unwrap();
    assert!(!is_signed(&taken, &old) && is_signed(&taken, &new));
}

#[tokio::test]
async fn an_event_that_fails_too_often_is_a_dead_letter_and_a_replay_delivers_it_with_the_same_id() {
    let app = App::with(|settings| settings.events.max_attempts = 2);
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, _) = webhook(&admin, &sink.url(), &["security"]).await;
    sink.set(Mode::Answers(500));
    app.register().await.open_session().await;
    eventually("a dead letter", async || !deliveries(&admin, &id, "state=dead").await.is_empty()).await;
    let dead = deliveries(&admin, &id, "state=dead").await.pop().unwrap();
    assert_eq!((&dead["attempts"], &dead["http_status"]), (&json!(2), &json!(500)));
    assert!(sink.accepted().is_empty());
    sink.set(Mode::Takes);
    let body = json!({"events": [dead["event_id"]], "reason": "it works again"});
    let replayed = admin.post(&format!("{WEBHOOKS}/{id}/replay"), &body).await.expect(200);
    assert_eq!(replayed.body["replayed"], 1);
    let arrived = |taken: &crate::harness::Taken| taken.header("webhook-id") == dead["event_id"];
    eventually("the replay", async || sink.accepted().iter().any(arrived)).await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_and_without_receivers_no_row_is_written() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    app.register().await.open_session().await;
    assert_eq!(app.count("SELECT count(*) FROM event_deliveries").await, 0);
    let (id, _) = webhook(&admin, &sink.url(), &["security"]).await;
    sink.set(Mode::Answers(410));
    app.register().await.open_session().await;
    let status = async || admin.get(&format!("{WEBHOOKS}/{id}")).await.body["webhook"]["status"].clone();
    eventually("it is disabled", async || status().await == "disabled").await;
    let before = app.count("SELECT count(*) FROM event_deliveries").await;
    app.register().await.open_session().await;
    assert_eq!(app.count("SELECT count(*) FROM event_deliveries").await, before);
}

#[tokio::test]
async fn a_paused_webhook_keeps_its_events_and_a_redirect_is_not_followed() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, _) = webhook(&admin, &sink.url(), &["session.opened"]).await;
    change(&admin, &id, json!({"status": "paused"})).await;
    let session = app.register().await.sign_in().await;
    assert_eq!(deliveries(&admin, &id, "state=pending").await.len(), 1);
    sink.set(Mode::Answers(302));
    change(&admin, &id, json!({"status": "enabled"})).await;
    eventually("an attempt", async || !sink.requests().is_empty()).await;
    let failed = async || {
        let pending = deliveries(&admin, &id, "").await;
        pending[0]["http_status"] == 302 && pending[0]["state"] == "pending"
    };
    eventually("the redirect is a failure", failed).await;
    sink.set(Mode::Takes);
    eventually("it arrives", async || !sink.accepted().is_empty()).await;
    assert_eq!(sink.accepted()[0].json()["data"]["session"], session.id.to_string());
}

#[tokio::test]
async fn connections_and_channels_are_reported_to_the_receivers_that_want_them() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    webhook(&admin, &sink.url(), &["connections", "channels"]).await;
    let session = app.register().await.sign_in().await;
    // The node learns at its next look at the receivers that channels are wanted.
    eventually("channels are wanted", async || {
        app.publish("ephemeral:warm-up", json!(1)).await;
        !sink.of_type("channel.published").is_empty()
    })
    .await;
    let mut socket = session.connect().await;
    socket.subscribe("chat:room").await;
    app.publish("chat:room", json!({"text": "hello"})).await;
    drop(socket);
    for kind in ["connection.connected", "connection.disconnected", "channel.occupied", "channel.vacated"] {
        eventually(kind, async || !sink.of_type(kind).is_empty()).await;
    }
    let published = || {
        let all = sink.of_type("channel.published").into_iter();
        all.map(|taken| taken.json()["data"].clone()).find(|data| data["channel"] == "chat:room")
    };
    eventually("the publication", async || published().is_some()).await;
    assert!(published().unwrap()["offset"].as_u64().is_some_and(|offset| offset > 0));
    let connected = sink.of_type("connection.connected")[0].json();
    assert_eq!(connected["data"]["user"], session.person.id.0);
    assert!(sink.of_type("session.opened").is_empty(), "only what was asked for");
}

#[tokio::test]
async fn inner_addresses_are_refused_unless_a_setting_permits_them() {
    let app = App::with(|settings| settings.events.inner_addresses = false);
    let admin = admin(&app).await;
    let create = async |url: &str| {
        let body = json!({"name": "a", "url": url, "events": ["security"], "reason": "a test"});
        admin.post(WEBHOOKS, &body).await
    };
    for url in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost:8443/",
        "ftp://hooks.example.com/",
    ] {
        create(url).await.refused(422, "invalid_url");
    }
    // The name is permitted, and its address is not: it is judged when it is resolved.
    let answer = create("https://localhost.localdomain/").await.expect(201);
    let id = answer.body["webhook"]["id"].as_str().unwrap().to_owned();
    secret_watch::note("secret of a webhook", &answer.text_of("secret"));
    admin.post(&format!("{WEBHOOKS}/{id}/test"), &json!({})).await.expect(202);
    eventually("a failure", async || {
        deliveries(&admin, &id, "").await[0]["failure"].as_str().is_some_and(|text| !text.is_empty())
    })
    .await;
}

#[tokio::test]
async fn only_admins_change_webhooks_and_auditors_read_them() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, _) = webhook(&admin, &sink.url(), &["security"]).await;
    let body = json!({"name": "a", "url": sink.url(), "events": ["security"], "reason": "a test"});
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    operator.post(WEBHOOKS, &body).await.refused(403, "admin_required");
    operator.post(&format!("{WEBHOOKS}/{id}/test"), &json!({})).await.refused(403, "admin_required");
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    assert_eq!(auditor.get(WEBHOOKS).await.expect(200).body["webhooks"][0]["id"], id.as_str());
    auditor.post(WEBHOOKS, &body).await.refused(403, "operator_required");
    let user = app.register().await.sign_in().await;
    user.get(WEBHOOKS).await.refused(403, "operator_required");
    app.get(WEBHOOKS).ask().await.refused(401, "not_authenticated");
    let unknown = json!({"name": "a", "url": sink.url(), "events": ["sessions.searched"], "reason": "a"});
    admin.post(WEBHOOKS, &unknown).await.refused(422, "invalid_events");
    app.advance(Duration::from_secs(11 * 60));
    admin.post(WEBHOOKS, &body).await.refused(403, "step_up_required");
}

#[tokio::test]
async fn a_webhook_is_deleted_with_its_events_and_lists_have_pages() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    sink.set(Mode::Down);
    let (first, _) = webhook(&admin, &sink.url(), &["security"]).await;
    let (second, _) = webhook(&admin, &sink.url(), &["security"]).await;
    let page = admin.get(&format!("{WEBHOOKS}?limit=1")).await.expect(200);
    assert_eq!(page.body["webhooks"][0]["id"], second.as_str());
    let cursor = page.text_of("next_cursor");
    let page = admin.get(&format!("{WEBHOOKS}?limit=1&cursor={cursor}")).await.expect(200);
    assert_eq!((&page.body["webhooks"][0]["id"], &page.body["next_cursor"]), (&json!(first), &Value::Null));
    let delete = admin.request(Method::DELETE, &format!("{WEBHOOKS}/{first}"));
    delete.json(&json!({"reason": "gone"})).ask().await.expect(204);
    admin.get(&format!("{WEBHOOKS}/{first}")).await.refused(404, "not_found");
    let left = format!("SELECT count(*) FROM event_deliveries WHERE receiver_id = '{first}'");
    assert_eq!(app.count(&left).await, 0);
}

#[tokio::test]
async fn a_secret_is_sealed_anew_after_a_rotation_of_the_data_encryption_key() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, secret) = webhook(&admin, &sink.url(), &["security"]).await;
    let mut rotated = crate::harness::secrets();
    let old = std::mem::replace(&mut rotated.data_encryption.current, "another secret of data".into());
    rotated.data_encryption.previous = vec![old.into()];
    app.replace_keys(&rotated).await;
    let sealed = "SELECT count(DISTINCT secret_key_id) FROM event_receivers";
    let key = async || -> String {
        app.rows().await.query_one("SELECT secret_key_id FROM event_receivers", &[]).await.unwrap().get(0)
    };
    assert_eq!(app.count(sealed).await, 1);
    let before = key().await;
    app.sweep().await;
    assert_ne!(key().await, before);
    admin.post(&format!("{WEBHOOKS}/{id}/test"), &json!({})).await.expect(202);
    eventually("it arrives", async || !sink.of_type("webhook.test").is_empty()).await;
    assert!(is_signed(&sink.of_type("webhook.test")[0], &secret));
}

#[tokio::test]
async fn above_the_bound_the_oldest_events_become_dead_letters_and_droppable_events_are_not_written() {
    let app = App::with(|settings| settings.events.backlog = 5);
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, _) = webhook(&admin, &sink.url(), &["session.opened", "refusals"]).await;
    change(&admin, &id, json!({"status": "paused"})).await;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(app.register().await.sign_in().await.id.to_string());
    }
    eventually("the oldest are dead letters", async || {
        deliveries(&admin, &id, "state=dead").await.len() == 3
    })
    .await;
    let session_of = |row: &Value| row["content"]["data"]["session"].as_str().unwrap().to_owned();
    let dead: Vec<_> = deliveries(&admin, &id, "state=dead").await.iter().rev().map(session_of).collect();
    assert_eq!(dead, sessions[..3]);
    let shown = async || admin.get(&format!("{WEBHOOKS}/{id}")).await.body["webhook"]["backlog_full"].clone();
    eventually("the backlog is full", async || shown().await == json!(true)).await;
    let person = app.register().await;
    person.try_password("a wrong password").await.expect(401);
    let refused = "SELECT count(*) FROM audit_events WHERE event = 'session.refused'";
    eventually("the refusal is audited", async || app.count(refused).await == 1).await;
    assert_eq!(app.count("SELECT count(*) FROM event_deliveries WHERE type = 'session.refused'").await, 0);
}

#[tokio::test]
async fn the_content_of_deliveries_is_for_auditors_and_admins_and_reading_it_is_audited() {
    let app = App::start();
    let (admin, sink) = (admin(&app).await, EventSink::start());
    let (id, _) =
        webhook(&admin, &format!("{}?token=a-secret-of-the-receiver", sink.url()), &["security"]).await;
    app.register().await.open_session().await;
    let path = format!("{WEBHOOKS}/{id}/deliveries");
    let read = "SELECT count(*) FROM audit_events WHERE event = 'event_deliveries.read'";
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let shown = operator.get(&path).await.expect(200);
    assert!(shown.body["deliveries"][0]["event_id"].is_string());
    assert!(shown.body["deliveries"][0].get("content").is_none(), "{}", shown.text);
    assert_eq!(app.count(read).await, 0);
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let shown = auditor.get(&path).await.expect(200);
    assert!(shown.body["deliveries"][0]["content"]["data"].is_object());
    eventually("the read is audited", async || app.count(read).await == 1).await;
    for reader in [&operator, &auditor] {
        for path in [WEBHOOKS.to_owned(), format!("{WEBHOOKS}/{id}")] {
            let shown = reader.get(&path).await.expect(200);
            assert!(!shown.text.contains("a-secret-of-the-receiver"), "{}", shown.text);
            assert!(shown.text.contains("127.0.0.1"), "the host is shown: {}", shown.text);
        }
    }
    let shown = admin.get(&format!("{WEBHOOKS}/{id}")).await.expect(200);
    assert!(shown.text.contains("a-secret-of-the-receiver"), "an admin sees the whole URL");
}
