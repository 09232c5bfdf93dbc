//! Two servers, of which one accepts writes: the node follows when they change their roles.

use std::time::{Duration, Instant};

use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;
use store::{DatabaseSettings, Store};

use crate::harness::{App, Ask, Certificates, DatabaseServer, PASSWORD, ServerTls, eventually};

/// Both servers, as the URL of an operator names them.
fn both(servers: [&DatabaseServer; 2], certificates: &Certificates) -> DatabaseSettings {
    let [first, second] = servers.map(DatabaseServer::port);
    let authority = certificates.authority_file();
    let url = format!(
        "postgres://app:hunter2@localhost:{first},localhost:{second}/portcullis?sslmode=verify-full&sslrootcert={}",
        authority.display()
    );
    DatabaseSettings::parse(&SecretString::from(url)).expect("a URL")
}

/// How many connections of the node a server has.
async fn connections(server: &DatabaseServer) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'portcullis'";
    server.admin().await.query_one(sql, &[]).await.expect("a number").get(0)
}

async fn has_account(server: &DatabaseServer, id: i64) -> bool {
    let sql = "SELECT count(*) FROM users WHERE id = $1";
    server.admin().await.query_one(sql, &[&id]).await.expect("a number").get::<_, i64>(0) == 1
}

/// Waits until a user can register again. Returns the id of the user.
async fn registered(app: &App) -> i64 {
    eventually("the node is ready", async || app.get("/health/ready").ask().await.status == 200).await;
    eventually("the node is current", async || app.is_current()).await;
    app.register().await.id.0
}

#[tokio::test]
async fn a_node_moves_to_the_other_server_when_its_server_becomes_read_only() {
    let certificates = Certificates::new();
    let tls =
        ServerTls { pair: certificates.server("database", 5), authority: certificates.authority_file() };
    let (first, second) = (DatabaseServer::start(Some(&tls)), DatabaseServer::start(Some(&tls)));
    second.set_read_only(true).await;
    let app = App::over(both([&first, &second], &certificates), |_| {});
    assert!(has_account(&first, app.register().await.id.0).await);
    first.set_read_only(true).await;
    second.set_read_only(false).await;
    // The old server still runs, and its connections are open: the node must notice by itself.
    eventually("no connection leads to the old server", async || connections(&first).await == 0).await;
    let id = registered(&app).await;
    assert!(has_account(&second, id).await);
    // And back again, so that the order of the servers does not matter.
    second.set_read_only(true).await;
    first.set_read_only(false).await;
    eventually("no connection leads to the second server", async || connections(&second).await == 0).await;
    let id = registered(&app).await;
    assert!(has_account(&first, id).await);
}

#[tokio::test]
async fn a_node_moves_to_the_standby_when_the_primary_dies_and_the_standby_is_promoted() {
    let certificates = Certificates::new();
    let tls =
        ServerTls { pair: certificates.server("database", 5), authority: certificates.authority_file() };
    let mut primary = DatabaseServer::start(Some(&tls));
    let standby = primary.synchronous_standby(Some(&tls)).await;
    // The standby is named first, and is skipped.
    let app = App::over(both([&standby, &primary], &certificates), |settings| {
        settings.database.acquire_timeout = Duration::from_millis(500);
    });
    assert!(has_account(&primary, app.register().await.id.0).await);
    primary.stop();
    eventually("the node is not ready", async || app.get("/health/ready").ask().await.status == 503).await;
    standby.promote().await;
    let id = registered(&app).await;
    assert!(has_account(&standby, id).await);
}

/// The session exists on the standby, and its revocation does not.
#[tokio::test]
async fn a_node_refuses_all_credentials_after_a_takeover_that_lost_a_revocation() {
    let certificates = Certificates::new();
    let tls =
        ServerTls { pair: certificates.server("database", 5), authority: certificates.authority_file() };
    let mut primary = DatabaseServer::start(Some(&tls));
    let standby = primary.synchronous_standby(Some(&tls)).await;
    let app = App::over(both([&standby, &primary], &certificates), |settings| {
        settings.database.acquire_timeout = Duration::from_millis(500);
    });
    let elsewhere = App::over(both([&standby, &primary], &certificates), |_| {});
    let person = app.register().await;
    let (session, other) = (person.sign_in().await, person.sign_in().await);
    let mut socket = other.connect().await;
    primary.leave_behind(&standby).await;
    let path = format!("/api/v1/sessions/{}", other.id);
    elsewhere.request(Method::DELETE, &path).bearer_auth(&session.access).ask().await.expect(200);
    // So the node has read the revocation.
    socket.closed().await;
    primary.stop();
    standby.promote().await;
    eventually("the node is stale", async || !app.is_current()).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        session.get("/api/v1/profile").await.expect(503);
        // The node remembers the revocation, so it may refuse the revoked session for that reason.
        let revoked = other.get("/api/v1/profile").await;
        assert!([401, 503].contains(&revoked.status), "{}", revoked.text);
    }
    for (credential, statuses) in [(&session, &[503][..]), (&other, &[401, 503])] {
        let body = json!({"refresh_token": credential.refresh});
        let answer = app.post("/api/v1/auth/refresh").json(&body).ask().await;
        assert!(statuses.contains(&answer.status), "{}", answer.text);
    }
    person.try_password(PASSWORD).await.expect(503);
    app.get("/health/ready").ask().await.expect(503);
    // The loss is noted, so another start is refused, too.
    let sql = "SELECT count(*) FROM database_origin WHERE timeline = 0";
    let noted: i64 = standby.admin().await.query_one(sql, &[]).await.expect("a number").get(0);
    assert_eq!(noted, 1);
    assert!(App::try_over(both([&standby, &primary], &certificates), |_| {}).is_err());
}

/// As if the machine of the first server had lost its network: connections are accepted, and nothing is answered.
#[tokio::test]
async fn a_server_that_does_not_answer_is_skipped_and_tried_last_from_then_on() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = DatabaseServer::start(None);
    let url = format!(
        "postgres://app:hunter2@127.0.0.1:{},127.0.0.1:{}/portcullis?connect_timeout=1",
        silent.local_addr().expect("an address").port(),
        server.port()
    );
    let settings = DatabaseSettings::parse(&SecretString::from(url)).expect("a URL");
    let store = Store::connect(&settings).expect("a store");
    let _listener = store.listen().await.expect("a connection to the second server");
    // A ping has less time than one attempt at the silent server takes.
    store.ping().await.expect("an answer of the second server");
}
