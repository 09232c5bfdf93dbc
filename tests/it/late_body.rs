//! Requests with a late body: changes to the caller before the end of the body take effect.

use domain::account::role::{Role, Status};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{App, PASSWORD, Session, within};

const NEW_PASSWORD: &str = "another-copper-walrus-17";

/// An incomplete request: the server has its head, and its body except the last byte.
struct Begun {
    stream: TcpStream,
    last: u8,
}

impl Begun {
    async fn new(session: &Session, method: &str, path: &str, body: &Value) -> Self {
        let body = body.to_string();
        let (last, most) = body.as_bytes().split_last().expect("a body");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            session.access,
            body.len()
        );
        let mut stream = TcpStream::connect(session.app.address()).await.expect("a connection");
        stream.write_all(head.as_bytes()).await.expect("the head is written");
        let mut answer = [0; 25];
        within("the interim answer", stream.read_exact(&mut answer)).await.expect("an interim answer");
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(most).await.expect("most of the body is written");
        Self { stream, last: *last }
    }

    /// Sends the last byte, and returns the status and the problem code of the answer.
    async fn end(mut self) -> (u16, String) {
        self.stream.write_all(&[self.last]).await.expect("the last byte is written");
        let mut answer = Vec::new();
        within("the whole answer", self.stream.read_to_end(&mut answer)).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }
}

fn revoked() -> (u16, String) {
    (401, "session_revoked".to_owned())
}

#[tokio::test]
async fn a_body_that_arrives_after_the_revocation_of_its_session_changes_nothing() {
    let app = App::start();
    let operator = app.appoint(Role::Operator).await.sign_in().await;
    let session = app.register().await.sign_in().await;
    let bodies = [
        ("PUT", "/api/v1/profile", json!({"display_name": "Late"})),
        ("POST", "/api/v1/profile/password", json!({"new_password": NEW_PASSWORD})),
        ("POST", "/api/v1/auth/step-up", json!({"password": PASSWORD})),
    ];
    let mut begun = Vec::new();
    for (method, path, body) in &bodies {
        begun.push(Begun::new(&session, method, path, body).await);
    }
    operator.revoke(json!({"session": session.id})).await.expect(200);
    for (request, (_, path, _)) in begun.into_iter().zip(&bodies) {
        assert_eq!(request.end().await, revoked(), "{path}");
    }
    let fresh = session.person.sign_in().await;
    assert!(fresh.get("/api/v1/profile").await.body["display_name"].is_null());
}

#[tokio::test]
async fn an_operator_suspended_or_demoted_before_the_body_arrives_revokes_no_session() {
    let app = App::start();
    let (suspended, demoted) =
        (app.appoint(Role::Admin).await.sign_in().await, app.appoint(Role::Operator).await.sign_in().await);
    let victim = app.register().await.sign_in().await;
    let order = json!({"session": victim.id, "reason": "too late"});
    let by_suspended = Begun::new(&suspended, "POST", "/api/v1/admin/revocations", &order).await;
    let by_demoted = Begun::new(&demoted, "POST", "/api/v1/admin/revocations", &order).await;
    suspended.person.set_status(Status::Suspended).await;
    demoted.person.set_role(Role::User).await;
    assert_eq!(by_suspended.end().await.0, 401);
    assert_eq!(by_demoted.end().await, (403, "operator_required".to_owned()));
    assert!(victim.works().await);
}

#[tokio::test]
async fn a_late_body_is_accepted() {
    let session = App::start().register().await.sign_in().await;
    let body = json!({"display_name": "Ann"});
    let (status, _) = Begun::new(&session, "PUT", "/api/v1/profile", &body).await.end().await;
    assert_eq!(status, 200);
    assert_eq!(session.get("/api/v1/profile").await.text_of("display_name"), "Ann");
}
