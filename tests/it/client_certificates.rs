//! Client certificates: with `CLIENT_CA_FILE`, requests of operators and requests to the server API need a client certificate.
//! Other requests do not.

use std::sync::Arc;

use domain::account::role::Role;
use reqwest::{Client, Method};
use rustls::{ClientConfig, HandshakeKind, pki_types::ServerName};
use secrecy::SecretString;
use serde_json::json;
use time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async;

use crate::harness::{
    API_KEY, Answer, App, Ask as _, Certificates, ClientPair, Session, TlsStream, eventually, portcullis,
    within,
};

/// A server that accepts client certificates of this authority.
fn app(certificates: &Certificates) -> App {
    let server = certificates.server("server", 60);
    App::with_tls(|settings| {
        settings.listen.certificate = Some((server.certificate, server.key));
        settings.listen.client_ca = Some(certificates.authority_file());
        settings.api_key = Some(SecretString::from(API_KEY));
    })
}

fn url(app: &App, path: &str) -> String {
    format!("https://localhost:{}{path}", app.tls_address().port())
}

/// A request of an operator, over the connection of this client.
async fn list_sessions(app: &App, rest: &Client, operator: &Session) -> Answer {
    rest.get(url(app, "/api/v1/admin/sessions")).bearer_auth(&operator.access).ask().await
}

/// A request to the server API, over the connection of this client.
async fn call(app: &App, rest: &Client, method: &str) -> Answer {
    rest.post(url(app, &format!("/api/{method}"))).header("x-api-key", API_KEY).json(&json!({})).ask().await
}

#[tokio::test]
async fn an_operator_needs_a_client_certificate_and_the_usual_credential() {
    let certificates = Certificates::new();
    let app = app(&certificates);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let without = certificates.rest().build().expect("a client");
    let answer = list_sessions(&app, &without, &operator).await;
    let refused = answer.refused(403, "client_certificate_required");
    assert!(refused.text.contains("needs TLS and a client certificate"), "{}", refused.text);
    assert!(refused.header("x-request-id").is_some());
    let with = certificates.rest().identity(certificates.client("console")).build().expect("a client");
    list_sessions(&app, &with, &operator).await.expect(200);
    with.get(url(&app, "/api/v1/admin/sessions")).ask().await.refused(401, "not_authenticated");
}

#[tokio::test]
async fn the_server_api_needs_a_client_certificate_and_a_key() {
    let certificates = Certificates::new();
    let app = app(&certificates);
    let without = certificates.rest().build().expect("a client");
    let with = certificates.rest().identity(certificates.client("backend")).build().expect("a client");
    for method in ["info", "publish", "batch", "no_such_method"] {
        call(&app, &without, method).await.refused(403, "client_certificate_required");
    }
    call(&app, &with, "info").await.expect(200);
    call(&app, &with, "no_such_method").await.refused(404, "not_found");
    with.post(url(&app, "/api/info")).json(&json!({})).ask().await.refused(401, "invalid_api_key");
}

#[tokio::test]
async fn paths_that_need_a_certificate_are_refused_over_plain_http_in_every_spelling() {
    let certificates = Certificates::new();
    let app = app(&certificates);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    for path in [
        "/api/v1/admin",
        "/api/v1/admin/",
        "/api/v1/admin/sessions",
        "/api/v1/%61dmin/sessions",
        "/api/v1/admin/%73essions",
        "/api/v1/admin/nothing",
    ] {
        let request = app.get(path).bearer_auth(&operator.access);
        let answer = request.header("x-forwarded-proto", "https").header("x-client-cert", "CN=console");
        answer.ask().await.refused(403, "client_certificate_required");
    }
    for path in ["/api/info", "/api/%69nfo"] {
        let request = app.post(path).header("x-api-key", API_KEY).json(&json!({}));
        request.ask().await.refused(403, "client_certificate_required");
    }
    // No other spelling reaches the handlers: these paths do not exist.
    for path in [
        "//api/v1/admin/sessions",
        "/api//v1/admin/sessions",
        "/api%2Fv1%2Fadmin%2Fsessions",
        "/API/v1/admin/sessions",
    ] {
        app.get(path).bearer_auth(&operator.access).ask().await.expect(404);
    }
}

#[tokio::test]
async fn other_paths_need_no_client_certificate() {
    let certificates = Certificates::new();
    let app = app(&certificates);
    let session = app.register().await.sign_in().await;
    let without = certificates.rest().build().expect("a client");
    without.get(url(&app, "/health/live")).ask().await.expect(200);
    without.get(url(&app, "/api/v1/profile")).bearer_auth(&session.access).ask().await.expect(200);
    app.get("/api/v1/profile").bearer_auth(&session.access).ask().await.expect(200);
    let stream = certificates.connect(&app).await;
    let path =
        format!("wss://localhost:{}/api/v1/ws/chat?token={}", app.tls_address().port(), session.access);
    Box::pin(within("a handshake", client_async(path, stream))).await.expect("the upgrade");
}

#[tokio::test]
async fn a_certificate_of_another_authority_or_an_expired_one_ends_the_handshake() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    let app = app(&certificates);
    for identity in [others.client("console"), certificates.expired_client("console")] {
        let rest = certificates.rest().identity(identity).build().expect("a client");
        for path in ["/api/v1/admin/sessions", "/health/live"] {
            assert!(rest.request(Method::GET, url(&app, path)).send().await.is_err(), "{path}");
        }
    }
    assert!(app.metrics().contains("client_certificates_refused_total"));
}

#[tokio::test]
async fn a_certificate_of_a_server_is_not_accepted_from_a_client() {
    let certificates = Certificates::new();
    let app = app(&certificates);
    let pair = certificates.server("another", 5);
    let pem = [std::fs::read(pair.certificate).unwrap(), std::fs::read(pair.key).unwrap()].concat();
    let identity = reqwest::Identity::from_pem(&pem).expect("a certificate and its key");
    let rest = certificates.rest().identity(identity).build().expect("a client");
    assert!(rest.get(url(&app, "/health/live")).send().await.is_err());
}

#[tokio::test]
async fn audit_events_contain_the_subject_of_the_client_certificate() {
    let certificates = Certificates::new();
    let app = app(&certificates);
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let rest =
        certificates.rest().identity(certificates.client("console of operators")).build().expect("a client");
    let body = json!({"session": session.id, "reason": "a lost laptop"});
    let request = rest.post(url(&app, "/api/v1/admin/revocations")).bearer_auth(&operator.access);
    request.json(&body).ask().await.expect(200);
    let subject = "SELECT detail->>'client_certificate' FROM audit_events WHERE event = 'session.revoked'";
    let row = app.rows().await.query_one(subject, &[]).await.expect("one event");
    assert_eq!(row.get::<_, Option<String>>(0).as_deref(), Some("CN=console of operators"));
}

/// A server that accepts client certificates of this authority, except those on its list.
fn app_with_list(certificates: &Certificates, revoked: &[&ClientPair]) -> App {
    let server = certificates.server("server", 60);
    let list = certificates.revoke(revoked);
    App::with_tls(|settings| {
        settings.listen.certificate = Some((server.certificate, server.key));
        settings.listen.client_ca = Some(certificates.authority_file());
        settings.listen.client_crl = Some(list);
        settings.api_key = Some(SecretString::from(API_KEY));
    })
}

/// A connection with these TLS settings. With TLS 1.3, a client learns only with the first answer that its certificate is
/// refused.
async fn connect(app: &App, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream> {
    let stream = TcpStream::connect(app.tls_address()).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    within("TLS", TlsConnector::from(Arc::clone(config)).connect(name, stream)).await
}

/// The status of the answer to a request of an operator without a token: 401 if the client certificate was accepted, 403 if
/// not. The connection stays open.
async fn status(stream: &mut TlsStream) -> std::io::Result<u16> {
    stream.write_all(b"GET /api/v1/admin/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
                return status.ok_or_else(|| std::io::Error::other("no status"));
            }
        }
        if within("an answer", stream.read_buf(&mut answer)).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Waits until the requests over this connection are refused for the client certificate.
async fn until_refused(stream: &mut TlsStream) {
    within("the refusal", async {
        while status(stream).await.expect("an answer") != 403 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// The status of one request over a new connection, and how the handshake was made.
async fn request(app: &App, config: &Arc<ClientConfig>) -> std::io::Result<(u16, Option<HandshakeKind>)> {
    let mut stream = connect(app, config).await?;
    let status = status(&mut stream).await?;
    Ok((status, stream.get_ref().1.handshake_kind()))
}

#[tokio::test]
async fn a_resumed_session_does_not_outlive_the_certificate_of_its_client() {
    let certificates = Certificates::new();
    let app = app(&certificates);
    let pair = certificates.client_pair_for("console", Duration::seconds(8));
    let config = Arc::new(certificates.tls_client(&pair));
    assert_eq!(request(&app, &config).await.expect("an answer").0, 401);
    let resumed = request(&app, &config).await.expect("an answer");
    assert_eq!(resumed, (401, Some(HandshakeKind::Resumed)));
    let mut open = connect(&app, &config).await.expect("a connection");
    assert_eq!(status(&mut open).await.expect("an answer"), 401);
    eventually("the end of the certificate", async || {
        matches!(request(&app, &config).await, Ok((403, Some(HandshakeKind::Resumed))))
    })
    .await;
    until_refused(&mut open).await;
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_on_new_resumed_and_open_connections() {
    let certificates = Certificates::new();
    let (revoked, other) = (certificates.client_pair("lost"), certificates.client_pair("console"));
    let app = app_with_list(&certificates, &[]);
    let (lost, console) =
        (Arc::new(certificates.tls_client(&revoked)), Arc::new(certificates.tls_client(&other)));
    let mut open = connect(&app, &lost).await.expect("a connection");
    assert_eq!(status(&mut open).await.expect("an answer"), 401);
    assert_eq!(request(&app, &lost).await.expect("an answer").0, 401);
    certificates.revoke(&[&revoked]);
    eventually("the refusal of the handshake", async || request(&app, &lost).await.is_err()).await;
    assert_eq!(status(&mut open).await.expect("an answer"), 403);
    assert_eq!(request(&app, &console).await.expect("an answer").0, 401, "another certificate still counts");
}

#[tokio::test]
async fn a_certificate_that_is_revoked_at_the_start_ends_the_handshake() {
    let certificates = Certificates::new();
    let (revoked, other) = (certificates.client_pair("lost"), certificates.client_pair("console"));
    let app = app_with_list(&certificates, &[&revoked]);
    let rest = |pair: &ClientPair| certificates.rest().identity(pair.identity()).build().expect("a client");
    assert!(rest(&revoked).get(url(&app, "/health/live")).send().await.is_err());
    rest(&other).get(url(&app, "/api/v1/admin/sessions")).ask().await.refused(401, "not_authenticated");
    assert!(app.metrics().contains("client_certificates_refused_total"));
}

#[tokio::test]
async fn with_an_expired_list_no_certificate_is_accepted() {
    let certificates = Certificates::new();
    let pair = certificates.client_pair("console");
    let app = app_with_list(&certificates, &[]);
    let config = Arc::new(certificates.tls_client(&pair));
    let mut open = connect(&app, &config).await.expect("a connection");
    assert_eq!(status(&mut open).await.expect("an answer"), 401);
    certificates.expired_list();
    until_refused(&mut open).await;
    assert!(request(&app, &config).await.is_err());
    certificates.revoke(&[]);
    eventually("the new list", async || matches!(request(&app, &config).await, Ok((401, _)))).await;
}

#[tokio::test]
async fn a_replaced_file_of_authorities_counts_within_two_seconds() {
    let (certificates, others) = (Certificates::new(), Certificates::new());
    let authorities = certificates.path().join("clients.crt");
    std::fs::copy(certificates.authority_file(), &authorities).expect("a copy");
    let server = certificates.server("server", 60);
    let app = App::with_tls(|settings| {
        settings.listen.certificate = Some((server.certificate, server.key));
        settings.listen.client_ca = Some(authorities.clone());
    });
    let rest = |identity| certificates.rest().identity(identity).build().expect("a client");
    let (former, new) = (rest(certificates.client("console")), rest(others.client("console")));
    let admin = url(&app, "/api/v1/admin/sessions");
    former.get(&admin).ask().await.refused(401, "not_authenticated");
    assert!(new.get(&admin).send().await.is_err());
    let began = std::time::Instant::now();
    std::fs::copy(others.authority_file(), &authorities).expect("a copy");
    eventually("the new authority", async || new.get(&admin).send().await.is_ok()).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    new.get(&admin).ask().await.refused(401, "not_authenticated");
    assert!(former.get(&admin).send().await.is_err());
}

#[test]
fn a_wrong_list_is_reported_with_the_name_of_the_setting() {
    let certificates = Certificates::new();
    let pair = certificates.server("server", 5);
    let path = |path: &std::path::Path| path.to_str().expect("a path in UTF-8").to_owned();
    let check = |settings: &[(&str, &str)]| {
        let output = portcullis(&["config", "check"], settings);
        assert_eq!(output.status.code(), Some(78));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let list = path(&certificates.authority_file());
    let found = check(&[("CLIENT_CRL_FILE", &list)]);
    assert!(found.contains("CLIENT_CRL_FILE: without CLIENT_CA_FILE"), "{found}");
    let (certificate, key) = (path(&pair.certificate), path(&pair.key));
    let tls = [("TLS_CERT_FILE", certificate.as_str()), ("TLS_KEY_FILE", &key), ("CLIENT_CA_FILE", &list)];
    let found = check(&[&tls[..], &[("CLIENT_CRL_FILE", &list)]].concat());
    assert!(
        found.contains("CLIENT_CRL_FILE: ") && found.contains("lists of revoked certificates"),
        "{found}"
    );
}

/// The error of `portcullis config check` with this file of authorities.
fn config_check(file: &std::path::Path) -> String {
    let path = file.to_str().expect("a path in UTF-8");
    let output = portcullis(&["config", "check"], &[("CLIENT_CA_FILE", path)]);
    assert_eq!(output.status.code(), Some(78));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_file_of_authorities_is_reported_with_the_name_of_the_setting() {
    let certificates = Certificates::new();
    let found = config_check(&certificates.authority_file());
    assert!(found.contains("CLIENT_CA_FILE: without TLS"), "{found}");
    let found = config_check(&certificates.server("server", 5).certificate);
    assert!(
        found.contains("CLIENT_CA_FILE: ") && found.contains("not that of an authority: CN=localhost"),
        "{found}"
    );
    let found = config_check(&certificates.path().join("nothing.crt"));
    assert!(found.contains("CLIENT_CA_FILE: ") && found.contains("nothing.crt"), "{found}");
}
