//! Devices of users over REST: list, show, the end of trust, forgetting.

use domain::account::role::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::{App, Ask, Session};

fn device(session: &Session) -> String {
    session.device.split('.').next().unwrap_or_default().to_owned()
}

fn path(session: &Session, rest: &str) -> String {
    format!("/api/v1/admin/users/{}/devices{rest}", session.person.id)
}

#[tokio::test]
async fn the_devices_of_a_user_are_listed_in_pages_and_shown() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let (one, two) = (person.sign_in().await, person.sign_in().await);
    let _socket = one.connect().await;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = operator.get(&path(&one, &format!("?limit=1{cursor}"))).await.expect(200);
        let devices = page.body["devices"].as_array().expect("devices").iter();
        ids.extend(devices.map(|device| device["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    // The registration has registered a device, too.
    assert_eq!(ids.len(), 3);
    assert!(ids.contains(&device(&one)) && ids.contains(&device(&two)));
    let shown = operator.get(&path(&one, &format!("/{}", device(&one)))).await.expect(200);
    assert_eq!((&shown.body["sessions"], &shown.body["open_connections"]), (&json!(1), &json!(1)));
    assert_eq!(shown.body["current"], false);
    let other = app.register().await.sign_in().await;
    operator.get(&path(&one, &format!("/{}", device(&other)))).await.refused(404, "not_found");
    operator.get("/api/v1/admin/users/999999/devices").await.refused(404, "not_found");
}

#[tokio::test]
async fn an_operator_ends_the_trust_in_a_device_and_its_sessions_stay() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let own = format!("/api/v1/devices/{}", device(&session));
    session.request(Method::PATCH, &own).json(&json!({"trust": "trusted"})).ask().await.expect(200);
    let distrust = path(&session, &format!("/{}/distrust", device(&session)));
    let answer = operator.post(&distrust, &json!({"reason": "lost"})).await.expect(200);
    assert_eq!((&answer.body["trust"], &answer.body["trusted_until"]), (&json!("new"), &json!(null)));
    assert!(session.works().await);
    let event = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'device.distrusted' AND user_id = {} AND actor_id = {}
           AND detail->>'reason' = 'lost'",
        session.person.id, operator.person.id
    );
    assert_eq!(app.count(&event).await, 1);
}

#[tokio::test]
async fn an_operator_forgets_a_device_of_one_user_and_ends_only_its_sessions() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let (lost, kept) = (person.sign_in().await, person.sign_in().await);
    let mut socket = lost.connect().await;
    let forget = path(&lost, &format!("/{}/forget", device(&lost)));
    let answer = operator.post(&forget, &json!({"reason": "stolen"})).await.expect(200);
    assert_eq!((&answer.body["sessions"], &answer.body["sockets_closed"]), (&json!(1), &json!(1)));
    socket.closed().await;
    assert!(!lost.works().await && kept.works().await);
    operator.post(&forget, &json!({"reason": "stolen"})).await.refused(404, "not_found");
}
