//! What operators see: sessions of accounts and of other identity providers' users, and connections.

use actors::runtime::Connected;
use protocol::{
    audit::Outcome,
    id::{SessionId, Subject},
};
use time::OffsetDateTime;

use crate::{
    Caller, Failure, Listed, Meta, Services, SessionFilter,
    operators::revoke::{cursor, operator_required, read_cursor},
    revocation::denials::account,
};
use domain::account::role::Scope;
use store::{ExternalFilter, ExternalSession};

/// A session of either kind.
#[derive(Clone, Debug)]
pub enum Overseen {
    /// A sign-in of an account.
    Account(Box<Listed>),
    /// One connection that another identity provider, or nobody, vouches for, and whether it is open here.
    Outside(Box<ExternalSession>, usize),
}

impl Overseen {
    fn place(&self) -> (OffsetDateTime, SessionId) {
        match self {
            Self::Account(listed) => (listed.session.created_at, listed.session.id),
            Self::Outside(session, _) => (session.created_at, session.id),
        }
    }
}

/// A page of sessions of both kinds, newest first.
#[derive(Clone, Debug)]
pub struct OverseenPage {
    /// The sessions.
    pub sessions: Vec<Overseen>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

impl Services {
    /// Lists sessions of anybody for an operator: needs the scope. With `subject` those of whoever goes by that name in
    /// realtime, an account or not.
    ///
    /// # Errors
    /// `Forbidden` if the caller may not, `BadRequest` for a cursor that is none of ours and for a subject beside a user or a
    /// device, `Unavailable`.
    pub async fn oversee_sessions(
        &self,
        caller: &Caller,
        mut filter: SessionFilter,
        subject: Option<Subject>,
        meta: &Meta,
    ) -> Result<OverseenPage, Failure> {
        self.require_operator(caller, "sessions.searched", subject.as_ref(), &filter, meta).await?;
        let before = filter.cursor.as_deref().map(read_cursor).transpose()?;
        let mut found = Vec::new();
        let only_accounts = filter.user.is_some() || filter.device.is_some();
        if only_accounts && subject.is_some() {
            let detail = "Name a subject, or a user or device, not both.";
            return Err(Failure::bad_request("contradicting_filters", detail));
        }
        // A subject that is no account means no account; what names an account or a device of one means no others.
        let named = subject.as_ref().map(account);
        if let Some(Some(user)) = named {
            filter.user = Some(user);
        }
        if named != Some(None) {
            let page =
                self.search_sessions(SessionFilter { limit: filter.limit + 1, ..filter.clone() }).await?;
            found.extend(page.sessions.into_iter().map(|listed| Overseen::Account(Box::new(listed))));
        }
        if !only_accounts {
            let wanted = ExternalFilter {
                subject,
                issuer: None,
                live: filter.active_only,
                before,
                limit: filter.limit + 1,
            };
            let outside = self.outside_sessions(wanted).await?;
            found.extend(outside.into_iter().map(|session| {
                let open = self.realtime.open_connections(session.id);
                Overseen::Outside(Box::new(session), open)
            }));
        }
        Ok(page(found, filter.limit))
    }

    /// The connections of a user on this node, for an operator: needs the scope.
    ///
    /// # Errors
    /// `Forbidden` if the caller may not, `Unavailable`.
    pub async fn oversee_connections(
        &self,
        caller: &Caller,
        subject: &Subject,
        meta: &Meta,
    ) -> Result<Vec<Connected>, Failure> {
        let filter = SessionFilter::default();
        self.require_operator(caller, "connections.searched", Some(subject), &filter, meta).await?;
        Ok(self.connections_of(subject).await)
    }

    async fn require_operator(
        &self,
        caller: &Caller,
        name: &str,
        subject: Option<&Subject>,
        filter: &SessionFilter,
        meta: &Meta,
    ) -> Result<(), Failure> {
        if caller.scopes.contains(Scope::Operate) {
            return Ok(());
        }
        let mut event = self.event_of(caller, name, Outcome::Denied, meta);
        event.user = filter.user.or_else(|| subject.and_then(account));
        event.subject = subject.map(Subject::to_string);
        self.record(event).await?;
        Err(operator_required())
    }
}

/// The newest of both kinds, in the order in which each of them comes.
fn page(mut found: Vec<Overseen>, limit: u32) -> OverseenPage {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    found.sort_by(|a, b| {
        let ((a_start, a_id), (b_start, b_id)) = (a.place(), b.place());
        b_start.cmp(&a_start).then(a_id.cmp(&b_id))
    });
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| {
        let (start, id) = last.place();
        cursor(start, id)
    });
    OverseenPage { sessions: found, next }
}
