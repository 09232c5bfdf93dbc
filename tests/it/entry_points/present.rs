//! How a credential is presented at each entry point.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Attempt, EntryPoint, Outcome, Reason};
use crate::harness::{Answer, Ask, Closed, EmulatedConnection, Handshake, PASSWORD, Session, Socket};

/// A password that differs from that of the test users.
const NEW_PASSWORD: &str = "another-copper-walrus-17";

impl Attempt {
    pub(super) async fn present(&mut self, entry: EntryPoint) -> Outcome {
        match entry {
            EntryPoint::RestBearer => status(self.by_bearer(Method::GET, "/api/v1/profile").ask().await),
            EntryPoint::RestCookie => {
                let rename = self.by_cookie(Method::PUT, "/api/v1/profile");
                status(rename.json(&json!({"display_name": "Eve"})).ask().await)
            }
            EntryPoint::RefreshBody => {
                let body = json!({"refresh_token": self.refresh});
                status(self.request(Method::POST, "/api/v1/auth/refresh").json(&body).ask().await)
            }
            EntryPoint::RefreshCookie => {
                status(self.by_cookie(Method::POST, "/api/v1/auth/refresh").ask().await)
            }
            EntryPoint::Logout => status(self.by_bearer(Method::POST, "/api/v1/auth/logout").ask().await),
            EntryPoint::SecondFactor | EntryPoint::PasskeyFactor => self.finish_the_sign_in().await,
            EntryPoint::StepUp => {
                let proof = json!({"password": PASSWORD});
                status(self.by_bearer(Method::POST, "/api/v1/auth/step-up").json(&proof).ask().await)
            }
            EntryPoint::NewPassword => {
                let body = json!({"new_password": NEW_PASSWORD});
                status(self.by_bearer(Method::POST, "/api/v1/profile/password").json(&body).ask().await)
            }
            EntryPoint::Admin => self.revoke_a_bystander().await,
            EntryPoint::WsQuery => opened(self.handshake(&format!("?token={}", self.token))).await,
            EntryPoint::WsCookie => opened(self.handshake("").header("cookie", &self.cookies())).await,
            EntryPoint::WsBearer => {
                let bearer = format!("Bearer {}", self.token);
                opened(self.handshake("").header("authorization", &bearer)).await
            }
            EntryPoint::Ticket => opened(self.handshake(&format!("?ticket={}", self.ticket))).await,
            EntryPoint::SdkCookie => {
                let path = self.session.app.handshake("/connection/websocket");
                let handshake = path.header("origin", self.origin()).header("cookie", &self.cookies());
                connected(handshake, json!({})).await
            }
            EntryPoint::FirstCommand => connected(self.handshake(""), json!({"token": self.token})).await,
            EntryPoint::RefreshCommand => match self.socket.take() {
                Some(socket) => replied(socket, json!({"refresh": {"token": self.token}})).await,
                None => opened(self.handshake(&format!("?token={}", self.token))).await,
            },
            EntryPoint::StreamBearer => streamed(self.stream(&json!({})).bearer_auth(&self.token)).await,
            EntryPoint::StreamCookie => {
                self.connect_a_stream(self.stream(&json!({})).header("cookie", self.cookies())).await
            }
            EntryPoint::StreamCommand => {
                self.connect_a_stream(self.stream(&json!({"token": self.token}))).await
            }
            EntryPoint::EmulatedRefresh => self.refresh_a_stream().await,
        }
    }

    fn stream(&self, connect: &Value) -> RequestBuilder {
        EmulatedConnection::request(&self.session.app, connect).header("origin", self.origin())
    }

    async fn connect_a_stream(&self, request: RequestBuilder) -> Outcome {
        match EmulatedConnection::over(&self.session.app, request).await {
            Ok(stream) => outcome_in(&stream.connected),
            Err(answer) => status(answer),
        }
    }

    async fn refresh_a_stream(&mut self) -> Outcome {
        let mut stream = self.stream.take().expect("a connected stream");
        let refresh = json!({"id": 2, "refresh": {"token": self.token}}).to_string();
        let answer = stream.sending(&refresh).header("origin", self.origin()).ask().await;
        if answer.status != 204 {
            return status(answer);
        }
        outcome_in(&stream.message().await.expect("an answer"))
    }

    async fn finish_the_sign_in(&self) -> Outcome {
        let half = self.half.as_ref().expect("a sign-in after its first step");
        let request = self.request(Method::POST, half.path).json(&half.body);
        status(request.header("cookie", format!("psid={}", half.presession)).ask().await)
    }

    async fn revoke_a_bystander(&self) -> Outcome {
        let bystander = self.session.app.register().await.open_session().await;
        let body = json!({"session": bystander.id, "reason": "a test"});
        let outcome =
            status(self.by_bearer(Method::POST, "/api/v1/admin/revocations").json(&body).ask().await);
        let revoked = outcome == Outcome::Http(200);
        assert_eq!(bystander.works().await, !revoked, "the bystander, after {:?}", self.reason);
        outcome
    }

    fn origin(&self) -> &'static str {
        if self.reason == Some(Reason::ForeignOrigin) { "https://evil.example" } else { "https://localhost" }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.session.app.request(method, path).header("origin", self.origin())
    }

    fn by_bearer(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&self.token)
    }

    fn by_cookie(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.request(method, path).header("cookie", self.cookies());
        request.header("x-csrf-token", &self.session.csrf)
    }

    fn cookies(&self) -> String {
        Session { access: self.token.clone(), refresh: self.refresh.clone(), ..self.session.clone() }
            .cookies()
    }

    fn handshake(&self, query: &str) -> Handshake {
        let path = format!("/api/v1/ws/chat{query}");
        self.session.app.handshake(&path).header("origin", self.origin())
    }
}

fn status(answer: Answer) -> Outcome {
    Outcome::Http(if answer.status >= 400 { answer.problem().status } else { answer.status })
}

async fn opened(handshake: Handshake) -> Outcome {
    match handshake.open().await {
        Ok(_) => Outcome::Http(101),
        Err(answer) => status(answer),
    }
}

async fn connected(handshake: Handshake, connect: Value) -> Outcome {
    match handshake.open().await {
        Ok(socket) => replied(socket, json!({"connect": connect})).await,
        Err(answer) => status(answer),
    }
}

async fn replied(mut socket: Socket, command: Value) -> Outcome {
    match socket.ask(command).await {
        Ok(reply) => Outcome::ErrorReply(reply["error"]["code"].as_u64().unwrap_or_default()),
        Err(Closed { code, reason }) => Outcome::Close(code, reason),
    }
}

async fn streamed(request: RequestBuilder) -> Outcome {
    // Only the head is read, because an open stream does not end.
    Outcome::Http(request.send().await.expect("an answer").status().as_u16())
}

/// The outcome in a message of a stream.
fn outcome_in(message: &Value) -> Outcome {
    match message["push"].get("disconnect") {
        Some(end) => Outcome::Close(
            u16::try_from(end["code"].as_u64().expect("a code")).expect("a close code"),
            end["reason"].as_str().expect("a reason").to_owned(),
        ),
        None => Outcome::ErrorReply(message["error"]["code"].as_u64().unwrap_or_default()),
    }
}
