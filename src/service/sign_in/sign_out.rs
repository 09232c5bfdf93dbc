//! Signs out of this session, of the user's other sessions, or of all sessions.
//!
//! Every genuine token of the session is accepted, even an expired one. A sign-out can be repeated.

use domain::account::role::Role;
use logic::denials::TokenMark;
use protocol::{audit::Outcome, close::Cause, id::SessionId};
use store::{ActingSession, RevocationRequest, SessionWithUser, Store, Target};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    access::{refusal::Refusal, verifier::Verifier},
    core::{audit::AuditTrail, clock::Clock, failure::Failure, request_meta::RequestMeta},
    revocation::revoke::{RevocationResult, Revoker},
};

/// Which sessions to sign out of.
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

/// Signs out.
pub struct SignOut {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    verifier: Verifier,
    revoker: Revoker,
}

impl SignOut {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        verifier: Verifier,
        revoker: Revoker,
    ) -> Self {
        Self { store, clock, audit, verifier, revoker }
    }

    /// Signs out of each of these sessions like [`Self::sign_out`], and returns the sum of the results. With
    /// [`SignOutScope::Others`], the first working session of a user stays.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached. Sessions earlier in the list may have ended then.
    pub async fn sign_out_of_each(
        &self,
        shown: &[(SessionId, Option<Uuid>)],
        scope: SignOutScope,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let mut all = RevocationResult::default();
        for (session, token) in shown {
            all = all.and(self.sign_out(*session, *token, scope, meta).await?);
        }
        Ok(all)
    }

    /// Signs out of `session`. The client has shown a genuine token of it, which may be expired. If the session has already
    /// ended, nothing happens in any scope. If the user is blocked, or if the token is denied by its `jti` (`token`), only the
    /// scope [`SignOutScope::Local`] ends a session.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    async fn sign_out(
        &self,
        session: SessionId,
        token: Option<Uuid>,
        scope: SignOutScope,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let Some(live) = self.store.session_with_user(session).await? else {
            return Ok(RevocationResult::default());
        };
        let now = self.clock.now();
        if live.session.revoked.is_some() || live.session.expires_at <= now {
            return Ok(RevocationResult::default());
        }
        let user = live.user.id;
        if scope != SignOutScope::Local {
            // With the latest possible time of issue, no denial by the time of issue applies. Such a denial has ended the
            // sessions that it concerns.
            let id = token.map(|id| id.hyphenated().to_string().into());
            let mark = TokenMark { id, issued_at_ms: Some(i64::MAX) };
            match self.verifier.check_denials(&user.into(), &mark, None, now).await {
                Ok(()) => {}
                Err(Refusal::Denied(_)) => return Ok(RevocationResult::default()),
                Err(_) => return Err(Failure::unavailable()),
            }
        }
        let order = self.order(&live, scope, now, meta);
        match self.revoker.revoke(order).await {
            // The session has ended meanwhile, or the account is not active any more.
            Err(Failure::Invalid { .. } | Failure::Forbidden { .. }) => Ok(RevocationResult::default()),
            answer => answer,
        }
    }

    fn order(
        &self,
        live: &SessionWithUser,
        scope: SignOutScope,
        now: OffsetDateTime,
        meta: &RequestMeta,
    ) -> RevocationRequest {
        let (session, user) = (live.session.id, live.user.id);
        let (target, except) = match scope {
            SignOutScope::Local => (Target::Session(session), None),
            SignOutScope::Others => (Target::User(user), Some(session)),
            SignOutScope::Global => (Target::User(user), None),
        };
        let mut event = self.audit.event("session.signed_out", Outcome::Success, meta);
        event.session = Some(session);
        event.device = Some(live.session.device);
        event.user = Some(user);
        let acting_session = ActingSession { session, user, role: Role::User, privilege_epoch: None };
        RevocationRequest {
            // A session may always end itself, so the acting session is checked only for the other scopes.
            acting_session: (scope != SignOutScope::Local).then_some(acting_session),
            except,
            only_user: Some(user),
            reason: "signed out".to_owned(),
            actor: Some(user),
            audit: event.with("reach", scope.as_str()),
            ..RevocationRequest::new(target, Cause::SignedOut, now)
        }
    }
}
