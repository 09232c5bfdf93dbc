//! A user's own devices: the list, labels, trust, and removal.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Ask, Closed, PASSWORD, Person, Session};

const DEVICES: &str = "/api/v1/devices";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn path(device: &Session) -> String {
    format!("{DEVICES}/{}", id(device))
}

fn id(session: &Session) -> &str {
    session.device.split('.').next().expect("an id")
}

/// Signs in with Firefox on Windows, on the device of an earlier session if there is one.
async fn sign_in(person: &Person, on: Option<&Session>) -> Session {
    let body = json!({"username": person.email, "password": PASSWORD});
    let request = person.app.post("/api/v1/auth/jwt/login").header("user-agent", FIREFOX).json(&body);
    let request = match on {
        Some(session) => request.header("cookie", format!("device_id={}", session.device)),
        None => request,
    };
    Session::granted(person, &request.ask().await.expect(200))
}

async fn list(session: &Session) -> Vec<Value> {
    let answer = session.get(DEVICES).await.expect(200);
    answer.body["devices"].as_array().expect("a list").clone()
}

async fn entry(session: &Session, device: &Session) -> Value {
    let found = list(session).await.into_iter().find(|entry| entry["id"] == id(device));
    found.expect("the device")
}

async fn change(session: &Session, device: &Session, body: Value) -> Answer {
    session.request(Method::PATCH, &path(device)).json(&body).ask().await
}

#[tokio::test]
async fn the_list_has_the_sessions_and_connections_of_each_device() {
    let app = App::start();
    let person = app.register().await;
    let one = sign_in(&person, None).await;
    let again = sign_in(&person, Some(&one)).await;
    let two = person.sign_in().await;
    let _sockets = (one.connect().await, again.connect().await, again.connect().await);
    let here = entry(&two, &one).await;
    assert_eq!((&here["label"], &here["browser"]), (&json!("Firefox on Windows"), &json!("Firefox")));
    assert_eq!((&here["sessions"], &here["open_connections"]), (&json!(2), &json!(3)));
    assert_eq!((&here["current"], &here["trust"]), (&json!(false), &json!("new")));
    assert_eq!((&here["address"], &here["place"]), (&json!("127.0.0.1"), &Value::Null));
    let other = entry(&two, &two).await;
    assert_eq!((&other["current"], &other["label"]), (&json!(true), &json!("Unknown device")));
}

#[tokio::test]
async fn a_device_has_the_label_that_its_user_gave_it() {
    let app = App::start();
    let session = sign_in(&app.register().await, None).await;
    let answer = change(&session, &session, json!({"label": "  The one in the kitchen "})).await.expect(200);
    assert_eq!(answer.body["label"], "The one in the kitchen");
    let sessions = session.get("/api/v1/sessions").await.expect(200);
    assert_eq!(sessions.body["sessions"][0]["device_label"], "The one in the kitchen");
    let answer = change(&session, &session, json!({"label": null})).await.expect(200);
    assert_eq!(answer.body["label"], "Firefox on Windows");
    for label in ["", "  ", "a\nb", &"x".repeat(101)] {
        change(&session, &session, json!({"label": label})).await.refused(422, "invalid_label");
    }
    change(&session, &session, json!({"trust": "verified"})).await.expect(422).problem();
}

#[tokio::test]
async fn fields_missing_from_a_change_keep_their_values() {
    let app = App::start();
    let session = sign_in(&app.register().await, None).await;
    change(&session, &session, json!({"label": "mine", "trust": "trusted"})).await.expect(200);
    let answer = change(&session, &session, json!({})).await.expect(200);
    assert_eq!((&answer.body["label"], &answer.body["trust"]), (&json!("mine"), &json!("trusted")));
}

#[tokio::test]
async fn trusting_a_device_requires_a_recent_proof_of_presence() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    app.advance(11 * MINUTE);
    change(&session, &session, json!({"trust": "trusted"})).await.refused(403, "step_up_required");
    let session = session.stepped_up().await;
    let answer = change(&session, &session, json!({"trust": "trusted"})).await.expect(200);
    assert_eq!(answer.body["trust"], "trusted");
    assert!(answer.body["trusted_until"].is_string());
    app.advance(11 * MINUTE);
    let answer = change(&session, &session, json!({"trust": "new"})).await.expect(200);
    assert_eq!((&answer.body["trust"], &answer.body["trusted_until"]), (&json!("new"), &Value::Null));
}

#[tokio::test]
async fn trust_in_a_device_ends_after_thirty_days() {
    let app = App::start();
    let person = app.register().await;
    let first = person.sign_in().await;
    change(&first, &first, json!({"trust": "trusted"})).await.expect(200);
    app.advance(29 * DAY);
    let again = sign_in(&person, Some(&first)).await;
    assert_eq!(entry(&again, &first).await["trust"], "trusted");
    app.advance(DAY + MINUTE);
    let again = sign_in(&person, Some(&first)).await;
    let expired = entry(&again, &first).await;
    assert_eq!((&expired["trust"], &expired["trusted_until"]), (&json!("new"), &Value::Null));
}

#[tokio::test]
async fn a_new_password_ends_the_trust_in_devices() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    change(&session, &session, json!({"trust": "trusted"})).await.expect(200);
    let body = json!({"new_password": "another-zebra-lantern-43"});
    session.post("/api/v1/profile/password", &body).await.expect(200);
    assert_eq!(entry(&session, &session).await["trust"], "new");
}

#[tokio::test]
async fn removing_a_device_ends_only_its_sessions_with_4505() {
    let app = App::start();
    let person = app.register().await;
    let (own, lost) = (person.sign_in().await, sign_in(&person, None).await);
    let also_lost = sign_in(&person, Some(&lost)).await;
    let (mut kept, mut one, mut two) = (own.connect().await, lost.connect().await, also_lost.connect().await);
    app.advance(11 * MINUTE);
    let answer = own.delete(&path(&lost)).await.expect(200);
    assert_eq!((&answer.body["sessions"], &answer.body["sockets_closed"]), (&json!(2), &json!(2)));
    let removed = Closed { code: 4505, reason: "device removed".to_owned() };
    assert_eq!((one.closed().await, two.closed().await), (removed.clone(), removed));
    assert!(kept.is_undisturbed().await && own.works().await);
    assert!(!lost.works().await && !also_lost.works().await);
    lost.try_refresh().await.expect(401).problem();
    assert!(list(&own).await.iter().all(|device| device["id"] != id(&lost)));
    own.delete(&path(&lost)).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_removed_device_is_registered_anew_at_the_next_sign_in() {
    let app = App::start();
    let person = app.register().await;
    let (own, lost) = (person.sign_in().await, sign_in(&person, None).await);
    change(&lost, &lost, json!({"label": "lost", "trust": "trusted"})).await.expect(200);
    let before = entry(&own, &lost).await;
    own.delete(&path(&lost)).await.expect(200);
    app.advance(MINUTE);
    let found = sign_in(&person, Some(&lost)).await;
    let after = entry(&own, &found).await;
    assert_eq!((&after["id"], &after["trust"]), (&before["id"], &json!("new")));
    assert_eq!(after["label"], "Firefox on Windows");
    assert_ne!(after["created_at"], before["created_at"]);
}

#[tokio::test]
async fn removing_the_current_device_signs_the_client_out() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let answer = session.delete(&path(&session)).await.expect(200);
    assert!(answer.set_cookie("access_token").is_some_and(|line| line.contains("Max-Age=0")));
    assert!(!session.works().await);
}

#[tokio::test]
async fn the_device_of_another_user_is_not_found() {
    let app = App::start();
    let (mine, theirs) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    for device in [path(&theirs), format!("{DEVICES}/nonsense")] {
        mine.delete(&device).await.refused(404, "not_found");
        let request = mine.request(Method::PATCH, &device).json(&json!({"label": "mine"}));
        request.ask().await.refused(404, "not_found");
    }
    assert!(theirs.works().await);
}

#[tokio::test]
async fn removing_a_shared_device_ends_only_the_sessions_of_the_acting_user() {
    let app = App::start();
    let (ada, bob) = (app.register().await, app.register().await);
    let hers = ada.sign_in().await;
    let his = sign_in(&bob, Some(&hers)).await;
    assert_eq!(id(&hers), id(&his));
    hers.delete(&path(&hers)).await.expect(200);
    assert!(!hers.works().await && his.works().await);
    assert_eq!(entry(&his, &his).await["sessions"], 1);
}

/// Each sign-in without a cookie registers a new device.
#[tokio::test]
async fn when_there_are_too_many_devices_the_oldest_without_trust_or_session_is_removed() {
    let app = App::with(|settings| {
        settings.sessions.devices = 3;
        settings.sessions.per_user = 2;
    });
    let person = app.register().await;
    let first = sign_in(&person, None).await;
    change(&first.stepped_up().await, &first, json!({"trust": "trusted"})).await.expect(200);
    let mut sessions = Vec::new();
    for _ in 0..6 {
        app.advance(Duration::from_secs(60));
        sessions.push(sign_in(&person, None).await);
    }
    let (last, entries) = (&sessions[5], list(&sessions[5]).await);
    let ids: Vec<_> = entries.iter().map(|device| device["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(
        ids,
        [id(last), id(&sessions[4]), id(&first)],
        "the two devices with sessions, and the trusted device"
    );
    assert_eq!(app.count("SELECT count(*) FROM registered_devices").await, 3);
    assert!(sessions[4].works().await && last.works().await);
}

#[tokio::test]
async fn devices_and_sessions_are_listed_in_pages() {
    let app = App::start();
    let person = app.register().await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        app.advance(Duration::from_secs(1));
        sessions.push(sign_in(&person, None).await);
    }
    for (path, name) in [(DEVICES, "devices"), ("/api/v1/sessions", "sessions")] {
        let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let answer = sessions[4].get(&format!("{path}?limit=2{cursor}")).await.expect(200);
            let page = answer.body[name].as_array().expect("a list");
            found.extend(page.iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()));
            pages += 1;
            match answer.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let distinct: std::collections::HashSet<_> = found.iter().collect();
        assert_eq!(
            (found.len(), distinct.len(), pages),
            (expected_entries(name), expected_entries(name), 3),
            "{name}"
        );
        sessions[4].get(&format!("{path}?limit=0")).await.expect(422).problem();
        sessions[4].get(&format!("{path}?cursor=x")).await.expect(422).problem();
    }
}

/// How many entries each list has. The registration of the user registered a sixth device.
fn expected_entries(name: &str) -> usize {
    if name == "devices" { 6 } else { 5 }
}
