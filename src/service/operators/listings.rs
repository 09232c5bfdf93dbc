//! Lists of sessions for operators: sessions of accounts, and external sessions.

use actors::Realtime;
use protocol::id::SessionId;
use store::{ExternalFilter, ExternalSession, SessionPlace, Store};
use time::OffsetDateTime;

use super::{
    authority::{Authority, Right},
    session_page::{SessionFilter, SessionQuery},
};
use crate::{
    access::listed_session::{ListedSession, SessionListing},
    core::{
        caller::Caller,
        clock::Clock,
        cursor::{cursor_after, read_cursor},
        failure::Failure,
        page::{Page, PageRequest},
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

/// A session of an account, or an external session.
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

/// Lists sessions of all users.
pub struct Listings {
    store: Store,
    realtime: Realtime,
    clock: Clock,
    authority: Authority,
    listing: SessionListing,
}

impl Listings {
    pub(crate) fn new(
        store: Store,
        realtime: Realtime,
        clock: Clock,
        authority: Authority,
        listing: SessionListing,
    ) -> Self {
        Self { store, realtime, clock, authority, listing }
    }

    /// Sessions of accounts, without a check of rights. The command line uses this, too.
    ///
    /// # Errors
    /// `BadRequest` for an invalid cursor, `Unavailable`.
    pub async fn account_sessions(&self, filter: SessionFilter) -> Result<SessionPage, Failure> {
        let page = PageRequest { limit: filter.limit, cursor: filter.cursor };
        let search = store::SessionFilter {
            user: filter.user,
            device: filter.device,
            active_at: filter.active_only.then(|| self.clock.now()),
            before: page.after(read_cursor)?,
            limit: page.one_more(),
        };
        let found = self.store.search_sessions(search).await?;
        let page = page.page(found, |last| cursor_after(last.session.created_at, last.session.id));
        let Page { entries, next } = page.map(|found| self.listing.of(found.session));
        Ok(SessionPage { sessions: entries, next })
    }

    /// Sessions of users of external issuers and of connections without a token, newest first. Rights are not checked here.
    ///
    /// # Errors
    /// `Unavailable` if the database cannot be reached.
    pub async fn external_sessions(&self, filter: ExternalFilter) -> Result<Vec<ExternalSession>, Failure> {
        Ok(self.store.search_external(filter).await?)
    }

    /// Sessions of accounts and external sessions. A page may have fewer sessions than requested, although there is a next one.
    ///
    /// # Errors
    /// The refusals of `authority`; `BadRequest` for an invalid cursor, and for filters that contradict each other;
    /// `Unavailable`.
    pub async fn sessions(
        &self,
        caller: &Caller,
        mut query: SessionQuery,
        meta: &RequestMeta,
    ) -> Result<Page<AnySession>, Failure> {
        let event = query.described(self.authority.event(caller, "sessions.searched", meta));
        self.authority.read(caller, Right::Read, event).await?;
        let after: Option<SessionPlace> = query.page.after(read_cursor)?;
        if (query.user.is_some() || query.device.is_some()) && query.subject.is_some() {
            let detail = "Name a subject, or a user or device, not both.";
            return Err(Failure::bad_request("contradicting_filters", detail));
        }
        // A subject that names no account selects no sessions of accounts.
        let named = query.subject.as_ref().map(account_of);
        if let Some(Some(user)) = named {
            query.user = Some(user);
        }
        let search = query.search(after, self.clock.now());
        let (mut found, mut horizon) = (Vec::new(), Vec::new());
        if named != Some(None) {
            let part = self.store.page_of_sessions(search.clone()).await?;
            horizon.extend(part.to);
            let listed = part.sessions.into_iter().map(|found| self.listing.of(found.session));
            found.extend(listed.map(|listed| AnySession::Account(Box::new(listed))));
        }
        if query.includes_external() {
            let part = self.store.page_of_external(search).await?;
            horizon.extend(part.to);
            found.extend(part.sessions.into_iter().map(|session| {
                let open = self.realtime.open_connections(session.id);
                AnySession::External(Box::new(session), open)
            }));
        }
        Ok(page(found, &horizon, query.oldest_first, query.page.limit))
    }
}

/// Merges sessions of accounts and external sessions into one page. `horizon` has, for each list that goes on, the place where
/// the examination ended. Sessions behind such a place belong to the next page, because this list may have sessions before
/// them.
fn page(
    mut found: Vec<AnySession>,
    horizon: &[SessionPlace],
    oldest_first: bool,
    limit: u32,
) -> Page<AnySession> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let order = |(a_start, a_id): &SessionPlace, (b_start, b_id): &SessionPlace| {
        let newest_first = b_start.cmp(a_start).then(a_id.cmp(b_id));
        if oldest_first { newest_first.reverse() } else { newest_first }
    };
    found.sort_by(|a, b| order(&a.position(), &b.position()));
    let horizon = horizon.iter().min_by(|a, b| order(a, b));
    if let Some(horizon) = horizon {
        found.retain(|session| order(&session.position(), horizon).is_le());
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = if more { found.last().map(AnySession::position) } else { horizon.copied() };
    Page { entries: found, next: next.map(|(start, id)| cursor_after(start, id)) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::id::Subject;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: u64, id: u128) -> SessionPlace {
        (OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds), SessionId(Uuid::from_u128(id)))
    }

    fn external((created_at, id): SessionPlace) -> AnySession {
        let session = ExternalSession {
            id,
            issuer: String::new(),
            subject: Subject::new("ada"),
            token_id: None,
            connection: protocol::id::ConnectionId::random(),
            node: Uuid::nil(),
            address: None,
            created_at,
            last_seen_at: created_at,
            expires_at: None,
            ended_at: None,
            revoked_at: None,
        };
        AnySession::External(Box::new(session), 0)
    }

    fn places(page: &Page<AnySession>) -> Vec<SessionPlace> {
        page.entries.iter().map(AnySession::position).collect()
    }

    #[test]
    fn a_page_ends_where_one_of_its_lists_was_not_examined_further() {
        let found = || [at(1, 1), at(9, 2), at(5, 3)].map(external).to_vec();
        let newest = page(found(), &[at(4, 7), at(2, 8)], false, 9);
        assert_eq!(places(&newest), [at(9, 2), at(5, 3)]);
        assert_eq!(newest.next, Some(cursor_after(at(4, 7).0, at(4, 7).1.0)));
        let oldest = page(found(), &[at(4, 7), at(8, 8)], true, 9);
        assert_eq!(places(&oldest), [at(1, 1)]);
        assert_eq!(oldest.next, Some(cursor_after(at(4, 7).0, at(4, 7).1.0)));
    }

    #[test]
    fn a_full_page_goes_on_after_its_last_session_and_the_last_page_has_no_cursor() {
        let found = || [at(1, 1), at(9, 2), at(5, 3)].map(external).to_vec();
        let full = page(found(), &[], false, 2);
        assert_eq!(
            (places(&full), full.next),
            (vec![at(9, 2), at(5, 3)], Some(cursor_after(at(5, 3).0, at(5, 3).1.0)))
        );
        assert_eq!(page(found(), &[], false, 3).next, None);
    }
}
