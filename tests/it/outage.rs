//! Outages of the database: the server refuses what it cannot check, loses nothing, and recovers by itself.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use domain::account::role::Role;
use serde_json::json;

use crate::harness::{
    Answer, App, Ask, DatabaseProxy, Event, OwnCluster, PASSWORD, Session, Socket, eventually, fresh_database,
};

/// A server with a separate database cluster, one session and two open sockets.
struct Scene {
    app: App,
    session: Session,
    member: Socket,
    other: Socket,
    cluster: OwnCluster,
}

impl Scene {
    async fn begin() -> Self {
        let cluster = OwnCluster::start();
        let app = App::over(cluster.database(), |settings| {
            settings.database.acquire_timeout = Duration::from_millis(500);
            settings.database.statement_timeout = Duration::from_millis(500);
        });
        let session = app.register().await.sign_in().await;
        let (mut member, other) = (session.connect_by_command().await, session.connect().await);
        member.subscribe("ephemeral:lobby").await;
        Self { app, session, member, other, cluster }
    }

    /// Checks the server during the outage: requests that need the database are answered with 503, and commands with a
    /// temporary error. No socket is lost or receives a delivery.
    async fn is_out(&mut self) {
        eventually("the server notices", async || self.app.get("/health/ready").ask().await.status == 503)
            .await;
        eventually("the node is no longer current", async || !self.app.is_current()).await;
        eventually("deliveries are held back", async || self.app.holds_deliveries()).await;
        unavailable(self.app.get("/health/ready").ask().await);
        unavailable(self.session.get("/api/v1/profile").await);
        unavailable(self.session.try_refresh().await);
        unavailable(self.session.person.try_password(PASSWORD).await);
        unavailable(self.session.post("/api/v1/ws/ticket", &json!({})).await);
        unavailable(self.session.sign_out("local").await);
        unavailable(self.session.try_connect().await.err().expect("a refusal"));
        let mut late =
            self.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
        match late.ask(json!({"connect": {"token": self.session.access}})).await {
            Ok(reply) => temporary(&reply),
            Err(closed) => assert_eq!(closed.code, 3004, "a client reconnects after this code"),
        }
        for command in [
            json!({"publish": {"channel": "ephemeral:lobby", "data": 1}}),
            json!({"subscribe": {"channel": "ephemeral:other"}}),
            json!({"refresh": {"token": self.session.access}}),
        ] {
            temporary(&self.member.ask(command).await.expect("the socket stays open"));
        }
        self.app.publish("ephemeral:lobby", json!("held")).await;
        assert!(self.member.is_undisturbed().await && self.other.is_undisturbed().await);
        self.app.get("/health/live").ask().await.expect(200);
    }

    /// Checks that everything works again by itself after the outage, and that `member` receives the held publication.
    async fn heals(&mut self) {
        eventually("readiness", async || self.app.get("/health/ready").ask().await.status == 200).await;
        eventually("the node is current again", async || self.app.is_current()).await;
        assert!(self.session.works().await);
        assert_eq!(self.member.pushed().await["pub"]["data"], "held");
        self.member.publish("ephemeral:lobby", json!("again")).await;
        assert_eq!(self.member.pushed().await["pub"]["data"], "again");
        let again = self.session.person.sign_in().await;
        assert!(again.works().await);
    }
}

#[track_caller]
fn unavailable(answer: Answer) {
    let answer = answer.expect(503).problem();
    assert!(answer.retry_after().is_some_and(|seconds| seconds >= 1), "{:?}", answer.headers);
}

#[track_caller]
fn temporary(reply: &serde_json::Value) {
    assert_eq!(
        (&reply["error"]["code"], &reply["error"]["temporary"]),
        (&json!(100), &json!(true)),
        "{reply}"
    );
}

/// Sends a signal to the postmaster (the main process of PostgreSQL) and to all of its child processes.
fn signal_all(postmaster: u32, signal: i32) {
    // The postmaster is first in the list: when it is stopped or killed, it starts no further processes.
    let mut processes = vec![postmaster];
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The process name may contain any characters and ends at the last `)`. The state and the parent's id follow.
        let parent =
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if parent == Some(postmaster) {
            processes.extend(entry.file_name().to_str().and_then(|pid| pid.parse::<u32>().ok()));
        }
    }
    for pid in processes {
        send(pid, signal);
    }
}

fn send(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).expect("a process number");
    // SAFETY: a plain system call on numbers; the process is one that this test started.
    #[expect(unsafe_code, reason = "the standard library can send only SIGKILL, and only to its children")]
    unsafe {
        libc::kill(pid, signal);
    }
}

#[tokio::test]
async fn during_a_pause_of_the_database_only_requests_that_need_it_are_refused() {
    let mut scene = Scene::begin().await;
    let postmaster = scene.cluster.running.pid();
    signal_all(postmaster, libc::SIGSTOP);
    scene.is_out().await;
    signal_all(postmaster, libc::SIGCONT);
    scene.heals().await;
}

/// This test uses the timeouts of production, and a database that accepts every query but answers no query.
#[tokio::test]
async fn during_a_pause_of_the_database_requests_are_answered_within_three_seconds() {
    let cluster = OwnCluster::start();
    let app = App::over(cluster.database(), |_| {});
    let session = app.register().await.sign_in().await;
    assert!(session.works().await);
    signal_all(cluster.running.pid(), libc::SIGSTOP);
    // The first round begins at once, when the node may still be current. In the second round the node is no longer current.
    for _ in 0..2 {
        let new = json!({"email": app.new_email(), "password": PASSWORD});
        let (ready, profile, sessions, refreshed, signed_in, out) = tokio::join!(
            timed(app.get("/health/ready").ask()),
            timed(session.get("/api/v1/profile")),
            timed(session.get("/api/v1/sessions")),
            timed(session.try_refresh()),
            timed(session.person.try_password(PASSWORD)),
            timed(session.sign_out("local")),
        );
        for (answer, took) in [ready, profile, sessions, refreshed, signed_in, out] {
            unavailable(answer);
            assert!(took < Duration::from_millis(2_900), "{took:?}");
        }
        assert!(!app.is_current());
        let (answer, took) = timed(app.get("/health/ready").ask()).await;
        unavailable(answer);
        assert!(took < Duration::from_millis(500), "a node that is not current answers at once: {took:?}");
        let (answer, took) = timed(app.post("/api/v1/auth/register").json(&new).ask()).await;
        unavailable(answer);
        assert!(took < Duration::from_millis(2_000), "{took:?}");
    }
    signal_all(cluster.running.pid(), libc::SIGCONT);
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    assert!(session.works().await);
}

async fn timed<T>(answer: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (answer.await, began.elapsed())
}

#[tokio::test]
async fn a_killed_database_is_restarted_and_everything_works_again() {
    let mut scene = Scene::begin().await;
    let postmaster = scene.cluster.running.pid();
    // The cluster is paused first, so that it is not restarted before the server has noticed the outage.
    signal_all(postmaster, libc::SIGSTOP);
    scene.is_out().await;
    signal_all(postmaster, libc::SIGKILL);
    scene.heals().await;
    assert_ne!(scene.cluster.running.pid(), postmaster, "the database is another process now");
}

#[tokio::test]
async fn no_audit_event_is_lost_during_an_outage() {
    let mut scene = Scene::begin().await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(scene.session.connect().await);
    }
    let before = scene.app.open_sockets();
    let postmaster = scene.cluster.running.pid();
    signal_all(postmaster, libc::SIGSTOP);
    eventually("the server notices", async || scene.app.holds_deliveries()).await;
    scene.app.publish("ephemeral:lobby", json!("held")).await;
    drop(sockets);
    eventually("the sockets are gone", async || scene.app.open_sockets() == before - 20).await;
    signal_all(postmaster, libc::SIGCONT);
    scene.heals().await;
    let closed = "SELECT count(*) FROM audit_events WHERE event = 'socket.closed'";
    let opened = "SELECT count(*) FROM audit_events WHERE event = 'socket.opened'";
    eventually("every end is recorded", async || scene.app.count(closed).await == 20).await;
    assert_eq!(scene.app.count(opened).await, 22);
    assert!(scene.other.is_undisturbed().await);
}

#[tokio::test]
async fn revocations_missed_during_an_outage_are_carried_out_before_deliveries_leave() {
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let (here, elsewhere) = (App::over(proxy.database(), |_| {}), App::over(database, |_| {}));
    let (session, kept) = (here.register().await.sign_in().await, here.register().await.sign_in().await);
    let (mut socket, mut other) = (session.connect().await, kept.connect().await);
    for socket in [&mut socket, &mut other] {
        socket.subscribe("ephemeral:lobby").await;
    }
    assert!(session.works().await, "the session is in the cache");
    here.lose_database(&proxy).await;
    unavailable(session.get("/api/v1/profile").await);
    here.publish("ephemeral:lobby", json!("secret")).await;
    assert!(
        socket.is_undisturbed().await && other.is_undisturbed().await,
        "the sockets stay open, and nothing is delivered"
    );
    let sign_out = elsewhere.post("/api/v1/auth/logout").bearer_auth(&session.access);
    sign_out.ask().await.expect(200);
    proxy.mend();
    assert!(
        matches!(socket.event().await, Event::Closed(closed) if closed.code == 4501),
        "without a delivery"
    );
    eventually("the node is current again", async || here.is_current()).await;
    assert_eq!(other.pushed().await["pub"]["data"], "secret");
    assert!(!session.works().await && kept.works().await && other.is_undisturbed().await);
}

#[tokio::test]
async fn a_node_without_revocations_stays_current() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    assert!(session.works().await);
    // One look at the revocations keeps the node current for less than this time.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        assert!(app.is_current());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn audit_events_wait_while_the_database_rejects_all_of_them() {
    let app = App::start();
    let session = app.register().await.sign_in().await;
    let rows = app.rows().await;
    rows.batch_execute("ALTER TABLE audit_events RENAME COLUMN detail TO hidden").await.unwrap();
    let _socket = session.connect().await;
    assert!(
        !app.realtime().flush(Duration::from_secs(1)).await,
        "the event is neither in the database nor in the file of refused events"
    );
    rows.batch_execute("ALTER TABLE audit_events RENAME COLUMN hidden TO detail").await.unwrap();
    assert!(app.realtime().flush(Duration::from_secs(20)).await);
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'socket.opened'").await, 1);
}

#[tokio::test]
async fn with_a_read_only_database_the_server_is_not_ready_and_refuses_changes() {
    let app = App::start();
    let person = app.register().await;
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let rows = app.rows().await;
    let name = app.database().config.get_dbname().expect("a name").to_owned();
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()";
    let set = |to: &str| format!("ALTER DATABASE {name} SET default_transaction_read_only = {to}");
    rows.batch_execute(&set("on")).await.unwrap();
    rows.execute(others, &[&name]).await.unwrap();
    unavailable(app.get("/health/ready").ask().await);
    unavailable(person.try_password(PASSWORD).await);
    unavailable(operator.revoke(json!({"user": person.id})).await);
    rows.batch_execute(&set("off")).await.unwrap();
    rows.execute(others, &[&name]).await.unwrap();
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    person.sign_in().await;
}

#[test]
fn a_server_without_a_database_does_not_start_and_names_the_cause() {
    let nowhere = Path::new("/nonexistent/portcullis");
    let database = store::DatabaseSettings::embedded(nowhere, "none");
    let message = App::try_over(database, |_| {}).err().expect("a refusal");
    assert!(message.contains("database"), "{message}");
}

#[tokio::test]
async fn an_outage_longer_than_the_idle_timeout_ends_no_session() {
    const LONGER: Duration = Duration::from_secs(31 * 60);
    let database = fresh_database();
    let proxy = DatabaseProxy::to(&database);
    let app = App::over(proxy.database(), |_| {});
    let (one, other) = (app.register().await.open_session().await, app.register().await.open_session().await);
    assert!(one.works().await);
    proxy.cut();
    eventually("the node is no longer current", async || !app.is_current()).await;
    app.advance(LONGER);
    proxy.mend();
    eventually("the node is current again", async || app.is_current()).await;
    app.sweep().await;
    assert!(one.works().await);
    other.try_refresh().await.expect(200);
    // After the outage, time without use counts as usual.
    app.advance(LONGER);
    assert!(!one.works().await);
}

/// Two sessions of a server that has stopped. The rows are changed as if the server had stopped 31 minutes ago, and as if the
/// second session had not been used in the 31 minutes before the stop.
async fn stopped_for_long(database: &store::DatabaseSettings) -> [Session; 2] {
    let app = App::over(database.clone(), |_| {});
    let (used, idle) = (app.register().await.open_session().await, app.register().await.open_session().await);
    assert!(used.works().await && idle.works().await);
    app.stop();
    let stopped = async || tokio::net::TcpStream::connect(app.address()).await.is_err();
    eventually("the server has stopped", stopped).await;
    let sql = format!(
        "UPDATE service_time SET seen_at = seen_at - interval '31 min', written_by = pg_current_xact_id();
         UPDATE sessions SET last_seen_at = last_seen_at - interval '31 min';
         UPDATE sessions SET last_seen_at = last_seen_at - interval '31 min' WHERE id = '{}'",
        idle.id
    );
    app.rows().await.batch_execute(&sql).await.unwrap();
    [used, idle]
}

async fn works_at(app: &App, session: &Session) -> bool {
    let answer = app.get("/api/v1/profile").bearer_auth(&session.access).ask().await;
    assert!(matches!(answer.status, 200 | 401), "{}", answer.text);
    answer.status == 200
}

#[tokio::test]
async fn a_downtime_longer_than_the_idle_timeout_ends_no_session_that_was_in_use() {
    let database = fresh_database();
    let [used, idle] = stopped_for_long(&database).await;
    let app = App::over(database, |_| {});
    // The jobs of a server wait longer than this before they end idle sessions.
    eventually("the node is current", async || app.is_current()).await;
    app.sweep().await;
    assert!(works_at(&app, &used).await);
    assert!(!works_at(&app, &idle).await, "the session was idle when the server stopped");
    let listed = app.get("/api/v1/sessions").bearer_auth(&used.access).ask().await.expect(200);
    assert_eq!(listed.body["sessions"].as_array().map(Vec::len), Some(1));
    app.advance(Duration::from_secs(31 * 60));
    assert!(!works_at(&app, &used).await, "after the downtime, time without use counts as usual");
}

#[tokio::test]
async fn the_downtime_of_one_server_is_no_outage_while_another_runs() {
    let database = fresh_database();
    let [used, _] = stopped_for_long(&database).await;
    let now = "UPDATE service_time SET seen_at = now(), written_by = pg_current_xact_id()";
    used.app.rows().await.batch_execute(now).await.unwrap();
    let app = App::over(database, |_| {});
    assert!(!works_at(&app, &used).await);
}

/// A restored dump may contain sessions that were revoked after the dump was made. The idle timeout must end them.
#[tokio::test]
async fn the_time_since_a_restored_dump_was_made_is_no_outage() {
    let database = fresh_database();
    let [used, _] = stopped_for_long(&database).await;
    // As in a restored dump, the row names another transaction than the one that wrote it.
    used.app.rows().await.batch_execute("UPDATE service_time SET seen_at = seen_at").await.unwrap();
    let app = App::over(database, |_| {});
    assert!(!works_at(&app, &used).await);
}
