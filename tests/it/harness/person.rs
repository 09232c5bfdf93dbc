//! Users and their sessions, as clients of REST and of WebSockets.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::account::role::{Role, Status};
use protocol::id::{SessionId, UserId};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use store::OpenSession;

use super::{Answer, App, Ask, Forgery, Socket, session_fixture};

/// The password of every test user.
pub(crate) const PASSWORD: &str = "correct-zebra-lantern-42";

/// A user with an account.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) app: App,
    pub(crate) email: String,
    pub(crate) id: UserId,
}

/// One session of a user.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) app: App,
    pub(crate) person: Person,
    pub(crate) id: SessionId,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) csrf: String,
    /// The sealed device cookie.
    pub(crate) device: String,
}

impl Person {
    pub(super) fn new(app: &App, email: String, id: i64) -> Self {
        Self { app: app.clone(), email, id: UserId(id) }
    }

    /// Signs in on a new device.
    pub(crate) async fn sign_in(&self) -> Session {
        let answer = self.try_password(PASSWORD).await.expect(200);
        Session::granted(self, &answer)
    }

    /// A session like one that a sign-in opens, but no password is hashed for it.
    pub(crate) async fn open_session(&self) -> Session {
        session_fixture::session(self).await
    }

    /// The arguments of the store for opening a session of this user, as after the check of a password.
    pub(crate) async fn sign_in_order(&self) -> OpenSession {
        session_fixture::sign_in(self).await
    }

    /// The answer to a sign-in with this password.
    pub(crate) async fn try_password(&self, password: &str) -> Answer {
        let body = json!({"username": self.email, "password": password});
        self.app.post("/api/v1/auth/jwt/login").json(&body).ask().await
    }

    pub(crate) async fn set_role(&self, role: Role) {
        self.app.set_role(self.id, role).await;
    }

    pub(crate) async fn set_status(&self, status: Status) {
        self.app.set_status(self.id, status).await;
    }
}

impl Session {
    /// The session that this answer to a sign-in or refresh grants.
    pub(crate) fn granted(person: &Person, answer: &Answer) -> Self {
        Self {
            app: person.app.clone(),
            person: person.clone(),
            id: answer.text_of("session_id").parse().expect("a session id"),
            access: answer.text_of("access_token"),
            refresh: answer.text_of("refresh_token"),
            csrf: answer.text_of("csrf_token"),
            device: answer
                .cookie("device_id")
                .or_else(|| answer.cookie("__Host-device_id"))
                .expect("a device cookie"),
        }
    }

    /// A request with this session's token in the header.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, path).bearer_auth(&self.access)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).ask().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).ask().await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path).json(body).ask().await
    }

    /// A request with this session's cookies, as a browser sends it.
    pub(crate) fn by_cookie(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, path).header("cookie", self.cookies())
    }

    /// The value of the `Cookie` header of a browser that holds this session.
    pub(crate) fn cookies(&self) -> String {
        let Self { access, refresh, csrf, device, .. } = self;
        format!("access_token={access}; refresh_token={refresh}; csrf_token={csrf}; device_id={device}")
    }

    /// The answer to a refresh with this session's refresh token.
    pub(crate) async fn try_refresh(&self) -> Answer {
        let body = json!({"refresh_token": self.refresh});
        self.app.post("/api/v1/auth/refresh").json(&body).ask().await
    }

    /// This session with the new tokens of a refresh.
    pub(crate) async fn renewed(&self) -> Self {
        let answer = self.try_refresh().await.expect(200);
        Self::granted(&self.person, &answer)
    }

    /// This session with the new tokens of a step-up, which carry privilege.
    pub(crate) async fn stepped_up(&self) -> Self {
        let answer = self.post("/api/v1/auth/step-up", &json!({"password": PASSWORD})).await.expect(200);
        self.renewed_by(&answer)
    }

    /// This session with the tokens of this answer to a step-up or a change of credentials.
    pub(crate) fn renewed_by(&self, answer: &Answer) -> Self {
        let mut renewed = self.clone();
        renewed.adopt(answer);
        renewed
    }

    /// Replaces the tokens by those of this answer to a step-up or a change of credentials.
    pub(crate) fn adopt(&mut self, answer: &Answer) {
        self.access = answer.text_of("access_token");
        self.refresh = answer.text_of("refresh_token");
        self.csrf = answer.text_of("csrf_token");
    }

    /// Signs out with this scope.
    pub(crate) async fn sign_out(&self, scope: &str) -> Answer {
        self.request(Method::POST, &format!("/api/v1/auth/logout?scope={scope}")).ask().await
    }

    /// Revokes `target`; the session must be an operator's.
    pub(crate) async fn revoke(&self, mut target: Value) -> Answer {
        target["reason"] = "a test".into();
        self.post("/api/v1/admin/revocations", &target).await
    }

    /// Whether REST still accepts the access token.
    pub(crate) async fn works(&self) -> bool {
        match self.get("/api/v1/profile").await {
            Answer { status: 200, .. } => true,
            answer if answer.status == 403 => {
                answer.refused(403, "user_blocked");
                false
            }
            answer => {
                answer.expect(401).problem();
                false
            }
        }
    }

    /// Opens a WebSocket with the token in the query, as a client without an SDK does.
    pub(crate) async fn connect(&self) -> Socket {
        self.try_connect().await.expect("the handshake is granted")
    }

    /// As [`Self::connect`], but returns a refusal.
    pub(crate) async fn try_connect(&self) -> Result<Socket, Answer> {
        self.app.handshake(&format!("/api/v1/ws/chat?token={}", self.access)).open().await
    }

    /// Opens a WebSocket with the token in the first command, as the SDKs do.
    pub(crate) async fn connect_by_command(&self) -> Socket {
        let mut socket =
            self.app.handshake("/connection/websocket").open().await.expect("the handshake is accepted");
        let reply = socket.ask(json!({"connect": {"token": self.access}})).await.expect("a reply");
        assert!(reply["connect"]["client"].is_string(), "{reply}");
        socket
    }

    /// This session's access token, forged or altered.
    pub(crate) fn forged(&self, forgery: Forgery) -> String {
        forgery.of(&self.access)
    }

    /// The `jti` of the access token.
    pub(crate) fn token_id(&self) -> String {
        let payload = self.access.split('.').nth(1).expect("a JWT");
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("claims");
        claims["jti"].as_str().expect("a jti").to_owned()
    }
}
