//! Receipts of revocations: what they say, when there is one, and that they are checked offline.

use std::{collections::HashSet, path::Path, time::Duration};

use domain::{
    account::role::Role,
    receipt::{
        document::{NodeState, Receipt},
        verification::{VerifiedReceipt, verify},
    },
    transparency_log::note::NoteVerifier,
};
use protocol::id::RevocationId;
use serde_json::{Value, json};
use service::{FoundReceipt, Target};
use uuid::Uuid;

use crate::{
    audit_log::logging,
    harness::{
        Answer, App, Barrier, DatabaseProxy, OperatorCli, Session, database_url, eventually, fresh_database,
        portcullis, scratch_dir,
    },
};

fn path(id: i64) -> String {
    format!("/api/v1/admin/revocations/{id}/receipt")
}

/// A server that moves events into the log, over the database of another one.
fn beside(app: &App) -> App {
    App::over(app.database().clone(), |settings| settings.audit_log.sequencing = true)
}

async fn key(app: &App) -> String {
    let answer = app.get("/api/v1/audit/key").send().await.expect("an answer");
    answer.text().await.expect("a key").trim().to_owned()
}

/// The receipt, when the server can hand it out.
async fn receipt(reader: &Session, id: i64) -> Answer {
    eventually("the receipt can be proved", async || {
        matches!(found(&reader.app, id).await, FoundReceipt::Signed(_))
    })
    .await;
    reader.get(&path(id)).await.expect(200)
}

async fn found(app: &App, id: i64) -> FoundReceipt {
    app.audit_log().receipt(RevocationId(id), true).await.expect("an answer")
}

async fn verified(reader: &Session, id: i64) -> VerifiedReceipt {
    // The log has no key before its first entry.
    let text = receipt(reader, id).await.text;
    let key = NoteVerifier::parse(&key(&reader.app).await).expect("a key");
    verify(&text, &[key]).unwrap_or_else(|error| panic!("{error}"))
}

/// The id of a revocation in the answer to an operator.
fn id_of(answer: &Answer) -> i64 {
    answer.body["revocation_id"].as_i64().expect("an id")
}

fn states(receipt: &Receipt) -> Vec<NodeState> {
    receipt.nodes.iter().map(|node| node.state).collect()
}

#[tokio::test]
async fn a_receipt_says_what_was_revoked_and_how_each_of_two_nodes_carried_it_out() {
    let app = logging();
    let other = beside(&app);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let elsewhere = Session { app: other.clone(), ..user.clone() };
    let mut sockets = [user.connect().await, user.connect().await, elsewhere.connect().await];
    let revoked = operator.revoke(json!({"users": [user.person.id]})).await.expect(200);
    for socket in &mut sockets {
        socket.closed().await;
    }
    let found = verified(&operator, id_of(&revoked)).await;
    let receipt = &found.receipt;
    assert_eq!(states(receipt), [NodeState::Applied; 2]);
    let mut counted: Vec<_> =
        receipt.nodes.iter().map(|node| node.sockets_closed.expect("a count")).collect();
    counted.sort_unstable();
    assert_eq!((counted, receipt.sockets_closed), (vec![1, 2], 3));
    assert_eq!((receipt.actor, receipt.sessions), (Some(operator.person.id), Some(1)));
    assert_eq!((&receipt.target.kind[..], receipt.target.users), ("users", Some(1)));
    let slowest = receipt.nodes.iter().map(|node| node.after_ms.expect("a time")).max();
    assert_eq!(receipt.slowest.map(|slowest| slowest.after_ms), slowest);
    let shown = operator.get(&format!("/api/v1/admin/revocations/{}", id_of(&revoked))).await.expect(200);
    assert_eq!((&shown.body["receipt"], &shown.body["reason"]), (&json!("complete"), &json!(found.reason)));
    let read = format!(
        "SELECT count(*) FROM audit_log WHERE event = 'revocation.receipt_read' AND actor_id = {}",
        operator.person.id
    );
    eventually("the reads are in the log", async || app.count(&read).await > 0).await;
    // The other node hands out the same receipt.
    let there = Session { app: other, ..operator.clone() };
    assert_eq!(verified(&there, id_of(&revoked)).await.receipt, found.receipt);
}

#[tokio::test]
async fn a_receipt_of_a_revocation_of_all_counts_sessions_and_sockets() {
    let app = logging();
    let admin = app.appoint(Role::Admin).await;
    let (acting, user) = (admin.sign_in().await, app.register().await.sign_in().await);
    let mut sockets = [user.connect().await, user.connect().await];
    let revoked = acting.revoke(json!({"all": true})).await.expect(200);
    for socket in &mut sockets {
        socket.closed().await;
    }
    let found = verified(&admin.sign_in().await, id_of(&revoked)).await.receipt;
    assert_eq!((&found.target.kind[..], found.sessions, found.sockets_closed), ("all", Some(2), 2));
}

/// Makes a node known that has a lease of so many seconds and never answers.
async fn silent_node(app: &App, seconds: f64) -> Uuid {
    let sql = format!(
        "INSERT INTO nodes (id, lease_until, began, looked)
         VALUES (gen_random_uuid(), clock_timestamp() + make_interval(secs => {seconds}), pg_current_snapshot(),
                 pg_current_snapshot()) RETURNING id"
    );
    app.rows().await.query_one(&sql, &[]).await.expect("a node").get(0)
}

#[tokio::test]
async fn there_is_no_receipt_until_every_node_with_a_lease_has_answered_or_lapsed() {
    let app = logging();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let silent = silent_node(&app, 3_600.0).await;
    let id = id_of(&operator.revoke(json!({"session": user.id})).await.expect(200));
    eventually("only the silent node is missing", async || {
        found(&app, id).await == FoundReceipt::Waiting(vec![silent])
    })
    .await;
    let answer = operator.get(&path(id)).await.refused(409, "receipt_pending");
    assert!(answer.text_of("detail").contains(&format!("1 ({silent})")), "{}", answer.text);
    let shown = operator.get(&format!("/api/v1/admin/revocations/{id}")).await.expect(200);
    assert_eq!(shown.body["receipt"], "pending");
    let lapse = "UPDATE nodes SET lease_until = clock_timestamp() WHERE id = $1";
    app.rows().await.execute(lapse, &[&silent]).await.expect("a lapsed lease");
    let found = verified(&operator, id).await.receipt;
    let node = found.nodes.iter().find(|node| node.node == silent).expect("the silent node");
    assert_eq!((node.state, node.sockets_closed, found.nodes.len()), (NodeState::Lapsed, None, 2));
}

#[tokio::test]
async fn a_node_that_cannot_reach_the_database_is_lapsed_in_the_receipt_and_had_stopped_to_accept_before() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let here = App::over(database, |settings| settings.audit_log.sequencing = true);
    let cut_off = App::over(proxy.database(), |_| {});
    let operator = here.appoint(Role::Operator).await.sign_in().await;
    let user = here.register().await.sign_in().await;
    let elsewhere = Session { app: cut_off.clone(), ..user.clone() };
    let mut socket = elsewhere.connect().await;
    proxy.cut();
    let revoked = operator.revoke(json!({"session": user.id})).await.expect(200);
    let found = verified(&operator, id_of(&revoked)).await.receipt;
    let mut found_states = states(&found);
    found_states.sort_by_key(|state| *state == NodeState::Lapsed);
    assert_eq!(found_states, [NodeState::Applied, NodeState::Lapsed]);
    assert!(!cut_off.is_current() && cut_off.holds_deliveries());
    elsewhere.get("/api/v1/profile").await.expect(503);
    // Its sockets close when it can read the revocation again, and the receipt stays as it is.
    proxy.mend();
    assert_eq!(socket.closed().await.code, 4500);
    assert_eq!(verified(&operator, id_of(&revoked)).await.receipt, found);
}

#[tokio::test]
async fn a_node_that_was_cut_off_has_a_lease_again_before_it_looks_at_the_revocations() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let cut_off = App::over(proxy.database(), |_| {});
    let (rows, link) = database.config.connect(tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(link);
    let leases = async || -> i64 {
        let sql = "SELECT count(*) FROM nodes WHERE lease_until > clock_timestamp()";
        rows.query_one(sql, &[]).await.expect("a number").get(0)
    };
    eventually("the node has a lease", async || leases().await == 1).await;
    proxy.cut();
    eventually("the lease has lapsed", async || leases().await == 0).await;
    // The node writes this table at the end of a look, and only reads it before.
    let barrier = Barrier::at(&database, "LOCK TABLE service_time IN SHARE MODE").await;
    proxy.mend();
    barrier.wait_for(1).await;
    // What commits now is not seen by this look, so no receipt may say that the node is lapsed.
    assert_eq!(leases().await, 1);
    assert!(!cut_off.is_current());
    barrier.release().await;
    eventually("the node is current", async || cut_off.is_current()).await;
}

#[tokio::test]
async fn only_revocations_that_wait_for_long_are_counted_as_waiting() {
    let app = App::start();
    silent_node(&app, 3_600.0).await;
    let user = app.register().await.sign_in().await;
    app.revoke(Target::Session(user.id)).await;
    assert_eq!(app.complete_revocations().await, 0);
    let earlier = "UPDATE receipts_due SET written_at = written_at - interval '31 seconds'";
    app.rows().await.batch_execute(earlier).await.expect("an older revocation");
    assert_eq!(app.complete_revocations().await, 1);
}

#[tokio::test]
async fn a_server_that_stops_before_a_revocation_is_complete_leaves_the_receipt_to_the_next_one() {
    let app = App::with(|_| {});
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    // The node cannot note anything, and no receipt is written, because this server writes none.
    let stalls = "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS
                  'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN new; END';
                  CREATE TRIGGER stalls BEFORE UPDATE ON revocation_nodes FOR EACH ROW EXECUTE FUNCTION stall()";
    app.rows().await.batch_execute(stalls).await.expect("the trigger");
    let barrier = Barrier::at(app.database(), "SELECT pg_advisory_xact_lock(4711)").await;
    let id = id_of(&operator.revoke(json!({"session": user.id})).await.expect(200));
    barrier.wait_for(1).await;
    app.stop();
    let next = beside(&app);
    let there = Session { app: next.clone(), ..operator.clone() };
    let found = verified(&there, id).await.receipt;
    assert_eq!((states(&found), found.sockets_closed), (vec![NodeState::Lapsed], 0));
    barrier.release().await;
}

#[tokio::test]
async fn three_nodes_write_one_receipt_and_one_entry_for_each_revocation() {
    let app = logging();
    let _others = [beside(&app), beside(&app)];
    let person = app.register().await;
    for _ in 0..30 {
        person.open_session().await.sign_out("local").await.expect(200);
    }
    let due = "SELECT count(*) FROM receipts_due";
    eventually("every revocation has a receipt", async || app.count(due).await == 0).await;
    let waiting = "SELECT count(*) FROM audit_events WHERE event = 'revocations.completed'";
    eventually("every entry is in the log", async || app.count(waiting).await == 0).await;
    let sum = "SELECT coalesce(sum((detail::json->>'receipts')::bigint), 0)::bigint FROM audit_log WHERE event = 'revocations.completed'";
    let (revocations, receipts) =
        ("SELECT count(*) FROM revocations", "SELECT count(*) FROM revocation_receipts");
    assert_eq!((app.count(sum).await, app.count(receipts).await), (30, 30));
    assert_eq!(app.count(revocations).await, 30);
    let unlogged = "SELECT count(*) FROM revocation_receipts r WHERE (SELECT count(*) FROM audit_log l WHERE l.id = r.event_id) <> 1";
    assert_eq!(app.count(unlogged).await, 0);
}

#[tokio::test]
async fn the_receipts_of_many_sign_outs_share_an_entry_of_the_log() {
    let app = App::start();
    let person = app.register().await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for _ in 0..20 {
        person.open_session().await.sign_out("local").await.expect(200);
    }
    let noted = "SELECT count(*) FROM revocation_nodes n JOIN revocations r ON r.id = n.revocation_id
                 WHERE n.state = 'closed' AND r.cause = 'signed_out'";
    eventually("each sign-out is noted", async || app.count(noted).await == 20).await;
    let next = beside(&app);
    let there = Session { app: next.clone(), ..operator };
    let rows = app.rows().await.query("SELECT id FROM revocations WHERE cause = 'signed_out'", &[]).await;
    let mut entries = HashSet::new();
    for row in rows.expect("the sign-outs") {
        let found = verified(&there, row.get(0)).await;
        assert_eq!((found.receipt.actor, found.receipt.cause.as_str()), (Some(person.id), "signed_out"));
        entries.insert(found.index);
    }
    assert_eq!(entries.len(), 1);
}

#[tokio::test]
async fn a_receipt_names_no_address_of_a_person() {
    let app = logging();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let moved = format!("UPDATE sessions SET address = '203.0.113.77' WHERE id = '{}'", user.id);
    app.rows().await.batch_execute(&moved).await.expect("the address");
    let body = json!({"address": "203.0.113.77", "reason": "ada@example.com wrote from 203.0.113.77"});
    let revoked = operator.post("/api/v1/admin/revocations", &body).await.expect(200);
    let answer = receipt(&operator, id_of(&revoked)).await;
    for personal in ["203.0.113.77", "ada@", &user.person.email] {
        assert!(!answer.text.contains(personal), "{personal}: {}", answer.text);
    }
    let found = verified(&operator, id_of(&revoked)).await;
    assert_eq!(found.reason.as_deref(), Some("[e-mail] wrote from [address]"));
    let target = &found.receipt.target;
    assert_eq!((target.within.as_deref(), target.prefix), (Some("203.0.113.0/24"), Some(32)));
}

#[tokio::test]
async fn a_receipt_is_valid_without_its_reason_after_the_reason_was_erased() {
    let app = logging();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let id = id_of(&operator.revoke(json!({"session": user.id})).await.expect(200));
    assert!(verified(&operator, id).await.reason.is_some());
    let erase = format!("UPDATE revocations SET reason = '' WHERE id = {id}");
    app.rows().await.batch_execute(&erase).await.expect("the erasure of the reason");
    assert_eq!(verified(&operator, id).await.reason, None);
}

#[tokio::test]
async fn revocations_that_are_unknown_old_or_not_logged_have_no_receipt_and_the_answer_says_why() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    operator.get(&path(999_999)).await.refused(404, "not_found");
    operator.get("/api/v1/admin/revocations/nonsense/receipt").await.refused(404, "not_found");
    let id = app.revoke(Target::User(operator.person.id)).await.id.expect("a revocation").0;
    let operator = operator.person.sign_in().await;
    operator.get(&path(id)).await.refused(409, "receipt_pending");
    let older = format!("DELETE FROM receipts_due WHERE revocation_id = {id}");
    app.rows().await.batch_execute(&older).await.expect("an older revocation");
    operator.get(&path(id)).await.refused(404, "no_receipt");
    let shown = operator.get(&format!("/api/v1/admin/revocations/{id}")).await.expect(200);
    assert_eq!(shown.body["receipt"], Value::Null);
    assert_eq!(found(&app, id).await, FoundReceipt::Never);
}

fn run(app: &App, arguments: &[&str]) -> (Option<i32>, String) {
    let output = portcullis(arguments, &[("DATABASE_URL", &database_url(app.database()))]);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), text)
}

/// Verifies with an environment that names no database.
fn run_offline(arguments: &[&str]) -> (Option<i32>, String) {
    let output = portcullis(arguments, &[]);
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[tokio::test]
async fn the_command_line_shows_a_receipt_and_verifies_it_without_a_database() {
    let app = logging();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let user = app.register().await.sign_in().await;
    let id = id_of(&operator.revoke(json!({"session": user.id})).await.expect(200));
    let handed_out = receipt(&operator, id).await.text;
    let key = key(&app).await;
    let directory = scratch_dir();
    let (file, key_file) = (directory.path().join("receipt.json"), directory.path().join("key"));
    std::fs::write(&key_file, format!("{key}\n")).expect("the key");

    let (done, shown) = run(&app, &["receipt", "show", &id.to_string()]);
    assert!(done == Some(0) && shown.contains(&format!("target: session: session {}", user.id)), "{shown}");
    assert!(shown.contains(&format!("requested by: user {}", operator.person.id)), "{shown}");
    let (done, json) = run(&app, &["receipt", "show", &id.to_string(), "--json"]);
    assert_eq!(done, Some(0));
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["receipt"].clone();
    assert_eq!(value(&json), value(&handed_out));
    let out = ["receipt", "show", &id.to_string(), "--out", text(&file)];
    assert_eq!(run(&app, &out).0, Some(0));
    let (again, told) = run(&app, &out);
    assert!(again == Some(1) && told.contains("receipt.json"), "an existing file is kept: {told}");
    for unknown in ["999999", "0"] {
        let (done, told) = run(&app, &["receipt", "show", unknown]);
        assert!(done == Some(1) && told.contains("there is no revocation"), "{told}");
    }

    for keys in [["--key", &key], ["--key-file", text(&key_file)]] {
        let (done, told) = run_offline(&[&["receipt", "verify", text(&file)][..], &keys].concat());
        assert!(done == Some(0) && told.contains("The receipt is valid."), "{told}");
    }
    let whole = std::fs::read_to_string(&file).expect("the receipt");
    for (from, to, reason) in [
        ("\"sessions\":1", "\"sessions\":2", "does not commit to this receipt"),
        ("\"cause\":\"revoked\"", "\"cause\":\"signed_out\"", "does not commit to this receipt"),
        ("\"final\":true", "\"final\":false", "`final` does not fit"),
        ("revocations.completed", "session.revoked", "is not one of completed revocations"),
        ("\"version\":1", "\"version\":9", "version 9"),
        ("\"outcome\":\"success\"", "\"outcome\":\"failure\"", "the entry or the proof was changed"),
        ("portcullis/audit/", "portcullis/audit-/", "the checkpoint is not valid"),
    ] {
        assert!(whole.contains(from), "{from}: {whole}");
        std::fs::write(&file, whole.replacen(from, to, 1)).expect("the file");
        let (done, told) = run_offline(&["receipt", "verify", text(&file), "--key", &key]);
        assert!(done == Some(1) && told.contains(reason), "{to}: {told}");
        assert_eq!(told.trim_end().lines().count(), 1, "one sentence: {told}");
    }
    let (done, told) = run_offline(&["receipt", "verify", text(&file)]);
    assert!(
        done == Some(2) && told.contains("--key-file") && told.contains("--url"),
        "a key is needed: {told}"
    );
    assert_eq!(run_offline(&["receipt", "verify", text(&file), "--key", "nonsense"]).0, Some(2));
    assert_eq!(run_offline(&["receipt", "verify", "/nowhere", "--key", &key]).0, Some(1));
}

#[tokio::test]
async fn a_sign_out_does_not_wait_for_its_receipt() {
    let app = logging();
    let session = app.register().await.sign_in().await;
    let stalls = "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS
                  'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN new; END';
                  CREATE TRIGGER notes BEFORE INSERT ON revocation_nodes FOR EACH ROW EXECUTE FUNCTION stall();
                  CREATE TRIGGER receipts BEFORE INSERT ON revocation_receipts FOR EACH ROW EXECUTE FUNCTION stall()";
    app.rows().await.batch_execute(stalls).await.expect("the triggers");
    let barrier = Barrier::at(app.database(), "SELECT pg_advisory_xact_lock(4711)").await;
    let began = std::time::Instant::now();
    session.sign_out("local").await.expect(200);
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    barrier.wait_for(1).await;
    barrier.release().await;
    let written = "SELECT count(*) FROM revocation_receipts";
    eventually("the receipt is written", async || app.count(written).await == 1).await;
}

#[tokio::test]
async fn the_command_line_gets_a_receipt_and_the_key_from_the_server_that_is_named() {
    let app = logging();
    let operator = app.appoint(Role::Operator).await;
    let session = operator.sign_in().await;
    let user = app.register().await.sign_in().await;
    let id = id_of(&session.revoke(json!({"session": user.id})).await.expect(200)).to_string();
    let handed_out = receipt(&session, id.parse().expect("a number")).await.text;
    let cli = OperatorCli::of(&operator);
    let directory = scratch_dir();
    let file = directory.path().join("receipt.json");

    let shown = cli.ok(&["receipt", "show", &id]);
    assert!(shown.contains(&format!("target: session: session {}", user.id)), "{shown}");
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["receipt"].clone();
    assert_eq!(value(&cli.ok(&["receipt", "show", &id, "--json"])), value(&handed_out));
    cli.ok(&["receipt", "show", &id, "--out", text(&file)]);
    let told = cli.fails(1, &["receipt", "show", &id, "--out", text(&file)]);
    assert!(told.contains("receipt.json"), "an existing file is kept: {told}");
    assert!(cli.fails(1, &["receipt", "show", "999999"]).contains("not_found"));

    assert!(cli.ok(&["receipt", "verify", text(&file)]).contains("The receipt is valid."));
    let whole = std::fs::read_to_string(&file).expect("the receipt");
    std::fs::write(&file, whole.replacen("\"sessions\":1", "\"sessions\":2", 1)).expect("the file");
    let told = cli.fails(1, &["receipt", "verify", text(&file)]);
    assert!(told.contains("does not commit to this receipt"), "{told}");

    // With a key, no server is asked, and no sign-in is needed.
    std::fs::write(&file, whole).expect("the file");
    let key = key(&app).await;
    cli.ok(&["logout"]);
    cli.fails(3, &["receipt", "verify", text(&file)]);
    assert!(cli.ok(&["receipt", "verify", text(&file), "--key", &key]).contains("The receipt is valid."));
}
