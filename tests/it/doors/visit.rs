//! One visit: a session, and how a reason to refuse it comes about.

use portcullis::domain::role::{Role, Status};
use serde_json::json;

use super::{Door, Reason};
use crate::harness::{App, Forgery, Session, Socket};

/// A session, and what it brings to the door once the reason holds.
pub(super) struct Visit {
    pub(super) session: Session,
    admin: Session,
    pub(super) reason: Option<Reason>,
    /// The access token, or what stands in its place.
    pub(super) token: String,
    pub(super) refresh: String,
    pub(super) ticket: String,
    /// Let in before there was a reason.
    pub(super) socket: Option<Socket>,
}

impl Visit {
    /// A visit at this door; without a reason, nothing is wrong.
    pub(super) async fn prepare(app: &App, admin: &Session, door: Door, reason: Option<Reason>) -> Self {
        let person =
            if door == Door::Admin { app.appoint(Role::Operator).await } else { app.register().await };
        let session = person.sign_in().await;
        let ticket = session.post("/api/v1/ws/ticket", &json!({})).await.expect(200).text_of("ticket");
        // From another origin, nothing was ever let in.
        let let_in = door == Door::RefreshCommand && reason != Some(Reason::ForeignOrigin);
        let socket = if let_in { Some(session.connect().await) } else { None };
        let mut visit = Self {
            token: session.access.clone(),
            refresh: session.refresh.clone(),
            admin: admin.clone(),
            session,
            reason,
            ticket,
            socket,
        };
        if let Some(reason) = reason {
            visit.come_about(reason).await;
        }
        visit
    }

    /// Makes the reason hold.
    async fn come_about(&mut self, reason: Reason) {
        let person = &self.session.person;
        match reason {
            Reason::RevokedSession => {
                self.admin.revoke(json!({"session": self.session.id})).await.expect(200);
            }
            Reason::RevokedUser => {
                self.admin.revoke(json!({"user": person.id})).await.expect(200);
            }
            Reason::SignedOut => drop(self.session.sign_out("local").await.expect(200)),
            Reason::Suspended => person.set_status(Status::Suspended).await,
            Reason::Pending => person.set_status(Status::Pending).await,
            Reason::Deactivated => person.set_status(Status::Deactivated).await,
            Reason::ForeignOrigin => {}
            // The privilege goes to the token of the answer, away from the one that asked.
            Reason::NoPrivilege => drop(self.session.stepped_up().await),
            Reason::Expired => self.forge(Forgery::Expired),
            Reason::WrongSignature => self.forge(Forgery::WrongSignature),
            Reason::AlgorithmNone => self.forge(Forgery::AlgorithmNone),
            Reason::OtherHash => self.forge(Forgery::OtherHash),
            Reason::PublicKey => self.forge(Forgery::PublicKey),
            Reason::WrongType => self.forge(Forgery::WrongType),
            Reason::WrongAudience => self.forge(Forgery::WrongAudience),
            Reason::UnknownKey => self.forge(Forgery::UnknownKey),
            Reason::Garbage => self.forge(Forgery::Garbage),
        }
    }

    /// Puts this wrong with every credential. The opaque ones have no algorithm and no key's name; there the forged access
    /// token stands in.
    fn forge(&mut self, forgery: Forgery) {
        self.token = self.session.forged(forgery);
        for opaque in [&mut self.refresh, &mut self.ticket] {
            *opaque = if forgery == Forgery::WrongSignature { altered(opaque) } else { self.token.clone() };
        }
    }
}

/// Another letter in the middle: the last one of such a text may carry no information.
fn altered(credential: &str) -> String {
    let at = credential.len() - 5;
    let other = if credential.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &credential[..at], &credential[at + 1..])
}
