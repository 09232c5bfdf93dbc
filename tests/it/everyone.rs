//! Revoking everyone: it holds at once at every door, on every node, whatever state the rows of the sessions are in.

use domain::account::role::Role;
use protocol::id::Subject;
use serde_json::json;
use service::Target;

use crate::harness::{App, DatabaseProxy, Session, eventually};

/// The session, at another node.
fn at(node: &App, session: &Session) -> Session {
    Session { app: node.clone(), ..session.clone() }
}

/// Every door refuses the session.
async fn is_refused_everywhere(session: &Session) {
    let answer = session.get("/api/v1/profile").await.expect(401).problem();
    assert_eq!(answer.body["code"], "session_revoked");
    session.try_refresh().await.expect(401).problem();
    session.post("/api/v1/ws/ticket", &json!({})).await.expect(401).problem();
    session.try_connect().await.err().expect("a refusal").expect(401).problem();
}

#[tokio::test]
async fn everyone_is_out_at_once_while_the_rows_of_the_sessions_are_locked() {
    let app = App::start();
    let admin = app.appoint(Role::Admin).await.sign_in().await;
    let person = app.register().await;
    let session = person.sign_in().await;
    let mut socket = session.connect().await;
    let mut raw = app.rows().await;
    let holding = raw.transaction().await.expect("a transaction");
    holding.execute("SELECT FROM sessions FOR UPDATE", &[]).await.expect("locks");
    let answer = admin.revoke(json!({"all": true})).await.expect(200);
    assert_eq!((&answer.body["sessions"], &answer.body["sockets_closed"]), (&json!(2), &json!(1)));
    assert_eq!(socket.closed().await.code, 4500);
    is_refused_everywhere(&session).await;
    is_refused_everywhere(&admin).await;
    let again = person.sign_in().await;
    let mut stays = again.connect().await;
    assert!(again.works().await && stays.is_undisturbed().await);
    holding.commit().await.expect("the locks are released");

    app.sweep().await;
    let left = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL";
    assert_eq!(app.count(left).await, 1, "the rows are ended afterwards");
    assert_eq!(app.count("SELECT sessions::bigint FROM revocations WHERE scope = 'all'").await, 2);
    is_refused_everywhere(&session).await;
    assert!(again.works().await && stays.is_undisturbed().await);
}

#[tokio::test]
async fn other_nodes_close_the_sockets_of_earlier_sessions_and_no_later_ones() {
    let app = App::start();
    let other = App::over(app.database().clone(), |_| {});
    let person = app.register().await;
    let session = person.sign_in().await;
    let mut there = at(&other, &session).connect().await;
    app.revoke(Target::All).await;
    let again = person.sign_in().await;
    let mut late = at(&other, &again).connect().await;
    assert_eq!(there.closed().await.code, 4500);
    is_refused_everywhere(&at(&other, &session)).await;
    assert!(late.is_undisturbed().await && at(&other, &again).works().await);
}

#[tokio::test]
async fn a_node_that_starts_before_the_rows_are_ended_refuses_them() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    app.revoke(Target::All).await;
    let other = App::over(app.database().clone(), |_| {});
    is_refused_everywhere(&at(&other, &session)).await;
    eventually("memory is trusted", async || other.is_current()).await;
    is_refused_everywhere(&at(&other, &session)).await;
}

/// A node that missed more revocations than it reads one by one. It asks instead which of its sessions have ended.
#[tokio::test]
async fn a_node_that_missed_tens_of_thousands_of_revocations_refuses_what_has_ended_and_keeps_the_rest() {
    let app = App::start();
    let proxy = DatabaseProxy::to(app.database());
    let node = App::over(proxy.database(), |_| {});
    let (ended, demoted, blocked, lifted, kept) = (
        app.register().await.sign_in().await,
        app.appoint(Role::Operator).await.sign_in().await,
        app.register().await.sign_in().await,
        app.register().await.sign_in().await,
        app.register().await.sign_in().await,
    );
    let subject = |session: &Session| Subject::new(&session.person.id.to_string());
    app.block(&subject(&lifted)).await;
    eventually("the block arrives", async || !at(&node, &lifted).works().await).await;
    let [mut first, mut second, mut third, mut last] = [
        at(&node, &ended).connect().await,
        at(&node, &demoted).connect().await,
        at(&node, &blocked).connect().await,
        at(&node, &kept).connect().await,
    ];
    proxy.cut();
    eventually("the node notices", async || !node.is_current()).await;
    let many = "INSERT INTO revocations (scope, session_id, cause)
                SELECT 'session', gen_random_uuid(), 'session_expired' FROM generate_series(1, 30000)";
    app.rows().await.execute(many, &[]).await.expect("revocations");
    app.revoke(Target::Session(ended.id)).await;
    demoted.person.set_role(Role::User).await;
    app.block(&subject(&blocked)).await;
    app.unblock(&subject(&lifted)).await;
    let retention = "DELETE FROM denials WHERE subject = $1";
    app.rows().await.execute(retention, &[&lifted.person.id.to_string()]).await.expect("retention");
    proxy.mend();
    eventually("the node is current again", async || node.is_current()).await;
    assert_eq!(first.closed().await.code, 4500);
    assert_eq!(second.closed().await.code, 3014);
    assert_eq!(third.closed().await.code, 4503);
    assert!(last.is_undisturbed().await);
    for session in [&ended, &blocked] {
        assert!(!at(&node, session).works().await);
    }
    for session in [&demoted, &lifted, &kept] {
        assert!(at(&node, session).works().await);
    }
    // What comes afterwards is read one by one again.
    app.revoke(Target::Session(kept.id)).await;
    assert_eq!(last.closed().await.code, 4500);
}
