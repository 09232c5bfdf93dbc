//! A user's own sessions: lists them, ends one, ends the others.

use std::sync::Arc;

use domain::session::{Lifetime, ended};
use protocol::{audit::Outcome, close::Cause, id::SessionId};
use store::{RevocationRequest, Session, Store, Target};

use crate::{
    access::{
        listed_session::{ListedSession, SessionListing},
        outages::Outages,
    },
    core::{
        audit::AuditTrail,
        caller::Caller,
        clock::Clock,
        cursor::{cursor_after, read_cursor},
        failure::Failure,
        page::{Page, PageRequest},
        request_meta::RequestMeta,
    },
    revocation::revoke::{RevocationResult, Revoker},
};

/// The most sessions that are counted for the list of devices.
const COUNTED: u32 = 1_000;

/// A user's own sessions. Clones are cheap.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    clock: Clock,
    audit: AuditTrail,
    listing: SessionListing,
    revoker: Revoker,
    outages: Arc<Outages>,
}

impl Sessions {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        audit: AuditTrail,
        listing: SessionListing,
        revoker: Revoker,
        outages: Arc<Outages>,
    ) -> Self {
        Self { store, clock, audit, listing, revoker, outages }
    }

    /// A page of the caller's working sessions, newest first. A page may have fewer sessions than requested, because idle and
    /// expired sessions are left out.
    ///
    /// # Errors
    /// `BadRequest` for an invalid cursor, `Unavailable`.
    pub async fn list(&self, caller: &Caller, page: &PageRequest) -> Result<Page<ListedSession>, Failure> {
        let (before, limit) = (page.after(read_cursor)?, page.one_more());
        let sessions = self.store.sessions_of(caller.user, before, limit).await?;
        let Page { entries, next } = page.page(sessions, |last| cursor_after(last.created_at, last.id));
        Ok(Page { entries: self.only_working(caller, entries), next })
    }

    /// The caller's working sessions, at most [`COUNTED`].
    pub(crate) async fn working(&self, caller: &Caller) -> Result<Vec<ListedSession>, Failure> {
        let sessions = self.store.sessions_of(caller.user, None, COUNTED).await?;
        Ok(self.only_working(caller, sessions))
    }

    fn only_working(&self, caller: &Caller, sessions: Vec<Session>) -> Vec<ListedSession> {
        let now = self.clock.now();
        let listed = sessions.into_iter().map(|session| self.listing.of(session));
        let works = |listed: &ListedSession| {
            let lifetime = listed.session.lifetime(listed.open_connections);
            let lifetime =
                Lifetime { last_seen_at: self.outages.last_use(lifetime.last_seen_at), ..lifetime };
            listed.session.id == caller.session || ended(&lifetime, self.outages.idle(), now).is_none()
        };
        listed.filter(works).collect()
    }

    /// Ends one of the caller's sessions. It is no error if that session has ended already.
    ///
    /// # Errors
    /// `NotFound` if the caller has no such session, `Invalid` if the caller's session has ended meanwhile, `Unavailable`.
    pub async fn end(
        &self,
        caller: &Caller,
        session: SessionId,
        meta: &RequestMeta,
    ) -> Result<RevocationResult, Failure> {
        let order = self.order(caller, Target::Session(session), meta);
        let revoked = self.revoker.revoke(order).await?;
        if revoked.id.is_some() {
            return Ok(revoked);
        }
        match self.store.session_with_user(session).await? {
            Some(found) if found.user.id == caller.user => Ok(revoked),
            _ => Err(Failure::not_found("You have no such session.")),
        }
    }

    /// Ends all of the caller's sessions except the session of this request.
    ///
    /// # Errors
    /// `Invalid` if the caller's session has ended meanwhile, `Unavailable` if the database cannot be reached.
    pub async fn end_others(&self, caller: &Caller, meta: &RequestMeta) -> Result<RevocationResult, Failure> {
        let order = self.order(caller, Target::User(caller.user), meta);
        self.revoker.revoke(RevocationRequest { except: Some(caller.session), ..order }).await
    }

    /// The revocation request for `target`, limited to the caller's own sessions. The detail `by_session` of the audit event is
    /// the session that requests the revocation.
    fn order(&self, caller: &Caller, target: Target, meta: &RequestMeta) -> RevocationRequest {
        let mut event = self.audit.event("session.revoked", Outcome::Success, meta);
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
}
