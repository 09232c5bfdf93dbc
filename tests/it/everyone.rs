//! A revocation of all sessions takes effect before the rows of the sessions are marked as ended: REST, refreshes, tickets and
//! handshakes are refused, also on other nodes. Two tests are about nodes that could not read the revocations and denials for a
//! while.

use std::time::Duration;

use domain::account::role::Role;
use protocol::id::Subject;
use serde_json::json;
use service::Target;

use crate::harness::{App, DatabaseProxy, Person, Session, eventually};

/// The same session, as a client of another node.
fn at(node: &App, session: &Session) -> Session {
    Session { app: node.clone(), ..session.clone() }
}

/// Checks that REST, refresh, tickets and handshakes refuse the session.
async fn is_refused_everywhere(session: &Session) {
    let answer = session.get("/api/v1/profile").await.expect(401).problem();
    assert_eq!(answer.body["code"], "session_revoked");
    session.try_refresh().await.expect(401).problem();
    session.post("/api/v1/ws/ticket", &json!({})).await.expect(401).problem();
    session.try_connect().await.err().expect("a refusal").expect(401).problem();
}

#[tokio::test]
async fn all_sessions_end_even_while_their_rows_are_locked() {
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
    assert_eq!(app.count("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").await, 1);
    assert_eq!(app.count("SELECT sessions::bigint FROM revocations WHERE scope = 'all'").await, 2);
    is_refused_everywhere(&session).await;
    assert!(again.works().await && stays.is_undisturbed().await);
}

#[tokio::test]
async fn other_nodes_close_only_the_sockets_of_earlier_sessions() {
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
async fn a_node_that_starts_before_the_rows_are_marked_as_ended_refuses_the_sessions() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    app.revoke(Target::All).await;
    let other = App::over(app.database().clone(), |_| {});
    is_refused_everywhere(&at(&other, &session)).await;
    eventually("the node is current", async || other.is_current()).await;
    is_refused_everywhere(&at(&other, &session)).await;
}

/// The node does not read so many revocations one by one. Instead, it asks the database which of its sessions have ended.
#[tokio::test]
async fn a_node_that_missed_tens_of_thousands_of_revocations_refuses_only_ended_or_blocked_sessions() {
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
    eventually("the node has read the block", async || !at(&node, &lifted).works().await).await;
    let [mut first, mut second, mut third, mut last] = [
        at(&node, &ended).connect().await,
        at(&node, &demoted).connect().await,
        at(&node, &blocked).connect().await,
        at(&node, &kept).connect().await,
    ];
    proxy.cut();
    eventually("the node is stale", async || !node.is_current()).await;
    let many = "INSERT INTO revocations (scope, session_id, cause)
                SELECT 'session', gen_random_uuid(), 'session_expired' FROM generate_series(1, 30000)";
    app.rows().await.execute(many, &[]).await.expect("revocations");
    app.revoke(Target::Session(ended.id)).await;
    demoted.person.set_role(Role::User).await;
    app.block(&subject(&blocked)).await;
    app.unblock(&subject(&lifted)).await;
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
    // Later revocations are read one by one again.
    app.revoke(Target::Session(kept.id)).await;
    assert_eq!(last.closed().await.code, 4500);
}

/// The rows of a lifted block are deleted after a day (here, at once). So after a longer cut, a node never reads the row that
/// lifts the block. Therefore, a node loads all denials anew if its last look is more than twelve hours old.
#[tokio::test]
async fn a_node_that_was_cut_off_for_13_hours_notices_that_a_block_was_lifted() {
    let app = App::start();
    let proxy = DatabaseProxy::to(app.database());
    let node = App::over(proxy.database(), |_| {});
    let lifted = app.register().await;
    let (subject, session) = (Subject::new(&lifted.id.to_string()), lifted.sign_in().await);
    app.block(&subject).await;
    eventually("the node has read the block", async || !at(&node, &session).works().await).await;
    proxy.cut();
    eventually("the node is stale", async || !node.is_current()).await;
    app.unblock(&subject).await;
    let deleted = "DELETE FROM denials WHERE subject = $1";
    app.rows().await.execute(deleted, &[&lifted.id.to_string()]).await.expect("the rows are deleted");
    for node in [&app, &node] {
        node.advance(Duration::from_secs(13 * 60 * 60));
    }
    let noted = "SELECT count(*) FROM service_time WHERE seen_at > now() + interval '12 hours'";
    eventually("the other node has noted the time", async || app.count(noted).await == 1).await;
    proxy.mend();
    eventually("the node is current again", async || node.is_current()).await;
    let again = Person { app: node.clone(), ..lifted }.sign_in().await;
    assert!(again.works().await);
}
