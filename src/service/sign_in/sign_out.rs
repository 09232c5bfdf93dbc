//! Signing out: of here, of everywhere else, or of everywhere.
//!
//! Works for whoever proves to have had the session, with an expired token, too, and any number of times.

use logic::denials::TokenMark;
use protocol::{audit::Outcome, close::Cause, id::SessionId};
use uuid::Uuid;

use crate::{Failure, Meta, Refusal, Revoked, Services};
use domain::account::role::Role;
use store::{ActingSession, RevocationRequest, Target};

/// How far signing out reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutScope {
    /// This session.
    Local,
    /// The user's other sessions.
    Others,
    /// All of the user's sessions.
    Global,
}

impl SignOutScope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Others => "others",
            Self::Global => "global",
        }
    }
}

impl Services {
    /// Signs out of `session`, which the caller has proved with a genuine token, expired or not. A session that ended
    /// before reaches no further: there is nothing left to do. Nor does a token, by its `jti`, that is denied: it may end its
    /// own session, and no other.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn sign_out(
        &self,
        session: SessionId,
        token: Option<Uuid>,
        scope: SignOutScope,
        meta: &Meta,
    ) -> Result<Revoked, Failure> {
        let Some(live) = self.store.session_with_user(session).await? else {
            return Ok(Revoked::default());
        };
        let now = self.clock.now();
        if live.session.revoked.is_some() || live.session.expires_at <= now {
            return Ok(Revoked::default());
        }
        let user = live.user.id;
        if scope != SignOutScope::Local {
            // From the end of time: what was issued before a moment is judged by the session, which lives.
            let id = token.map(|id| id.hyphenated().to_string().into());
            let mark = TokenMark { id, issued_at_ms: Some(i64::MAX) };
            match self.verifier.admit(&user.into(), &mark, None, now).await {
                Ok(()) => {}
                Err(Refusal::Denied(_)) => return Ok(Revoked::default()),
                Err(_) => return Err(Failure::unavailable()),
            }
        }
        let (target, except) = match scope {
            SignOutScope::Local => (Target::Session(session), None),
            SignOutScope::Others => (Target::User(user), Some(session)),
            SignOutScope::Global => (Target::User(user), None),
        };
        let mut event = self.event("session.signed_out", Outcome::Success, meta);
        event.session = Some(session);
        event.device = Some(live.session.device);
        event.user = Some(user);
        let acting_session = ActingSession { session, user, role: Role::User, privileged_until: None };
        let signed_out = self
            .revoke(RevocationRequest {
                // Its own end takes no authority: that is what is wanted.
                acting_session: (scope != SignOutScope::Local).then_some(acting_session),
                except,
                only_user: Some(user),
                reason: "signed out".to_owned(),
                actor: Some(user),
                audit: event.with("reach", scope.as_str()),
                ..RevocationRequest::new(target, Cause::SignedOut, now)
            })
            .await;
        match signed_out {
            // It ended meanwhile.
            Err(Failure::Invalid { .. } | Failure::Forbidden { .. }) => Ok(Revoked::default()),
            answer => answer,
        }
    }
}
