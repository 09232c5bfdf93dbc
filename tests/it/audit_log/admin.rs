//! The audit log over the admin API.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    account::role::Role,
    transparency_log::{
        frontier::Frontier,
        hash::{Hash, leaf_hash},
        proof::{proves_consistency, proves_inclusion},
    },
};
use reqwest::Method;
use serde_json::Value;
use service::Target;

use super::{add_events, log_events, logging};
use crate::harness::{App, Session, eventually, within};

async fn auditor(app: &App) -> Session {
    app.appoint(Role::Auditor).await.sign_in().await
}

fn hash(value: &Value) -> Hash {
    STANDARD.decode(value.as_str().expect("a text")).expect("base64").try_into().expect("a hash")
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().expect("a list").iter().map(hash).collect()
}

#[tokio::test]
async fn auditors_and_admins_read_the_log_and_operators_and_users_do_not() {
    let app = logging();
    log_events(&app, 10).await;
    for role in [Role::Auditor, Role::Admin] {
        let session = app.appoint(role).await.sign_in().await;
        session.get("/api/v1/admin/audit/events").await.expect(200);
    }
    for role in [Role::Operator, Role::User] {
        let session = app.appoint(role).await.sign_in().await;
        for path in
            ["events", "export", "events/stream", "proofs/inclusion?index=1", "proofs/consistency?from=1"]
        {
            session.get(&format!("/api/v1/admin/audit/{path}")).await.refused(403, "auditor_required");
        }
    }
}

#[tokio::test]
async fn events_are_listed_newest_first_in_pages_with_their_personal_fields() {
    let app = logging();
    log_events(&app, 250).await;
    let session = auditor(&app).await;
    let (mut cursor, mut indexes) = (None, Vec::new());
    loop {
        let more = cursor.map(|cursor: String| format!("&cursor={cursor}")).unwrap_or_default();
        let path = format!("/api/v1/admin/audit/events?user=2&event=session.opened&limit=20{more}");
        let answer = session.get(&path).await.expect(200);
        for event in answer.body["events"].as_array().expect("a list") {
            assert_eq!((&event["user"], &event["address"]), (&2.into(), &"203.0.113.9".into()));
            indexes.push(event["index"].as_u64().expect("a number"));
        }
        cursor = answer.body["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(indexes.len(), 50);
    assert!(indexes.is_sorted_by(|one, next| one > next));
    eventually("each page is recorded", async || {
        app.sequence().await;
        app.count("SELECT count(*) FROM audit_log WHERE event = 'audit.searched'").await == 3
    })
    .await;
}

#[tokio::test]
async fn what_is_no_filter_is_refused() {
    let app = logging();
    let session = auditor(&app).await;
    for (query, code) in [
        ("events?outcome=maybe", "invalid_outcome"),
        ("events?cursor=x", "invalid_cursor"),
        ("proofs/inclusion", "invalid_entry"),
        ("proofs/inclusion?index=18446744073709551615", "invalid_number"),
    ] {
        session.get(&format!("/api/v1/admin/audit/{query}")).await.refused(422, code);
    }
    session.get("/api/v1/admin/audit/events?nonsense=1").await.expect(422).problem();
    session.get("/api/v1/admin/audit/proofs/inclusion?index=99").await.refused(404, "not_found");
    session.get("/api/v1/admin/audit/proofs/consistency?from=0").await.refused(404, "not_found");
}

#[tokio::test]
async fn proofs_are_verified_against_the_published_checkpoint() {
    let app = logging();
    log_events(&app, 700).await;
    let session = auditor(&app).await;
    let proof = session.get("/api/v1/admin/audit/proofs/inclusion?index=321").await.expect(200).body;
    let checkpoint = app.get("/api/v1/audit/checkpoint").send().await.unwrap().text().await.unwrap();
    assert_eq!(proof["checkpoint"].as_str().unwrap(), checkpoint);
    let root: Hash = STANDARD.decode(checkpoint.lines().nth(2).unwrap()).unwrap().try_into().unwrap();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    let leaf = leaf_hash(proof["leaf"].as_str().unwrap().as_bytes());
    assert!(proves_inclusion(leaf, 321, size, &root, &hashes(&proof["hashes"])));
    let proof = session.get("/api/v1/admin/audit/proofs/consistency?from=300&to=700").await.expect(200).body;
    let (from, to) = (hash(&proof["from_root"]), hash(&proof["to_root"]));
    assert!(proves_consistency(300, &from, 700, &to, &hashes(&proof["hashes"])));
}

#[tokio::test]
async fn an_export_is_complete_and_has_the_leaves() {
    let app = logging();
    log_events(&app, 1_300).await;
    let session = auditor(&app).await;
    let export = async |query: &str| {
        let path = format!("/api/v1/admin/audit/export{query}");
        session.request(Method::GET, &path).send().await.expect("an answer").text().await.expect("a text")
    };
    let mut tree = Frontier::default();
    export("").await.lines().take(1_300).for_each(|line| tree.push(leaf_hash(line.as_bytes()), |_, _| ()));
    let checkpoint = app.get("/api/v1/audit/checkpoint").send().await.unwrap().text().await.unwrap();
    assert_eq!(STANDARD.encode(tree.root()), checkpoint.lines().nth(2).unwrap());
    let readable = export("?readable=true&reason=a+test&user=2").await;
    assert!(readable.lines().count() >= 260 && readable.lines().all(|line| line.contains("203.0.113.9")));
}

#[tokio::test]
async fn a_follower_gets_new_events_and_is_cut_off_when_its_session_is_revoked() {
    let app = logging();
    log_events(&app, 5).await;
    let session = auditor(&app).await;
    let path = "/api/v1/admin/audit/events/stream?event=session.opened&user=3";
    let mut answer = session.request(Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    add_events(&app, 5).await;
    while !text.contains("event: entry") {
        let bytes = within("an event", answer.chunk()).await.expect("bytes").expect("more");
        text += std::str::from_utf8(&bytes).expect("a text");
    }
    assert!(text.contains("id: ") && text.contains("203.0.113.9"));
    app.revoke(Target::Session(session.id)).await;
    within("the end of the stream", async { while let Ok(Some(_)) = answer.chunk().await {} }).await;
}

/// Follows the log until the server ends the stream. `meanwhile` runs after the beginning; later events must not arrive.
async fn is_cut_off(app: &App, session: &Session, meanwhile: impl Future<Output = ()>) {
    // The sign-in of the auditor is in the log before the follower begins.
    app.sequence().await;
    let path = "/api/v1/admin/audit/events/stream?event=session.opened";
    let mut answer = session.request(Method::GET, path).send().await.expect("an answer");
    within("the first comment", answer.chunk()).await.expect("bytes").expect("more");
    meanwhile.await;
    add_events(app, 5).await;
    let mut text = Vec::new();
    within("the end of the stream", async {
        while let Ok(Some(more)) = answer.chunk().await {
            text.extend(more);
        }
    })
    .await;
    assert!(!String::from_utf8_lossy(&text).contains("event: entry"), "{}", String::from_utf8_lossy(&text));
}

#[tokio::test]
async fn a_follower_is_cut_off_when_all_sessions_are_revoked() {
    let app = logging();
    let session = auditor(&app).await;
    is_cut_off(&app, &session, async {
        app.revoke(Target::All).await;
    })
    .await;
}

#[tokio::test]
async fn a_follower_is_cut_off_when_its_user_is_no_auditor_any_more() {
    let app = logging();
    let session = auditor(&app).await;
    is_cut_off(&app, &session, session.person.set_role(Role::User)).await;
}

#[tokio::test]
async fn a_follower_is_cut_off_when_a_statement_in_the_database_changes_the_role() {
    let app = logging();
    let session = auditor(&app).await;
    is_cut_off(&app, &session, async {
        // No node hears of this, and the node has the session in its cache.
        let sql = format!("UPDATE users SET role = 'user' WHERE id = {}", session.person.id);
        app.rows().await.batch_execute(&sql).await.expect("a role");
    })
    .await;
}

#[tokio::test]
async fn a_read_about_a_user_is_an_event_of_that_user() {
    let app = logging();
    let session = auditor(&app).await;
    session.get("/api/v1/admin/audit/events?user=2").await.expect(200);
    session.get("/api/v1/admin/audit/events?actor=3").await.expect(200);
    session.get("/api/v1/admin/audit/export?readable=true&reason=a+test&user=4").await.expect(200);
    app.sequence().await;
    for (event, user) in [("audit.searched", 2), ("audit.searched", 3), ("audit.exported", 4)] {
        let sql = format!("SELECT count(*) FROM audit_log WHERE event = '{event}' AND user_id = {user}");
        eventually(&format!("{event} of {user}"), async || app.count(&sql).await == 1).await;
    }
    let readable =
        "SELECT count(*) FROM audit_log WHERE event = 'audit.exported' AND detail LIKE '%\"readable\":true%'";
    assert_eq!(app.count(readable).await, 1);
}

#[tokio::test]
async fn a_readable_export_requires_a_reason_and_a_recent_proof_of_presence() {
    let app = logging();
    let session = auditor(&app).await;
    let path = "/api/v1/admin/audit/export?readable=true";
    session.get(path).await.refused(422, "reason_required");
    app.advance(Duration::from_secs(11 * 60));
    session.get(&format!("{path}&reason=a+test")).await.refused(403, "step_up_required");
    session.get("/api/v1/admin/audit/export").await.expect(200);
    let session = session.stepped_up().await;
    session.get(&format!("{path}&reason=a+test")).await.expect(200);
}
