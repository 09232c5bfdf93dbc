//! A user's own sessions: seeing them, ending one, ending the others.

use protocol::{audit::Outcome, close::Cause, id::SessionId};

use crate::{Caller, Failure, Meta, Revoked, Services};
use domain::session::ended;
use store::{RevocationRequest, Session, Target};

/// A session with what this node knows of it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The session.
    pub session: Session,
    /// Its open sockets on this node.
    pub open_connections: usize,
}

impl Services {
    /// The caller's sessions that work, newest first.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn own_sessions(&self, caller: &Caller) -> Result<Vec<Listed>, Failure> {
        let now = self.clock.now();
        let listed =
            self.store.sessions_of(caller.user).await?.into_iter().map(|session| self.listed(session));
        let works = |listed: &Listed| {
            let lifetime = listed.session.lifetime(listed.open_connections);
            listed.session.id == caller.session
                || ended(&lifetime, self.settings.sessions.idle, now).is_none()
        };
        Ok(listed.filter(works).collect())
    }

    /// Ends one of the caller's sessions; one that has ended before is no error.
    ///
    /// # Errors
    /// `NotFound` if the caller has no such session, `Invalid` if the caller's ended meanwhile, `Unavailable`.
    pub async fn end_session(
        &self,
        caller: &Caller,
        session: SessionId,
        meta: &Meta,
    ) -> Result<Revoked, Failure> {
        let order = self.own(caller, Target::Session(session), meta);
        let revoked = self.revoke(order).await?;
        if revoked.id.is_some() {
            return Ok(revoked);
        }
        match self.store.session_with_user(session).await? {
            Some(found) if found.user.id == caller.user => Ok(revoked),
            _ => Err(Failure::not_found("You have no such session.")),
        }
    }

    /// Ends all of the caller's sessions but this one.
    ///
    /// # Errors
    /// `Invalid` if the caller's ended meanwhile, `Unavailable` if the database cannot be reached.
    pub async fn end_other_sessions(&self, caller: &Caller, meta: &Meta) -> Result<Revoked, Failure> {
        let order = self.own(caller, Target::User(caller.user), meta);
        self.revoke(RevocationRequest { except: Some(caller.session), ..order }).await
    }

    /// An order of a user about what is theirs; the event names the session that is ended, not the one that asks.
    fn own(&self, caller: &Caller, target: Target, meta: &Meta) -> RevocationRequest {
        let mut event = self.event("session.revoked", Outcome::Success, meta);
        event.actor = Some(caller.user);
        event.user = Some(caller.user);
        event.device = None;
        RevocationRequest {
            acting_session: Some(caller.acting_session()),
            only_user: Some(caller.user),
            reason: "ended by its user".to_owned(),
            actor: Some(caller.user),
            audit: event.with("by_session", caller.session.to_string()),
            ..RevocationRequest::new(target, Cause::SignedOut, self.clock.now())
        }
    }

    pub(crate) fn listed(&self, mut session: Session) -> Listed {
        if let Some(seen) = self.verifier.last_seen(session.id) {
            session.last_seen_at = session.last_seen_at.max(seen);
        }
        let open_connections = self.realtime.open_connections(session.id);
        Listed { session, open_connections }
    }
}
