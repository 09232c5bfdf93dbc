//! One attempt to use a session: the credentials that it presents, and how a test brings about each reason to refuse them.

use domain::account::role::{Role, Status};
use serde_json::{Value, json};

use super::{EntryPoint, Reason};
use crate::harness::{
    App, Ask as _, Ceremony, EmulatedConnection, Forgery, PasskeyAuthenticator, Pending, Session, Socket,
};

/// A session, and the credentials that are presented after the reason has been brought about.
pub(super) struct Attempt {
    pub(super) session: Session,
    admin: Session,
    pub(super) reason: Option<Reason>,
    /// The access token, or its forged replacement.
    pub(super) token: String,
    pub(super) refresh: String,
    pub(super) ticket: String,
    /// A socket that was connected before the reason was brought about.
    pub(super) socket: Option<Socket>,
    pub(super) stream: Option<EmulatedConnection>,
    pub(super) half: Option<HalfSignIn>,
}

/// A sign-in between its first and its second step.
pub(super) struct HalfSignIn {
    pub(super) genuine: Pending,
    /// The pre-session cookie of the browser, or its forged replacement.
    pub(super) presession: String,
    /// The path of the second step; `body` contains the proof.
    pub(super) path: &'static str,
    pub(super) body: Value,
    backup_code: String,
}

impl HalfSignIn {
    async fn of(session: &mut Session, entry: EntryPoint) -> Self {
        session.enable_totp().await;
        let mut authenticator = PasskeyAuthenticator::of(&session.app);
        if entry == EntryPoint::PasskeyFactor {
            session.add_passkey(&mut authenticator).await;
        }
        let backup_code = session.backup_codes().await.remove(0);
        let genuine = session.person.begin_sign_in().await;
        let (path, body) = if entry == EntryPoint::PasskeyFactor {
            ("/api/v1/webauthn/login/finish", passkey_proof(&genuine, &mut authenticator).await)
        } else {
            let body = json!({"challenge_id": genuine.challenge, "backup_code": backup_code});
            ("/api/v1/auth/2fa/verify", body)
        };
        Self { presession: genuine.presession.clone(), genuine, path, body, backup_code }
    }
}

async fn passkey_proof(pending: &Pending, authenticator: &mut PasskeyAuthenticator) -> Value {
    let begin = pending.person.app.post("/api/v1/webauthn/login/begin");
    let begin = begin.header("cookie", format!("psid={}", pending.presession));
    let begun = begin.json(&json!({"challenge_id": pending.challenge})).ask().await.expect(200);
    let ceremony = Ceremony::begun(&begun);
    ceremony.answered(&authenticator.assert(&ceremony.options))
}

impl Attempt {
    /// Prepares an attempt at this entry point. Without a reason, the server must accept the credentials.
    pub(super) async fn prepare(
        app: &App,
        admin: &Session,
        entry: EntryPoint,
        reason: Option<Reason>,
    ) -> Self {
        let person =
            if entry == EntryPoint::Admin { app.appoint(Role::Operator).await } else { app.register().await };
        let mut session = person.sign_in().await;
        let ticket = session.post("/api/v1/ws/ticket", &json!({})).await.expect(200).text_of("ticket");
        // A foreign origin is refused at the handshake, so no socket exists.
        let connects = entry == EntryPoint::RefreshCommand && reason != Some(Reason::ForeignOrigin);
        let socket = if connects { Some(session.connect().await) } else { None };
        let stream = if entry == EntryPoint::EmulatedRefresh {
            Some(EmulatedConnection::of(&session).await)
        } else {
            None
        };
        let in_halves = matches!(entry, EntryPoint::SecondFactor | EntryPoint::PasskeyFactor);
        let half = if in_halves { Some(HalfSignIn::of(&mut session, entry).await) } else { None };
        let mut attempt = Self {
            token: session.access.clone(),
            refresh: session.refresh.clone(),
            admin: admin.clone(),
            session,
            reason,
            ticket,
            socket,
            stream,
            half,
        };
        if let Some(reason) = reason {
            attempt.bring_about(reason).await;
        }
        attempt
    }

    /// Brings about this reason to refuse the credentials. A foreign origin needs no preparation: the request names it.
    async fn bring_about(&mut self, reason: Reason) {
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
            Reason::Blocked => drop(self.session.app.block(&person.id.into()).await),
            Reason::TokenRevoked => drop(self.session.app.revoke_token(&self.session.token_id()).await),
            Reason::TokensInvalidated => drop(self.session.app.invalidate_tokens(&person.id.into()).await),
            Reason::ForeignOrigin => {}
            // A sign-in between its two steps has no privilege anyway.
            Reason::NoPrivilege if self.half.is_some() => {}
            // The step-up gives privilege only to new tokens, so `token` has no privilege.
            Reason::NoPrivilege => self.refresh = self.session.stepped_up().await.refresh,
            Reason::Expired if self.half.is_some() => self.let_the_challenge_expire().await,
            Reason::Expired => self.forge(Forgery::Expired),
            Reason::WrongSignature => self.forge(Forgery::WrongSignature),
            Reason::AlgorithmNone => self.forge(Forgery::AlgorithmNone),
            Reason::OtherHash => self.forge(Forgery::OtherHash),
            Reason::StatesRs256 => self.forge(Forgery::StatesRs256),
            Reason::WrongType => self.forge(Forgery::WrongType),
            Reason::WrongAudience => self.forge(Forgery::WrongAudience),
            Reason::UnknownKey => self.forge(Forgery::UnknownKey),
            Reason::Garbage => self.forge(Forgery::Garbage),
        }
    }

    /// Forges every credential. Only the access token gets exactly this forgery. The other credentials are opaque: they have no
    /// header and no claims that can be forged. So they get another signature, or are replaced by the forged access token.
    fn forge(&mut self, forgery: Forgery) {
        self.token = self.session.forged(forgery);
        let presession = self.half.as_mut().map(|half| &mut half.presession);
        for opaque in [&mut self.refresh, &mut self.ticket].into_iter().chain(presession) {
            *opaque = if forgery == Forgery::WrongSignature { altered(opaque) } else { self.token.clone() };
        }
    }
}

impl Attempt {
    async fn let_the_challenge_expire(&self) {
        let person = self.session.person.id;
        let sooner = format!(
            "UPDATE two_factor_challenges SET expires_at = created_at - interval '1 s' WHERE user_id = {person}"
        );
        self.session.app.rows().await.batch_execute(&sooner).await.expect("an earlier end");
    }

    /// Checks that a refused attempt does not prevent the user from finishing the sign-in. After some reasons the sign-in is
    /// already over; then nothing is checked.
    pub(super) async fn can_still_be_finished(&self, reason: Reason) {
        let Some(half) = &self.half else { return };
        let over =
            reason == Reason::Expired || reason.refuses_the_genuine_token() || reason == Reason::NoPrivilege;
        if !over {
            half.genuine.answer(json!({"backup_code": half.backup_code})).await.expect(200);
        }
    }
}

/// Changes a letter near the end, but not the last one, because the last letter of Base64 may carry no information.
fn altered(credential: &str) -> String {
    let at = credential.len() - 5;
    let other = if credential.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &credential[..at], &credential[at + 1..])
}
