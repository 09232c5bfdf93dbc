//! One visit: a session for which a reason to refuse it has come about, and how each door is knocked at.

use portcullis::domain::role::Status;
use reqwest::Method;
use serde_json::json;

use super::{Close, Door, ErrorReply, Http, Outcome, Reason};
use crate::harness::{Answer, App, Ask, Closed, Forgery, Handshake, Session};

/// A session, and what it brings to the door once the reason holds.
pub(super) struct Visit {
    pub(super) session: Session,
    pub(super) operator: Session,
    pub(super) reason: Reason,
    /// The access token, or what stands in its place.
    pub(super) token: String,
    pub(super) refresh: String,
    pub(super) ticket: String,
}

impl Visit {
    pub(super) async fn prepare(app: &App, operator: &Session, reason: Reason) -> Self {
        let session = app.register().await.sign_in().await;
        let ticket = session.post("/api/v1/ws/ticket", &json!({})).await.expect(200).text_of("ticket");
        let (token, refresh) = (session.access.clone(), session.refresh.clone());
        let mut visit = Self { session, operator: operator.clone(), reason, token, refresh, ticket };
        visit.come_about().await;
        visit
    }

    /// Makes the reason hold.
    async fn come_about(&mut self) {
        match self.reason {
            Reason::RevokedSession => {
                self.operator.revoke(json!({"session": self.session.id})).await.expect(200);
            }
            Reason::SignedOut => drop(self.session.sign_out("local").await.expect(200)),
            Reason::DisabledUser => self.session.person.set_status(Status::Suspended).await,
            Reason::ForeignOrigin => {}
            Reason::ExpiredToken
            | Reason::WrongSignature
            | Reason::AlgorithmNone
            | Reason::UnknownKey
            | Reason::Garbage => {
                let forgery = self.reason.forgery().expect("a reason that lies in the token");
                self.token = self.session.forged(forgery);
                // The opaque credentials have no algorithm and no key's name; there the forged access token stands in.
                self.refresh = altered(&self.refresh, forgery, &self.token);
                self.ticket = altered(&self.ticket, forgery, &self.token);
            }
        }
    }

    fn origin(&self) -> &'static str {
        if matches!(self.reason, Reason::ForeignOrigin) {
            "https://evil.example"
        } else {
            "https://localhost"
        }
    }

    fn cookies(&self) -> String {
        Session { access: self.token.clone(), refresh: self.refresh.clone(), ..self.session.clone() }
            .cookies()
    }

    pub(super) async fn knock(&self, door: Door) -> Outcome {
        let app = &self.session.app;
        let rest = |method: Method, path: &str| app.request(method, path).header("origin", self.origin());
        let by_cookie = |method: Method, path: &str| {
            rest(method, path).header("cookie", self.cookies()).header("x-csrf-token", &self.session.csrf)
        };
        let socket =
            |query: String| app.handshake(&format!("/api/v1/ws/chat{query}")).header("origin", self.origin());
        match door {
            Door::RestBearer => {
                status(rest(Method::GET, "/api/v1/profile").bearer_auth(&self.token).ask().await)
            }
            Door::RestCookie => {
                let rename = by_cookie(Method::PUT, "/api/v1/profile").json(&json!({"display_name": "Eve"}));
                status(rename.ask().await)
            }
            Door::RefreshBody => {
                let body = json!({"refresh_token": self.refresh});
                status(rest(Method::POST, "/api/v1/auth/refresh").json(&body).ask().await)
            }
            Door::RefreshCookie => status(by_cookie(Method::POST, "/api/v1/auth/refresh").ask().await),
            Door::Logout => {
                let request = rest(Method::POST, "/api/v1/auth/logout").bearer_auth(&self.token);
                status(request.ask().await)
            }
            Door::WsQuery => refusal(socket(format!("?token={}", self.token))).await,
            Door::WsCookie => refusal(socket(String::new()).header("cookie", &self.cookies())).await,
            Door::WsBearer => {
                let bearer = format!("Bearer {}", self.token);
                refusal(socket(String::new()).header("authorization", &bearer)).await
            }
            Door::Ticket => refusal(socket(format!("?ticket={}", self.ticket))).await,
            Door::FirstCommand => self.first_command().await,
        }
    }

    async fn first_command(&self) -> Outcome {
        let handshake = self.session.app.handshake("/connection/websocket").header("origin", self.origin());
        let mut socket = match handshake.open().await {
            Ok(socket) => socket,
            Err(answer) => return status(answer),
        };
        match socket.ask(json!({"connect": {"token": self.token}})).await {
            Ok(reply) => ErrorReply(reply["error"]["code"].as_u64().unwrap_or_default()),
            Err(Closed { code, reason }) => Close(code, reason.leak()),
        }
    }
}

/// An opaque credential with this wrong with it.
fn altered(credential: &str, forgery: Forgery, token: &str) -> String {
    match forgery {
        Forgery::WrongSignature => {
            // The middle of it: the last letter of such a text may carry no information.
            let at = credential.len() - 5;
            let other = if credential.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &credential[..at], &credential[at + 1..])
        }
        Forgery::Expired | Forgery::AlgorithmNone | Forgery::UnknownKey | Forgery::Garbage => {
            token.to_owned()
        }
    }
}

fn status(answer: Answer) -> Outcome {
    Http(if answer.status >= 400 { answer.problem().status } else { answer.status })
}

async fn refusal(handshake: Handshake) -> Outcome {
    match handshake.open().await {
        Ok(_) => Http(101),
        Err(answer) => status(answer),
    }
}
