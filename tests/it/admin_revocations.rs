//! Revocations by operators of a network, of sign-ins since a moment and of a list of users; the list of revocations, and their
//! progress on each node.

use std::time::{Duration, Instant};

use domain::account::role::Role;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use crate::harness::{App, Barrier, Session, eventually};

const REVOCATIONS: &str = "/api/v1/admin/revocations";

/// Gives a session another address, as if its client had used it from there.
async fn moved(session: &Session, address: &str) {
    let sql = format!("UPDATE sessions SET address = '{address}' WHERE id = '{}'", session.id);
    session.app.rows().await.batch_execute(&sql).await.expect("the address is set");
}

#[tokio::test]
async fn a_revocation_of_a_network_ends_the_sessions_with_an_address_in_it() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let sessions = [person.sign_in().await, person.sign_in().await, person.sign_in().await];
    for (session, address) in sessions.iter().zip(["203.0.113.0", "203.0.113.255", "203.0.114.0"]) {
        moved(session, address).await;
    }
    let mut socket = sessions[0].connect().await;
    let answer = operator.revoke(json!({"network": "203.0.113.0/24"})).await.expect(200);
    assert_eq!((&answer.body["sessions"], &answer.body["sockets_closed"]), (&json!(2), &json!(1)));
    assert_eq!((&answer.body["excluded"], &answer.body["more"]), (&json!(0), &json!(false)));
    assert_eq!(socket.closed().await.code, 4500);
    assert!(!sessions[0].works().await && !sessions[1].works().await);
    assert!(sessions[2].works().await && operator.works().await);
}

#[tokio::test]
async fn a_revocation_of_an_address_ends_only_the_sessions_of_that_address() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (one, two) = (app.register().await.sign_in().await, app.register().await.sign_in().await);
    moved(&one, "2001:db8::7").await;
    moved(&two, "2001:db8::8").await;
    operator.revoke(json!({"address": "2001:db8::7"})).await.expect(200);
    assert!(!one.works().await && two.works().await);
    let again = operator.revoke(json!({"address": "2001:db8::7"})).await.expect(200);
    assert_eq!((&again.body["sessions"], &again.body["revocation_id"]), (&json!(0), &json!(null)));
}

#[tokio::test]
async fn a_revocation_since_a_moment_ends_the_sessions_that_were_opened_since() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let before = app.register().await.sign_in().await;
    app.advance(Duration::from_secs(60));
    let moment = app.now().format(&Rfc3339).expect("a time");
    let after = app.register().await.sign_in().await;
    operator.revoke(json!({"opened_since": moment})).await.expect(200);
    assert!(before.works().await && operator.works().await && !after.works().await);
    let future = (app.now() + Duration::from_secs(60)).format(&Rfc3339).expect("a time");
    operator.revoke(json!({"opened_since": future})).await.refused(422, "moment_in_future");
}

#[tokio::test]
async fn a_revocation_of_users_ends_their_sessions_and_is_in_the_trail_of_each() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let (one, two) = (app.register().await, app.register().await);
    let sessions = [one.sign_in().await, one.sign_in().await, two.sign_in().await];
    let other = app.register().await.sign_in().await;
    let answer = operator.revoke(json!({"users": [one.id, two.id, 999_999]})).await.expect(200);
    assert_eq!(answer.body["sessions"], 3);
    for session in &sessions {
        assert!(!session.works().await);
    }
    assert!(other.works().await);
    for (user, sessions) in [(one.id, 2), (two.id, 1)] {
        let sql = format!(
            "SELECT count(*) FROM audit_events WHERE event = 'session.revoked' AND user_id = {user}
               AND actor_id = {} AND detail->>'sessions' = '{sessions}'",
            operator.person.id
        );
        assert_eq!(app.count(&sql).await, 1);
    }
}

#[tokio::test]
async fn sessions_of_admins_are_excluded_and_counted_when_an_operator_revokes_many() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    app.advance(Duration::from_secs(60));
    let moment = app.now().format(&Rfc3339).expect("a time");
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    moved(&admin, "203.0.113.5").await;
    for target in [
        json!({"network": "203.0.113.0/24"}),
        json!({"opened_since": moment}),
        json!({"users": [admin.person.id]}),
    ] {
        let user = app.register().await.sign_in().await;
        moved(&user, "203.0.113.6").await;
        let mut target = target;
        if let Some(users) = target["users"].as_array_mut() {
            users.push(json!(user.person.id));
        }
        let answer = operator.revoke(target.clone()).await.expect(200);
        assert_eq!((&answer.body["sessions"], &answer.body["excluded"]), (&json!(1), &json!(1)), "{target}");
        assert!(admin.works().await && !user.works().await, "{target}");
    }
    operator.revoke(json!({"users": [admin.person.id]})).await.refused(403, "not_permitted");
    operator.revoke(json!({"network": "203.0.113.0/24"})).await.refused(403, "not_permitted");
    operator.revoke(json!({"network": "198.51.100.0/24"})).await.expect(200);
    let recorded = format!(
        "SELECT count(*) FROM audit_events WHERE actor_id = {} AND (outcome = 'denied' OR detail->>'effect' = 'none')",
        operator.person.id
    );
    eventually("the calls without an effect are recorded", async || app.count(&recorded).await == 3).await;
    assert!(admin.works().await);
}

#[tokio::test]
async fn only_an_admin_can_lock_passwords_and_a_locked_password_opens_nothing() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let session = person.sign_in().await;
    let order = json!({"users": [person.id], "lock_password": true});
    operator.revoke(order.clone()).await.refused(403, "admin_required");
    admin
        .revoke(json!({"session": session.id, "lock_password": true}))
        .await
        .refused(422, "lock_needs_users");
    admin
        .revoke(json!({"users": [admin.person.id], "lock_password": true}))
        .await
        .refused(403, "own_account");
    assert!(session.works().await);
    admin.revoke(order).await.expect(200);
    assert!(!session.works().await);
    person.try_password(crate::harness::PASSWORD).await.refused(401, "invalid_credentials");
    app.reset_password(person.id, "another-zebra-lantern-43").await;
    person.try_password("another-zebra-lantern-43").await.expect(200);
}

#[tokio::test]
async fn an_auditor_reads_revocations_and_makes_none() {
    let app = App::start();
    let auditor = app.appoint(Role::Auditor).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    auditor.get(REVOCATIONS).await.expect(200);
    auditor.revoke(json!({"users": [user.person.id]})).await.refused(403, "operator_required");
    user.get(REVOCATIONS).await.refused(403, "operator_required");
    assert!(user.works().await);
    let sql = format!(
        "SELECT count(*) FROM audit_events WHERE event = 'revocations.searched' AND actor_id = {} AND outcome = 'success'",
        auditor.person.id
    );
    eventually("the read is recorded", async || app.count(&sql).await == 1).await;
}

#[tokio::test]
async fn the_list_of_revocations_is_filtered_and_paged() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let person = app.register().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let session = person.sign_in().await;
        ids.push(
            operator.revoke(json!({"session": session.id})).await.expect(200).body["revocation_id"].clone(),
        );
        app.advance(Duration::from_secs(1));
    }
    let since = app.now().format(&Rfc3339).expect("a time");
    let signed_out = person.sign_in().await;
    signed_out.sign_out("local").await.expect(200);
    ids.reverse();
    let path = format!("{REVOCATIONS}?cause=revoked&user={}&actor={}&limit=2", person.id, operator.person.id);
    let first = operator.get(&path).await.expect(200);
    let cursor = first.text_of("next_cursor");
    let second = operator.get(&format!("{path}&cursor={cursor}")).await.expect(200);
    assert!(second.body["next_cursor"].is_null());
    let listed: Vec<_> = [first.body, second.body]
        .iter()
        .flat_map(|page| page["revocations"].as_array().expect("a list").clone())
        .map(|revocation| revocation["id"].clone())
        .collect();
    assert_eq!(listed, ids);
    let newer = operator.get(&format!("{REVOCATIONS}?user={}&since={since}", person.id)).await.expect(200);
    assert_eq!(newer.body["revocations"].as_array().map(Vec::len), Some(1));
    assert_eq!(newer.body["revocations"][0]["cause"], "signed_out");
    let none = operator.get(&format!("{REVOCATIONS}?cause=refresh_reused")).await.expect(200);
    assert_eq!((&none.body["revocations"], &none.body["next_cursor"]), (&json!([]), &json!(null)));
    operator.get(&format!("{REVOCATIONS}?cursor=nonsense")).await.refused(422, "invalid_cursor");
    operator.get(&format!("{REVOCATIONS}?cause=nonsense")).await.refused(422, "invalid_query");
}

#[tokio::test]
async fn a_revocation_shows_how_far_each_node_has_carried_it_out() {
    let app = App::start();
    let other = App::over(app.database().clone(), |_| {});
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let elsewhere = Session { app: other.clone(), ..user.clone() };
    let (mut here, mut there) = (user.connect().await, elsewhere.connect().await);
    let answer = operator.revoke(json!({"users": [user.person.id]})).await.expect(200);
    let path = format!("{REVOCATIONS}/{}", answer.body["revocation_id"]);
    let own = operator.get(&path).await.expect(200).body;
    assert_eq!((&own["scope"], &own["users"], &own["sessions"]), (&json!("users"), &json!(1), &json!(1)));
    here.closed().await;
    there.closed().await;
    eventually("both nodes have noted their progress", async || {
        let shown = operator.get(&path).await.expect(200).body;
        let nodes = shown["nodes"].as_array().expect("the nodes").clone();
        nodes.len() == 2
            && shown["sockets_closed"] == 2
            && nodes.iter().all(|node| node["state"] == "closed" && node["after_ms"].is_u64())
    })
    .await;
    operator.get(&format!("{REVOCATIONS}/999999")).await.refused(404, "not_found");
    operator.get(&format!("{REVOCATIONS}/nonsense")).await.expect(404);
}

#[tokio::test]
async fn an_answer_does_not_wait_until_the_progress_is_stored() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let stalls = "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS
                  'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN new; END';
                  CREATE TRIGGER stalls BEFORE UPDATE ON revocation_nodes FOR EACH ROW EXECUTE FUNCTION stall()";
    app.rows().await.batch_execute(stalls).await.expect("the trigger");
    let barrier = Barrier::at(app.database(), "SELECT pg_advisory_xact_lock(4711)").await;
    let answer = async { (operator.revoke(json!({"users": [user.person.id]})).await, Instant::now()) };
    let stalled = async {
        barrier.wait_for(1).await;
        Instant::now()
    };
    let ((answer, answered_at), stalled_at) = futures_util::future::join(answer, stalled).await;
    let answer = answer.expect(200);
    // An attempt to store the progress is given up after two seconds.
    let waited = answered_at.saturating_duration_since(stalled_at);
    assert!(waited < Duration::from_secs(1), "the answer waited for {waited:?}");
    barrier.release().await;
    let path = format!("{REVOCATIONS}/{}", answer.body["revocation_id"]);
    eventually("the node has noted its progress", async || {
        operator.get(&path).await.expect(200).body["nodes"][0]["state"] == "closed"
    })
    .await;
}

#[tokio::test]
async fn each_call_that_revokes_nothing_is_recorded() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let recorded = async |detail: &str| {
        let sql = format!(
            "SELECT count(*) FROM audit_events WHERE event = 'session.revoked' AND actor_id = {} AND {detail}",
            operator.person.id
        );
        app.count(&sql).await
    };
    operator.revoke(json!({"session": user.id})).await.expect(200);
    operator.revoke(json!({"session": user.id})).await.expect(200);
    operator.revoke(json!({"subject": "corp:nobody"})).await.expect(200);
    let no_effect = "outcome = 'success' AND detail->>'effect' = 'none'";
    eventually("the calls without an effect are recorded", async || recorded(no_effect).await == 2).await;
    operator.revoke(json!({"session": uuid::Uuid::new_v4()})).await.refused(404, "not_found");
    operator.revoke(json!({"opened_since": "2999-01-01T00:00:00Z"})).await.refused(422, "moment_in_future");
    for code in ["not_found", "moment_in_future"] {
        let failed = format!("outcome = 'failure' AND detail->>'code' = '{code}'");
        eventually("the failed calls are recorded", async || recorded(&failed).await == 1).await;
    }
}
