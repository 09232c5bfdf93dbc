//! The certificate of the server: it can be replaced while connections are open, and operators can see when it expires.

use std::{
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use portcullis::tls::PairPaths;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::{
    harness::{App, Ask as _, Certificates, Server, Session, TlsStream, client, eventually, within},
    serve::production_with,
};

/// The time within which new connections must get a new certificate.
const RENEWED_WITHIN: Duration = Duration::from_secs(2);

type TlsSocket = WebSocketStream<TlsStream>;

/// A server with this certificate.
fn app(pair: PairPaths) -> App {
    App::with_tls(|settings| settings.listen.certificate = Some((pair.certificate, pair.key)))
}

fn stored(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}

/// The certificate that a new connection gets.
async fn served(app: &App, certificates: &Certificates) -> CertificateDer<'static> {
    let stream = certificates.connect(app).await;
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].clone()
}

/// Waits until new connections get this certificate, and returns how long it took.
async fn until_served(app: &App, certificates: &Certificates, renewed: &CertificateDer<'static>) -> Duration {
    let began = Instant::now();
    eventually("the new certificate", async || served(app, certificates).await == *renewed).await;
    began.elapsed()
}

/// Opens a WebSocket over TLS.
async fn open(certificates: &Certificates, session: &Session) -> TlsSocket {
    let stream = certificates.connect(&session.app).await;
    let port = session.app.tls_address().port();
    let url = format!("wss://localhost:{port}/api/v1/ws/chat?token={}", session.access);
    Box::pin(within("a handshake", client_async(url, stream))).await.expect("the upgrade").0
}

/// Whether the peer still answers over this socket.
async fn answers(socket: &mut TlsSocket) -> bool {
    socket.send(Message::Ping("are you there".into())).await.expect("an open socket");
    loop {
        match within("a pong", socket.next()).await {
            Some(Ok(Message::Pong(_))) => return true,
            Some(Ok(Message::Text(_) | Message::Ping(_))) => {}
            _ => return false,
        }
    }
}

/// Replaces the certificate as Kubernetes does, while `sockets` WebSockets are open.
async fn replace_while_open(sockets: usize) {
    let certificates = Certificates::new();
    let root = certificates.path();
    certificates.server("first/tls", 60);
    let second = certificates.server("second/tls", 60);
    symlink("first", root.join("..data")).expect("a link");
    symlink("..data/tls.crt", root.join("tls.crt")).expect("a link");
    symlink("..data/tls.key", root.join("tls.key")).expect("a link");
    let app = app(PairPaths::of(&root.join("tls")));
    let mut open_sockets = Vec::new();
    let mut session = app.register().await.sign_in().await;
    for number in 0..sockets {
        if number > 0 && number % 250 == 0 {
            session = app.register().await.sign_in().await;
        }
        open_sockets.push(open(&certificates, &session).await);
    }
    let first = served(&app, &certificates).await;
    symlink("second", root.join("..data_tmp")).expect("a link");
    std::fs::rename(root.join("..data_tmp"), root.join("..data")).expect("the swap of the links");
    let renewed = stored(&second.certificate);
    assert_ne!(renewed, first);
    let took = until_served(&app, &certificates, &renewed).await;
    assert!(took < RENEWED_WITHIN, "it took {took:?}");
    assert_eq!(app.open_sockets(), sockets);
    for socket in &mut open_sockets {
        assert!(answers(socket).await, "a socket was closed");
    }
}

#[tokio::test]
async fn a_swapped_link_to_a_new_certificate_is_noticed_within_two_seconds_and_100_sockets_stay_open() {
    replace_while_open(100).await;
}

#[tokio::test]
#[ignore = "takes long: the same with 1,000 sockets"]
async fn a_swapped_link_to_a_new_certificate_is_noticed_within_two_seconds_and_1000_sockets_stay_open() {
    replace_while_open(1_000).await;
}

#[tokio::test]
async fn files_that_are_replaced_by_renaming_are_noticed_within_two_seconds() {
    let certificates = Certificates::new();
    let (pair, renewed) = (certificates.server("tls", 60), certificates.server("renewed", 60));
    let app = app(pair.clone());
    let expected = stored(&renewed.certificate);
    std::fs::rename(&renewed.key, &pair.key).expect("a new key");
    std::fs::rename(&renewed.certificate, &pair.certificate).expect("a new certificate");
    let took = until_served(&app, &certificates, &expected).await;
    assert!(took < RENEWED_WITHIN, "it took {took:?}");
}

/// A production server with this certificate.
fn production(pair: &PairPaths) -> Server {
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    production_with(&[
        ("TLS_CERT_FILE", &path(&pair.certificate)),
        ("TLS_KEY_FILE", &path(&pair.key)),
        ("TLS_PORT", "0"),
        ("METRICS_ADDR", "127.0.0.1:0"),
    ])
}

/// How many lines of the log contain this text.
fn lines(server: &Server, text: &str) -> usize {
    server.log().lines().filter(|line| line.contains(text)).count()
}

/// The value of the metric that shows for how many seconds the certificate is still valid.
async fn seconds_left(server: &Server) -> f64 {
    let url = format!("{}/metrics", server.facts["metrics"].as_str().expect("an address"));
    let shown = client().build().expect("a client").get(url).ask().await.expect(200).text;
    let line =
        shown.lines().find(|line| line.starts_with("tls_certificate_seconds_left ")).expect("the metric");
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

const MISMATCH: &str = "the renewed TLS certificate cannot be used";
const SOON: &str = "the TLS certificate expires soon";

#[tokio::test]
async fn while_only_the_certificate_is_new_the_old_pair_is_served_and_one_warning_is_written() {
    let certificates = Certificates::new();
    let (pair, renewed) = (certificates.server("tls", 5), certificates.server("renewed", 6));
    let server = production(&pair);
    let day = 86_400.0;
    let is_about = async |days: f64| (seconds_left(&server).await - days * day).abs() < 600.0;
    assert!(is_about(5.0).await);
    std::fs::rename(&renewed.certificate, &pair.certificate).expect("a new certificate");
    eventually("the warning", async || lines(&server, MISMATCH) > 0).await;
    // The metric is set whenever the server checks the files. Its next two changes show that the server has checked them twice
    // since the warning.
    for _ in 0..2 {
        let before = seconds_left(&server).await;
        eventually("another check of the files", async || seconds_left(&server).await < before).await;
    }
    assert!(is_about(5.0).await, "the old certificate is served");
    let rest = certificates.rest().build().expect("a client");
    let url = format!("{}/health/live", server.facts["https"].as_str().expect("an address"));
    rest.get(&url).ask().await.expect(200);
    assert_eq!(lines(&server, MISMATCH), 1, "{}", server.log());
    assert_eq!(lines(&server, SOON), 1, "at the start: {}", server.log());
    std::fs::rename(&renewed.key, &pair.key).expect("a new key");
    eventually("the new certificate", async || is_about(6.0).await).await;
    eventually("a line about it", async || lines(&server, "the TLS certificate was renewed") == 1).await;
    rest.get(&url).ask().await.expect(200);
    assert_eq!((lines(&server, MISMATCH), lines(&server, SOON)), (1, 2), "{}", server.log());
}

#[tokio::test]
async fn readiness_shows_the_end_of_the_certificate() {
    let app = App::with_tls(|_| {});
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    let ready = app.get("/health/ready").ask().await.expect(200).body;
    assert_eq!(ready["details"], json!([]));
    assert!(ready["certificate_expires_at"].as_str().is_some_and(|end| end.ends_with('Z')), "{ready}");
}

#[tokio::test]
async fn readiness_has_a_notice_from_30_days_before_the_end_of_the_certificate() {
    let app = App::with_tls(|_| {});
    let code = async || {
        eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
        let details = app.get("/health/ready").ask().await.expect(200).body["details"].clone();
        details.as_array().and_then(|list| list.first().cloned()).unwrap_or(Value::Null)["code"].clone()
    };
    let day = Duration::from_secs(86_400);
    assert_eq!(code().await, Value::Null);
    app.advance(59 * day);
    assert_eq!(code().await, Value::Null, "31 days are left");
    app.advance(2 * day);
    assert_eq!(code().await, json!("certificate_expires_soon"));
    app.advance(30 * day);
    assert_eq!(code().await, json!("certificate_expired"));
}

#[tokio::test]
async fn a_server_without_tls_says_nothing_about_a_certificate() {
    let app = App::start();
    eventually("readiness", async || app.get("/health/ready").ask().await.status == 200).await;
    assert!(app.get("/health/ready").ask().await.expect(200).body.get("certificate_expires_at").is_none());
}
