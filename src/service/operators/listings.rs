//! Lists for operators: sessions of accounts and of users of external issuers, and connections.

use actors::{Realtime, runtime::ListedConnection};
use domain::account::role::Scope;
use protocol::{
    audit::{AuditEvent, Outcome},
    id::{SessionId, Subject},
};
use store::{ExternalFilter, ExternalSession, Store};
use time::OffsetDateTime;

use super::{refusals::Refusals, revoke::operator_required, session_page::SessionFilter};
use crate::{
    access::listed_session::{ListedSession, SessionListing},
    core::{
        audit::AuditTrail,
        caller::Caller,
        clock::Clock,
        cursor::{cursor_after, read_cursor},
        failure::Failure,
        request_meta::RequestMeta,
        subject::account_of,
    },
};

/// A page of sessions of accounts, newest first.
#[derive(Clone, Debug)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<ListedSession>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// A session of either kind.
#[derive(Clone, Debug)]
pub enum AnySession {
    /// A session of an account.
    Account(Box<ListedSession>),
    /// The session of one connection with a token of an external issuer or without a token, and the number of its open sockets
    /// on this node.
    External(Box<ExternalSession>, usize),
}

impl AnySession {
    /// The position in the list: when the session began, and its id.
    fn position(&self) -> (OffsetDateTime, SessionId) {
        match self {
            Self::Account(listed) => (listed.session.created_at, listed.session.id),
            Self::External(session, _) => (session.created_at, session.id),
        }
    }
}

/// A page of sessions of both kinds, newest first.
#[derive(Clone, Debug)]
pub struct AnySessionPage {
    /// The sessions.
    pub sessions: Vec<AnySession>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Lists sessions and connections of all users.
pub struct Listings {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    audit: AuditTrail,
    refusals: Refusals,
    listing: SessionListing,
}

impl Listings {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        audit: AuditTrail,
        refusals: Refusals,
        listing: SessionListing,
    ) -> Self {
        Self { store, realtime, clock, audit, refusals, listing }
    }

    /// Sessions of accounts, without a check of rights. The command line uses this, too.
    ///
    /// # Errors
    /// `BadRequest` for an invalid cursor, `Unavailable`.
    pub async fn account_sessions(&self, filter: SessionFilter) -> Result<SessionPage, Failure> {
        let before = filter.cursor.as_deref().map(session_before).transpose()?;
        let found = self
            .store
            .search_sessions(store::SessionFilter {
                user: filter.user,
                device: filter.device,
                active_at: filter.active_only.then(|| self.clock.now()),
                before,
                // One more than requested, to see whether there is another page.
                limit: filter.limit.saturating_add(1),
            })
            .await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        let sessions: Vec<_> =
            found.into_iter().take(limit).map(|found| self.listing.of(found.session)).collect();
        let next = sessions
            .last()
            .filter(|_| more)
            .map(|listed| cursor_after(listed.session.created_at, listed.session.id.0));
        Ok(SessionPage { sessions, next })
    }

    /// Sessions of users of external issuers and of connections without a token, newest first. No check of rights.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn external_sessions(&self, filter: ExternalFilter) -> Result<Vec<ExternalSession>, Failure> {
        Ok(self.store.search_external(filter).await?)
    }

    /// Sessions of both kinds, for a caller with the operator scope. With `subject`, only sessions of this subject, with or without
    /// an account.
    ///
    /// # Errors
    /// `Forbidden` without the scope; `BadRequest` for an invalid cursor, and for a subject together with a user or a device;
    /// `Unavailable`.
    pub async fn sessions(
        &self,
        caller: &Caller,
        mut filter: SessionFilter,
        subject: Option<Subject>,
        meta: &RequestMeta,
    ) -> Result<AnySessionPage, Failure> {
        self.require_operator(caller, "sessions.searched", subject.as_ref(), &filter, meta).await?;
        let before = filter.cursor.as_deref().map(session_before).transpose()?;
        let mut found = Vec::new();
        let only_accounts = filter.user.is_some() || filter.device.is_some();
        if only_accounts && subject.is_some() {
            let detail = "Name a subject, or a user or device, not both.";
            return Err(Failure::bad_request("contradicting_filters", detail));
        }
        // A subject without an account selects no sessions of accounts; a user or device selects no external sessions.
        let named = subject.as_ref().map(account_of);
        if let Some(Some(user)) = named {
            filter.user = Some(user);
        }
        if named != Some(None) {
            let wanted = SessionFilter { limit: filter.limit + 1, ..filter.clone() };
            let page = self.account_sessions(wanted).await?;
            found.extend(page.sessions.into_iter().map(|listed| AnySession::Account(Box::new(listed))));
        }
        if !only_accounts {
            let wanted = ExternalFilter {
                subject,
                issuer: None,
                live: filter.active_only,
                before,
                limit: filter.limit + 1,
            };
            let external = self.external_sessions(wanted).await?;
            found.extend(external.into_iter().map(|session| {
                let open = self.realtime.open_connections(session.id);
                AnySession::External(Box::new(session), open)
            }));
        }
        Ok(page(found, filter.limit))
    }

    /// The connections of a user on this node, for a caller with the operator scope.
    ///
    /// # Errors
    /// `Forbidden` without the scope, `Unavailable`.
    pub async fn connections(
        &self,
        caller: &Caller,
        subject: &Subject,
        meta: &RequestMeta,
    ) -> Result<Vec<ListedConnection>, Failure> {
        let filter = SessionFilter::default();
        self.require_operator(caller, "connections.searched", Some(subject), &filter, meta).await?;
        Ok(self.realtime.connections_of(subject).await)
    }

    /// Records that personal data is read, or refuses it.
    async fn require_operator(
        &self,
        caller: &Caller,
        name: &str,
        subject: Option<&Subject>,
        filter: &SessionFilter,
        meta: &RequestMeta,
    ) -> Result<(), Failure> {
        let mut event = self.refusals.event(caller, name, meta);
        event.session = Some(caller.session);
        event.device = Some(caller.device);
        event.user = filter.user.or_else(|| subject.and_then(account_of));
        event.subject = subject.map(Subject::to_string);
        if let Some(device) = filter.device {
            event = event.with("of_device", device.to_string());
        }
        if caller.scopes.contains(Scope::Operate) {
            return self.audit.record(AuditEvent { outcome: Outcome::Success, ..event }).await;
        }
        Err(self.refusals.refuse(caller.user, event, operator_required()).await)
    }
}

/// The position of the last session of the page before.
fn session_before(cursor: &str) -> Result<(OffsetDateTime, SessionId), Failure> {
    read_cursor(cursor).map(|(start, id)| (start, SessionId(id)))
}

/// The newest sessions of both kinds, in the order in which each kind was read.
fn page(mut found: Vec<AnySession>, limit: u32) -> AnySessionPage {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    found.sort_by(|a, b| {
        let ((a_start, a_id), (b_start, b_id)) = (a.position(), b.position());
        b_start.cmp(&a_start).then(a_id.cmp(&b_id))
    });
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| {
        let (start, id) = last.position();
        cursor_after(start, id.0)
    });
    AnySessionPage { sessions: found, next }
}
